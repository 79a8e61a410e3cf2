/**
 * The latest changes of a set of items, numbered: what Demers et al. 1987 (§1.3) call the recent update list, and what lets
 * coded symbols that were sent before a change be told apart from those after it.
 */
import { keyOf } from "./items.ts"

export class ChangeLog {
  /** How many changes there have been. */
  sequence = 0
  readonly #capacity: number
  readonly #items: Uint32Array
  readonly #signs: Int8Array

  /** @param capacity changes that are remembered; each takes 9 bytes, and a write makes two */
  constructor(capacity: number) {
    this.#capacity = capacity
    this.#items = new Uint32Array(2 * capacity)
    this.#signs = new Int8Array(capacity)
  }

  /** An item was added (`sign` 1) or taken away (-1). */
  push(high: number, low: number, sign: number): void {
    const at = this.sequence++ % this.#capacity
    this.#items[2 * at] = high
    this.#items[2 * at + 1] = low
    this.#signs[at] = sign
  }

  /** Whether the changes since then are remembered. */
  has(sequence: number): boolean {
    return sequence <= this.sequence && sequence >= this.sequence - this.#capacity
  }

  /** What the changes since then, which must be remembered, came to. */
  forEachSince(sequence: number, f: (high: number, low: number, sign: number) => void): void {
    const net = new Map<number, { readonly high: number; readonly low: number; sign: number }>()
    for (let i = sequence; i < this.sequence; i++) {
      const at = i % this.#capacity
      const [high, low] = [this.#items[2 * at]!, this.#items[2 * at + 1]!]
      const change = net.get(keyOf(high, low))
      if (change === undefined) net.set(keyOf(high, low), { high, low, sign: this.#signs[at]! })
      else change.sign += this.#signs[at]!
    }
    for (const { high, low, sign } of net.values()) if (sign !== 0) f(high, low, sign)
  }

  /** The items that were added, the latest first, until `f` returns false. One that was added twice comes twice. */
  forEachRecent(f: (high: number, low: number) => boolean): void {
    const oldest = Math.max(0, this.sequence - this.#capacity)
    for (let i = this.sequence - 1; i >= oldest; i--) {
      const at = i % this.#capacity
      if (this.#signs[at] === 1 && !f(this.#items[2 * at]!, this.#items[2 * at + 1]!)) return
    }
  }
}
