/**
 * Coded symbols of Rateless IBLT (Yang, Gilad, Alizadeh 2024, "Practical Rateless Set Reconciliation", arXiv 2402.02668): an
 * endless list of sums of a set's items, of which any prefix is a sketch of the set. The symbols of two sets, subtracted from
 * each other, are those of their difference, of which about 1.35 symbols an item are enough to know it (§4.2; for few items
 * somewhat more).
 *
 * An item maps to the first symbol, and to the symbol at index i with probability 1 / (1 + i/2) (§4.1).
 */
import type { Symbols } from "../../../wire/ReconciliationMessage.ts"
import { check } from "./items.ts"

const twoTo16 = 0x1_0000

/**
 * Goes through the indices of the symbols that an item maps to, from 0 upwards. The gaps are drawn by the inverse of their
 * distribution (§4.3): (i + 1.5) · (1 / √u - 1), rounded up, for u uniform in (0, 1), which takes nothing but what IEEE 754
 * fixes. Chance is xoroshiro64* (Blackman, Vigna 2018), whose state is the item.
 */
export class Mapping {
  index = 0
  #s0 = 0
  #s1 = 0

  reset(high: number, low: number): void {
    this.index = 0
    this.#s0 = high | 0
    // its state must not be zero
    this.#s1 = high === 0 && low === 0 ? 1 : low | 0
  }

  /** Goes on to the next index. */
  next(): void {
    const draw = Math.imul(this.#s0, 0x9e3779bb) >>> 0
    const s1 = this.#s1 ^ this.#s0
    this.#s0 = ((this.#s0 << 26) | (this.#s0 >>> 6)) ^ s1 ^ (s1 << 9)
    this.#s1 = (s1 << 13) | (s1 >>> 19)
    this.index += Math.ceil((this.index + 1.5) * (twoTo16 / Math.sqrt(draw + 0.5) - 1))
  }
}

const mapping = new Mapping()

/** A prefix of the coded symbols of a set, which changes with it: 16 bytes a symbol. */
export class Prefix implements Symbols {
  sums = new Uint32Array(0)
  checks = new Uint32Array(0)
  counts = new Int32Array(0)
  size = 0

  /** Adds (`sign` 1) or takes away (-1) an item. */
  toggle(high: number, low: number, sign: number): void {
    const { checks, counts, size, sums } = this
    const checked = check(high, low)
    mapping.reset(high, low)
    for (; mapping.index < size; mapping.next()) {
      const { index } = mapping
      sums[2 * index]! ^= high
      sums[2 * index + 1]! ^= low
      checks[index]! ^= checked
      counts[index]! += sign
    }
  }

  /** Makes it longer, for items that are told by `forEach`; it takes a walk of each, so at least double it. */
  grow(size: number, forEach: (f: (high: number, low: number) => void) => void): void {
    this.size = size
    this.sums = new Uint32Array(2 * size)
    this.checks = new Uint32Array(size)
    this.counts = new Int32Array(size)
    forEach((high, low) => this.toggle(high, low, 1))
  }
}
