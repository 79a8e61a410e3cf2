/** Rumor mongering at one node: see `RumorMongering`. */
import type { Address } from "../../Address.ts"
import { packIds, unpackIds } from "../../wire/DisseminationMessage.ts"
import type { Host, Rumor, Spreading, Strategy, StrategyMessage } from "../Strategy.ts"
import * as kinds from "./kinds.ts"
import { quotaOfPulls } from "./quota.ts"

// -----------------------------------------------------------------------------
// config
// -----------------------------------------------------------------------------

export interface Config {
  readonly mode: "push" | "pull" | "pushPull"
  readonly interest: "feedback" | "blind"
  readonly stop: "counter" | "coin"
  readonly k: number
  /** Infinity for none. */
  readonly connectionLimit: number
  readonly hunting: number
  readonly roundInterval: number
  readonly eager: boolean
}

export const defaultConfig: Config = {
  mode: "push",
  interest: "feedback",
  stop: "counter",
  k: 4,
  connectionLimit: Infinity,
  hunting: 0,
  roundInterval: 200,
  eager: true
}

export const makeStrategy = (config: Config): Strategy => ({
  kind: kinds.rumorMongering,
  name: "rumor-mongering",
  roundInterval: config.roundInterval,
  make: (host) => new RumorMongering(config, host)
})

/** Most rumors that are hot at a time: beyond it the one heard longest ago is removed. */
const maxHot = 1024

/** Most rumors that go from one node to another in a contact. What is left has its turn in the next. */
const maxPerContact = 64

/** Most peers whose answer is waited for. */
const maxOffered = 256

// -----------------------------------------------------------------------------
// machine
// -----------------------------------------------------------------------------

/** A rumor that is being spread: Demers' infective state. */
interface Hot {
  readonly rumor: Rumor
  /** The round in which it was heard. It is not told in that round. */
  readonly heardIn: number
  /** Unnecessary contacts in a row. */
  counter: number
  /** What this round's contacts came to. */
  contacted: boolean
  useful: boolean
  useless: boolean
}

class RumorMongering implements Spreading {
  readonly #config: Config
  readonly #host: Host
  readonly #pushes: boolean
  readonly #pulls: boolean
  /** In the order in which they were heard, or last told where not all can be told. */
  readonly #hot = new Map<number, Hot>()
  /** What was heard in the round of this number. */
  readonly #fresh = new Set<number>()
  /** Contacts that were accepted in it, and peers whose answer is waited for before they are told. */
  readonly #accepted = quotaOfPulls()
  readonly #offered = new Set<Address>()
  #hunts = 0
  #round = NaN

  constructor(config: Config, host: Host) {
    this.#config = config
    this.#host = host
    this.#pushes = config.mode !== "pull"
    this.#pulls = config.mode !== "push"
    // who never pulls never hears
    if (this.#pulls) host.requestRounds()
  }

  // ---------------------------------------------------------------------------
  // rumors
  // ---------------------------------------------------------------------------

  heard(rumor: Rumor, from: Address | undefined): void {
    this.#turn()
    this.#fresh.add(rumor.id)
    const hot = {
      rumor,
      heardIn: this.#round,
      counter: 0,
      contacted: false,
      useful: false,
      useless: false
    }
    this.#hot.set(rumor.id, hot)
    if (this.#hot.size > maxHot) {
      const [oldest] = this.#hot.keys()
      this.#hot.delete(oldest!)
    }
    if (from !== undefined) this.#feedBack(from, rumor.id, true)
    this.#host.requestRounds()
    if (this.#config.eager && this.#pushes && this.#config.connectionLimit === Infinity) {
      const [peer] = this.#host.selector.next(1)
      if (peer !== undefined) this.#tell(peer.address, hot)
    }
  }

  // who hears the same twice in a round could not have said so to either before: it was news to both
  heardAgain(rumor: Rumor, from: Address): void {
    this.#turn()
    this.#feedBack(from, rumor.id, this.#fresh.has(rumor.id))
  }

  forget(ids: ReadonlyArray<number>): void {
    for (const id of ids) this.#hot.delete(id)
  }

  #feedBack(to: Address, id: number, isFresh: boolean): void {
    if (this.#config.interest === "blind") return
    const ids = packIds([id])
    const strategy = kinds.rumorMongering
    this.#host.send(
      to,
      isFresh ? { _tag: "Feedback", strategy, fresh: ids } : { _tag: "Feedback", strategy, known: ids }
    )
  }

  // ---------------------------------------------------------------------------
  // messages
  // ---------------------------------------------------------------------------

  received(message: StrategyMessage, from: Address): void {
    this.#turn()
    switch (message._tag) {
      case "Feedback":
        return this.#fedBack(message, from)
      case "Pull":
        return this.#pulled(message, from)
      case "Offer":
        return this.#wasOffered(message, from)
    }
  }

  #fedBack({ fresh, known, refused }: Extract<StrategyMessage, { readonly _tag: "Feedback" }>, from: Address): void {
    for (const id of idsOf(fresh)) {
      const hot = this.#hot.get(id)
      if (hot !== undefined) hot.useful = true
    }
    for (const id of idsOf(known)) {
      const hot = this.#hot.get(id)
      if (hot !== undefined) hot.useless = true
    }
    if (refused === undefined || !this.#offered.delete(from) || this.#hunts === 0) return
    this.#hunts--
    const [peer] = this.#host.selector.next(1)
    if (peer !== undefined) this.#contact(peer.address)
  }

  #pulled({ have }: Extract<StrategyMessage, { readonly _tag: "Pull" }>, from: Address): void {
    // a contact that was offered has been accepted
    const isInvited = this.#pushes && this.#offered.delete(from)
    if (!isInvited && !this.#accepts(from)) {
      if (this.#config.connectionLimit !== Infinity) {
        this.#host.send(from, { _tag: "Feedback", strategy: kinds.rumorMongering, refused: packIds([]) })
      }
      return
    }
    const known = new Set(idsOf(have))
    for (const hot of this.#tellable()) if (!known.has(hot.rumor.id)) this.#tell(from, hot)
  }

  #wasOffered({ ids }: Extract<StrategyMessage, { readonly _tag: "Offer" }>, from: Address): void {
    const strategy = kinds.rumorMongering
    if (!this.#accepts(from)) return this.#host.send(from, { _tag: "Feedback", strategy, refused: ids })
    if (this.#pulls) {
      const offered = new Set(idsOf(ids))
      for (const hot of this.#tellable()) if (!offered.has(hot.rumor.id)) this.#tell(from, hot)
    }
    this.#host.send(from, { _tag: "Pull", strategy })
  }

  /** Whether a peer that contacts this node is heard. */
  #accepts(from: Address): boolean {
    if (this.#accepted.count >= this.#config.connectionLimit) return false
    if (this.#accepted.take(from)) return true
    this.#host.drop("TooManyPulls")
    return false
  }

  // ---------------------------------------------------------------------------
  // rounds
  // ---------------------------------------------------------------------------

  round(): boolean {
    this.#turn()
    if (this.#pulls || this.#hot.size > 0) {
      this.#hunts = this.#config.hunting
      const [peer] = this.#host.selector.next(1)
      if (peer !== undefined) this.#contact(peer.address)
    }
    return this.#pulls || this.#hot.size > 0
  }

  /** What belongs to a round ends with it. */
  #turn(): void {
    const { round } = this.#host
    if (round === this.#round) return
    this.#round = round
    this.#fresh.clear()
    this.#accepted.renew()
    this.#offered.clear()
    this.#settle()
  }

  /** Loses interest by what the contacts of a round came to. */
  #settle(): void {
    const { interest, k, stop } = this.#config
    for (const [id, hot] of this.#hot) {
      const { contacted, rumor, useful, useless } = hot
      hot.contacted = hot.useful = hot.useless = false
      if (interest === "feedback") {
        if (useful) {
          hot.counter = 0
          continue
        }
        // a large one is only announced, of which nothing is heard from who knows it
        if (!useless && !(rumor.large && contacted)) continue
      } else if (!contacted) continue
      const isOver = stop === "counter" ? ++hot.counter >= k : this.#host.random.nextDoubleUnsafe() * k < 1
      if (isOver) this.#hot.delete(id)
    }
  }

  #contact(to: Address): void {
    const strategy = kinds.rumorMongering
    const told = this.#pushes ? this.#tellable() : []
    const ids = told.map(({ rumor }) => rumor.id)
    if (this.#config.connectionLimit !== Infinity && this.#offered.size < maxOffered) {
      // answered by its peer's pull, or refused
      this.#offered.add(to)
      if (this.#pushes && (ids.length > 0 || this.#pulls)) {
        this.#host.send(to, { _tag: "Offer", strategy, ids: packIds(ids) })
        return
      }
    }
    for (const hot of told) this.#tell(to, hot)
    if (!this.#pulls) return
    this.#host.send(to, ids.length === 0 ? { _tag: "Pull", strategy } : { _tag: "Pull", strategy, have: packIds(ids) })
  }

  #tell(to: Address, hot: Hot): void {
    hot.contacted = true
    this.#host.push(to, hot.rumor)
  }

  /** What may be told in this round: without `eager` nothing that was heard in it. */
  #tellable(): Array<Hot> {
    const told: Array<Hot> = []
    for (const hot of this.#hot.values()) {
      if (!this.#config.eager && hot.heardIn === this.#round) continue
      if (told.push(hot) === maxPerContact) break
    }
    // those that were not told have their turn next
    if (told.length < this.#hot.size) {
      for (const hot of told) {
        this.#hot.delete(hot.rumor.id)
        this.#hot.set(hot.rumor.id, hot)
      }
    }
    return told
  }
}

const none: ReadonlyArray<never> = []

const idsOf = (packed: Uint8Array | undefined): ReadonlyArray<number> =>
  packed === undefined ? none : unpackIds(packed) ?? none
