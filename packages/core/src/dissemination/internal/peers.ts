/** Whom a node may talk to, kept up to date as members come and go. */
import type { Address } from "../../Address.ts"
import type { Peer, Peers } from "../PeerSelection.ts"

/** Each change takes constant time: whoever is last takes the place of one who goes. */
export class PeerList implements Peers {
  readonly #peers: Array<Peer> = []
  readonly #places = new Map<string, number>()
  /** How many are at each address: a name that was given up may still be there beside its successor. */
  readonly #addresses = new Map<Address, number>()
  version = 0

  get size(): number {
    return this.#peers.length
  }

  at(index: number): Peer {
    return this.#peers[index]!
  }

  /** The peer of a name. */
  get(id: string): Peer | undefined {
    const place = this.#places.get(id)
    return place === undefined ? undefined : this.#peers[place]
  }

  hasAddress(address: Address): boolean {
    return this.#addresses.has(address)
  }

  /** There is such a peer, at this address. Says whether that is new. */
  set(id: string, address: Address): boolean {
    const place = this.#places.get(id)
    if (place === undefined) this.#places.set(id, this.#peers.push({ id, address }) - 1)
    else if (this.#peers[place]!.address === address) return false
    else {
      this.#leave(this.#peers[place]!.address)
      this.#peers[place] = { id, address }
    }
    this.#addresses.set(address, (this.#addresses.get(address) ?? 0) + 1)
    this.version++
    return true
  }

  /** There is no such peer any more. Says whether there was. */
  delete(id: string): boolean {
    const place = this.#places.get(id)
    if (place === undefined) return false
    this.#places.delete(id)
    this.#leave(this.#peers[place]!.address)
    const last = this.#peers.pop()!
    if (place < this.#peers.length) {
      this.#peers[place] = last
      this.#places.set(last.id, place)
    }
    this.version++
    return true
  }

  #leave(address: Address): void {
    const left = this.#addresses.get(address)! - 1
    if (left === 0) this.#addresses.delete(address)
    else this.#addresses.set(address, left)
  }
}
