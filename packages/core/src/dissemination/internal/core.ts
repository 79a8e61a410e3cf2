/**
 * What the parts of dissemination share: the step at hand, what comes out of it, and what is counted. All times are
 * milliseconds of the step clock, and of what that has slept.
 */
import type { Address } from "../../Address.ts"
import type { Birth, Output, RandomSource } from "../../node/Protocol.ts"
import type { Message } from "../../wire/Message.ts"
import type { DisseminationEvent, DisseminationMachine, DisseminationResult, Options } from "../DisseminationMachine.ts"
import type { Selector } from "../PeerSelection.ts"
import { empty, type SpreadReport } from "../SpreadReport.ts"
import type { Rumor } from "../Strategy.ts"
import { type Config, configOf } from "./config.ts"
import type { Running } from "./running.ts"
import { sizeOf } from "./sizes.ts"

export type Out = Output<DisseminationEvent, DisseminationResult>

export type Timer =
  | { readonly _tag: "Sweep" }
  | { readonly _tag: "Ask" }
  | { readonly _tag: "Announce" }
  | { readonly _tag: "AntiEntropy" }
  | { readonly _tag: "Round"; readonly running: Running; readonly index: number }

export type Counts = { -readonly [K in keyof SpreadReport]: SpreadReport[K] }

type News = Extract<Message, { readonly _tag: "News" }>

/** How a rumor is passed on. */
export interface Manner {
  readonly note?: number
  /** The receiver has asked for it. */
  readonly asked?: boolean
  /** Old news, sent by anti-entropy. */
  readonly repair?: boolean
}

interface LastNews {
  readonly rumor: Rumor
  readonly note: number | undefined
  readonly asked: boolean | undefined
  readonly repair: boolean | undefined
  readonly message: News
  readonly size: number
}

const none: ReadonlyArray<never> = []

export class Core {
  readonly birth: Birth<DisseminationMachine>
  readonly options: Options
  readonly config: Config
  now: number
  /** How far that is ahead of the step clock: see {@link setClock}. */
  asleep: number
  #wallClockAt0: number
  /** That of the step at hand. */
  readonly random: RandomSource
  #random: RandomSource = { nextDoubleUnsafe: () => 0 }
  // made when it is needed, so that it is as short-lived as what it holds
  #outputs: Array<Out> | undefined
  #exchanges = 0
  #counts = new Map<string, Counts>()
  #lastNews: LastNews | undefined

  constructor(birth: Birth<DisseminationMachine>, options: Options, asleep = 0) {
    this.birth = birth
    this.options = options
    this.config = configOf(options)
    this.asleep = asleep
    this.now = birth.now + asleep
    this.#wallClockAt0 = birth.wallClock - this.now
    this.random = { nextDoubleUnsafe: () => this.#random.nextDoubleUnsafe() }
  }

  // ---------------------------------------------------------------------------
  // a step
  // ---------------------------------------------------------------------------

  /** Begins a step: all until {@link takeOutputs} is at this time. */
  begin(now: number, random: RandomSource): void {
    this.now = now + this.asleep
    this.#random = random
  }

  /** Unix time in milliseconds, now. */
  get wallClock(): number {
    return this.#wallClockAt0 + this.now
  }

  /**
   * The wall clock has been set. Where it was set forward the machine may have slept as long, while the step clock stood
   * still: news held meanwhile is as much older, or it would be told to others when they have forgotten that they know it.
   */
  setClock(wallClock: number): void {
    const ahead = wallClock - this.wallClock
    if (ahead < 0) {
      this.#wallClockAt0 += ahead
      return
    }
    this.asleep += ahead
    this.now += ahead
  }

  takeOutputs(): ReadonlyArray<Out> {
    const outputs = this.#outputs
    this.#outputs = undefined
    this.#lastNews = undefined
    return outputs ?? none
  }

  out(output: Out): void {
    if (this.#outputs === undefined) this.#outputs = [output]
    else this.#outputs.push(output)
  }

  wake(at: number, timer: Timer): void {
    this.out({ _tag: "Wake", at: at - this.asleep, timer })
  }

  drop(reason: string): void {
    this.out({ _tag: "Counted", counter: "drops", label: reason })
  }

  nextExchange(): number {
    return ++this.#exchanges
  }

  // ---------------------------------------------------------------------------
  // counts
  // ---------------------------------------------------------------------------

  get counts(): ReadonlyMap<string, Counts> {
    return this.#counts
  }

  countsOf(name: string): Counts {
    let counts = this.#counts.get(name)
    if (counts === undefined) this.#counts.set(name, counts = { ...empty })
    return counts
  }

  inheritCounts(counts: ReadonlyMap<string, Counts>): void {
    this.#counts = new Map(counts)
  }

  // ---------------------------------------------------------------------------
  // peers
  // ---------------------------------------------------------------------------

  /** Whether a member is at this address; where a datagram says that it comes from may be forged. */
  isPeer(address: Address): boolean {
    return this.options.peers.hasAddress(address)
  }

  makeSelector(): Selector {
    const { peers, selection } = this.options
    return selection.make(this.birth.id, peers, this.random)
  }

  // ---------------------------------------------------------------------------
  // messages
  // ---------------------------------------------------------------------------

  /** Sends a message without a payload. */
  send(to: Address, message: Message, counts: Counts): void {
    countControl(counts, message)
    this.out({ _tag: "Send", to, message })
  }

  /** Makes a request over a stream. */
  exchange(exchange: number, to: Address, message: Message, counts: Counts): void {
    countControl(counts, message)
    this.out({ _tag: "Exchange", exchange, to, message })
  }

  /** Sends a rumor in a datagram. */
  sendNews(to: Address, rumor: Rumor, counts: Counts, manner?: Manner): void {
    const last = this.#lastNews
    // one message for all who are told the same: it is made, and encoded, once
    const isSame = last !== undefined && last.rumor === rumor && last.note === manner?.note &&
      last.asked === manner?.asked && last.repair === manner?.repair
    if (!isSame) {
      const message = this.newsOf(rumor, manner)
      this.#lastNews = {
        rumor,
        note: manner?.note,
        asked: manner?.asked,
        repair: manner?.repair,
        message,
        size: sizeOf(message)
      }
    }
    const { message, size } = this.#lastNews!
    countPayload(counts, size)
    this.out({ _tag: "Send", to, message })
  }

  /** The message that passes a rumor on. */
  newsOf(rumor: Rumor, manner?: Manner): News {
    const { id, hops, origin, payload, publishedAt, strategy, topic } = rumor
    const age = Math.min(maxUint32, Math.max(0, Math.floor(this.now - rumor.bornAt)))
    return {
      _tag: "News",
      id,
      topic,
      origin,
      publishedAt,
      strategy,
      payload,
      ...(age === 0 ? undefined : { age }),
      ...(hops === 0 ? undefined : { hops }),
      ...(manner?.note === undefined ? undefined : { note: manner.note }),
      ...(manner?.asked === true ? { asked: true } : undefined),
      ...(manner?.repair === true ? { repair: true } : undefined)
    }
  }
}

export const maxUint32 = 0xffff_ffff

export const countControl = (counts: Counts, message: Message): void => {
  counts.controlMessages++
  counts.controlBytes += sizeOf(message)
}

export const countPayload = (counts: Counts, bytes: number): void => {
  counts.payloadMessages++
  counts.payloadBytes += bytes
}
