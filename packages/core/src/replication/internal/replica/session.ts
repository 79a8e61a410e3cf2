/**
 * A session about one space, as the node runs it that opened it:
 *
 * 1. `ReplicaOpen`: both say what they know, and what they have forgotten. Where they hold the same, they take that over from
 *    each other, and are done.
 * 2. `ReplicaAsk`: questions of `Reconciliation`, until what each lacked has travelled. What the peer lacks because it was
 *    deleted there is not sent, but set aside (rules 2 and 4 of `space.ts`).
 * 3. `ReplicaConfirm`: whether the peer holds nothing under its key. Then it is dropped, and otherwise sent: had it been deleted
 *    there, so would be what is older.
 * 4. `ReplicaClose`: each takes over what the other knew at the start, if it has taken all that came and the other has
 *    neither forgotten nor missed anything meanwhile, of which this node could then still hold what was there before.
 */
import type { Message } from "../../../wire/Message.ts"
import {
  type Answer,
  forEachEntry,
  maxEntries,
  packEntries,
  type Question
} from "../../../wire/ReconciliationMessage.ts"
import type { Member } from "../../ReplicaMachine.ts"
import { packSummary } from "../reconciliation/comparison.ts"
import { EntryPacker } from "../reconciliation/entryPacker.ts"
import { defaults, type Report, Session as Comparison } from "../reconciliation/session.ts"
import { packTime, unpackTime } from "./bytes.ts"
import type { Core } from "./core.ts"
import type { Versioned } from "./encoding.ts"
import { type Held, idOf } from "./entries.ts"
import type { Space } from "./space.ts"
import { atMillis, isAfter, isZero, type Time, zero } from "./time.ts"
import { VersionVector } from "./vector.ts"

/** Bytes of a message around a question or answer. */
export const envelopeSize = 512

/** About the most bytes of keys in one question whether they may be dropped. */
const maxConfirmedBytes = 65_536

type Of<Tag extends Message["_tag"]> = Extract<Message, { readonly _tag: Tag }>

/** What the peer knows. */
export interface Peer {
  readonly versions: VersionVector
  readonly purged: Time
  readonly instance: number
  readonly purges: number
  readonly refusals: number
  readonly misses: number
  readonly company: number
}

interface Doomed {
  readonly held: Held
  readonly high: number
  readonly low: number
}

/** What became of a session. */
export type Outcome =
  | { readonly _tag: "Ended"; readonly hasRefused: boolean; readonly received: number; readonly sent: number }
  /** The peer is gone, does not hold the space, or answers nonsense. */
  | { readonly _tag: "Broken" }

const broken: Outcome = { _tag: "Broken" }

/** Most bytes of a question or answer within its message. */
export const maxBytesOf = ({ birth, config }: Core): number =>
  Math.min(config.maxChunk, birth.maxExchangeSize) - envelopeSize

export const purgedField = (purged: Time): { readonly purged?: Uint8Array } =>
  isZero(purged) ? {} : { purged: packTime(purged) }

export const timeOfField = (bytes: Uint8Array | undefined): Time => bytes === undefined ? zero : unpackTime(bytes)

export class Session {
  readonly space: Space
  /** Whom it is with, as it was known at the start. */
  readonly member: Member
  readonly peer: string
  readonly #core: Core
  readonly #versions: VersionVector
  #purges: number
  #comparison: Comparison<Held> | undefined
  /** What the comparison has asked last. */
  #question: Question | undefined
  #report: Report | undefined
  #theirs: Peer | undefined
  #mode: "push" | "pull" | "pushPull"
  /** This node has been away for longer than its peer remembers deletes, or the other way round. */
  #isReset = false
  #isPeerReset = false
  readonly #isAway: boolean
  readonly #company: number
  /** What came from the peer. */
  readonly #taken = new Set<Held>()
  readonly #misses: number
  #doomed: Array<Doomed> = []
  /** Of these, those under whose keys the peer holds something else. */
  readonly #spared: Array<Held> = []
  #confirmed = 0
  #asked = 0
  #dropped = 0
  /** Something of the peer was refused, or left to its own session. */
  #hasRefused = false
  #hasLeft = false

  constructor(core: Core, space: Space, member: Member) {
    this.#core = core
    this.space = space
    this.member = member
    this.peer = member.id
    this.#mode = core.config.antiEntropy.mode
    this.#isAway = space.isAway(this.peer)
    this.#company = space.company(this.peer)
    this.#versions = space.versions.told.clone()
    this.#purges = space.purges
    this.#misses = space.entries.index.misses
  }

  /** The first message. */
  open(): Message {
    const { entries, name, purged } = this.space
    entries.refresh()
    return {
      _tag: "ReplicaOpen",
      sender: this.#core.birth.id,
      space: name,
      ...packSummary(entries.index.summary),
      versions: this.#versions.pack(),
      company: this.#company,
      ...purgedField(purged)
    }
  }

  /** Takes an answer; gives the next message, or what became of the session. */
  receive(answer: Message | undefined): Message | Outcome {
    switch (answer?._tag) {
      case "ReplicaOpened":
        return this.#theirs === undefined ? this.#opened(answer) : broken
      case "ReplicaTold": {
        if (this.#comparison === undefined) return broken
        if (this.#report !== undefined) return this.#push()
        this.space.entries.refresh()
        this.#page(answer.answer)
        this.#comparison.receive(answer.answer)
        return this.#next()
      }
      case "ReplicaConfirmed":
        return this.#asked === 0 ? broken : this.#drop(answer)
      case "ReplicaClosed":
        return this.#theirs === undefined ? broken : this.#closed(answer)
      default:
        return broken
    }
  }

  #opened(answer: Of<"ReplicaOpened">): Message | Outcome {
    const { space } = this
    const versions = VersionVector.unpack(answer.versions, space.versions.known)
    if (versions === undefined) {
      space.refuseMalformed(this.peer)
      return broken
    }
    const purged = timeOfField(answer.purged)
    if (space.refusesPurged(purged, this.peer)) return broken
    if (answer.equal === true) {
      space.adopt(versions, purged)
      space.agreed(this.peer)
      return this.#end()
    }
    return this.compare({ ...answer, versions, purged })
  }

  /** Begins to compare with what the peer holds. */
  compare(theirs: Peer): Message | Outcome {
    const { space } = this
    this.#theirs = theirs
    this.#isReset = !space.versions.known.holds(theirs.versions, theirs.purged)
    this.#isPeerReset = theirs.company < this.#company && !theirs.versions.holds(this.#versions, space.purged)
    // it has to find out what the peer lacks; and who has nothing has nothing to push
    const hasNothing = this.#mode === "push" && space.entries.index.size === 0
    if (this.#isReset || hasNothing) this.#mode = "pushPull"
    const { antiEntropy: { strategy } } = this.#core.config
    const maxBytes = maxBytesOf(this.#core)
    this.#comparison = new Comparison(
      { index: space.entries.index, read: (held) => this.#read(held), write: (entry) => this.#write(entry) },
      // what the peer lacks because it was deleted is to be found in any case
      { ...defaults, strategy, mode: this.#mode === "pull" ? "pushPull" : this.#mode, maxBytes }
    )
    return this.#next()
  }

  #next(): Message | Outcome {
    const comparison = this.#comparison!
    const question = comparison.next()
    this.#question = question
    if (question !== undefined) {
      this.#page(undefined)
      return this.#ask(question)
    }
    if (comparison.outcome !== "Reconciled") {
      this.#core.drop(`Reconciliation${comparison.outcome}`)
      return broken
    }
    this.#report = comparison.report
    return this.#confirm()
  }

  #page(answer: Answer | undefined): void {
    if (this.#question !== undefined) this.space.entries.index.page(this.#core.birth.id, this.#question, answer)
  }

  #ask(question: Question): Message {
    const { instance, purges } = this.#theirs!
    return { _tag: "ReplicaAsk", sender: this.#core.birth.id, space: this.space.name, instance, purges, question }
  }

  // ---------------------------------------------------------------------------
  // entries
  // ---------------------------------------------------------------------------

  /** What is sent to the peer, which lacks it. */
  #read(held: Held): Uint8Array | undefined {
    // it has taken the place of what the peer lacks
    if (this.#taken.has(held)) return undefined
    if (held.life !== undefined && this.isGone(held as Held & Versioned)) {
      this.#doomed.push({ held, high: held.high, low: held.low })
      return undefined
    }
    return this.#mode === "pull" ? undefined : this.space.entries.packed(held)
  }

  /** Whether the peer lacks it because it was deleted, or may have been. */
  isGone(held: Held & Versioned): boolean {
    const { company, purged, versions } = this.#theirs!
    if (isAfter(held, purged)) return false
    return versions.covers(held.life.key, held) || this.#isReset && this.#company < company && this.#isOld(held)
  }

  #isOld(time: Time): boolean {
    return this.#isAway || isAfter(atMillis(this.#core.wallClock - this.#core.config.retention), time)
  }

  /** What came from the peer: what it may have to drop is left to its own session. */
  #write(entry: Uint8Array): boolean {
    if (this.#isPeerReset && this.space.isOutdated(entry)) {
      this.#hasLeft = true
      return true
    }
    const taken = this.space.takeEntry(entry, this.peer)
    if (taken === "Refused") this.#hasRefused = true
    else if (taken === "New") this.#taken.add(this.space.lastTaken!)
    return taken !== "Malformed"
  }

  #confirm(): Message {
    const keys: Array<Uint8Array> = []
    let size = 0
    for (let at = this.#confirmed; at < this.#doomed.length; at++) {
      const { key } = this.#doomed[at]!.held
      if (keys.length === maxEntries || size + key.length > maxConfirmedBytes && keys.length > 0) break
      keys.push(key)
      size += key.length
    }
    this.#asked = keys.length
    return keys.length === 0
      ? this.#push()
      : { _tag: "ReplicaConfirm", sender: this.#core.birth.id, space: this.space.name, keys: packEntries(keys) }
  }

  #drop({ held: packed }: Of<"ReplicaConfirmed">): Message {
    const kept = new Set<string>()
    let hasDropped = false
    forEachEntry(packed, (key) => kept.add(idOf(key)))
    for (const { held, high, low } of this.#doomed.slice(this.#confirmed, this.#confirmed + this.#asked)) {
      // it may have been written anew meanwhile
      const isSame = this.space.entries.get(held.id) === held && held.high === high && held.low === low
      if (!isSame) continue
      if (kept.has(held.id)) {
        this.#spared.push(held)
        continue
      }
      if (held.value !== undefined) this.#dropped++
      this.space.drop(held)
      hasDropped = true
    }
    if (hasDropped) {
      // the peer has forgotten it, too: that does not make what it was sent incomplete
      const isWhole = this.isWhole()
      this.space.forgot(this.#theirs!.purged)
      if (isWhole) this.#purges = this.space.purges
    }
    this.#confirmed += this.#asked
    return this.#confirm()
  }

  /** Sends what was spared: what the peer holds under the key would be gone as well, had it been deleted. */
  #push(): Message {
    const entries = new EntryPacker(maxBytesOf(this.#core), maxBytesOf(this.#core))
    for (let held = this.#spared.at(-1); held !== undefined; held = this.#spared.at(-1)) {
      const entry = held.isGone ? undefined : this.space.entries.packed(held)
      if (entry !== undefined && !entries.add(entry)) break
      this.#spared.pop()
    }
    if (entries.count === 0) return this.#close()
    return this.#ask({ _tag: "TransferEntries", ...entries.packed() })
  }

  // ---------------------------------------------------------------------------
  // the end
  // ---------------------------------------------------------------------------

  #close(): Message {
    const { name, purged } = this.space
    const { instance, purges: theirPurges, refusals } = this.#theirs!
    return {
      _tag: "ReplicaClose",
      sender: this.#core.birth.id,
      space: name,
      instance,
      purges: theirPurges,
      refusals,
      ...(this.#mode !== "pull" && this.isWhole() ? { versions: this.#versions.pack() } : undefined),
      ...purgedField(purged)
    }
  }

  /** Whether nothing was forgotten or missed here that the peer would have been sent. */
  isWhole(): boolean {
    const { entries, purges } = this.space
    return purges === this.#purges && entries.index.misses === this.#misses
  }

  #closed({ instance, misses, purges, refusals }: Of<"ReplicaClosed">): Outcome {
    const theirs = this.#theirs!
    const isSame = instance === theirs.instance && purges === theirs.purges && misses === theirs.misses
    if (isSame && this.#mode !== "push" && !this.#hasRefused && !this.#hasLeft) {
      this.space.adopt(theirs.versions, theirs.purged)
      this.space.agreed(this.peer)
    }
    return this.#end(instance === theirs.instance && refusals !== theirs.refusals)
  }

  #end(hasPeerRefused = false): Outcome {
    const { name } = this.space
    if (this.#dropped > 0) {
      this.#core.happened({ _tag: "Reset", space: name, peer: this.peer, dropped: this.#dropped })
    }
    const { received = 0, sent = 0 } = this.#report ?? {}
    if (received + sent > 0) this.#core.happened({ _tag: "Reconciled", space: name, peer: this.peer, received, sent })
    return { _tag: "Ended", hasRefused: this.#hasRefused || hasPeerRefused, received, sent }
  }
}
