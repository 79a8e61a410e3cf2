/**
 * A hash tree with 16 children a node over the hash space of keys: the sum of a node is the exclusive or of the items below
 * it, so that a write changes one node a level. (Merkle's hash of hashes would have to be computed anew along the way, and
 * tells no more: items are keyed hashes themselves.)
 *
 * Its first levels are kept in arrays, so that a leaf has 1 to 16 items on average; what is below is computed from the leaf.
 * Any two trees can be compared, however deep they are kept.
 */
import { children, empty, nibble, type Path, type Row, several, single } from "../../../wire/ReconciliationMessage.ts"

const none = -1

/** 16^5 leaves take 16 MiB, and are had from a million items on. */
const deepest = 5

/** Columns of items by slot. */
export interface Slots {
  readonly positions: Uint32Array
  readonly highs: Uint32Array
  readonly lows: Uint32Array
  /** The next slot of the same leaf, or -1. */
  readonly nexts: Int32Array
}

interface Level {
  readonly counts: Uint32Array
  readonly sums: Uint32Array
}

/** Nodes of a level. */
const width = (depth: number): number => 1 << (4 * depth)

const level = (depth: number): Level => ({
  counts: new Uint32Array(width(depth)),
  sums: new Uint32Array(2 * width(depth))
})

/** Which node of a level a position is below. */
const nodeAt = (position: number, depth: number): number => depth === 0 ? 0 : position >>> (32 - 4 * depth)

export class HashTree {
  readonly #slots: () => Slots
  #levels: ReadonlyArray<Level> = [level(0)]
  #heads = new Int32Array(1).fill(none)

  /** @param slots where items are, as columns that may be replaced */
  constructor(slots: () => Slots) {
    this.#slots = slots
  }

  get #depth(): number {
    return this.#levels.length - 1
  }

  /** How many items there are. */
  get size(): number {
    return this.#levels[0]!.counts[0]!
  }

  /** The higher half of the exclusive or of all items. */
  get high(): number {
    return this.#levels[0]!.sums[0]!
  }

  /** And the lower. */
  get low(): number {
    return this.#levels[0]!.sums[1]!
  }

  add(slot: number): void {
    this.#toggle(slot, 1)
    this.#link(slot)
    if (this.size > children * width(this.#depth)) this.#rebuild(this.#depth + 1)
  }

  remove(slot: number): void {
    this.#toggle(slot, -1)
    const { nexts, positions } = this.#slots()
    const leaf = nodeAt(positions[slot]!, this.#depth)
    if (this.#heads[leaf] === slot) this.#heads[leaf] = nexts[slot]!
    else {
      let before = this.#heads[leaf]!
      while (nexts[before] !== slot) before = nexts[before]!
      nexts[before] = nexts[slot]!
    }
    if (4 * this.size < width(this.#depth)) this.#rebuild(this.#depth - 1)
  }

  /** A node's children. */
  row(path: Path): Row {
    const kinds = new Uint8Array(children)
    const sums = new Uint32Array(2 * children)
    if (path.depth < this.#depth) {
      const below = this.#levels[path.depth + 1]!
      const first = nodeAt(path.position, path.depth) * children
      for (let child = 0; child < children; child++) kinds[child] = Math.min(below.counts[first + child]!, several)
      sums.set(below.sums.subarray(2 * first, 2 * (first + children)))
      return { path, kinds, sums }
    }
    const { highs, lows } = this.#slots()
    this.#forEachOfLeaf(path, (slot) => {
      const child = this.#nibble(slot, path.depth)
      kinds[child] = kinds[child] === empty ? single : several
      sums[2 * child]! ^= highs[slot]!
      sums[2 * child + 1]! ^= lows[slot]!
    })
    return { path, kinds, sums }
  }

  /** Calls `f` with the slots below a node. */
  forEachBelow(path: Path, f: (slot: number) => void): void {
    if (path.depth >= this.#depth) return this.#forEachOfLeaf(path, f)
    const { nexts } = this.#slots()
    const leaves = width(this.#depth - path.depth)
    const first = nodeAt(path.position, path.depth) * leaves
    for (let leaf = first; leaf < first + leaves; leaf++) {
      for (let slot = this.#heads[leaf]!; slot !== none; slot = nexts[slot]!) f(slot)
    }
  }

  #forEachOfLeaf(path: Path, f: (slot: number) => void): void {
    const { highs, lows, nexts, positions } = this.#slots()
    const [forPosition, forHigh, forLow] = [mask(path.depth), mask(path.depth - 8), mask(path.depth - 16)]
    for (let slot = this.#heads[nodeAt(path.position, this.#depth)]!; slot !== none; slot = nexts[slot]!) {
      if (
        ((positions[slot]! ^ path.position) & forPosition) === 0 &&
        ((highs[slot]! ^ path.high) & forHigh) === 0 &&
        ((lows[slot]! ^ path.low) & forLow) === 0
      ) f(slot)
    }
  }

  #nibble(slot: number, index: number): number {
    const { highs, lows, positions } = this.#slots()
    return nibble({ depth: index, position: positions[slot]!, high: highs[slot]!, low: lows[slot]! }, index)
  }

  #toggle(slot: number, change: number): void {
    const { highs, lows, positions } = this.#slots()
    const [position, high, low] = [positions[slot]!, highs[slot]!, lows[slot]!]
    for (let depth = 0; depth < this.#levels.length; depth++) {
      const { counts, sums } = this.#levels[depth]!
      const node = nodeAt(position, depth)
      counts[node]! += change
      sums[2 * node]! ^= high
      sums[2 * node + 1]! ^= low
    }
  }

  #link(slot: number): void {
    const { nexts, positions } = this.#slots()
    const leaf = nodeAt(positions[slot]!, this.#depth)
    nexts[slot] = this.#heads[leaf]!
    this.#heads[leaf] = slot
  }

  #rebuild(depth: number): void {
    if (depth < 0 || depth > deepest) return
    const { nexts } = this.#slots()
    const heads = this.#heads
    const levels = this.#levels.slice(0, depth + 1)
    while (levels.length <= depth) levels.push(level(levels.length))
    const added = levels.length > this.#levels.length ? levels[depth]! : undefined
    this.#levels = levels
    this.#heads = new Int32Array(width(depth)).fill(none)
    const { highs, lows, positions } = this.#slots()
    for (const head of heads) {
      for (let slot = head; slot !== none;) {
        const next = nexts[slot]!
        if (added !== undefined) {
          const node = nodeAt(positions[slot]!, depth)
          added.counts[node]! += 1
          added.sums[2 * node]! ^= highs[slot]!
          added.sums[2 * node + 1]! ^= lows[slot]!
        }
        this.#link(slot)
        slot = next
      }
    }
  }
}

/** The first `nibbles` times 4 bits of 32. */
const mask = (nibbles: number): number => nibbles <= 0 ? 0 : nibbles >= 8 ? -1 : -1 << (32 - 4 * nibbles)
