/**
 * Causal contexts: which writes a replica has seen, as sets of dots (Almeida, Shoker, Baquero 2018, §7.1).
 *
 * Each write of a replica has a number, counted from 1, and replica and number make a dot. Since what a replica wrote is
 * mostly seen from the first to the last, a set is kept as runs: one run for all that a version vector would hold, and
 * further ones for what came out of order (the paper's dot cloud).
 */

/** Who writes: one life of a node. */
export interface Replica {
  readonly node: string
  readonly incarnation: number
}

/** One write. */
export interface Dot extends Replica {
  readonly counter: number
}

/** Whole numbers, as the first and the last of each run of them: ascending, and with a gap between one and the next. */
export type Runs = ReadonlyArray<number>

/** Dots of one node. */
export interface Lives {
  /** All dots of lives below this incarnation are in the set; 0 for none. */
  readonly floor: number
  /** Those of other lives, by incarnation. None is empty. */
  readonly runs: ReadonlyMap<number, Runs>
}

/** A set of dots, by node. None of the nodes is without. */
export type Context = ReadonlyMap<string, Lives>

/** The last number that a replica can give a write: what comes next could not be told from it. */
export const maxCounter = Number.MAX_SAFE_INTEGER

export const empty: Context = new Map()

const noLives: Lives = { floor: 0, runs: new Map() }

// -----------------------------------------------------------------------------
// runs
// -----------------------------------------------------------------------------

/** The place of the first run that ends at `number` or later. */
const search = (runs: Runs, number: number): number => {
  let low = 0
  let high = runs.length / 2
  while (low < high) {
    const middle = (low + high) >>> 1
    if (runs[2 * middle + 1]! < number) low = middle + 1
    else high = middle
  }
  return 2 * low
}

const hasNumber = (runs: Runs, number: number): boolean => {
  const at = search(runs, number)
  return at < runs.length && runs[at]! <= number
}

const includes = (a: Runs, b: Runs): boolean => {
  for (let i = 0; i < b.length; i += 2) {
    const at = search(a, b[i]!)
    if (at === a.length || a[at]! > b[i]! || a[at + 1]! < b[i + 1]!) return false
  }
  return true
}

const uniteRuns = (a: Runs, b: Runs): Runs => {
  if (includes(a, b)) return a
  const united: Array<number> = []
  for (let i = 0, j = 0; i < a.length || j < b.length;) {
    const first = j === b.length || i < a.length && a[i]! <= b[j]!
    const start = first ? a[i]! : b[j]!
    const end = first ? a[i + 1]! : b[j + 1]!
    if (first) i += 2
    else j += 2
    const last = united.length - 1
    if (last >= 0 && start <= united[last]! + 1) united[last] = Math.max(united[last]!, end)
    else united.push(start, end)
  }
  return united
}

/** What of `a` is not in `b`. */
const subtractRuns = (a: Runs, b: Runs): Runs => {
  const rest: Array<number> = []
  for (let i = 0; i < a.length; i += 2) {
    let start = a[i]!
    const end = a[i + 1]!
    for (let at = search(b, start); at < b.length && b[at]! <= end; at += 2) {
      if (b[at]! > start) rest.push(start, b[at]! - 1)
      start = b[at + 1]! + 1
    }
    if (start <= end) rest.push(start, end)
  }
  return rest
}

const isSameRuns = (a: Runs, b: Runs): boolean => a.length === b.length && a.every((bound, i) => bound === b[i])

// -----------------------------------------------------------------------------
// dots
// -----------------------------------------------------------------------------

/** Orders dots by node, then by life, then as they were given. */
export const compareDots = (a: Dot, b: Dot): number =>
  a.node === b.node
    ? a.incarnation - b.incarnation || a.counter - b.counter
    : a.node < b.node
    ? -1
    : 1

export const isSameReplica = (a: Replica, b: Replica): boolean => a.incarnation === b.incarnation && a.node === b.node

export const contains = (context: Context, dot: Dot): boolean => {
  const lives = context.get(dot.node)
  if (lives === undefined) return false
  if (dot.incarnation < lives.floor) return true
  const runs = lives.runs.get(dot.incarnation)
  return runs !== undefined && hasNumber(runs, dot.counter)
}

/** The number of the last write of a replica that is in the set; 0 for none, and undefined where it is below the floor. */
export const lastCounter = (context: Context, replica: Replica): number | undefined => {
  const lives = context.get(replica.node) ?? noLives
  return replica.incarnation < lives.floor ? undefined : lives.runs.get(replica.incarnation)?.at(-1) ?? 0
}

/** The runs of numbers, in whatever order and however often they are given. */
const toRuns = (numbers: Array<number>): Runs => {
  const runs: Array<number> = []
  for (const number of numbers.sort((a, b) => a - b)) {
    if (runs.length > 0 && number <= runs.at(-1)! + 1) runs[runs.length - 1] = number
    else runs.push(number, number)
  }
  return runs
}

export const of = (dots: Iterable<Dot>): Context => {
  const nodes = new Map<string, Map<number, Array<number>>>()
  for (const { counter, incarnation, node } of dots) {
    let lives = nodes.get(node)
    if (lives === undefined) nodes.set(node, lives = new Map())
    const numbers = lives.get(incarnation)
    if (numbers === undefined) lives.set(incarnation, [counter])
    else numbers.push(counter)
  }
  return new Map(
    [...nodes].map(([node, lives]) => [
      node,
      { floor: 0, runs: new Map([...lives].map(([incarnation, numbers]) => [incarnation, toRuns(numbers)])) }
    ])
  )
}

/** Whether all lives of a node below an incarnation are in the set as a whole, as far as it has any of the node. */
export const isRetired = (context: Context, node: string, incarnation: number): boolean => {
  const lives = context.get(node)
  return lives === undefined || lives.floor >= incarnation
}

/** All dots that lives of a node below an incarnation ever gave and could have given. */
export const below = (node: string, incarnation: number): Context =>
  new Map([[node, { floor: incarnation, runs: new Map() }]])

const uniteLives = (a: Lives, b: Lives): Lives => {
  const floor = Math.max(a.floor, b.floor)
  let runs: Map<number, Runs> | undefined
  for (const incarnation of floor > a.floor ? a.runs.keys() : []) {
    if (incarnation < floor) (runs ??= new Map(a.runs)).delete(incarnation)
  }
  for (const [incarnation, more] of b.runs) {
    if (incarnation < floor) continue
    const held = a.runs.get(incarnation)
    const united = held === undefined ? more : uniteRuns(held, more)
    if (united !== held) (runs ??= new Map(a.runs)).set(incarnation, united)
  }
  return floor === a.floor && runs === undefined ? a : { floor, runs: runs ?? a.runs }
}

/** The union. Gives back `a` itself when `b` adds nothing. */
export const unite = (a: Context, b: Context): Context => {
  let united: Map<string, Lives> | undefined
  for (const [node, more] of b) {
    const held = a.get(node)
    const lives = held === undefined ? more : uniteLives(held, more)
    if (lives !== held) (united ??= new Map(a)).set(node, lives)
  }
  return united ?? a
}

/** The dots of `a` that are not in `b`, but for those below a floor of `a`. */
export const subtract = (a: Context, b: Context): Context => {
  const rest = new Map<string, Lives>()
  for (const [node, { runs }] of a) {
    const { floor, runs: others } = b.get(node) ?? noLives
    const kept = new Map<number, Runs>()
    for (const [incarnation, numbers] of runs) {
      const more = incarnation < floor ? [] : subtractRuns(numbers, others.get(incarnation) ?? [])
      if (more.length > 0) kept.set(incarnation, more)
    }
    if (kept.size > 0) rest.set(node, { floor: 0, runs: kept })
  }
  return rest
}

const isSameLives = (a: Lives, b: Lives): boolean => {
  if (a === b) return true
  if (a.floor !== b.floor || a.runs.size !== b.runs.size) return false
  for (const [incarnation, runs] of a.runs) {
    const others = b.runs.get(incarnation)
    if (others === undefined || !isSameRuns(runs, others)) return false
  }
  return true
}

export const isEqual = (a: Context, b: Context): boolean => {
  if (a === b) return true
  if (a.size !== b.size) return false
  for (const [node, lives] of a) {
    const others = b.get(node)
    if (others === undefined || !isSameLives(lives, others)) return false
  }
  return true
}
