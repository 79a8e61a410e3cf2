/**
 * Dissemination as a machine: takes in what is heard, has strategies spread it, and hands each input to the part that
 * owns it.
 */
import type { Address } from "../../Address.ts"
import { fnv1a, mix } from "../../internal/hash.ts"
import type { Birth, Input, Protocol, RandomSource } from "../../node/Protocol.ts"
import { maxFetched, packIds, unpackIds } from "../../wire/DisseminationMessage.ts"
import type { Message, Tag } from "../../wire/Message.ts"
import type {
  DisseminationCommand,
  DisseminationEvent,
  DisseminationMachine,
  DisseminationResult,
  Options
} from "../DisseminationMachine.ts"
import type { SpreadReport } from "../SpreadReport.ts"
import type { Rumor, StrategyMessage } from "../Strategy.ts"
import { Announcing } from "./announcing.ts"
import { AntiEntropy, howManyFit } from "./antiEntropy.ts"
import { Core, countControl, countPayload, type Counts, maxUint32, type Out, type Timer } from "./core.ts"
import type { Running } from "./running.ts"
import { fetchedOverhead, fetchedSize, newsSizeAtMost, sizeOf } from "./sizes.ts"
import { Speaking } from "./speaking.ts"
import { type Held, Store } from "./store.ts"
import { Strategies } from "./strategies.ts"
import { Wanting } from "./wanting.ts"

type Of<Kind extends Tag> = Extract<Message, { readonly _tag: Kind }>

export const handles: ReadonlyArray<Tag> = [
  "News",
  "Announce",
  "Ask",
  "Feedback",
  "Offer",
  "Pull",
  "RecentDigest",
  "Fetch",
  "Fetched"
]

const callsForMore: ReadonlySet<Tag> = new Set<Tag>(["Announce", "Offer", "Pull", "RecentDigest"])

const nothing = new Uint8Array(0)
const none: ReadonlyArray<never> = []

/** Rumors of this node's own that are pushed once more when it closes: so many, and no older, in milliseconds. */
const maxLastWords = 64
const lastWordsAge = 2000

/** How those are counted whose strategy is unknown here. */
const unknown = "unknown"

/** What a machine leaves to the one that takes its place after a defect. */
export interface Legacy {
  /** Since when the node runs, however often it was restarted. */
  readonly startedAt: number
  /** See `Core`. */
  readonly asleep: number
  readonly store: Store<unknown>
  readonly topics: Strategies["topics"]
  readonly counts: ReadonlyMap<string, Counts>
}

class Dissemination implements DisseminationMachine {
  readonly #core: Core
  readonly #startedAt: number
  readonly #store: Store<Running>
  readonly #speaking: Speaking
  readonly #announcing: Announcing
  readonly #strategies: Strategies
  readonly #wanting: Wanting
  #antiEntropy: AntiEntropy | undefined
  #sweeps = false
  /** Of this process: those whose chance has the same seed, and former lives of this one, must not name rumors alike. */
  readonly #life: number

  constructor(birth: Birth<DisseminationMachine>, options: Options) {
    const legacy = birth.previous?.legacy()
    this.#life = fnv1a(`${birth.id} ${birth.address} ${birth.wallClock}`)
    const core = new Core(birth, options, legacy?.asleep)
    this.#core = core
    this.#startedAt = legacy?.startedAt ?? core.now
    this.#store = new Store(core.config, core.now)
    this.#speaking = new Speaking(core)
    this.#announcing = new Announcing(core, this.#speaking)
    this.#strategies = new Strategies(core, {
      store: this.#store,
      speaking: this.#speaking,
      announceWidely: (running, rumor, count) => this.#announcing.add(running, rumor, count)
    })
    if (legacy !== undefined) core.inheritCounts(legacy.counts)
    // what counts later is to be seen from the first
    if (core.config.antiEntropy !== undefined) core.countsOf("anti-entropy")
    this.#wanting = new Wanting(core, core.countsOf(options.strategy.name), (id) => this.#store.has(id))
  }

  // ---------------------------------------------------------------------------
  // what it shows
  // ---------------------------------------------------------------------------

  reports(): ReadonlyMap<string, SpreadReport> {
    return this.#core.counts
  }

  get held() {
    return { rumors: this.#store.size, bytes: this.#store.bytes }
  }

  get wanted(): number {
    return this.#wanting.size
  }

  legacy(): Legacy {
    return {
      startedAt: this.#startedAt,
      asleep: this.#core.asleep,
      store: this.#store,
      topics: this.#strategies.topics,
      counts: this.#core.counts
    }
  }

  piggyback(room: number, to: Address): ReadonlyArray<Uint8Array> {
    const { riding } = this.#strategies
    // what a stranger is told counts as told, and it may be nobody
    if (riding.length === 0 || !this.#core.isPeer(to)) return none
    const messages: Array<Uint8Array> = []
    let left = room
    for (const { counts, spreading } of riding) {
      for (const message of spreading.piggyback!(left, to)) {
        messages.push(message)
        left -= message.length
        countPayload(counts, message.length)
      }
    }
    return messages
  }

  // what was published last may be with nobody else: where nodes only ask for news, nobody asks this one any more
  farewell(now: number, random: RandomSource): ReadonlyArray<Out> {
    this.#core.begin(now, random)
    let left = maxLastWords
    for (const { rumor, running } of this.#store.held()) {
      if (rumor.hops > 0 || rumor.large || running === undefined || this.#core.now - rumor.bornAt > lastWordsAge) {
        continue
      }
      if (left-- === 0) break
      for (const peer of running.selector.next(2)) running.push(peer.address, rumor)
    }
    return this.#core.takeOutputs()
  }

  // ---------------------------------------------------------------------------
  // inputs
  // ---------------------------------------------------------------------------

  step(input: Input<DisseminationCommand>, now: number, random: RandomSource): ReadonlyArray<Out> {
    this.#core.begin(now, random)
    switch (input._tag) {
      case "Started": {
        this.#start()
        break
      }
      case "Received": {
        this.#receive(input.from, input.message)
        break
      }
      case "Requested": {
        this.#answer(input.reply, input.message)
        break
      }
      case "Answered": {
        this.#answered(input.exchange, input.answer)
        break
      }
      case "Due": {
        this.#due(input.timer as Timer)
        break
      }
      case "ClockSet": {
        this.#core.setClock(input.wallClock)
        break
      }
      case "Commanded": {
        this.#command(input.command, input.completion)
        break
      }
    }
    this.#announcing.flush()
    return this.#core.takeOutputs()
  }

  #start(): void {
    const { config, options } = this.#core
    const { previous, restarts } = this.#core.birth
    if (config.antiEntropy !== undefined) {
      this.#antiEntropy = new AntiEntropy(this.#core, config.antiEntropy, {
        store: this.#store,
        speaking: this.#speaking,
        wanting: this.#wanting,
        counts: this.#core.countsOf("anti-entropy")
      })
    }
    this.#strategies.running(options.strategy)
    if (previous !== undefined) this.#inherit(previous.legacy(), restarts === 1)
    this.#antiEntropy?.arm()
  }

  /** @param whole whether to take over the payloads, too: they may be what broke the machine before */
  #inherit({ store, topics }: Legacy, whole: boolean): void {
    for (const [topic, strategy] of topics) this.#strategies.configure(topic, strategy)
    this.#store.inherit(store)
    if (whole) {
      for (const { rumor } of store.held()) {
        this.#store.restore({ rumor, running: this.#strategies.ofRumor(rumor.topic, rumor.strategy) })
      }
    }
    this.#armSweep()
  }

  // What calls for an answer is heard of members alone: a datagram's source can be forged, and what is small must not have
  // this node send much to whoever is there. Who asks by name is answered by names; see `Speaking`.
  #receive(from: Address, message: Message): void {
    if (callsForMore.has(message._tag) && !this.#core.isPeer(from)) return this.#core.drop("Stranger")
    switch (message._tag) {
      case "News":
        return this.#hear(message, from)
      case "Announce":
        return this.#wanting.announced(
          from,
          unpackIds(message.ids ?? nothing)!,
          unpackIds(message.large ?? nothing)!,
          message.repair === true
        )
      case "Ask":
        return this.#supply(from, message)
      case "Feedback":
      case "Offer":
      case "Pull":
        return this.#tell(message, from)
      case "RecentDigest":
        return this.#antiEntropy?.onDigest(message, from)
      // these belong on a stream
      default:
        return this.#core.drop("Unexpected")
    }
  }

  #due(timer: Timer): void {
    switch (timer._tag) {
      case "Sweep":
        return this.#sweep()
      case "Ask":
        return this.#wanting.due()
      case "Announce":
        return this.#announcing.due()
      case "AntiEntropy":
        return this.#antiEntropy?.due()
      case "Round":
        return timer.running.due(timer.index)
    }
  }

  #command(command: DisseminationCommand, completion: number): void {
    switch (command._tag) {
      case "Publish":
        return this.#core.out({ _tag: "Completed", completion, result: this.#publish(command) })
      case "Configure": {
        this.#strategies.configure(command.topic, command.strategy)
        this.#strategies.prune(this.#store.held())
        break
      }
      case "Reunite": {
        this.#antiEntropy?.reunite(command.peer.address)
        break
      }
    }
    this.#core.out({ _tag: "Completed", completion, result: { _tag: "Done" } })
  }

  // ---------------------------------------------------------------------------
  // news
  // ---------------------------------------------------------------------------

  #publish({ payload, strategy, topic }: Extract<DisseminationCommand, { _tag: "Publish" }>): DisseminationResult {
    const { birth, now } = this.#core
    const limit = Math.min(this.#core.config.maxPayloadSize, maxPayload(birth, topic))
    if (payload.length > limit) return { _tag: "TooLarge", size: payload.length, limit }
    const running = this.#strategies.running(strategy ?? this.#strategies.ofTopic(topic))
    const rumor = this.#rumor({
      id: this.#newId(),
      topic,
      origin: birth.id,
      publishedAt: Math.max(0, Math.floor(this.#core.wallClock)),
      bornAt: now,
      hops: 0,
      strategy: running.strategy.kind,
      payload
    })
    running.counts.published++
    this.#add({ rumor, running })
    running.spreading.heard(rumor, undefined, undefined, false)
    return { _tag: "Published", id: rumor.id }
  }

  #newId(): number {
    const { random } = this.#core
    while (true) {
      const high = (Math.floor(random.nextDoubleUnsafe() * 0x20_0000) ^ mix(this.#life, 1)) & 0x1f_ffff
      const low = (Math.floor(random.nextDoubleUnsafe() * 0x1_0000_0000) ^ this.#life) >>> 0
      const id = high * 0x1_0000_0000 + low
      if (!this.#store.has(id)) return id
    }
  }

  #rumor(rumor: Omit<Rumor, "large">): Rumor {
    return { ...rumor, large: newsSizeAtMost(rumor) > this.#core.birth.maxDatagramSize }
  }

  #hear(news: Of<"News">, from: Address): void {
    const { now } = this.#core
    const want = this.#wanting.close(news.id, from)
    const bornAt = now - (news.age ?? 0)
    if (this.#store.has(news.id)) {
      this.#store.recall(news.id, bornAt, now)
      return this.#hearAgain(news, from)
    }
    if (this.#store.isTooOld(bornAt, now)) return this.#core.drop("TooOld")
    const { id, origin, payload, publishedAt, strategy, topic } = news
    if (payload.length > this.#core.config.maxPayloadSize) {
      this.#store.refuse(id, now)
      return this.#core.drop("TooLarge")
    }
    const running = this.#strategies.ofRumor(topic, strategy)
    if (running === undefined) this.#core.drop("UnknownStrategy")
    const rumor = this.#rumor({
      id,
      topic,
      origin,
      publishedAt,
      bornAt,
      hops: Math.min(maxUint32, (news.hops ?? 0) + 1),
      strategy,
      // a copy: what it came in must not be kept for one message of it
      payload: payload.length === payload.buffer.byteLength ? payload : payload.slice()
    })
    this.#add({ rumor, running })
    // what anti-entropy has brought is old news to most, and hot with nobody
    if (want === undefined ? news.repair === true : want.repair) return
    running?.spreading.heard(rumor, from, news.note, want !== undefined || news.asked === true)
  }

  #hearAgain(news: Of<"News">, from: Address): void {
    const held = this.#store.get(news.id)
    const running = held === undefined ? this.#strategies.ofRumor(news.topic, news.strategy) : held.running
    const counts = running?.counts ?? this.#core.countsOf(unknown)
    counts.redundant++
    if (held === undefined || news.asked === true || news.repair === true) return
    running?.spreading.heardAgain(held.rumor, from, news.note)
  }

  /** Takes in what is new, and delivers it, unless it is older than this node. */
  #add(held: Held<Running>): void {
    const { rumor, running } = held
    const { now } = this.#core
    const dropped = this.#store.add(held, now)
    for (const _ of dropped) this.#core.drop("RumorsFull")
    this.#forget(dropped)
    this.#armSweep()
    this.#antiEntropy?.arm()
    if (rumor.bornAt < this.#startedAt) return
    const counts = running?.counts ?? this.#core.countsOf(unknown)
    counts.delivered++
    if (rumor.hops > 0) {
      const age = now - rumor.bornAt
      counts.delaySumMillis += age
      counts.delayMaxMillis = Math.max(counts.delayMaxMillis, age)
      counts.hopsMax = Math.max(counts.hopsMax, rumor.hops)
    }
    this.#core.out({ _tag: "Happened", event: { _tag: "Delivered", rumor } })
  }

  #tell(message: StrategyMessage, from: Address): void {
    for (const running of this.#strategies.all) {
      if (running.strategy.kind === message.strategy) running.spreading.received(message, from)
    }
  }

  /** Sends a peer what it asks for. */
  #supply(to: Address, { ids }: Of<"Ask">): void {
    const asked = []
    for (const id of new Set(unpackIds(ids)!)) {
      const held = this.#store.get(id)
      if (held !== undefined) asked.push({ rumor: held.rumor, counts: this.#countsOf(held) })
    }
    if (asked.length > 0) this.#speaking.supply(to, asked, asked[0]!.counts, { asked: true })
  }

  #countsOf({ running }: Held<Running>): Counts {
    return running?.counts ?? this.#core.countsOf(unknown)
  }

  // ---------------------------------------------------------------------------
  // streams
  // ---------------------------------------------------------------------------

  #answer(reply: number, request: Message): void {
    this.#core.out({
      _tag: "Reply",
      reply,
      message: request._tag === "Fetch" ? this.#fetched(request) : undefined
    })
  }

  #fetched(request: Of<"Fetch">): Of<"Fetched"> {
    const { birth } = this.#core
    const found: Array<Held<Running>> = []
    for (const id of new Set(unpackIds(request.ids ?? nothing)!)) {
      const held = this.#store.get(id)
      if (held !== undefined) found.push(held)
    }
    const compared = request.have === undefined ? undefined : this.#antiEntropy?.compare(request)
    if (compared !== undefined) found.push(...compared.news)
    const wanted = compared === undefined || compared.wanted.length === 0 ? undefined : packIds(compared.wanted)
    const room = birth.maxExchangeSize - (wanted?.length ?? 0)
    const count = Math.min(maxFetched, howManyFit(room, found))
    const news: Array<Of<"News">> = []
    for (const held of found.slice(0, count)) {
      const message = this.#core.newsOf(held.rumor, { asked: true })
      countPayload(this.#countsOf(held), sizeOf(message))
      news.push(message)
    }
    const answer: Of<"Fetched"> = {
      _tag: "Fetched",
      news,
      ...(wanted === undefined ? undefined : { wanted }),
      ...(count < found.length ? { more: true } : undefined)
    }
    countControl(this.#core.countsOf(this.#core.options.strategy.name), answer)
    return answer
  }

  #answered(exchange: number, answer: Message | undefined): void {
    const fetched = answer?._tag === "Fetched" ? answer : undefined
    const compared = this.#antiEntropy?.peerOf(exchange)
    const from = compared ?? this.#wanting.fetching.peerOf(exchange)
    if (from === undefined) return
    for (const news of fetched?.news ?? none) {
      this.#hear(compared === undefined ? news : { ...news, repair: true }, from)
    }
    if (compared === undefined) this.#wanting.fetching.ended(exchange, fetched?.more === true)
    else this.#antiEntropy!.ended(fetched)
  }

  // ---------------------------------------------------------------------------
  // forgetting
  // ---------------------------------------------------------------------------

  #armSweep(): void {
    const { retention } = this.#core.config
    if (this.#sweeps || this.#store.isEmpty || retention === Infinity) return
    this.#sweeps = true
    this.#core.wake(this.#core.now + Math.max(1000, retention / 8), { _tag: "Sweep" })
  }

  #sweep(): void {
    this.#sweeps = false
    this.#forget(this.#store.sweep(this.#core.now))
    this.#strategies.prune(this.#store.held())
    this.#armSweep()
  }

  #forget(gone: ReadonlyArray<Held<Running>>): void {
    if (gone.length === 0) return
    const ids = new Map<Running, Array<number>>()
    for (const { rumor, running } of gone) {
      if (running === undefined) continue
      const some = ids.get(running)
      if (some === undefined) ids.set(running, [rumor.id])
      else some.push(rumor.id)
    }
    for (const [running, some] of ids) running.spreading.forget(some)
  }
}

/** Most bytes of a payload that can be fetched. */
const maxPayload = ({ id, maxExchangeSize }: Birth<DisseminationMachine>, topic: string): number => {
  const around = { id: Number.MAX_SAFE_INTEGER, topic, origin: id, publishedAt: 2 ** 48, hops: 0, strategy: 255 }
  // its own length takes up to four bytes more
  const without = newsSizeAtMost({ ...around, payload: nothing }) + 8
  return Math.max(0, maxExchangeSize - fetchedSize - fetchedOverhead - without)
}

/** Dissemination, for a node to run. */
export const makeProtocol = (
  options: Options
): Protocol<DisseminationCommand, DisseminationEvent, DisseminationResult, DisseminationMachine> => ({
  name: "dissemination",
  handles,
  // how often a rumor comes is news to some strategies
  idempotent: none,
  make: (birth) => new Dissemination(birth, options)
})
