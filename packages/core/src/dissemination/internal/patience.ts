import type { Address } from "../../Address.ts"

/** Most peers of whom something is remembered; those who were asked longest ago go first. */
const maxPeers = 1024

/** No peer is waited for any longer, in milliseconds, whatever it took before: unless it is always waited for as long. */
const maxTimeout = 2000

/** The share of a new sample in what is typical. */
const gain = 1 / 8

/**
 * How long each peer takes to send what it is asked for, so that the next is not asked while the answer is on a slow link:
 * one request of each is timed at a time.
 */
export class Patience {
  readonly #least: number
  readonly #most: number
  /** What is timed. */
  readonly #asked = new Map<Address, { readonly id: number; readonly at: number }>()
  /** What it took last. */
  readonly #took = new Map<Address, number>()
  /** For those of whom nothing is known. */
  #typical = 0

  constructor(least: number) {
    this.#least = least
    this.#most = Math.max(least, maxTimeout)
  }

  /** How long to wait for a peer: twice as long as it took last. */
  for(peer: Address): number {
    return Math.min(this.#most, Math.max(this.#least, 2 * (this.#took.get(peer) ?? this.#typical)))
  }

  /** A peer is asked for a rumor. */
  asked(peer: Address, id: number, now: number): void {
    const before = this.#asked.get(peer)
    if (before === undefined || now - before.at > 2 * this.#most) remember(this.#asked, peer, { id, at: now })
  }

  /** A rumor has come from a peer. */
  came(peer: Address, id: number, now: number): void {
    const asked = this.#asked.get(peer)
    if (asked?.id !== id) return
    this.#asked.delete(peer)
    const took = now - asked.at
    remember(this.#took, peer, took)
    this.#typical += gain * (took - this.#typical)
  }
}

const remember = <A>(map: Map<Address, A>, peer: Address, value: A): void => {
  map.delete(peer)
  map.set(peer, value)
  if (map.size <= maxPeers) return
  const [first] = map.keys()
  map.delete(first!)
}
