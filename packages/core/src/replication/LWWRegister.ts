/**
 * A value of which the last write wins: the one with the highest timestamp of a hybrid logical clock, and of equal ones that
 * of the later name of a node (Shapiro et al. 2011, §3.2.1).
 *
 * What did not win stays in the state until the next write, since who clears the register, or removes it from an `ORMap`,
 * removes only what it has seen: as many values as were written at the same time.
 *
 * **Example** (The later wins)
 *
 * ```ts import.meta.vitest
 * import { HybridLogicalClock, LWWRegister } from "@effect-gossip/core/replication"
 * import { Option, Schema } from "effect"
 *
 * const Leader = LWWRegister.make(Schema.String)
 * const a = { node: "a", incarnation: 1 }
 * const b = { node: "b", incarnation: 1 }
 *
 * const first = HybridLogicalClock.send(HybridLogicalClock.make("a"), 1_700_000_000_000)
 * const second = HybridLogicalClock.send(HybridLogicalClock.make("b"), 1_700_000_000_001)
 * const atA = Leader.set(Leader.empty, a, first, "a")
 * const atB = Leader.set(Leader.empty, b, second, "b")
 * Leader.value(Leader.merge(atA, atB)) // => Option.some("b")
 * ```
 *
 * Values are encoded as those of an `MVRegister` are.
 *
 * @since 0.1.0
 */
import * as Option from "effect/Option"
import * as Crdt from "./Crdt.ts"
import { compareTimes, isTime, type Time, type Timestamp } from "./HybridLogicalClock.ts"
import { Malformed } from "./internal/crdt/bytes.ts"
import { type DotFun, dotFun, type Entry } from "./internal/crdt/dotStore.ts"
import * as register from "./internal/crdt/register.ts"
import { type Codec, type Held, values } from "./internal/crdt/values.ts"

// -----------------------------------------------------------------------------
// model
// -----------------------------------------------------------------------------

/** A value and when it was written. */
export interface Written<A> extends Held<A>, Time {}

/** What was written and not replaced. */
export type Store<A> = DotFun<Written<A>>

/** A state or a delta of a register. */
export type State<A> = Crdt.State<Store<A>>

/** A register. Its value is what was written last; none before the first write, and when it was cleared. */
export interface LWWRegister<A> extends Crdt.Crdt<Store<A>, Option.Option<A>> {
  /**
   * The delta that writes a value. It is empty, and the write lost, where a later one is there: a timestamp that a clock
   * gave after it received that of the register is always later. Throws for what is not of the schema,
   * and for a time that cannot be.
   */
  readonly set: (state: State<A>, replica: Crdt.Replica, time: Time, value: A) => State<A>

  /** When, and by whom, the value was written. */
  readonly timestamp: (state: State<A>) => Option.Option<Timestamp>
}

// -----------------------------------------------------------------------------
// make
// -----------------------------------------------------------------------------

/** A register for values of a schema. */
export const make = <S extends Codec>(value: S): LWWRegister<S["Type"]> => {
  type A = S["Type"]
  const held = values(value)
  const base = register.payload(held)
  const crdt = Crdt.make<Store<A>, Option.Option<A>>("LWWRegister", {
    store: dotFun<Written<A>>({
      join: (a, b) => (compareTimes(b, a) || (b.text > a.text ? 1 : 0)) > 0 ? b : a,
      isEqual: (a, b) => compareTimes(a, b) === 0 && base.isEqual(a, b),
      write: (writer, written) => {
        writer.number(written.millis)
        writer.number(written.counter)
        base.write(writer, written)
      },
      read: (reader) => {
        const millis = reader.number()
        const counter = reader.number()
        if (!isTime({ millis, counter })) throw new Malformed("timestamps of 48 and 16 bits")
        return { millis, counter, ...base.read(reader) }
      }
    }),
    value: (store) => Option.map(last(store), ({ payload }) => payload.value),
    numbers: [5]
  })
  return {
    ...crdt,
    set: (state, replica, { counter, millis }, value) => {
      if (!isTime({ millis, counter })) throw new RangeError(`${millis} and ${counter} make no timestamp`)
      const written = { millis, counter, value, text: held.text(value) }
      const isLate = state.store.some(({ payload }) => compareTimes(payload, written) > 0)
      return isLate ? crdt.empty : register.write(state, replica, written)
    },
    timestamp: ({ store }) =>
      Option.map(last(store), ({ dot, payload: { counter, millis } }) => ({ millis, counter, node: dot.node }))
  }
}

// Dots ascend, so that of those with one time the one with the later name, life and number is the last.
const last = <A>(store: Store<A>): Option.Option<Entry<Written<A>>> =>
  Option.fromUndefinedOr(
    store.reduce<Entry<Written<A>> | undefined>(
      (last, entry) => last === undefined || compareTimes(entry.payload, last.payload) >= 0 ? entry : last,
      undefined
    )
  )
