/**
 * Counters: each replica's own total under the dot of its last change, which takes the place of the one before.
 */
import { Malformed, type Reader } from "./bytes.ts"
import { isSameReplica, of, type Replica } from "./context.ts"
import { type DotFun, dotFun, type DotStore, type Entry, type Payload } from "./dotStore.ts"
import { nextDot, type State } from "./state.ts"

/** What is counted. */
export interface Totals<P> extends Omit<Payload<P>, "fold"> {
  readonly zero: P
  readonly add: (a: P, b: P) => P
}

export interface Counter<P> {
  readonly store: DotStore<DotFun<P>>
  /** All together. */
  readonly total: (store: DotFun<P>) => P
  /** The delta by which a replica counts on. */
  readonly change: (
    state: State<DotFun<P>>,
    replica: Replica,
    next: (total: P) => P
  ) => State<DotFun<P>>
}

/**
 * The last entry of each replica. One that missed a delta holds entries of a replica that are superseded, until it hears
 * what took their place.
 */
const last = <P>(store: DotFun<P>): ReadonlyArray<Entry<P>> =>
  store.filter(({ dot }, i) => i === store.length - 1 || !isSameReplica(dot, store[i + 1]!.dot))

/** The sum of totals, which stays a whole number that can be encoded whatever peers claim to have counted. */
export const add = (a: number, b: number): number => Math.min(a + b, Number.MAX_SAFE_INTEGER)

/** Throws for what cannot be counted by. */
export const checkAmount = (by: number): void => {
  if (!Number.isSafeInteger(by) || by < 0) throw new RangeError(`${by} is not a whole number from 0 to 2^53 - 1`)
}

/** A replica's own total after it counted on. Throws when it is too large to be told from the next. */
export const addExactly = (total: number, by: number): number => {
  if (total > Number.MAX_SAFE_INTEGER - by) throw new RangeError(`${total} + ${by} is above 2^53 - 1`)
  return total + by
}

/** A total, which is never 0: who counted nothing wrote nothing. */
export const readTotal = (reader: Reader): number => {
  const total = reader.number()
  if (total === 0) throw new Malformed("totals from 1 on")
  return total
}

export const make = <P>(totals: Totals<P>): Counter<P> => {
  const sum = (entries: ReadonlyArray<Entry<P>>): P =>
    entries.reduce((sum, { payload }) => totals.add(sum, payload), totals.zero)
  const store = dotFun<P>({
    ...totals,
    // of lives that have ended, in an order that all share
    fold: (entries) => [{ dot: entries[0]!.dot, payload: sum(last(entries)) }]
  })
  return {
    store,
    total: (store) => sum(last(store)),
    change: ({ context, store }, replica, next) => {
      const own = store.filter(({ dot }) => isSameReplica(dot, replica))
      const dot = nextDot(context, replica)
      return {
        store: [{ dot, payload: next(own.at(-1)?.payload ?? totals.zero) }],
        context: of([...own.map(({ dot }) => dot), dot])
      }
    }
  }
}
