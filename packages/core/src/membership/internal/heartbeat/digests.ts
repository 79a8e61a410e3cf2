/**
 * Which digests a message carries: the peers lie on a ring, by their fingerprints, and a message that has no room for all
 * takes up where the last one left off, so that each has its turn. It says which part of the ring it covers; who is in
 * that part and not named is not known to the sender.
 */
import { type Digest, digestSize } from "../../../wire/HeartbeatMessage.ts"
import type { Peer } from "./state.ts"

/** A part of the ring: from one fingerprint up to another, which is not part of it. */
export interface Part {
  readonly from: number
  readonly to: number
}

/** Whether a fingerprint is in a part of the ring; without one, in all of it. */
export const isIn = (fingerprint: number, part: Part | undefined): boolean => {
  if (part === undefined) return true
  const { from, to } = part
  return from < to ? fingerprint >= from && fingerprint < to : fingerprint >= from || fingerprint < to
}

/** Peers in the order of their fingerprints. */
export class Ring {
  readonly #byFingerprint = new Map<number, Peer>()
  readonly #sorted: Array<Peer> = []
  /** Those whose fingerprint another has. */
  readonly #displaced = new Set<Peer>()
  /** The fingerprint at which the next cut begins. */
  #next = 0

  get size(): number {
    return this.#sorted.length
  }

  get(fingerprint: number): Peer | undefined {
    return this.#byFingerprint.get(fingerprint)
  }

  /**
   * Adds a peer. One whose fingerprint is taken is not named in digests until the other goes; the chance of it is 2^-48 for
   * two.
   */
  add(peer: Peer): void {
    if (this.#byFingerprint.has(peer.fingerprint)) return void this.#displaced.add(peer)
    this.#byFingerprint.set(peer.fingerprint, peer)
    this.#sorted.splice(this.#indexOf(peer.fingerprint), 0, peer)
  }

  remove(peer: Peer): void {
    const { fingerprint } = peer
    this.#displaced.delete(peer)
    if (this.#byFingerprint.get(fingerprint) !== peer) return
    this.#byFingerprint.delete(fingerprint)
    this.#sorted.splice(this.#indexOf(fingerprint), 1)
    for (const other of this.#displaced) {
      if (other.fingerprint !== fingerprint) continue
      this.#displaced.delete(other)
      return this.add(other)
    }
  }

  [Symbol.iterator](): IterableIterator<Peer> {
    return this.#sorted[Symbol.iterator]()
  }

  /** Where the first cut begins: nodes that begin at different places complement each other. */
  seek(fingerprint: number): void {
    this.#next = fingerprint
  }

  /**
   * Digests of as many peers as fit, from where the last cut ended.
   *
   * @param digestOf the digest of a peer, or undefined for one that is not to be named
   */
  cut(room: number, digestOf: (peer: Peer) => Digest | undefined): {
    readonly digests: Array<Digest>
    /** The part of the ring that they cover; undefined for all of it. */
    readonly part: Part | undefined
  } {
    const sorted = this.#sorted
    const digests: Array<Digest> = []
    if (sorted.length === 0) return { digests, part: undefined }
    const start = this.#indexOf(this.#next)
    let left = room
    for (let i = 0; i < sorted.length; i++) {
      const peer = sorted[(start + i) % sorted.length]!
      const digest = digestOf(peer)
      if (digest === undefined) continue
      left -= digestSize(digest)
      if (left >= 0) {
        digests.push(digest)
        continue
      }
      const from = this.#next
      // no room for one: they cover next to nothing, and the next cut begins at the same place
      if (digests.length === 0) return { digests, part: { from: 0, to: 1 } }
      this.#next = peer.fingerprint
      return { digests, part: { from, to: peer.fingerprint } }
    }
    return { digests, part: undefined }
  }

  #indexOf(fingerprint: number): number {
    let low = 0
    let high = this.#sorted.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#sorted[middle]!.fingerprint < fingerprint) low = middle + 1
      else high = middle
    }
    return low
  }
}
