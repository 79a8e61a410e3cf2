/**
 * Anti-entropy of recent rumors (Demers et al. 1987 §1.3): now and then a node compares with one peer what they know of
 * late, and either makes up for what the other lacks. It backs up any strategy.
 *
 * Only what has settled is compared, so that nothing is repaired that is still on its way. A count and a hash come first:
 * those who know the same send nothing more. Names follow, 7 bytes each, and over a stream where they are many.
 */
import type { Address } from "../../Address.ts"
import { mix } from "../../internal/hash.ts"
import { packIds, unpackIds } from "../../wire/DisseminationMessage.ts"
import type { Message } from "../../wire/Message.ts"
import type { AntiEntropy as Options } from "../DisseminationMachine.ts"
import type { Selector } from "../PeerSelection.ts"
import type { Core, Counts } from "./core.ts"
import { Quota } from "./quota.ts"
import type { Running } from "./running.ts"
import { fetchedOverhead, fetchedSize, idsThatFit, newsSizeAtMost } from "./sizes.ts"
import type { Speaking } from "./speaking.ts"
import type { Held, Known, Store } from "./store.ts"
import type { Wanting } from "./wanting.ts"

type Of<Tag extends Message["_tag"]> = Extract<Message, { readonly _tag: Tag }>

/** So many names go with a digest unasked: they cost less than another message. */
const inlineIds = 32

/** Digests answered in an interval, and those of one peer: a node has to expect some three, when all choose at random. */
const maxAnswered = 64
const maxAnsweredEach = 4

/** Peers that are talked to in an interval because they are back. */
const maxReunited = 4

/** By how much the ages of a rumor may differ between two nodes that count it for the same. */
const maxMargin = 500

const hashOf = (id: number): number => mix(0x9e3779b9, id)

interface View {
  /** Those to compare. */
  readonly settled: ReadonlyArray<number>
  /** Those that are still being spread, and those that are nearly forgotten. */
  readonly others: ReadonlyArray<number>
  readonly hash: number
}

export class AntiEntropy {
  readonly #core: Core
  readonly #options: Options
  readonly #store: Store<Running>
  readonly #speaking: Speaking
  readonly #wanting: Wanting
  readonly #counts: Counts
  readonly #selector: Selector
  readonly #offset: number
  #isArmed = false
  readonly #answered = new Quota(maxAnswered, maxAnsweredEach)
  #reunited = 0
  #since = -Infinity
  /** The exchange that is open, and with whom. */
  #open: { readonly exchange: number; readonly to: Address } | undefined

  constructor(
    core: Core,
    options: Options,
    parts: {
      readonly store: Store<Running>
      readonly speaking: Speaking
      readonly wanting: Wanting
      readonly counts: Counts
    }
  ) {
    this.#core = core
    this.#options = options
    this.#store = parts.store
    this.#speaking = parts.speaking
    this.#wanting = parts.wanting
    this.#counts = parts.counts
    this.#selector = core.makeSelector()
    this.#offset = (core.options.pacing?.phase ?? core.random.nextDoubleUnsafe()) * options.interval
  }

  // ---------------------------------------------------------------------------
  // turns
  // ---------------------------------------------------------------------------

  /** To be called when there may be something to compare. */
  arm(): void {
    if (this.#isArmed || this.#store.isEmpty && !this.#options.talksWhenEmpty) return
    this.#isArmed = true
    const { interval } = this.#options
    const turns = Math.floor((this.#core.now - this.#offset) / interval) + 1
    const at = this.#offset + turns * interval
    this.#core.wake(at > this.#core.now ? at : at + interval, { _tag: "AntiEntropy" })
  }

  due(): void {
    this.#isArmed = false
    this.arm()
    const peer = this.#selector.next(1)[0]
    if (peer !== undefined) this.#talk(peer.address)
  }

  /** A peer is back. */
  reunite(to: Address): void {
    this.#begin()
    if (this.#store.isEmpty || this.#reunited >= maxReunited) return
    this.#reunited++
    this.#talk(to)
  }

  // what is counted is counted by the interval
  #begin(): void {
    if (this.#core.now - this.#since < this.#options.interval) return
    this.#since = this.#core.now
    this.#answered.renew()
    this.#reunited = 0
  }

  #talk(to: Address): void {
    const { mode, talksWhenEmpty } = this.#options
    const view = this.#view()
    const isShort = view.settled.length + view.others.length <= inlineIds
    if (view.settled.length === 0 && !(talksWhenEmpty && isShort)) return
    if (mode === "push") return this.#supply(to, view.settled)
    this.#digest(to, view, { wants: true, offers: mode === "pushPull", ids: isShort })
  }

  // ---------------------------------------------------------------------------
  // digests
  // ---------------------------------------------------------------------------

  #isSettled({ bornAt }: Known): boolean {
    const age = this.#core.now - bornAt
    return age >= this.#options.settling && age < this.#core.config.retention
  }

  #view(): View {
    const settled: Array<number> = []
    const others: Array<number> = []
    let hash = 0
    for (const known of this.#store.known()) {
      if (!this.#isSettled(known)) others.push(known.id)
      else {
        settled.push(known.id)
        hash = (hash + hashOf(known.id)) >>> 0
      }
    }
    return { settled, others, hash }
  }

  #digest(
    to: Address,
    { hash, others, settled }: View,
    { ids, offers, wants }: { readonly wants: boolean; readonly offers: boolean; readonly ids: boolean }
  ): void {
    this.#core.send(to, {
      _tag: "RecentDigest",
      count: settled.length,
      hash,
      wants,
      offers,
      ...(ids && settled.length > 0 ? { ids: packIds(settled) } : undefined),
      ...(ids && others.length > 0 ? { young: packIds(others) } : undefined)
    }, this.#counts)
  }

  // The ages of a rumor at two nodes differ by what messages were on their way, so that it may have settled with one alone,
  // or be forgotten sooner. Such rumors are next to each other in age: the other knows the same if it does for some choice
  // of where they begin and end.
  #isSame(view: View, count: number, hash: number): boolean {
    if (view.settled.length === count && view.hash === hash) return true
    const { settling } = this.#options
    const margin = Math.min(settling, maxMargin)
    const youngest = this.#core.now - settling
    const oldest = this.#core.now - this.#core.config.retention
    const byAge = [...this.#store.known()]
      .filter(({ bornAt }) => bornAt > oldest - margin && bornAt <= youngest + margin)
      .sort((a, b) => a.bornAt - b.bornAt)
    // from the first of those beyond doubt to behind the last
    const first = byAge.filter(({ bornAt }) => bornAt <= oldest + margin).length
    const behind = byAge.filter(({ bornAt }) => bornAt <= youngest - margin).length
    let sum = 0
    for (let end = 1; end <= byAge.length; end++) {
      sum = (sum + hashOf(byAge[end - 1]!.id)) >>> 0
      const start = end - count
      if (start > 0) sum = (sum - hashOf(byAge[start - 1]!.id)) >>> 0
      const holdsAll = first >= behind || start <= first && end >= behind
      if (start >= 0 && sum === hash && holdsAll) return true
    }
    return false
  }

  onDigest(digest: Of<"RecentDigest">, from: Address): void {
    this.#begin()
    if (!this.#answered.take(from)) return this.#core.drop("DigestsFull")
    const { count, hash, offers, wants } = digest
    const view = this.#view()
    if (this.#isSame(view, count, hash)) return
    // who has none says so by their number
    if (digest.ids !== undefined || digest.young !== undefined || count === 0) {
      const ids = unpackIds(digest.ids ?? nothing)!
      if (wants) this.#supply(from, this.#lacking(view, [...ids, ...unpackIds(digest.young ?? nothing)!]))
      if (offers) this.#wanting.announced(from, ids, [], true)
      return
    }
    if (view.settled.length + view.others.length <= idsThatFit(this.#core.birth.maxDatagramSize)) {
      return this.#digest(from, view, { wants: offers, offers: wants, ids: true })
    }
    if (this.#open !== undefined) return
    this.#open = { exchange: this.#core.nextExchange(), to: from }
    this.#core.exchange(this.#open.exchange, from, {
      _tag: "Fetch",
      have: packIds(view.settled),
      young: packIds(view.others)
    }, this.#counts)
  }

  #lacking({ settled }: View, known: ReadonlyArray<number>): Array<number> {
    const theirs = new Set(known)
    return settled.filter((id) => !theirs.has(id))
  }

  #supply(to: Address, ids: ReadonlyArray<number>): void {
    const rumors = []
    for (const id of ids) {
      const held = this.#store.get(id)
      if (held !== undefined) rumors.push({ rumor: held.rumor, counts: this.#counts })
    }
    this.#speaking.supply(to, rumors, this.#counts, { repair: true })
  }

  // ---------------------------------------------------------------------------
  // over streams
  // ---------------------------------------------------------------------------

  /** With whom an exchange of this is open. */
  peerOf(exchange: number): Address | undefined {
    return this.#open?.exchange === exchange ? this.#open.to : undefined
  }

  /** An exchange has ended, and what came by it was taken in: the other is sent what it wants. */
  ended(answer: Of<"Fetched"> | undefined): void {
    const { to } = this.#open!
    this.#open = undefined
    if (answer?.wanted !== undefined) this.#supply(to, unpackIds(answer.wanted)!)
  }

  /** What a peer lacks that has all of these, and what of it is lacking here. */
  compare(request: Of<"Fetch">): { readonly news: Array<Held<Running>>; readonly wanted: Array<number> } {
    const have = unpackIds(request.have ?? nothing)!
    const news: Array<Held<Running>> = []
    for (const id of this.#lacking(this.#view(), [...have, ...unpackIds(request.young ?? nothing)!])) {
      const held = this.#store.get(id)
      if (held !== undefined) news.push(held)
    }
    return { news, wanted: have.filter((id) => !this.#store.has(id)) }
  }
}

const nothing = new Uint8Array(0)

/** How many of these fit an answer of so many bytes, the first in any case. */
export const howManyFit = (room: number, rumors: ReadonlyArray<Held<unknown>>): number => {
  let left = room - fetchedSize
  for (let i = 0; i < rumors.length; i++) {
    left -= newsSizeAtMost(rumors[i]!.rumor) + fetchedOverhead
    if (left < 0) return Math.max(1, i)
  }
  return rumors.length
}
