/** Rumors that ride on datagrams: see `Piggyback`. */
import type { Address } from "../../Address.ts"
import { Broadcasts } from "../../internal/broadcasts.ts"
import { ceilLog } from "../../internal/math.ts"
import type { Host, Rumor, Spreading, Strategy } from "../Strategy.ts"
import * as kinds from "./kinds.ts"
import { newsSizeAtMost } from "./sizes.ts"

// -----------------------------------------------------------------------------
// config
// -----------------------------------------------------------------------------

export interface Config {
  readonly gossipInterval: number
  readonly gossipNodes: number
  readonly retransmitMultiplier: number
  readonly eager: boolean
}

export const defaultConfig: Config = { gossipInterval: 200, gossipNodes: 3, retransmitMultiplier: 4, eager: true }

export const makeStrategy = (config: Config): Strategy => ({
  kind: kinds.piggyback,
  name: "piggyback",
  roundInterval: config.gossipInterval,
  make: (host) => new Piggyback(config, host)
})

/** Most rumors that are passed on at a time: beyond it the one heard longest ago is not told any further. */
const maxQueued = 1024

/** Most rumors that are announced to a peer in a round. */
const maxAnnounced = 64

// -----------------------------------------------------------------------------
// machine
// -----------------------------------------------------------------------------

interface Queued {
  readonly rumor: Rumor
  /** The most that it takes in a datagram, in bytes. */
  readonly length: number
}

class Piggyback implements Spreading {
  readonly #config: Config
  readonly #host: Host
  readonly #queue = new Broadcasts<Queued, number>()
  /** Those that fit no datagram are announced, each as one byte of a budget of so many. */
  readonly #large = new Broadcasts<Queued, number>()
  /** In the order in which they were heard; some may have been told often enough. */
  readonly #order = new Set<number>()

  constructor(config: Config, host: Host) {
    this.#config = config
    this.#host = host
  }

  /** memberlist's `retransmitLimit`. */
  get #limit(): number {
    return this.#config.retransmitMultiplier * ceilLog(this.#host.peers.size + 2, 10)
  }

  heard(rumor: Rumor): void {
    if (rumor.large) this.#large.add(rumor.id, { rumor, length: 1 })
    else this.#queue.add(rumor.id, { rumor, length: newsSizeAtMost(rumor) })
    this.#order.add(rumor.id)
    if (this.#order.size > maxQueued) {
      const [oldest] = this.#order
      this.#remove(oldest!)
    }
    this.#host.requestRounds()
    if (this.#config.eager) this.#gossip()
  }

  heardAgain(): void {}

  received(): void {}

  forget(ids: ReadonlyArray<number>): void {
    for (const id of ids) this.#remove(id)
  }

  round(): boolean {
    if (this.#queue.size + this.#large.size === 0) {
      this.#order.clear()
      return false
    }
    this.#gossip()
    return true
  }

  piggyback(room: number, _to: Address): ReadonlyArray<Uint8Array> {
    if (this.#queue.size === 0) return []
    return this.#queue.take(room, this.#limit).map(({ rumor }) => this.#host.encode(rumor))
  }

  #gossip(): void {
    for (const { address } of this.#host.selector.next(this.#config.gossipNodes)) {
      if (this.#queue.size > 0) this.#host.gossip(address)
      if (this.#large.size === 0) continue
      this.#host.announce(address, this.#large.take(maxAnnounced, this.#limit).map(({ rumor }) => rumor))
    }
  }

  #remove(id: number): void {
    this.#order.delete(id)
    this.#queue.remove(id)
    this.#large.remove(id)
  }
}
