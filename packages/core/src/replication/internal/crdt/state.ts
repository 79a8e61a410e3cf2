/**
 * States: a dot store with the causal context of who holds it, and how both are encoded.
 *
 * ```text
 *  kinds · number of nodes · nodes · store
 *  node:  name · floor · number of lives · lives
 *  life:  incarnation, from that before · number of runs · runs
 *  run:   numbers left out before it · numbers in it less one
 * ```
 *
 * The lives, counted through, are the table by which the store names replicas in one byte where there are few.
 */
import * as Schema from "effect/Schema"
import { NodeId } from "../../../wire/internal/fields.ts"
import { Malformed, maxStateSize, Reader, Writer } from "./bytes.ts"
import {
  contains,
  type Context,
  type Dot,
  empty,
  isEqual as isEqualContext,
  type Lives,
  maxCounter,
  of,
  type Replica,
  type Runs,
  unite
} from "./context.ts"
import type { DotStore } from "./dotStore.ts"

/** What a replica holds, or a part of it: deltas are states too. */
export interface State<S> {
  readonly store: S
  /** The writes that this has seen: all that are in `store`, and those that are no longer. */
  readonly context: Context
}

/** The highest incarnation: see `Incarnation` of the wire. */
const maxIncarnation = 0xffff_ffff_ffff

const isNodeId = Schema.is(NodeId)

export const checkIncarnation = (incarnation: number): void => {
  if (!(Number.isInteger(incarnation) && incarnation >= 0 && incarnation <= maxIncarnation)) {
    throw new RangeError(`${incarnation} is not an incarnation: a whole number from 0 to ${maxIncarnation}`)
  }
}

/** Gives back `a` itself when `b` adds nothing. */
export const merge = <S>(kind: DotStore<S>, a: State<S>, b: State<S>): State<S> => {
  if (a === b) return a
  const store = kind.join(a.store, a.context, b.store, b.context)
  const context = unite(a.context, b.context)
  return store === a.store && context === a.context ? a : { store, context }
}

export const isEqual = <S>(kind: DotStore<S>, a: State<S>, b: State<S>): boolean =>
  a === b || isEqualContext(a.context, b.context) && kind.isEqual(a.store, b.store)

/** The dots that a store holds. */
export const dotsOf = <S>(kind: DotStore<S>, store: S): ReadonlyArray<Dot> => {
  const dots: Array<Dot> = []
  kind.forEachDot(store, (dot) => dots.push(dot))
  return dots
}

/** A delta that takes away what a store holds. */
export const removal = <S, T>(kind: DotStore<S>, held: S, empty: State<T>): State<T> => {
  const dots = dotsOf(kind, held)
  return dots.length === 0 ? empty : { store: empty.store, context: of(dots) }
}

/** The dot of the next write of a replica. Throws for what is no replica, and for one that can write no more. */
export const nextDot = (context: Context, { incarnation, node }: Replica): Dot => {
  if (!isNodeId(node)) throw new TypeError(`${JSON.stringify(node)} is not the name of a node`)
  checkIncarnation(incarnation)
  const lives = context.get(node)
  if (lives !== undefined && incarnation < lives.floor) {
    throw new RangeError(`${node} has retired its lives below ${lives.floor}: ${incarnation} writes no more`)
  }
  const last = lives?.runs.get(incarnation)?.at(-1) ?? 0
  if (last >= maxCounter) throw new RangeError(`${node} has no number left for another write`)
  return { node, incarnation, counter: last + 1 }
}

// -----------------------------------------------------------------------------
// encoding
// -----------------------------------------------------------------------------

/** The lives of a node that a state names: those with writes of their own, and folded ones that the store still has. */
const livesOf = <S>(kind: DotStore<S>, { context, store }: State<S>): ReadonlyMap<string, ReadonlyArray<number>> => {
  const named = new Map<string, Set<number>>()
  let hasFloors = false
  for (const [node, lives] of context) {
    named.set(node, new Set(lives.runs.keys()))
    hasFloors ||= lives.floor > 0
  }
  if (hasFloors) kind.forEachDot(store, ({ incarnation, node }) => named.get(node)!.add(incarnation))
  return new Map(
    [...named.keys()].sort().map((node) => [node, [...named.get(node)!].sort((a, b) => a - b)])
  )
}

const writeRuns = (writer: Writer, runs: Runs): void => {
  writer.number(runs.length / 2)
  for (let i = 0, next = 1; i < runs.length; i += 2) {
    writer.number(runs[i]! - next)
    writer.number(runs[i + 1]! - runs[i]!)
    next = runs[i + 1]! + 2
  }
}

const none: Runs = []

export const encode = <S>(kind: DotStore<S>, kinds: ReadonlyArray<number>, state: State<S>): Uint8Array => {
  const writer = new Writer()
  kinds.forEach((number) => writer.number(number))
  const table = new Map<string, Map<number, number>>()
  let index = 0
  const named = livesOf(kind, state)
  writer.number(named.size)
  for (const [node, incarnations] of named) {
    const { floor, runs } = state.context.get(node)!
    const indexes = new Map<number, number>()
    table.set(node, indexes)
    writer.string(node)
    writer.number(floor)
    writer.number(incarnations.length)
    let last = 0
    for (const incarnation of incarnations) {
      writer.number(incarnation - last)
      writeRuns(writer, runs.get(incarnation) ?? none)
      indexes.set(last = incarnation, index++)
    }
  }
  kind.write(writer, state.store, { indexOf: ({ incarnation, node }) => table.get(node)!.get(incarnation)! })
  return writer.done()
}

const readRuns = (reader: Reader): Runs => {
  const runs: Array<number> = []
  for (let count = reader.number(), next = 1; count > 0; count--) {
    const start = next + reader.number()
    const end = start + reader.number()
    if (end > maxCounter) throw new Malformed(`numbers of writes of at most ${maxCounter}`)
    runs.push(start, end)
    next = end + 2
  }
  return runs
}

const readLives = (reader: Reader, node: string, table: Array<Replica>): Lives => {
  const floor = reader.number()
  const runs = new Map<number, Runs>()
  let count = reader.number()
  if (count === 0 && floor === 0) throw new Malformed("no nodes without writes")
  for (let last = -1; count > 0; count--) {
    const gap = reader.number()
    const incarnation = Math.max(last, 0) + gap
    if (incarnation === last) throw new Malformed("lives in ascending order")
    if (incarnation > maxIncarnation) throw new Malformed(`incarnations of at most ${maxIncarnation}`)
    const written = readRuns(reader)
    if (incarnation < floor !== (written.length === 0)) throw new Malformed("writes of the lives from the floor on")
    if (written.length > 0) runs.set(incarnation, written)
    table.push({ node, incarnation })
    last = incarnation
  }
  if (floor > maxIncarnation) throw new Malformed(`incarnations of at most ${maxIncarnation}`)
  return { floor, runs }
}

const read = <S>(kind: DotStore<S>, kinds: ReadonlyArray<number>, reader: Reader): State<S> => {
  for (const number of kinds) {
    if (reader.number() !== number) throw new Malformed("a state of this kind")
  }
  const table: Array<Replica> = []
  const context = new Map<string, Lives>()
  let last = ""
  for (let count = reader.number(); count > 0; count--) {
    const node = reader.string()
    if (node <= last) throw new Malformed("nodes in ascending order")
    if (!isNodeId(node)) throw new Malformed("names of nodes")
    context.set(last = node, readLives(reader, node, table))
  }
  const isNamed = table.map(() => false)
  const store = kind.read(reader, {
    at: (index, counter) => {
      const replica = table[index]
      if (replica === undefined) throw new Malformed("replicas of the table")
      isNamed[index] = true
      const dot = { node: replica.node, incarnation: replica.incarnation, counter }
      if (counter === 0 || !contains(context, dot)) throw new Malformed("nothing that was not seen")
      return dot
    }
  })
  reader.end()
  table.forEach(({ incarnation, node }, index) => {
    if (!isNamed[index] && incarnation < context.get(node)!.floor) throw new Malformed("no lives without writes")
  })
  return { store, context: context.size === 0 ? empty : context }
}

/** The state of these bytes, or what they should have been. */
export const decode = <S>(
  kind: DotStore<S>,
  kinds: ReadonlyArray<number>,
  bytes: Uint8Array
): State<S> | Malformed => {
  if (bytes.length > maxStateSize) return new Malformed(`at most ${maxStateSize} bytes`)
  try {
    return read(kind, kinds, new Reader(bytes))
  } catch (error) {
    if (error instanceof Malformed) return error
    throw error
  }
}
