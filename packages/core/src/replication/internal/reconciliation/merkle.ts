/**
 * `merkle`: a hash tree over the hash space of keys is gone down where it differs, level by level. The two take turns: each
 * answers the children of a node by its own children of those that differ, until they are single items. It costs about
 * 16 · 8 bytes for each node on the way, which is less than `rateless` only where nearly all differs, as for a node that has
 * next to nothing; but it always ends, whatever differs and whatever changes meanwhile.
 */
import {
  type Answer,
  children,
  empty,
  maxRowsAsked,
  maxRowSize,
  nibble,
  packRows,
  type Path,
  type Row,
  single,
  unpackRows
} from "../../../wire/ReconciliationMessage.ts"
import {
  type Comparison,
  type Findings,
  forEachItem,
  headSize,
  type Mode,
  modeField,
  type Next,
  type Replica
} from "./comparison.ts"
import { compare } from "./items.ts"

/** The root of the tree. */
export const root: Path = { depth: 0, position: 0, high: 0, low: 0 }

/** The path to a child. */
export const childOf = ({ depth, high, low, position }: Path, child: number): Path => {
  const bits = (child << (28 - 4 * (depth & 7))) >>> 0
  return {
    depth: depth + 1,
    position: depth < 8 ? (position | bits) >>> 0 : position,
    high: depth >= 8 && depth < 16 ? (high | bits) >>> 0 : high,
    low: depth >= 16 ? (low | bits) >>> 0 : low
  }
}

/** The most that the answer to one row may take: a row for each child. */
export const maxAnswerSize = children * maxRowSize

/**
 * With more nodes due than this, those found last are asked about first, and fewer at once: what a peer says to be below them
 * is limited by the tree's depth then. An honest one that comes so far differs in more than twice as many items.
 */
const maxDue = 65_536
const maxRowsBeyond = 64

export class Merkle<Key> implements Comparison {
  readonly #replica: Replica<Key>
  readonly #findings: Findings
  readonly #mode: Mode
  readonly #maxRows: number
  /** Nodes still to be asked about, those that are due first at the front, from `#start` on. */
  #due: Array<Path> = []
  #start = 0
  #asked: ReadonlyArray<Path> = []
  /**
   * How many of a depth are asked about at once: what does not fit the answer has to be asked again. Those of one depth lack
   * about as many entries.
   */
  readonly #windows = new Map<number, number>()

  /**
   * @param rows the peer's root, when it came with the answer to the opening
   * @param maxBytes of a message
   */
  constructor(
    replica: Replica<Key>,
    findings: Findings,
    mode: Mode,
    rows: Uint8Array | undefined,
    maxBytes: number
  ) {
    this.#replica = replica
    this.#findings = findings
    this.#mode = mode
    this.#maxRows = Math.max(1, Math.min(maxRowsAsked, Math.floor((maxBytes - headSize) / maxAnswerSize)))
    const [row] = rows === undefined ? [] : unpackRows(rows) ?? []
    if (row !== undefined && row.path.depth === 0) this.#compare(row)
    else this.#due.push(root)
  }

  next(): Next {
    if (this.#start === this.#due.length) return { _tag: "Done" }
    this.#asked = this.#due.length - this.#start > maxDue ? this.#takeLast() : this.#takeFirst()
    const rows = packRows(this.#asked.map((path) => this.#replica.index.row(path)))
    return { _tag: "Ask", question: { _tag: "CompareRows", rows, ...modeField(this.#mode) } }
  }

  /** Nodes of one depth that are due, from the front. */
  #takeFirst(): ReadonlyArray<Path> {
    const { depth } = this.#due[this.#start]!
    const most = this.#start + (this.#windows.get(depth) ?? this.#maxRows)
    let end = this.#start + 1
    while (end < most && this.#due[end]?.depth === depth) end++
    const taken = this.#due.slice(this.#start, end)
    this.#start = end
    if (2 * this.#start > this.#due.length) {
      this.#due = this.#due.slice(this.#start)
      this.#start = 0
    }
    return taken
  }

  /** And from the end. */
  #takeLast(): ReadonlyArray<Path> {
    const { depth } = this.#due.at(-1)!
    const least = this.#due.length - Math.min(this.#windows.get(depth) ?? this.#maxRows, maxRowsBeyond)
    let start = this.#due.length - 1
    while (start > least && this.#due[start - 1]!.depth === depth) start--
    return this.#due.splice(start)
  }

  take(answer: Answer): boolean {
    if (answer._tag !== "RowsCompared") return false
    const compared = answer.compared ?? this.#asked.length
    const rows = answer.rows === undefined ? [] : unpackRows(answer.rows)
    if (compared === 0 || compared > this.#asked.length || rows === undefined) return false
    // children of what was asked about, each once
    let parent = 0
    let former = -1
    for (const { path } of rows) {
      while (parent < compared && !isChild(path, this.#asked[parent]!)) {
        parent++
        former = -1
      }
      const child = nibble(path, path.depth - 1)
      if (parent === compared || child <= former) return false
      former = child
    }
    forEachItem(answer.wants, this.#findings.surplus)
    for (const row of rows) this.#compare(row)
    this.#due.push(...this.#asked.slice(compared))
    const { depth } = this.#asked[0]!
    const window = compared < this.#asked.length ? compared : 2 * (this.#windows.get(depth) ?? this.#maxRows)
    this.#windows.set(depth, Math.min(window, this.#maxRows))
    return true
  }

  /** Finds out what differs by a row of the peer's. */
  #compare({ kinds, path, sums }: Row): void {
    const { index } = this.#replica
    const own = index.row(path)
    for (let child = 0; child < children; child++) {
      const [high, low] = [sums[2 * child]!, sums[2 * child + 1]!]
      const kind = kinds[child]!
      if (kind === own.kinds[child] && high === own.sums[2 * child] && low === own.sums[2 * child + 1]) continue
      if (kind === empty || kind === single) {
        if (own.kinds[child] !== empty) {
          index.forEachBelow(childOf(path, child), (ownHigh, ownLow) => {
            if (kind === empty || compare(ownHigh, ownLow, high, low) !== 0) this.#findings.surplus(ownHigh, ownLow)
          })
        }
        if (kind === single && !index.has(high, low)) this.#findings.lacking(high, low)
      } else this.#due.push(childOf(path, child))
    }
  }
}

const isChild = (path: Path, parent: Path): boolean => {
  if (path.depth !== parent.depth + 1) return false
  const { high, low, position } = childOf(parent, nibble(path, parent.depth))
  return path.position === position && path.high === high && path.low === low
}
