import type { Address } from "../../Address.ts"

/** Bounds how often a node answers in a round: all peers together, and each, whose rounds are not those of this node. */
export class Quota {
  readonly #ofAll: number
  readonly #ofEach: number
  readonly #taken = new Map<Address, number>()
  /** How many answers were asked for and granted in this round. */
  count = 0

  constructor(ofAll: number, ofEach: number) {
    this.#ofAll = ofAll
    this.#ofEach = ofEach
  }

  /** Another round begins. */
  renew(): void {
    this.count = 0
    this.#taken.clear()
  }

  /** Whether a peer is answered once more. */
  take(peer: Address): boolean {
    const taken = this.#taken.get(peer) ?? 0
    if (this.count >= this.#ofAll || taken >= this.#ofEach) return false
    this.count++
    this.#taken.set(peer, taken + 1)
    return true
  }
}

/** As many as strategies answer who pull, in a round. */
export const quotaOfPulls = (): Quota => new Quota(256, 4)
