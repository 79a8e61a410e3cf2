/**
 * Items in order, each with a slot: a table with gaps in which an item stands near the place that its first bits give, and
 * behind all smaller ones. Items are hashes and so spread evenly; it takes some steps on average to find one, to add one, to
 * take one away, and to find where a range begins.
 */
import { compare } from "./items.ts"

const none = -1

/** Places behind the last, at first. There are more for items that somebody chose to stand there. */
const tail = 64

/** Columns of items by slot. */
export interface Slots {
  readonly highs: Uint32Array
  readonly lows: Uint32Array
}

export class ItemTable {
  readonly #slots: () => Slots
  #bits = 4
  /** Slots, or {@link none}. It is longer than the places that first bits give, for what stands behind the last of them. */
  #table = new Int32Array((1 << 4) + tail).fill(none)
  size = 0

  /** @param slots where items are, as columns that may be replaced */
  constructor(slots: () => Slots) {
    this.#slots = slots
  }

  /** The slot of an item, or -1. */
  find(high: number, low: number): number {
    const table = this.#table
    const place = this.#seek(high, low)
    const slot = place < table.length ? table[place]! : none
    if (slot === none) return none
    const { highs, lows } = this.#slots()
    return highs[slot] === high && lows[slot] === low ? slot : none
  }

  /** Adds a slot, whose item must not be there. */
  add(slot: number): void {
    if (2 * (this.size + 1) > 1 << this.#bits) this.#resize(this.#bits + 1)
    this.#insert(slot)
    this.size++
  }

  /** Takes away a slot, which must be there. */
  remove(slot: number): void {
    const table = this.#table
    const { highs, lows } = this.#slots()
    let place = this.#seek(highs[slot]!, lows[slot]!)
    // what stands behind its own place moves up
    for (; place + 1 < table.length; place++) {
      const next = table[place + 1]!
      if (next === none || this.#home(highs[next]!) === place + 1) break
      table[place] = next
    }
    table[place] = none
    this.size--
    if (this.#bits > 4 && 16 * this.size < 1 << this.#bits) this.#resize(this.#bits - 1)
  }

  /** Calls `f` with the slots of the items from one on, in order, until it returns false. */
  forEachFrom(high: number, low: number, f: (slot: number) => boolean): void {
    const table = this.#table
    for (let place = this.#seek(high, low); place < table.length; place++) {
      const slot = table[place]!
      if (slot !== none && !f(slot)) return
    }
  }

  #home(high: number): number {
    return high >>> (32 - this.#bits)
  }

  /** The first place, from the item's own on, that is free or has an item which is not smaller. */
  #seek(high: number, low: number): number {
    const table = this.#table
    const { highs, lows } = this.#slots()
    let place = this.#home(high)
    for (; place < table.length; place++) {
      const slot = table[place]!
      if (slot === none || compare(highs[slot]!, lows[slot]!, high, low) >= 0) break
    }
    return place
  }

  #insert(slot: number): void {
    const { highs, lows } = this.#slots()
    const place = this.#seek(highs[slot]!, lows[slot]!)
    let end = place
    while (end < this.#table.length && this.#table[end] !== none) end++
    if (end === this.#table.length) {
      const table = new Int32Array(end + Math.max(tail, end - (1 << this.#bits))).fill(none)
      table.set(this.#table)
      this.#table = table
    }
    this.#table.copyWithin(place + 1, place, end)
    this.#table[place] = slot
  }

  #resize(bits: number): void {
    const slots = this.#table.filter((slot) => slot !== none)
    this.#bits = bits
    this.#table = new Int32Array((1 << bits) + tail).fill(none)
    for (const slot of slots) this.#insert(slot)
  }
}
