/**
 * A counter that only grows: what is counted anywhere counts (Shapiro et al. 2011, §3.1.1).
 *
 * Each replica holds its own total, and the value is the sum of all.
 *
 * **Example** (Counting requests)
 *
 * ```ts import.meta.vitest
 * import { GCounter } from "@effect-gossip/core/replication"
 *
 * const Requests = GCounter.definition
 * const a = { node: "a", incarnation: 1 }
 * const b = { node: "b", incarnation: 1 }
 *
 * const atA = Requests.increment(Requests.empty, a, 2)
 * const atB = Requests.increment(Requests.empty, b)
 * Requests.value(Requests.merge(atA, atB)) // => 3
 * ```
 *
 * Under a key of an `ORMap` a counter is removed with what has been seen of it. A replica that counts on at the same time
 * keeps its own total as a whole, with what it had counted before: the sum may then hold what was removed, but never lacks
 * what was not (Baquero, Almeida, Lerche: "The problem with embedded CRDT counters and a solution", 2016).
 *
 * @since 0.1.0
 */
import * as Crdt from "./Crdt.ts"
import * as counter from "./internal/crdt/counter.ts"
import type { DotFun } from "./internal/crdt/dotStore.ts"

// -----------------------------------------------------------------------------
// model
// -----------------------------------------------------------------------------

/** The totals of the replicas. */
export type Store = DotFun<number>

/** A state or a delta of a counter. */
export type State = Crdt.State<Store>

/** A counter that only grows. Its value is at most 2^53 - 1. */
export interface GCounter extends Crdt.Crdt<Store, number> {
  /**
   * The delta that counts on by a whole number from 0 on, 1 by default. Throws for any other, and when the replica's total
   * would be above 2^53 - 1.
   */
  readonly increment: (state: State, replica: Crdt.Replica, by?: number) => State
}

// -----------------------------------------------------------------------------
// definition
// -----------------------------------------------------------------------------

const totals = counter.make<number>({
  zero: 0,
  add: counter.add,
  join: Math.max,
  isEqual: (a, b) => a === b,
  write: (writer, total) => writer.number(total),
  read: counter.readTotal
})

const crdt = Crdt.make("GCounter", { store: totals.store, value: totals.total, numbers: [1] })

/** The counter that only grows. */
export const definition: GCounter = {
  ...crdt,
  increment: (state, replica, by = 1) => {
    counter.checkAmount(by)
    return by === 0 ? crdt.empty : totals.change(state, replica, (total) => counter.addExactly(total, by))
  }
}
