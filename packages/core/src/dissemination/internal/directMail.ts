/** Direct mail at one node: see `DirectMail`. */
import type { Peer } from "../PeerSelection.ts"
import type { Host, Rumor, Spreading, Strategy } from "../Strategy.ts"
import * as kinds from "./kinds.ts"

export interface Config {
  readonly burst: number
  readonly roundInterval: number
}

export const defaultConfig: Config = { burst: 512, roundInterval: 10 }

export const makeStrategy = (config: Config): Strategy => ({
  kind: kinds.directMail,
  name: "direct-mail",
  roundInterval: config.roundInterval,
  make: (host) => new DirectMail(config, host)
})

/** A rumor, and to whom it is to be sent: from the next on. */
interface Mailing {
  readonly rumor: Rumor
  /** Shared by all mailings of a time. */
  readonly peers: ReadonlyArray<Peer>
  next: number
}

class DirectMail implements Spreading {
  readonly #config: Config
  readonly #host: Host
  /** In the order in which they were published. */
  readonly #mailings = new Map<number, Mailing>()
  /** The peers that there are, as of this version. */
  #all: ReadonlyArray<Peer> = []
  #version = NaN
  /** How many may still be told in this round, and which that is. */
  #left = 0
  #round = -1

  constructor(config: Config, host: Host) {
    this.#config = config
    this.#host = host
  }

  heard(rumor: Rumor, from: unknown): void {
    if (from !== undefined) return
    this.#mailings.set(rumor.id, { rumor, peers: this.#everybody(), next: 0 })
    if (this.#mailings.size === 1) this.round()
    if (this.#mailings.size > 0) this.#host.requestRounds()
  }

  #everybody(): ReadonlyArray<Peer> {
    const { peers } = this.#host
    if (this.#version !== peers.version) {
      this.#version = peers.version
      this.#all = Array.from({ length: peers.size }, (_, index) => peers.at(index))
    }
    return this.#all
  }

  round(): boolean {
    const { round } = this.#host
    if (this.#round !== round) {
      this.#round = round
      this.#left = this.#config.burst
    }
    for (const mailing of this.#mailings.values()) {
      const { peers, rumor } = mailing
      for (; this.#left > 0 && mailing.next < peers.length; this.#left--) {
        this.#host.push(peers[mailing.next++]!.address, rumor)
      }
      if (mailing.next < peers.length) return true
      this.#mailings.delete(rumor.id)
    }
    return false
  }

  forget(ids: ReadonlyArray<number>): void {
    for (const id of ids) this.#mailings.delete(id)
  }

  // nobody passes on what is mailed
  heardAgain(): void {}
  received(): void {}
}
