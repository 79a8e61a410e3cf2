/** The ways to choose peers: see `PeerSelection`. */
import type { RandomSource } from "../../node/Protocol.ts"
import type { Peer, Peers, PeerSelection, Selector } from "../PeerSelection.ts"

/** A whole number from 0 to `bound - 1`. */
const draw = (random: RandomSource, bound: number): number => Math.floor(random.nextDoubleUnsafe() * bound)

// -----------------------------------------------------------------------------
// uniform
// -----------------------------------------------------------------------------

/** A shuffle of all places that is broken off after the first few; what it has swapped is remembered, and no more. */
class Uniform implements Selector {
  readonly #peers: Peers
  readonly #random: RandomSource
  readonly #swapped = new Map<number, number>()

  constructor(peers: Peers, random: RandomSource) {
    this.#peers = peers
    this.#random = random
  }

  next(count: number): ReadonlyArray<Peer> {
    const { size } = this.#peers
    const wanted = Math.min(count, size)
    if (wanted <= 0) return []
    if (wanted === 1) return [this.#peers.at(draw(this.#random, size))]
    const swapped = this.#swapped
    const chosen: Array<Peer> = []
    for (let place = 0; place < wanted; place++) {
      const other = place + draw(this.#random, size - place)
      chosen.push(this.#peers.at(swapped.get(other) ?? other))
      swapped.set(other, swapped.get(place) ?? place)
    }
    swapped.clear()
    return chosen
  }
}

export const uniform: PeerSelection = {
  name: "uniform",
  make: (_, peers, random) => new Uniform(peers, random)
}

// -----------------------------------------------------------------------------
// shuffled round-robin
// -----------------------------------------------------------------------------

class ShuffledRoundRobin implements Selector {
  readonly #peers: Peers
  readonly #random: RandomSource
  #order: Array<Peer> = []
  /** Those before it have had their turn in this round. */
  #place = 0
  #version = NaN

  constructor(peers: Peers, random: RandomSource) {
    this.#peers = peers
    this.#random = random
  }

  next(count: number): ReadonlyArray<Peer> {
    if (this.#version !== this.#peers.version) this.#update()
    const wanted = Math.min(count, this.#order.length)
    const chosen: Array<Peer> = []
    while (chosen.length < wanted) {
      if (this.#place === this.#order.length) this.#shuffle(chosen)
      chosen.push(this.#order[this.#place++]!)
    }
    return chosen
  }

  // those who were chosen at the end of the last round come late in this one, so that nobody is chosen twice at a time
  #shuffle(chosen: ReadonlyArray<Peer>): void {
    const late = new Set(chosen)
    const order = this.#order.filter((peer) => !late.has(peer))
    for (let place = order.length - 1; place > 0; place--) {
      const other = draw(this.#random, place + 1)
      const peer = order[place]!
      order[place] = order[other]!
      order[other] = peer
    }
    this.#order = [...order, ...chosen]
    this.#place = 0
  }

  // who is new is put at a random place of what is left of the round, as in memberlist
  #update(): void {
    const present = new Map<string, Peer>()
    for (let place = 0; place < this.#peers.size; place++) {
      const peer = this.#peers.at(place)
      present.set(peer.id, peer)
    }
    const order: Array<Peer> = []
    let place = 0
    for (const [index, { id }] of this.#order.entries()) {
      const peer = present.get(id)
      if (peer === undefined) continue
      present.delete(id)
      order.push(peer)
      if (index < this.#place) place++
    }
    for (const peer of present.values()) {
      const at = place + draw(this.#random, order.length - place + 1)
      const displaced = order[at]
      order[at] = peer
      if (displaced !== undefined) order.push(displaced)
    }
    this.#order = order
    this.#place = place
    this.#version = this.#peers.version
  }
}

export const shuffledRoundRobin: PeerSelection = {
  name: "shuffled-round-robin",
  make: (_, peers, random) => new ShuffledRoundRobin(peers, random)
}

// -----------------------------------------------------------------------------
// ring
// -----------------------------------------------------------------------------

class Ring implements Selector {
  readonly #self: string
  readonly #peers: Peers
  #order: Array<Peer> = []
  #version = NaN

  constructor(self: string, peers: Peers) {
    this.#self = self
    this.#peers = peers
  }

  next(count: number): ReadonlyArray<Peer> {
    if (this.#version !== this.#peers.version) this.#update()
    return this.#order.slice(0, Math.max(0, count))
  }

  // from the successor on round to the predecessor
  #update(): void {
    const before: Array<Peer> = []
    const after: Array<Peer> = []
    for (let place = 0; place < this.#peers.size; place++) {
      const peer = this.#peers.at(place)
      if (peer.id < this.#self) before.push(peer)
      else after.push(peer)
    }
    this.#order = [...after.sort(byName), ...before.sort(byName)]
    this.#version = this.#peers.version
  }
}

const byName = (a: Peer, b: Peer): number => a.id < b.id ? -1 : a.id > b.id ? 1 : 0

export const ring: PeerSelection = {
  name: "ring",
  make: (self, peers) => new Ring(self, peers)
}
