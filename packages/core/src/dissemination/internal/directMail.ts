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

/** A rumor, and to whom it is still to be sent: from the last on. */
interface Mailing {
  readonly rumor: Rumor
  readonly peers: Array<Peer>
}

class DirectMail implements Spreading {
  readonly #config: Config
  readonly #host: Host
  /** In the order in which they were published. */
  readonly #mailings = new Map<number, Mailing>()
  /** How many may still be told in this round, and which that is. */
  #left = 0
  #round = -1

  constructor(config: Config, host: Host) {
    this.#config = config
    this.#host = host
  }

  heard(rumor: Rumor, from: unknown): void {
    if (from !== undefined) return
    const { peers } = this.#host
    const all: Array<Peer> = []
    for (let index = peers.size - 1; index >= 0; index--) all.push(peers.at(index))
    this.#mailings.set(rumor.id, { rumor, peers: all })
    if (this.#mailings.size === 1) this.round()
    if (this.#mailings.size > 0) this.#host.requestRounds()
  }

  round(): boolean {
    const { round } = this.#host
    if (this.#round !== round) {
      this.#round = round
      this.#left = this.#config.burst
    }
    for (const { peers, rumor } of this.#mailings.values()) {
      for (; this.#left > 0; this.#left--) {
        const peer = peers.pop()
        if (peer === undefined) break
        this.#host.push(peer.address, rumor)
      }
      if (peers.length > 0) return true
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
