/**
 * A strategy at work in a node: what it may do, and when its rounds begin.
 */
import type { Address } from "../../Address.ts"
import type { RandomSource } from "../../node/Protocol.ts"
import { encodeMessage } from "../../wire/Frame.ts"
import type { Peers, Selector } from "../PeerSelection.ts"
import type { Host, Rumor, Spreading, Strategy, StrategyMessage } from "../Strategy.ts"
import type { Core, Counts } from "./core.ts"
import type { Speaking } from "./speaking.ts"
import type { Store } from "./store.ts"

/** What else of the machine a strategy uses. */
export interface Parts {
  readonly store: Store<Running>
  readonly speaking: Speaking
  readonly announceWidely: (running: Running, rumor: Rumor, count: number) => void
}

export class Running implements Host {
  readonly strategy: Strategy
  readonly counts: Counts
  readonly spreading: Spreading
  readonly #core: Core
  readonly #parts: Parts
  readonly selector: Selector
  /** When rounds begin: at this time after each multiple of the interval. */
  readonly #offset: number
  readonly #begun: number
  #index: number
  #isArmed = false
  #hasEnded = false

  constructor(strategy: Strategy, core: Core, parts: Parts) {
    this.strategy = strategy
    this.counts = core.countsOf(strategy.name)
    this.#core = core
    this.#parts = parts
    this.selector = core.makeSelector()
    this.#offset = (core.options.pacing?.phase ?? core.random.nextDoubleUnsafe()) * strategy.roundInterval
    this.#index = this.#begun = this.#current()
    this.spreading = strategy.make(this)
  }

  get now(): number {
    return this.#core.now
  }

  get random(): RandomSource {
    return this.#core.random
  }

  get peers(): Peers {
    return this.#core.options.peers
  }

  // ---------------------------------------------------------------------------
  // rounds
  // ---------------------------------------------------------------------------

  get round(): number {
    return Math.max(this.#index, this.#current()) - this.#begun
  }

  #current(): number {
    return Math.floor((this.#core.now - this.#offset) / this.strategy.roundInterval)
  }

  requestRounds(): void {
    if (this.#isArmed || this.#hasEnded) return
    this.#isArmed = true
    const { roundInterval } = this.strategy
    const jitter = this.#core.options.pacing?.jitter ?? 0
    const index = Math.max(this.#index, this.#current()) + 1
    const late = jitter === 0 ? 0 : jitter * this.#core.random.nextDoubleUnsafe() * roundInterval
    this.#core.wake(this.#offset + index * roundInterval + late, { _tag: "Round", running: this, index })
  }

  /** The round of a number is due. */
  due(index: number): void {
    this.#isArmed = false
    // what is added and multiplied may come out a little before the time at which the round begins
    this.#index = Math.max(this.#index, index)
    if (!this.#hasEnded && this.spreading.round()) this.requestRounds()
  }

  /** No further round begins. */
  end(): void {
    this.#hasEnded = true
  }

  // ---------------------------------------------------------------------------
  // what it says
  // ---------------------------------------------------------------------------

  push(to: Address, rumor: Rumor, options?: { readonly note?: number; readonly asked?: boolean }): void {
    this.#parts.speaking.push(to, rumor, this.counts, options)
  }

  announce(to: Address, rumors: ReadonlyArray<Rumor>): void {
    this.#parts.speaking.announce([to], rumors, this.counts)
  }

  announceWidely(rumor: Rumor, count: number): void {
    this.#parts.announceWidely(this, rumor, count)
  }

  send(to: Address, message: StrategyMessage): void {
    this.#core.send(to, message, this.counts)
  }

  gossip(to: Address): void {
    this.#core.out({ _tag: "Gossip", to })
  }

  encode(rumor: Rumor): Uint8Array {
    return encodeMessage(this.#core.newsOf(rumor))
  }

  rumor(id: number): Rumor | undefined {
    return this.#parts.store.get(id)?.rumor
  }

  drop(reason: string): void {
    this.#core.drop(reason)
  }
}
