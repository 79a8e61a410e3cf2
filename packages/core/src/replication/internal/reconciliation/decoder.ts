/**
 * The peeling decoder of Rateless IBLT (Yang et al. 2024, §3 and §4): from the symbols of a peer's set, less those of one's
 * own, it finds the items that one of the two lacks. Symbols come in batches, as many as it takes.
 *
 * What peers send is hostile: each item is found at most once and there are at most as many as symbols and changes, so that
 * it ends; whatever does not come out even is said to be inconsistent.
 */
import type { Symbols } from "../../../wire/ReconciliationMessage.ts"
import { check, keyOf } from "./items.ts"
import { Mapping } from "./symbols.ts"

/** An item of the difference. */
export interface Found {
  readonly high: number
  readonly low: number
  readonly checked: number
  /** 1 when the peer holds it, -1 when it is one's own. */
  readonly side: number
  /** At its first index that is beyond the symbols received. */
  readonly mapping: Mapping
}

const walk = new Mapping()

export class Decoder {
  /** Items that were found, and are still in the difference. */
  readonly found = new Map<number, Found>()
  /** Symbols received. */
  size = 0
  /** Whether this can be no difference of two sets. */
  isInconsistent = false
  #sums = new Uint32Array(64)
  #checks = new Uint32Array(32)
  #counts = new Int32Array(32)
  #changes = 0
  #first = 0
  #squares = 0
  readonly #pure: Array<number> = []

  /** Whether the difference is known: the first symbol holds all that is left of it. */
  get isDecoded(): boolean {
    return this.size > 0 && this.#sums[0] === 0 && this.#sums[1] === 0 && this.#checks[0] === 0 && this.#counts[0] === 0
  }

  /** Takes the next symbols of the peer; `own` are those of one's own set from its first symbol on. */
  add(theirs: Symbols, own: Symbols): void {
    const start = this.size
    const end = start + theirs.checks.length
    this.#reserve(end)
    const [sums, checks, counts] = [this.#sums, this.#checks, this.#counts]
    for (let i = start; i < end; i++) {
      sums[2 * i] = theirs.sums[2 * (i - start)]! ^ own.sums[2 * i]!
      sums[2 * i + 1] = theirs.sums[2 * (i - start) + 1]! ^ own.sums[2 * i + 1]!
      checks[i] = theirs.checks[i - start]! ^ own.checks[i]!
      counts[i] = theirs.counts[i - start]! - own.counts[i]!
    }
    this.size = end
    this.#measure(start)
    for (const item of this.found.values()) this.#subtract(item)
    for (let i = start; i < end; i++) this.#notice(i)
    this.#peel()
  }

  /** The peer's set (`side` 1) or one's own (-1) has one item more (`sign` 1) or less (-1) than when symbols came. */
  change(high: number, low: number, side: number, sign: number): void {
    const known = this.found.get(keyOf(high, low))
    if (known !== undefined && known.high === high && known.side === -side * sign) {
      // found, and not in the difference any more
      this.found.delete(keyOf(high, low))
      return
    }
    this.#changes++
    this.#toggle(high, low, check(high, low), side * sign)
    this.#peel()
  }

  /**
   * How many items differ, about: the counts say it before anything can be decoded. Given the first, whose sum of signs s
   * holds all items, the one at index i has a mean of ρs and a variance of ρ(1 - ρ) for each item, where ρ is the chance to
   * map there. By m symbols it is known within √(2/m), as one standard deviation.
   */
  get estimate(): number {
    return Math.max(this.size < 2 ? 0 : this.#squares / (this.size - 1), Math.abs(this.#first), this.found.size)
  }

  #measure(start: number): void {
    const counts = this.#counts
    if (start === 0) this.#first = counts[0]!
    for (let i = Math.max(start, 1); i < this.size; i++) {
      const chance = 2 / (i + 2)
      const deviation = counts[i]! - chance * this.#first
      this.#squares += deviation * deviation / (chance * (1 - chance))
    }
  }

  #toggle(high: number, low: number, checked: number, sign: number): void {
    const [sums, checks, counts] = [this.#sums, this.#checks, this.#counts]
    walk.reset(high, low)
    for (; walk.index < this.size; walk.next()) {
      const { index } = walk
      sums[2 * index]! ^= high
      sums[2 * index + 1]! ^= low
      checks[index]! ^= checked
      counts[index]! += sign
      this.#notice(index)
    }
  }

  #notice(index: number): void {
    const count = this.#counts[index]!
    if (count === 1 || count === -1) this.#pure.push(index)
  }

  #peel(): void {
    const [sums, checks, counts, pure] = [this.#sums, this.#checks, this.#counts, this.#pure]
    for (let index = pure.pop(); index !== undefined; index = pure.pop()) {
      const side = counts[index]!
      if (side !== 1 && side !== -1) continue
      const [high, low, checked] = [sums[2 * index]!, sums[2 * index + 1]!, checks[index]!]
      if (check(high, low) !== checked) continue
      const key = keyOf(high, low)
      if (this.found.has(key) || this.found.size >= this.size + this.#changes) {
        this.isInconsistent = true
        pure.length = 0
        return
      }
      const item = { high, low, checked, side, mapping: new Mapping() }
      item.mapping.reset(high, low)
      this.found.set(key, item)
      this.#subtract(item)
    }
  }

  /** Takes an item out of the symbols from where its mapping is. */
  #subtract({ checked, high, low, mapping, side }: Found): void {
    const [sums, checks, counts] = [this.#sums, this.#checks, this.#counts]
    for (; mapping.index < this.size; mapping.next()) {
      const { index } = mapping
      sums[2 * index]! ^= high
      sums[2 * index + 1]! ^= low
      checks[index]! ^= checked
      counts[index]! -= side
      this.#notice(index)
    }
  }

  #reserve(size: number): void {
    if (size <= this.#checks.length) return
    const capacity = Math.max(size, 2 * this.#checks.length)
    const [sums, checks, counts] = [this.#sums, this.#checks, this.#counts]
    this.#sums = new Uint32Array(2 * capacity)
    this.#checks = new Uint32Array(capacity)
    this.#counts = new Int32Array(capacity)
    this.#sums.set(sums)
    this.#checks.set(checks)
    this.#counts.set(counts)
  }
}
