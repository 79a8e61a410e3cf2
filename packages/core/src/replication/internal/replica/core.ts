/**
 * What the parts of the machine share: the step at hand, the node's clock, and what comes out. All times are milliseconds of
 * the step clock, but for those of versions.
 */
import type { Address } from "../../../Address.ts"
import type { Birth, Output, RandomSource } from "../../../node/Protocol.ts"
import type { Message } from "../../../wire/Message.ts"
import type {
  Options,
  PeerSelector,
  Refusal,
  ReplicaEvent,
  ReplicaMachine,
  ReplicaResult
} from "../../ReplicaMachine.ts"
import { ahead, maxCounter, next } from "../clock.ts"
import { type Config, configOf } from "./config.ts"
import { atMillis, isAfter, type Time, timeOf, zero } from "./time.ts"

export type Out = Output<ReplicaEvent, ReplicaResult>

export type Timer =
  | { readonly _tag: "Restore"; readonly space: string; readonly completion: number }
  | { readonly _tag: "Spread"; readonly space: string; readonly serial: number }
  | { readonly _tag: "AntiEntropy" }
  | { readonly _tag: "Stability"; readonly serial: number }

const none: ReadonlyArray<never> = []

export class Core {
  readonly birth: Birth<ReplicaMachine>
  readonly options: Options
  readonly config: Config
  readonly selector: PeerSelector
  now: number
  /** Unix time in milliseconds at 0 of the step clock. */
  wallClockAt0: number
  /** The hybrid logical clock: the last time that was given or taken. */
  clock: Time = zero
  /** That of the step at hand. */
  readonly random: RandomSource
  #random: RandomSource = { nextDoubleUnsafe: () => 0 }
  #outputs: Array<Out> = []
  #exchanges = 0
  #refused = new Map<string, { space: string; reason: Refusal; node: string; count: number; ahead: number }>()

  constructor(birth: Birth<ReplicaMachine>, options: Options) {
    this.birth = birth
    this.options = options
    this.config = configOf(options)
    this.now = birth.now
    this.wallClockAt0 = birth.wallClock - birth.now
    this.random = { nextDoubleUnsafe: () => this.#random.nextDoubleUnsafe() }
    this.selector = options.selector(this.random)
  }

  // ---------------------------------------------------------------------------
  // a step
  // ---------------------------------------------------------------------------

  begin(now: number, random: RandomSource): void {
    this.now = now
    this.#random = random
  }

  takeOutputs(): ReadonlyArray<Out> {
    for (const { ahead, count, node, reason, space } of this.#refused.values()) {
      this.out({ _tag: "Counted", counter: "drops", label: `Replica${reason}` })
      this.happened({ _tag: "Refused", space, reason, node, count, ahead })
    }
    if (this.#refused.size > 0) this.#refused = new Map()
    const outputs = this.#outputs
    if (outputs.length === 0) return none
    this.#outputs = []
    return outputs
  }

  out(output: Out): void {
    this.#outputs.push(output)
  }

  happened(event: ReplicaEvent): void {
    this.out({ _tag: "Happened", event })
  }

  completed(completion: number, result: ReplicaResult): void {
    this.out({ _tag: "Completed", completion, result })
  }

  send(to: Address, message: Message): void {
    this.out({ _tag: "Send", to, message })
  }

  wake(at: number, timer: Timer): void {
    this.out({ _tag: "Wake", at, timer })
  }

  drop(reason: string): void {
    this.out({ _tag: "Counted", counter: "drops", label: reason })
  }

  /** Something of a peer was refused: told at the end of the step. */
  refuse(space: string, reason: Refusal, node: string, ahead = 0): void {
    const key = `${reason} ${node} ${space}`
    const refused = this.#refused.get(key)
    if (refused === undefined) {
      // however many names a message makes up
      if (this.#refused.size < 64) this.#refused.set(key, { space, reason, node, count: 1, ahead })
      return
    }
    refused.count++
    refused.ahead = Math.max(refused.ahead, ahead)
  }

  nextExchange(): number {
    return ++this.#exchanges
  }

  /** Makes a request that is no part of a session. */
  exchange(to: Address, message: Message): void {
    this.out({ _tag: "Exchange", exchange: this.nextExchange(), to, message })
  }

  // ---------------------------------------------------------------------------
  // clock
  // ---------------------------------------------------------------------------

  /** Unix time in milliseconds, by this node's wall clock. */
  get wallClock(): number {
    return this.wallClockAt0 + this.now
  }

  /** The time of an event here: later than all that was given or taken. */
  tick(): Time {
    this.clock = next(this.clock, this.wallClock)
    return this.clock
  }

  /** How far a time is too far ahead of the wall clock, in milliseconds; 0 when it is not. */
  tooFarAhead(time: Time): number {
    const skew = ahead(time, this.wallClock)
    return skew > this.config.maxClockSkew ? skew : 0
  }

  /** What is later than this is too far ahead of the wall clock. */
  get latest(): Time {
    return { millis: atMillis(this.wallClock + this.config.maxClockSkew).millis, counter: maxCounter }
  }

  /** What happens here from now on is later than this. */
  follow(time: Time): void {
    if (isAfter(time, this.clock)) this.clock = timeOf(time)
  }
}
