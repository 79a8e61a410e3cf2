/**
 * Rumors that were announced here and are not known: each is asked for once, and of the next who has announced it when
 * it does not come.
 */
import type { Address } from "../../Address.ts"
import { packIds } from "../../wire/DisseminationMessage.ts"
import type { Core, Counts } from "./core.ts"
import { Fetching } from "./fetching.ts"
import { Patience } from "./patience.ts"
import { idsThatFit } from "./sizes.ts"

/** A rumor that is waited for. */
export interface Want {
  readonly id: number
  /** Who is asked for it. */
  from: Address
  /** Who else has announced it. */
  readonly others: Array<Address>
  /** Whether nobody but anti-entropy has spoken of it. */
  repair: boolean
  /** When it is looked at next, and until when the one that is asked is waited for. */
  deadline: number
  until: number
}

/** Most who are remembered for having announced a rumor, besides the one that is asked. */
const maxOthers = 3

/** The share of all wants that one announcer may cause. */
const shareOfOne = 4

export class Wanting {
  readonly #core: Core
  readonly #counts: Counts
  readonly #isKnown: (id: number) => boolean
  readonly fetching: Fetching
  /** Those that come in datagrams, in the order of their deadlines. */
  readonly #wants = new Map<number, Want>()
  /** How many each is asked for. */
  readonly #load = new Map<Address, number>()
  readonly #patience: Patience
  #isArmed = false

  /** @param isKnown whether a rumor was heard */
  constructor(core: Core, counts: Counts, isKnown: (id: number) => boolean) {
    this.#core = core
    this.#counts = counts
    this.#isKnown = isKnown
    this.fetching = new Fetching(core, counts)
    this.#patience = new Patience(core.config.askTimeout)
  }

  get size(): number {
    return this.#wants.size + this.fetching.size
  }

  /** Somebody has these. */
  announced(from: Address, ids: ReadonlyArray<number>, large: ReadonlyArray<number>, repair: boolean): void {
    if (ids.length > 0) this.#ask(from, this.#wanted(from, ids, repair))
    if (large.length > 0) {
      for (const id of large) this.#wantLarge(from, id, repair)
      this.fetching.begin()
    }
  }

  /** A rumor has come, known or not: it is no longer waited for. */
  close(id: number, from: Address): Want | undefined {
    this.#patience.came(from, id, this.#core.now)
    const want = this.#wants.get(id)
    if (want === undefined) return this.fetching.remove(id)
    this.#remove(want)
    return want
  }

  // ---------------------------------------------------------------------------
  // those that come in datagrams
  // ---------------------------------------------------------------------------

  // adds those that are to be asked for now
  #wanted(from: Address, ids: ReadonlyArray<number>, repair: boolean): Array<number> {
    const { maxWanted } = this.#core.config
    const wanted: Array<number> = []
    let load = this.#load.get(from) ?? 0
    for (const id of ids) {
      if (this.#isKnown(id)) continue
      const want = this.#wants.get(id) ?? this.fetching.get(id)
      if (want !== undefined) {
        again(want, from, repair)
        continue
      }
      if (this.size >= maxWanted || load >= maxWanted / shareOfOne) {
        this.#core.drop("WantsFull")
        break
      }
      load++
      this.#wants.set(id, { id, from, others: [], repair, ...this.#times(from) })
      wanted.push(id)
    }
    if (load > 0) this.#load.set(from, load)
    return wanted
  }

  // all that wait are looked at after as long, so that they stay in order
  #times(from: Address): { readonly deadline: number; readonly until: number } {
    const { config, now } = this.#core
    return { deadline: now + config.askTimeout, until: now + this.#patience.for(from) }
  }

  #ask(from: Address, ids: ReadonlyArray<number>): void {
    if (ids.length > 0) this.#patience.asked(from, ids[0]!, this.#core.now)
    const most = idsThatFit(this.#core.birth.maxDatagramSize)
    for (let at = 0; at < ids.length; at += most) {
      this.#core.send(from, { _tag: "Ask", ids: packIds(ids.slice(at, at + most)) }, this.#counts)
    }
    if (ids.length > 0) this.#arm()
  }

  #arm(): void {
    if (this.#isArmed) return
    for (const { deadline } of this.#wants.values()) {
      this.#isArmed = true
      return this.#core.wake(deadline, { _tag: "Ask" })
    }
  }

  /** Asks others for what has not come in time. */
  due(): void {
    this.#isArmed = false
    const { config, now } = this.#core
    const again = new Map<Address, Array<number>>()
    for (const want of this.#wants.values()) {
      if (want.deadline > now) break
      if (want.until > now) {
        want.deadline = now + config.askTimeout
        // behind all others
        this.#wants.delete(want.id)
        this.#wants.set(want.id, want)
        continue
      }
      this.#remove(want)
      const next = want.others.shift()
      if (next === undefined) {
        this.#core.drop("NoAnswer")
        continue
      }
      want.from = next
      Object.assign(want, this.#times(next))
      this.#wants.set(want.id, want)
      this.#load.set(next, (this.#load.get(next) ?? 0) + 1)
      const ids = again.get(next)
      if (ids === undefined) again.set(next, [want.id])
      else ids.push(want.id)
    }
    for (const [from, ids] of again) this.#ask(from, ids)
    this.#arm()
  }

  #remove(want: Want): void {
    this.#wants.delete(want.id)
    const load = this.#load.get(want.from)! - 1
    if (load === 0) this.#load.delete(want.from)
    else this.#load.set(want.from, load)
  }

  // ---------------------------------------------------------------------------
  // those that come over streams
  // ---------------------------------------------------------------------------

  #wantLarge(from: Address, id: number, repair: boolean): void {
    if (this.#isKnown(id)) return
    const large = this.fetching.get(id)
    if (large !== undefined) return again(large, from, repair)
    const small = this.#wants.get(id)
    // it was asked for, and this is the answer
    if (small !== undefined) this.#remove(small)
    else if (this.size >= this.#core.config.maxWanted) return this.#core.drop("WantsFull")
    const others = small === undefined ? [] : [...small.others, ...small.from === from ? [] : [small.from]]
    const isAnswer = small?.from === from
    const want = {
      id,
      from,
      others,
      repair: isAnswer ? small.repair : repair && small?.repair !== false,
      deadline: Infinity,
      until: Infinity
    }
    if (!this.fetching.add(want)) this.#core.drop("WantsFull")
  }
}

const again = (want: Want, from: Address, repair: boolean): void => {
  if (!repair) want.repair = false
  if (want.from !== from && want.others.length < maxOthers && !want.others.includes(from)) want.others.push(from)
}
