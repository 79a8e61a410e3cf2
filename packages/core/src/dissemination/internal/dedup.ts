/**
 * By how much later than it was a rumor may seem to have been published, in milliseconds: ages do not count what messages
 * are on their way.
 */
const maxTransit = 2000

/**
 * Which rumors were heard, in two generations: each is remembered for at least the window, or until as many others have
 * come as there is room for. Until when what was heard may have been forgotten is known, so that a rumor of before is
 * refused rather than taken for news.
 */
export class Dedup {
  readonly #window: number
  readonly #capacity: number
  #current = new Set<number>()
  #previous = new Set<number>()
  /** When the first of `#current` was added. */
  #since: number
  /** What was published before may have been forgotten. */
  #forgottenUntil = -Infinity

  /** @param capacity most ids in both generations together */
  constructor(window: number, capacity: number, now: number) {
    this.#window = window
    this.#capacity = Math.max(1, Math.floor(capacity / 2))
    this.#since = now
  }

  get size(): number {
    return this.#current.size + this.#previous.size
  }

  has(id: number): boolean {
    return this.#current.has(id) || this.#previous.has(id)
  }

  /** Whether a rumor is so old that it cannot be told whether it was heard. */
  isTooOld(bornAt: number, now: number): boolean {
    return bornAt <= this.#forgottenUntil || now - bornAt >= this.#window
  }

  add(id: number, now: number): void {
    const span = now - this.#since
    if (this.#current.size >= this.#capacity || span >= this.#window + maxTransit) {
      // those of before the last turn were all born before it, and come again as such, or as a little younger; in a flood
      // that is all the time there is, and what is new is still taken in
      if (this.#previous.size > 0) this.#forgottenUntil = this.#since + Math.min(maxTransit, span / 2)
      this.#previous = this.#current
      this.#current = new Set()
      this.#since = now
    }
    this.#current.add(id)
  }

  /** Takes over what another has remembered. */
  inherit(other: Dedup): void {
    this.#current = other.#current
    this.#previous = other.#previous
    this.#since = other.#since
    this.#forgottenUntil = other.#forgottenUntil
  }
}
