import type { Peer, Peers } from "../PeerSelection.ts"

/** Who comes after a node in the order of names, the first after the last: looked for when peers have changed. */
export class Successor {
  readonly #self: string
  readonly #peers: Peers
  #version = NaN
  #found: Peer | undefined

  constructor(self: string, peers: Peers) {
    this.#self = self
    this.#peers = peers
  }

  get(): Peer | undefined {
    if (this.#version !== this.#peers.version) {
      this.#version = this.#peers.version
      this.#found = this.#peers.after === undefined ? this.#search() : this.#peers.after(this.#self)
    }
    return this.#found
  }

  #search(): Peer | undefined {
    const { size } = this.#peers
    let first: Peer | undefined
    let next: Peer | undefined
    for (let index = 0; index < size; index++) {
      const peer = this.#peers.at(index)
      if (first === undefined || peer.id < first.id) first = peer
      if (peer.id > this.#self && (next === undefined || peer.id < next.id)) next = peer
    }
    return next ?? first
  }
}
