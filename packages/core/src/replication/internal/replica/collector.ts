/**
 * What the members have said of how far they are, as the collector knows it: the live member of the lowest name, to whom all
 * report. What a member knows only grows, so that what is remembered of it is a lower bound, and nothing is taken for stable
 * too early; a member that begins anew is heard of with another incarnation, or life, and knows nothing until it has reported.
 *
 * **Stable** is a version that every live member covers.
 *
 * **The stable time** T is that of {@link Collector.stableTime}: all members have all that was written until then. It is no
 * later than
 *
 * - for each life: when some member knows of later writes than another, the time up to which all have them;
 * - the clock that each live member has reported: what it writes later is later;
 * - what any member holds without knowing what its life wrote before it.
 *
 * Members that have died count with what they last reported, for as long as the retention, since they may come back with what
 * they hold; those that the collector does not know to have reported hold T back altogether. So when a death certificate is
 * no later than T, and its holder had it when it reported, then nobody who counts lacks it, or anything that was written before
 * it, and it may be forgotten.
 */
import { fnv1a, mix } from "../../../internal/hash.ts"
import type { Message } from "../../../wire/Message.ts"
import type { Lack, Lacking, Member } from "../../ReplicaMachine.ts"
import { fromUtf8 } from "../crdt/bytes.ts"
import { attempt, unpackTime, Writer } from "./bytes.ts"
import type { Core } from "./core.ts"
import type { Space } from "./space.ts"
import { earlier, isAfter, never, type Time, timeOf, zero } from "./time.ts"
import { VersionVector } from "./vector.ts"

type Report = Extract<Message, { readonly _tag: "StabilityReport" }>

/** Most names of those who lack a write that are told. */
export const maxNamed = 8

/** Most dead members that are told of in a report. */
export const maxDead = 32

/** Most dead members that are known from others alone. */
const maxForeign = 256

/** Pairs of members and lives that are gone through with each report; where there are more, now and then. */
const fewPairs = 400

interface Known {
  incarnation: number
  life: number | undefined
  versions: VersionVector
  clock: Time
  loose: Time | undefined
  number: number
  why: Lack
  heardAt: number
}

export class Collector {
  readonly #core: Core
  readonly #space: Space
  readonly #known = new Map<string, Known>()
  /** Those that others hold for dead and this node does not know, and since when. */
  readonly #foreign = new Map<string, number>()
  #stable: Time = zero
  #computedAt = -Infinity
  #isChanged = true
  #membersVersion = -1

  constructor(core: Core, space: Space) {
    this.#core = core
    this.#space = space
  }

  // ---------------------------------------------------------------------------
  // reports
  // ---------------------------------------------------------------------------

  /** Takes a report, unless it is one of a life that has ended, or older than another, or of what is no vector. */
  report(member: Member, report: Report): "Taken" | "Refused" | "Partial" {
    const { clock, life, loose, memberIncarnation: incarnation } = report
    const versions = VersionVector.unpack(report.versions, this.#space.versions.known)
    if (versions === undefined) {
      this.#space.refuseMalformed(member.id)
      return "Refused"
    }
    const former = this.#known.get(member.id)
    if (former !== undefined) {
      if (incarnation < former.incarnation) return "Refused"
      if (incarnation === former.incarnation && (life ?? 0) < (former.life ?? 0)) return "Refused"
    }
    const isSame = former !== undefined && former.life === life && life !== undefined
    // one that is late would take back what the member holds loosely by now
    if (isSame && ((report.number - former.number) | 0) < 0) return "Refused"
    // it was forgotten, but does not know
    if (!isSame && report.partial === true) return "Partial"
    if (isSame) versions.merge(former.versions)
    else this.#computedAt = -Infinity
    this.#known.set(member.id, {
      incarnation,
      life,
      versions,
      clock: unpackTime(clock),
      loose: loose === undefined ? undefined : unpackTime(loose),
      number: report.number,
      why: life === undefined ? "NotHeld" : report.refusing === true ? "Refusing" : "Behind",
      heardAt: this.#core.now
    })
    if (report.dead !== undefined) this.#hearOfDead(report.dead)
    this.#isChanged = true
    return "Taken"
  }

  #hearOfDead(packed: Uint8Array): void {
    attempt(packed, (reader) => {
      for (let count = 0; !reader.isAtEnd && count < maxDead; count++) {
        const id = fromUtf8(reader.bytes())
        if (id === undefined || this.#foreign.has(id) || this.#foreign.size >= maxForeign) continue
        this.#foreign.set(id, this.#core.now)
      }
    })
  }

  /** When a member has last reported, in the life that it has now. */
  heardAt(member: Member): number {
    return this.#of(member)?.heardAt ?? -Infinity
  }

  #of(member: Member): Known | undefined {
    const known = this.#known.get(member.id)
    return known !== undefined && this.isCurrent(known.incarnation, member) ? known : undefined
  }

  /** Whether what a member reported under an incarnation holds for its present life. */
  isCurrent(incarnation: number, member: Member): boolean {
    return incarnation >= member.incarnation
  }

  /** Up to when a member has the writes of any life that has not reported: nobody knows. */
  unheard(): Time {
    return zero
  }

  // ---------------------------------------------------------------------------
  // stability
  // ---------------------------------------------------------------------------

  /** Up to when all live members have the writes of a life. */
  until(key: string): Time {
    let until: Time = this.#space.versions.told.get(key)
    for (const member of this.#core.options.members.all) {
      if (member.deadSince !== undefined) continue
      const known = this.#of(member)
      until = earlier(until, known === undefined ? this.unheard() : known.versions.get(key))
    }
    return timeOf(until)
  }

  /** The live members that are not known to have a write: how many, and the first of them. */
  lacking(key: string, time: Time): { readonly count: number; readonly lacking: ReadonlyArray<Lacking> } {
    const lacking: Array<Lacking> = []
    let count = 0
    const note = (node: string, why: Lack) => {
      if (count++ < maxNamed) lacking.push({ node, why })
    }
    if (!this.#space.versions.told.covers(key, time)) note(this.#core.birth.id, "Behind")
    for (const member of this.#core.options.members.all) {
      if (member.deadSince !== undefined) continue
      const known = this.#of(member)
      if (known === undefined) note(member.id, "Behind")
      else if (!known.versions.covers(key, time)) note(member.id, known.why)
    }
    return { count, lacking }
  }

  /** All members have all that was written until this time. */
  stableTime(): Time {
    const { config, now, options: { members } } = this.#core
    if (members.version !== this.#membersVersion) {
      this.#membersVersion = members.version
      this.#computedAt = -Infinity
      this.#prune()
    }
    if (!this.#isChanged && now - this.#computedAt < config.stabilityInterval) return this.#stable
    const isCheap = this.#known.size * this.#space.versions.told.size <= fewPairs
    if (!isCheap && now - this.#computedAt < config.stabilityInterval / 2) return this.#stable
    this.#computedAt = now
    this.#isChanged = false
    this.#stable = this.#compute()
    return this.#stable
  }

  #compute(): Time {
    const { config, now, options: { members } } = this.#core
    const { versions } = this.#space
    for (const [id, since] of this.#foreign) {
      if (now - since >= config.retention) this.#foreign.delete(id)
      else if (members.get(id) === undefined && id !== this.#core.birth.id) return zero
    }
    let stable = earlier(this.#space.clock(), versions.loose(this.#space.oldest) ?? never)
    const all = [versions.told]
    for (const member of members.all) {
      if (!this.#counts(member)) continue
      const known = this.#of(member)
      if (known === undefined || known.life === undefined) return zero
      all.push(known.versions)
      if (member.deadSince === undefined) stable = earlier(stable, known.clock)
      stable = earlier(stable, known.loose ?? never)
    }
    const highest = new VersionVector()
    for (const each of all) highest.merge(each)
    for (const each of all) {
      if (each.size === highest.size && each.hash === highest.hash) continue
      for (const row of highest.rows()) {
        const time = each.get(row.life.key)
        if (isAfter(row, time)) stable = earlier(stable, time)
      }
    }
    return timeOf(stable)
  }

  /** Whether a member may still come back with what it holds. */
  #counts({ deadSince }: Member): boolean {
    return deadSince === undefined || this.#core.now - deadSince < this.#core.config.retention
  }

  #prune(): void {
    const { members } = this.#core.options
    for (const id of this.#known.keys()) if (members.get(id) === undefined) this.#known.delete(id)
  }
}

const hashes = new WeakMap<Core, { readonly version: number; readonly hash: Uint8Array }>()

/** Hash of the live members, this node included: views with the same one count the same members. */
export const membersHash = (core: Core): Uint8Array => {
  const { version } = core.options.members
  const known = hashes.get(core)
  if (known?.version === version) return known.hash
  const hash = hashMembers(core)
  hashes.set(core, { version, hash })
  return hash
}

const hashMembers = ({ birth, options: { members } }: Core): Uint8Array => {
  let high = 0
  let low = 0
  const add = (id: string, incarnation: number) => {
    const hash = mix(fnv1a(id), incarnation)
    high = (high + hash) >>> 0
    low = (low + mix(hash, 1)) >>> 0
  }
  add(birth.id, members.incarnation)
  for (const { deadSince, id, incarnation } of members.all) if (deadSince === undefined) add(id, incarnation)
  return new Writer(8).uint32(high).uint32(low).done()
}
