/**
 * Remembers messages that need to be heard only once, so that the copies an epidemic brings cost a hash and no more.
 *
 * It keeps fingerprints of 52 bits under a key of its own, in two generations: at least the last `capacity` messages
 * are remembered, at most twice as many. By chance, two different messages have one fingerprint in capacity / 2^51 of
 * cases; the key makes it hard, though it is no cryptographic hash, to make a message that is taken for another.
 */
import type { RandomSource } from "../Protocol.ts"

export class Seen {
  readonly #capacity: number
  readonly #low: number
  readonly #high: number
  #current = new Set<number>()
  #previous = new Set<number>()

  constructor(capacity: number, random: RandomSource) {
    this.#capacity = capacity
    this.#low = Math.floor(random.nextDoubleUnsafe() * 0x1_0000_0000)
    this.#high = Math.floor(random.nextDoubleUnsafe() * 0x1_0000_0000)
  }

  /** The fingerprint of the bytes of an array from `start` to `end`. */
  fingerprint(bytes: Uint8Array, start: number, end: number): number {
    let low = this.#low
    let high = this.#high
    for (let i = start; i < end; i++) {
      const byte = bytes[i]!
      low = Math.imul(low ^ byte, 0x85ebca6b)
      low ^= low >>> 15
      high = Math.imul(high ^ byte, 0xc2b2ae35)
      high ^= high >>> 13
    }
    return (high >>> 12) * 0x1_0000_0000 + (low >>> 0)
  }

  has(fingerprint: number): boolean {
    return this.#current.has(fingerprint) || this.#previous.has(fingerprint)
  }

  add(fingerprint: number): void {
    if (this.#current.size >= this.#capacity) {
      this.#previous = this.#current
      this.#current = new Set()
    }
    this.#current.add(fingerprint)
  }
}
