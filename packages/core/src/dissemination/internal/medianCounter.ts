/** The median-counter algorithm at one node: see `MedianCounter`. */
import type { Address } from "../../Address.ts"
import { ln } from "../../internal/math.ts"
import type { Host, Rumor, Spreading, Strategy, StrategyMessage } from "../Strategy.ts"
import * as kinds from "./kinds.ts"
import { quotaOfPulls } from "./quota.ts"

// -----------------------------------------------------------------------------
// config
// -----------------------------------------------------------------------------

export interface Config {
  /** Undefined for ln ln n. */
  readonly counterMax: number | undefined
  readonly coolingRounds: number | undefined
  readonly roundInterval: number
}

export const defaultConfig: Config = { counterMax: undefined, coolingRounds: undefined, roundInterval: 200 }

export const makeStrategy = (config: Config): Strategy => ({
  kind: kinds.medianCounter,
  name: "median-counter",
  roundInterval: config.roundInterval,
  make: (host) => new MedianCounter(config, host)
})

/** Most rumors that are active at a time: beyond it the one heard longest ago is given up. */
const maxActive = 1024

/** Most rumors that go from one node to another in a call. */
const maxPerCall = 64

/** Rounds after which a rumor is given up whatever its counter, as multiples of log2 n. */
const patience = 4

/** The note of who is in state C: above any counter. */
const cooling = 0xff

// -----------------------------------------------------------------------------
// machine
// -----------------------------------------------------------------------------

/** A rumor in state B or C: what is neither known (A) nor given up (D). */
interface Active {
  readonly rumor: Rumor
  /** The round in which it was heard. It is told from the next on. */
  readonly heardIn: number
  /** That of state B, or `cooling` in state C. */
  counter: number
  /** Rounds in state C. */
  cooled: number
  /** Partners of this round by their counters: as high as its own or higher, and lower or without the rumor. */
  higher: number
  lower: number
  /** Whether one of them is in state C. */
  metCooling: boolean
  /** Who was the last to tell it in this round. */
  from: Address | undefined
  /** Whether the one who was called has told it. */
  wasAnswered: boolean
}

class MedianCounter implements Spreading {
  readonly #config: Config
  readonly #host: Host
  readonly #active = new Map<number, Active>()
  readonly #answered = quotaOfPulls()
  #called: Address | undefined
  #round = NaN

  constructor(config: Config, host: Host) {
    this.#config = config
    this.#host = host
    // calls are made whether or not there is something to tell: who does not call hears late
    host.requestRounds()
  }

  heard(rumor: Rumor, from: Address | undefined, note: number | undefined): void {
    this.#turn()
    this.#active.set(rumor.id, {
      rumor,
      heardIn: this.#round,
      counter: note === cooling ? cooling : 1,
      cooled: 0,
      higher: 0,
      lower: 0,
      metCooling: false,
      from,
      wasAnswered: false
    })
    if (this.#active.size <= maxActive) return
    const [oldest] = this.#active.keys()
    this.#active.delete(oldest!)
  }

  heardAgain(rumor: Rumor, from: Address, note: number | undefined): void {
    this.#turn()
    const active = this.#active.get(rumor.id)
    if (active === undefined) return
    active.from = from
    if (note === cooling) active.metCooling = true
    if (active.heardIn === this.#round) return
    if (from === this.#called) active.wasAnswered = true
    if (note !== undefined && note >= active.counter) active.higher++
    else active.lower++
  }

  forget(ids: ReadonlyArray<number>): void {
    for (const id of ids) this.#active.delete(id)
  }

  // a call: what its sender has to tell came before it
  received(message: StrategyMessage, from: Address): void {
    this.#turn()
    if (message._tag !== "Pull") return
    if (!this.#answered.take(from)) return this.#host.drop("TooManyPulls")
    // who calls and does not tell it does not have it, or has given it up
    for (const active of this.#active.values()) if (active.from !== from) active.lower++
    this.#tell(from)
  }

  round(): boolean {
    this.#turn()
    const [peer] = this.#host.selector.next(1)
    if (peer === undefined) return true
    this.#called = peer.address
    this.#tell(peer.address)
    this.#host.send(peer.address, { _tag: "Pull", strategy: kinds.medianCounter })
    return true
  }

  #tell(to: Address): void {
    let told = 0
    for (const { counter, heardIn, rumor } of this.#active.values()) {
      if (heardIn === this.#round) continue
      this.#host.push(to, rumor, { note: counter })
      if (++told === maxPerCall) break
    }
  }

  /** What belongs to a round ends with it. */
  #turn(): void {
    const { round } = this.#host
    if (round === this.#round) return
    const ended = this.#round
    const wasCalled = this.#called !== undefined
    this.#round = round
    this.#called = undefined
    this.#answered.renew()
    if (this.#active.size === 0) return
    const lnN = ln(Math.max(3, this.#host.peers.size + 1))
    const auto = Math.max(1, Math.ceil(ln(lnN)))
    const { coolingRounds = auto, counterMax = auto } = this.#config
    const limit = Math.ceil(patience * lnN / Math.LN2)
    for (const [id, active] of this.#active) {
      if (active.heardIn !== ended) this.#settle(active, wasCalled, counterMax)
      else if (active.metCooling) active.counter = cooling
      if (active.cooled >= coolingRounds || round - active.heardIn > limit) this.#active.delete(id)
      active.higher = active.lower = 0
      active.metCooling = active.wasAnswered = false
      active.from = undefined
    }
  }

  /** The median rule. */
  #settle(active: Active, wasCalled: boolean, counterMax: number): void {
    if (active.counter === cooling) {
      active.cooled++
      return
    }
    if (wasCalled && !active.wasAnswered) active.lower++
    if (active.metCooling || (active.higher > active.lower && ++active.counter > counterMax)) active.counter = cooling
  }
}
