/**
 * The items of a replica, as each way to compare two replicas needs them. It changes with each write, in constant time on
 * average and in place; for 100,000 items it takes about 5 MB, and the coded symbols that were asked for.
 */
import type { Path, Row } from "../../../wire/ReconciliationMessage.ts"
import { ChangeLog } from "./changeLog.ts"
import { HashTree, type Slots } from "./hashTree.ts"
import { check, type Item, keyOf } from "./items.ts"
import { ItemTable } from "./itemTable.ts"
import { Prefix } from "./symbols.ts"

/** Changes that are remembered, and so told at once: those of 2048 writes, in 36 kB. */
export const logCapacity = 4096

/**
 * Coded symbols that are kept from the start, which is enough for a difference of some 180 items. To compute more at once
 * takes a walk of all items: some 30 ms for 100,000 of them, and 200 until there are 65,536 symbols.
 */
const firstPrefix = 256

/** A set of items in short. Two sets with the same one are the same, but for a chance of 2^-96. */
export interface Summary {
  readonly count: number
  readonly high: number
  readonly low: number
  readonly checked: number
}

export class ItemIndex<Key> {
  /** Names this life of the replica. */
  readonly instance: number
  readonly #log: ChangeLog
  readonly #table = new ItemTable(() => this.#slots)
  readonly #tree = new HashTree(() => this.#slots)
  readonly #prefix = new Prefix()
  #checked = 0
  #slots = columns(16)
  readonly #keys: Array<Key | undefined> = []
  /** The first free slot, chained as leaves are; -1 for the next that was never used. */
  #free = -1

  /** @param instance 32 bits, drawn at random for each life of the replica */
  constructor(instance: number, options?: { readonly logCapacity?: number }) {
    this.instance = instance
    this.#log = new ChangeLog(options?.logCapacity ?? logCapacity)
    this.#prefix.grow(firstPrefix, () => {})
  }

  // ---------------------------------------------------------------------------
  // items
  // ---------------------------------------------------------------------------

  get size(): number {
    return this.#tree.size
  }

  get summary(): Summary {
    return { count: this.size, high: this.#tree.high, low: this.#tree.low, checked: this.#checked }
  }

  /**
   * Adds the item of an entry. False when it is there already.
   *
   * @param position 32 bits of a hash of the entry's key alone, which stay when its version changes
   * @param key what the replica finds the entry by
   */
  add({ high, low }: Item, position: number, key: Key): boolean {
    if (this.has(high, low)) return false
    const slot = this.#allocate()
    this.#slots.positions[slot] = position
    this.#slots.highs[slot] = high
    this.#slots.lows[slot] = low
    this.#keys[slot] = key
    this.#table.add(slot)
    this.#tree.add(slot)
    this.#changed(high, low, 1)
    return true
  }

  /** Takes an item away. False when it is not there. */
  remove({ high, low }: Item): boolean {
    const slot = this.#table.find(high, low)
    if (slot < 0) return false
    this.#table.remove(slot)
    this.#tree.remove(slot)
    this.#keys[slot] = undefined
    this.#slots.nexts[slot] = this.#free
    this.#free = slot
    this.#changed(high, low, -1)
    return true
  }

  has(high: number, low: number): boolean {
    return this.#table.find(high, low) >= 0
  }

  /** The key of the entry whose item it is. */
  get(high: number, low: number): Key | undefined {
    const slot = this.#table.find(high, low)
    return slot < 0 ? undefined : this.#keys[slot]
  }

  #changed(high: number, low: number, sign: number): void {
    this.#checked = (this.#checked ^ check(high, low)) >>> 0
    this.#log.push(high, low, sign)
    this.#prefix.toggle(high, low, sign)
  }

  #allocate(): number {
    const slot = this.#free
    if (slot >= 0) {
      this.#free = this.#slots.nexts[slot]!
      return slot
    }
    const { length } = this.#keys
    if (length === this.#slots.highs.length) this.#slots = columns(2 * length, this.#slots)
    this.#keys.push(undefined)
    return length
  }

  // ---------------------------------------------------------------------------
  // by item
  // ---------------------------------------------------------------------------

  /** Calls `f` with the items from one on, in order, until it returns false. */
  forEachFrom(from: Item, f: (high: number, low: number) => boolean): void {
    const { highs, lows } = this.#slots
    this.#table.forEachFrom(from.high, from.low, (slot) => f(highs[slot]!, lows[slot]!))
  }

  // ---------------------------------------------------------------------------
  // by hash of the key
  // ---------------------------------------------------------------------------

  /** The children of a node of the hash tree. */
  row(path: Path): Row {
    return this.#tree.row(path)
  }

  /** Calls `f` with the items below a node of the hash tree. */
  forEachBelow(path: Path, f: (high: number, low: number) => void): void {
    const { highs, lows } = this.#slots
    this.#tree.forEachBelow(path, (slot) => f(highs[slot]!, lows[slot]!))
  }

  // ---------------------------------------------------------------------------
  // by time
  // ---------------------------------------------------------------------------

  /** How many times it has changed. */
  get sequence(): number {
    return this.#log.sequence
  }

  /** Whether the changes since then are remembered. */
  remembers(sequence: number): boolean {
    return this.#log.has(sequence)
  }

  /** What the changes since then, which must be remembered, came to: items added (1) and taken away (-1). */
  forEachSince(sequence: number, f: (high: number, low: number, sign: number) => void): void {
    this.#log.forEachSince(sequence, f)
  }

  /** The items held that were added last, at most `count`, the latest first. */
  recent(count: number): Uint32Array {
    const items = new Uint32Array(2 * Math.min(count, this.size))
    const seen = new Set<number>()
    let size = 0
    this.#log.forEachRecent((high, low) => {
      if (size === items.length) return false
      if (!seen.has(keyOf(high, low)) && this.has(high, low)) {
        seen.add(keyOf(high, low))
        items[size++] = high
        items[size++] = low
      }
      return true
    })
    return items.subarray(0, size)
  }

  // ---------------------------------------------------------------------------
  // in sum
  // ---------------------------------------------------------------------------

  /**
   * The coded symbols, as they are now: the first `size` of them, or more. They are kept from then on, 16 bytes each, and
   * a write changes those that its items map to: about 12 of the first 256 for each, and 22 of 65,536.
   */
  symbols(size: number): Prefix {
    if (size > this.#prefix.size) {
      const { highs, lows } = this.#slots
      let grown = this.#prefix.size
      while (grown < size) grown *= 4
      this.#prefix.grow(grown, (f) =>
        this.#table.forEachFrom(0, 0, (slot) => {
          f(highs[slot]!, lows[slot]!)
          return true
        }))
    }
    return this.#prefix
  }
}

const columns = (capacity: number, former?: Slots): Slots => {
  const made = {
    positions: new Uint32Array(capacity),
    highs: new Uint32Array(capacity),
    lows: new Uint32Array(capacity),
    nexts: new Int32Array(capacity)
  }
  if (former !== undefined) {
    made.positions.set(former.positions)
    made.highs.set(former.highs)
    made.lows.set(former.lows)
    made.nexts.set(former.nexts)
  }
  return made
}
