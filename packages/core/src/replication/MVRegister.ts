/**
 * A value that keeps what was written at the same time: a write takes the place of those that its writer had seen, and of
 * no others (Almeida, Shoker, Baquero 2018, §7.4). Whoever reads several can settle on one by writing it.
 *
 * **Example** (Two writes that did not know of each other)
 *
 * ```ts import.meta.vitest
 * import { MVRegister } from "@effect-gossip/core/replication"
 * import { Schema } from "effect"
 *
 * const Title = MVRegister.make(Schema.String)
 * const a = { node: "a", incarnation: 1 }
 * const b = { node: "b", incarnation: 1 }
 *
 * const both = Title.merge(Title.set(Title.empty, a, "Gossip"), Title.set(Title.empty, b, "Rumors"))
 * Title.value(both) // => ["Gossip", "Rumors"]
 * Title.value(Title.merge(both, Title.set(both, b, "Gossip and rumors"))) // => ["Gossip and rumors"]
 * ```
 *
 * Values are encoded with `SchemaBinary` in its evolvable mode, and passed on as they came: fields may be added while nodes
 * of both versions run.
 *
 * @since 0.1.0
 */
import * as Crdt from "./Crdt.ts"
import { type DotFun, dotFun } from "./internal/crdt/dotStore.ts"
import * as register from "./internal/crdt/register.ts"
import { type Codec, type Held, values } from "./internal/crdt/values.ts"

// -----------------------------------------------------------------------------
// model
// -----------------------------------------------------------------------------

/** What was written and not replaced. */
export type Store<A> = DotFun<Held<A>>

/** A state or a delta of a register. */
export type State<A> = Crdt.State<Store<A>>

/** A register. Its value is what was written and not replaced, each once, in the order of the encodings. */
export interface MVRegister<A> extends Crdt.Crdt<Store<A>, ReadonlyArray<A>> {
  /** The delta that writes a value in the place of all that are there. Throws for what is not of the schema. */
  readonly set: (state: State<A>, replica: Crdt.Replica, value: A) => State<A>
}

// -----------------------------------------------------------------------------
// make
// -----------------------------------------------------------------------------

/** A register for values of a schema. */
export const make = <S extends Codec>(value: S): MVRegister<S["Type"]> => {
  type A = S["Type"]
  const held = values(value)
  const crdt = Crdt.make<Store<A>, ReadonlyArray<A>>("MVRegister", {
    store: dotFun(register.payload(held)),
    value: (store) => {
      const byText = new Map(store.map(({ payload }) => [payload.text, payload.value]))
      return [...byText.keys()].sort().map((text) => byText.get(text)!)
    },
    numbers: [4]
  })
  return {
    ...crdt,
    set: (state, replica, value) => register.write(state, replica, { value, text: held.text(value) })
  }
}
