/** Push-then-pull at one node: see `PushThenPull`. */
import type { Address } from "../../Address.ts"
import { ln } from "../../internal/math.ts"
import { packIds, unpackIds } from "../../wire/DisseminationMessage.ts"
import type { Host, Rumor, Spreading, Strategy, StrategyMessage } from "../Strategy.ts"
import * as kinds from "./kinds.ts"
import { quotaOfPulls } from "./quota.ts"

// -----------------------------------------------------------------------------
// config
// -----------------------------------------------------------------------------

export interface Config {
  readonly direct: number
  readonly originFanOut: number
  readonly fanOut: number
  readonly extra: number
  readonly pull: "announced" | "always"
  readonly roundInterval: number
  readonly eager: boolean
}

export const defaultConfig: Config = {
  direct: 64,
  originFanOut: 8,
  fanOut: 3,
  extra: 2,
  pull: "announced",
  roundInterval: 200,
  eager: true
}

export const makeStrategy = (config: Config): Strategy => ({
  kind: kinds.pushThenPull,
  name: "push-then-pull",
  roundInterval: config.roundInterval,
  make: (host) => new PushThenPull(config, host)
})

/** How many nodes of so many may know a rumor when it ceases to be pushed: then hardly anybody is told twice. */
export const pushedToAtMost = (nodes: number): number => nodes <= 2 ? nodes : nodes / ln(nodes)

/** Whether the cluster is so small that who publishes pushes to all. */
export const isDirect = (nodes: number, { direct }: Config): boolean => nodes - 1 <= direct

/** How many peers a rumor is pushed to by a node that heard it after so many hops; 0 when enough are likely to know. */
export const pushesAt = (hops: number, nodes: number, config: Config): number => {
  const { fanOut, originFanOut } = config
  const isSmall = isDirect(nodes, config)
  // what one node says to different peers nobody hears twice
  if (hops === 0) return isSmall ? nodes - 1 : originFanOut
  if (isSmall) return 0
  const most = pushedToAtMost(nodes)
  let knowing = 1 + originFanOut
  let pushed = originFanOut
  for (let hop = 1; hop <= hops; hop++) {
    pushed *= fanOut
    knowing += pushed
    if (pushed === 0 || knowing > most) return 0
  }
  return fanOut
}

/** For how many rounds a rumor is pushed where each who knows it pushes it to one peer a round. */
export const pushRounds = (nodes: number): number => {
  const most = pushedToAtMost(nodes)
  let rounds = 0
  for (let knowing = 2; knowing <= most; knowing *= 2) rounds++
  // with nobody told there is nobody to be asked
  return Math.max(1, rounds)
}

/** How many peers are told that there is a rumor, by each who knows it. */
export const announcements = (nodes: number, extra: number): number => nodes <= 1 ? 0 : Math.ceil(ln(nodes)) + extra

/** How many that is where the origin has pushed it to all. */
const toldAnnouncements = 3

/** Most names in a pull: those of the youngest. */
const maxHave = 128

/** Most rumors that one pull brings. */
const maxPulled = 32

// -----------------------------------------------------------------------------
// machine
// -----------------------------------------------------------------------------

/** A rumor that is still to be pushed, announced, or given to who asks. */
interface Hot {
  readonly rumor: Rumor
  /** The round in which it was heard. */
  readonly heardIn: number
  /** When it is announced at the earliest. */
  readonly notBefore: number
  /** How many rounds it had been pushed for by then; Infinity for one that is not to be pushed here. */
  readonly rounds: number
  /** How many peers are then told of it. */
  readonly announcements: number
}

class PushThenPull implements Spreading {
  readonly #config: Config
  readonly #host: Host
  /** In the order in which they were heard. */
  readonly #hot = new Map<number, Hot>()
  readonly #answered = quotaOfPulls()
  #answeredIn = NaN

  constructor(config: Config, host: Host) {
    this.#config = config
    this.#host = host
    if (config.pull === "always") host.requestRounds()
  }

  get #nodes(): number {
    return this.#host.peers.size + 1
  }

  heard(rumor: Rumor, from: Address | undefined, note: number | undefined, asked: boolean): void {
    const heardIn = this.#host.round
    const { eager, extra, pull } = this.#config
    const nodes = this.#nodes
    const isPushed = !asked && !rumor.large
    const count = announcements(nodes, extra)
    if (!eager) {
      const rounds = !isPushed ? Infinity : from === undefined ? 0 : note ?? Infinity
      this.#hot.set(rumor.id, { rumor, heardIn, notBefore: -Infinity, rounds, announcements: count })
      return this.#host.requestRounds()
    }
    const pushes = isPushed ? pushesAt(rumor.hops, nodes, this.#config) : 0
    for (const peer of this.#host.selector.next(pushes)) {
      if (peer.address !== from) this.#host.push(peer.address, rumor)
    }
    // the origin has told everybody: a few will do, should that have been lost on the way to them
    const isTold = isPushed && rumor.hops === 1 && isDirect(nodes, this.#config)
    if (pushes === 0 && !isTold && pull === "announced") return this.#host.announceWidely(rumor, count)
    // what was pushed is announced as well once it has arrived, to make up for what was lost
    const notBefore = this.#host.now + this.#config.roundInterval / 2
    const few = isTold ? Math.min(toldAnnouncements, count) : count
    this.#hot.set(rumor.id, { rumor, heardIn, notBefore, rounds: Infinity, announcements: few })
    this.#host.requestRounds()
  }

  round(): boolean {
    if (this.#config.pull === "always") this.#pull()
    const { round } = this.#host
    const most = pushRounds(this.#nodes)
    const patience = this.#patience
    for (const { announcements, heardIn, notBefore, rounds, rumor } of this.#hot.values()) {
      // what is heard in a round is not told before the next
      if (heardIn >= round || this.#host.now < notBefore) continue
      const age = rounds + round - heardIn
      if (age <= most) {
        for (const peer of this.#host.selector.next(1)) this.#host.push(peer.address, rumor, { note: age })
      } else if (this.#config.pull === "announced") {
        this.#hot.delete(rumor.id)
        this.#host.announceWidely(rumor, announcements)
      } else if (round - heardIn > 2 * patience) {
        this.#hot.delete(rumor.id)
      }
    }
    return this.#config.pull === "always" || this.#hot.size > 0
  }

  // ---------------------------------------------------------------------------
  // pulling
  // ---------------------------------------------------------------------------

  /** For how many rounds a rumor is given to who asks: more than all need to have it. Twice as long it is named. */
  get #patience(): number {
    return 2 * pushRounds(this.#nodes) + 8
  }

  #pull(): void {
    const peer = this.#host.selector.next(1)[0]
    if (peer === undefined) return
    const have = [...this.#hot.keys()].slice(-maxHave)
    this.#host.send(peer.address, {
      _tag: "Pull",
      strategy: kinds.pushThenPull,
      ...(have.length === 0 ? undefined : { have: packIds(have) })
    })
  }

  received(message: StrategyMessage, from: Address): void {
    if (message._tag !== "Pull") return
    const { round } = this.#host
    if (this.#answeredIn !== round) {
      this.#answeredIn = round
      this.#answered.renew()
    }
    if (!this.#answered.take(from)) return this.#host.drop("TooManyPulls")
    const patience = this.#patience
    const most = pushRounds(this.#nodes)
    const have = new Set(message.have === undefined ? [] : unpackIds(message.have))
    const since = have.size < maxHave ? -Infinity : this.#earliest(have)
    let room = maxPulled
    for (const { heardIn, rounds, rumor } of this.#hot.values()) {
      if (room === 0) return
      if (have.has(rumor.id) || rumor.bornAt < since || round - heardIn > patience) continue
      // in the paper's rounds, those who know it ask nobody while it is pushed, and are told of nothing of this round
      if (!this.#config.eager && (heardIn >= round || rounds + round - heardIn <= most)) continue
      room--
      this.#host.push(from, rumor, { asked: true })
    }
  }

  // who has more than it can name says nothing of the older
  #earliest(have: ReadonlySet<number>): number {
    let earliest = Infinity
    for (const id of have) earliest = Math.min(earliest, this.#host.rumor(id)?.bornAt ?? Infinity)
    return earliest
  }

  forget(ids: ReadonlyArray<number>): void {
    for (const id of ids) this.#hot.delete(id)
  }

  // it has been told often enough when it comes again
  heardAgain(): void {}
}
