/**
 * A counter that goes up and down: what is counted anywhere counts (Shapiro et al. 2011, §3.1.3).
 *
 * Each replica holds two totals of its own, of what it counted up and of what it counted down.
 *
 * **Example** (Connections that are open)
 *
 * ```ts import.meta.vitest
 * import { PNCounter } from "@effect-gossip/core/replication"
 *
 * const Connections = PNCounter.definition
 * const a = { node: "a", incarnation: 1 }
 * const b = { node: "b", incarnation: 1 }
 *
 * const opened = Connections.increment(Connections.empty, a, 5)
 * const atA = Connections.decrement(opened, a, 2)
 * const atB = Connections.increment(opened, b)
 * Connections.value(Connections.merge(Connections.merge(opened, atA), atB)) // => 4
 * ```
 *
 * What is said of removing a `GCounter` from an `ORMap` holds here too.
 *
 * @since 0.1.0
 */
import * as Crdt from "./Crdt.ts"
import * as counter from "./internal/crdt/counter.ts"
import type { DotFun } from "./internal/crdt/dotStore.ts"

// -----------------------------------------------------------------------------
// model
// -----------------------------------------------------------------------------

/** What a replica counted in each direction. */
export interface Totals {
  readonly increments: number
  readonly decrements: number
}

/** The totals of the replicas. */
export type Store = DotFun<Totals>

/** A state or a delta of a counter. */
export type State = Crdt.State<Store>

/** A counter that goes up and down. Both its sides are at most 2^53 - 1. */
export interface PNCounter extends Crdt.Crdt<Store, number> {
  /**
   * The delta that counts up by a whole number from 0 on, 1 by default. Throws for any other, and when the replica's total
   * would be above 2^53 - 1.
   */
  readonly increment: (state: State, replica: Crdt.Replica, by?: number) => State

  /** Like `increment`, but counts down. */
  readonly decrement: (state: State, replica: Crdt.Replica, by?: number) => State
}

// -----------------------------------------------------------------------------
// definition
// -----------------------------------------------------------------------------

const totals = counter.make<Totals>({
  zero: { increments: 0, decrements: 0 },
  add: (a, b) => ({
    increments: counter.add(a.increments, b.increments),
    decrements: counter.add(a.decrements, b.decrements)
  }),
  join: (a, b) =>
    a.increments >= b.increments && a.decrements >= b.decrements
      ? a
      : {
        increments: Math.max(a.increments, b.increments),
        decrements: Math.max(a.decrements, b.decrements)
      },
  isEqual: (a, b) => a.increments === b.increments && a.decrements === b.decrements,
  write: (writer, { decrements, increments }) => {
    writer.number(increments)
    writer.number(decrements)
  },
  read: (reader) => {
    const increments = reader.number()
    return { increments, decrements: increments === 0 ? counter.readTotal(reader) : reader.number() }
  }
})

const crdt = Crdt.make("PNCounter", {
  store: totals.store,
  value: (store: Store) => {
    const { decrements, increments } = totals.total(store)
    return increments - decrements
  },
  numbers: [2]
})

const count = (direction: keyof Totals): PNCounter["increment"] => (state, replica, by = 1) => {
  counter.checkAmount(by)
  return by === 0
    ? crdt.empty
    : totals.change(state, replica, (total) => ({ ...total, [direction]: counter.addExactly(total[direction], by) }))
}

/** The counter that goes up and down. */
export const definition: PNCounter = { ...crdt, increment: count("increments"), decrement: count("decrements") }
