/**
 * Stability of one space: tells the collector how far this node is, and what became of what is waited for.
 *
 * Nothing is said unless somebody waits, or death certificates are held. Then each who has an interest reports once an
 * interval, and is answered; the collector asks the others. So an interval costs at most three messages a member, and no
 * message goes from each to each. When nothing moves, the intervals grow to eight times their length.
 */
import type { Address } from "../../../Address.ts"
import type { Message } from "../../../wire/Message.ts"
import type { Lack, Lacking, Member, Version } from "../../ReplicaMachine.ts"
import { fromUtf8, toUtf8 } from "../crdt/bytes.ts"
import { attempt, packTime, sizeOf, unpackTime, Writer } from "./bytes.ts"
import { Collector, maxDead, maxNamed, membersHash } from "./collector.ts"
import type { Core } from "./core.ts"
import type { Space } from "./space.ts"
import { isAfter, isZero, type Time, timeOf, zero } from "./time.ts"
import { keyOf, type Life, lifeOf, packRows, readLife, VersionVector } from "./vector.ts"

type Of<Tag extends Message["_tag"]> = Extract<Message, { readonly _tag: Tag }>

/** Most lives that are asked for in a report: the next ones in the next. */
const maxAsked = 8

/** Fruitless intervals before they grow. */
const patience = 8
const maxPeriod = 8

/** Bytes of a report or answer without its lists. */
const headSize = 384

const lacks: ReadonlyArray<Lack> = ["Behind", "NotHeld", "Refusing"]

interface Watch {
  readonly life: Life
  readonly time: Time
  told: string
}

interface Asked {
  readonly life: Life
  readonly time: Time
}

interface Verdict {
  /** Up to when all live members have the life's writes. */
  readonly until: Time
  readonly count: number
  readonly lacking: ReadonlyArray<Lacking>
}

export class Stability {
  readonly collector: Collector
  readonly #core: Core
  readonly #space: Space
  readonly #watches = new Map<number, Watch>()
  /** To whom this node reports, in which life, and what that one is known to have heard. */
  #target: string | undefined
  #targetLife: number | undefined
  #confirmed = new VersionVector()
  #number = 0
  /** The first life to be asked for in the next report. */
  #turn = 0
  #pending:
    | { readonly number: number; readonly versions: VersionVector; readonly asked: ReadonlyArray<Asked> }
    | undefined
  #refusals = 0
  /** Until when others have an interest. */
  #interestUntil = -Infinity
  #tickedAt = -Infinity
  #period = 1
  #fruitless = 0
  #progress = ""
  #purgedAt = -Infinity

  constructor(core: Core, space: Space) {
    this.#core = core
    this.#space = space
    this.collector = new Collector(core, space)
  }

  /** Whether there is something to find out. */
  get isInterested(): boolean {
    return this.#watches.size > 0 || this.#space.entries.certificates.size > 0 || this.#interestUntil > this.#core.now
  }

  // ---------------------------------------------------------------------------
  // waiting
  // ---------------------------------------------------------------------------

  watch(watch: number, { incarnation, timestamp }: Version): void {
    const key = keyOf(timestamp.node, incarnation)
    const life = this.#space.versions.known.life(key) ?? lifeOf(timestamp.node, incarnation)
    this.#watches.set(watch, { life, time: timeOf(timestamp), told: "" })
    this.hasten()
  }

  unwatch(watch: number): void {
    this.#watches.delete(watch)
  }

  /** Something new is to be found out: not to be put off any further. */
  hasten(): void {
    this.#period = 1
    this.#fruitless = 0
  }

  /** An interval is over. */
  tick(): void {
    const { config, now } = this.#core
    // a little less, since what is added up is not exact
    if (!this.isInterested || now < this.#tickedAt + (this.#period - 0.25) * config.stabilityInterval) return
    this.#settle()
    this.#tickedAt = now
    const collector = this.#collectorNow()
    if (collector === undefined) this.#collect()
    else this.#report(collector.id, collector.address, true)
  }

  #settle(): void {
    const { certificates } = this.#space.entries
    const progress = `${this.#watches.size} ${certificates.size} ${this.#space.versions.told.hash}`
    this.#fruitless = progress === this.#progress ? this.#fruitless + 1 : 0
    this.#progress = progress
    this.#period = this.#fruitless < patience ? 1 : Math.min(maxPeriod, this.#period * 2)
  }

  /** The live member of the lowest name; undefined when that is this node. */
  #collectorNow(): Member | undefined {
    let lowest: Member | undefined
    for (const member of this.#core.options.members.all) {
      if (member.deadSince === undefined && member.id < (lowest?.id ?? this.#core.birth.id)) lowest = member
    }
    return lowest
  }

  // ---------------------------------------------------------------------------
  // the collector's part
  // ---------------------------------------------------------------------------

  #collect(): void {
    const { config, now, options: { members } } = this.#core
    for (const member of members.all) {
      const isDue = now - this.collector.heardAt(member) > 0.75 * this.#period * config.stabilityInterval
      if (member.deadSince === undefined && isDue) {
        this.#core.send(member.address, {
          _tag: "StabilityAsk",
          sender: this.#core.birth.id,
          space: this.#space.name
        })
      }
    }
    this.evaluate()
  }

  /** What the collector can tell itself. */
  evaluate(): void {
    if (this.#collectorNow() !== undefined) return
    const { versions } = this.#space
    for (const asked of this.#oldest()) {
      this.#judge(asked, {
        until: this.collector.until(asked.life.key),
        ...this.collector.lacking(asked.life.key, asked.time)
      })
    }
    const { certificates } = this.#space.entries
    if (certificates.size > 0) this.#purge(this.collector.stableTime(), versions.told)
  }

  /** A member reports; undefined where it is not answered. */
  reported(member: Member, report: Of<"StabilityReport">): Message | undefined {
    const { config, now } = this.#core
    const taken = this.collector.report(member, report)
    if (report.life === undefined) {
      if (member.id === this.#target) this.#notHeld(member.id)
      return undefined
    }
    if (taken === "Refused") return undefined
    if (report.interested === true) {
      if (this.#interestUntil < now) this.hasten()
      this.#interestUntil = now + 2 * maxPeriod * config.stabilityInterval
    }
    const head = {
      _tag: "StabilityAnswer",
      sender: this.#core.birth.id,
      space: this.#space.name,
      life: this.#space.life.incarnation,
      number: report.number,
      members: membersHash(this.#core)
    } as const
    if (taken === "Partial") return { ...head, again: true }
    const stable = this.collector.stableTime()
    const asked = report.asked === undefined ? undefined : this.#answerAsked(report.asked)
    if (this.isInterested) this.evaluate()
    return {
      ...head,
      ...(isZero(stable) ? undefined : { stable: packTime(stable) }),
      ...(asked === undefined ? undefined : { asked })
    }
  }

  #answerAsked(packed: Uint8Array): Uint8Array | undefined {
    const all = unpackAsked(packed, this.#space.versions.known)
    if (all === undefined) return undefined
    const verdicts = all.map(({ life, time }) => ({
      until: this.collector.until(life.key),
      ...this.collector.lacking(life.key, time)
    }))
    return packVerdicts(verdicts, this.#core.birth.maxDatagramSize - headSize)
  }

  // ---------------------------------------------------------------------------
  // everybody's part
  // ---------------------------------------------------------------------------

  /** The collector asks. */
  ask(from: Member): void {
    this.#report(from.id, from.address, this.#watches.size > 0 || this.#space.entries.certificates.size > 0)
  }

  #report(target: string, to: Address, interested: boolean): void {
    const { members } = this.#core.options
    const { entries, life, name, refusals, versions } = this.#space
    if (target !== this.#target) {
      this.#target = target
      this.#targetLife = undefined
      this.#confirmed = new VersionVector()
    }
    this.#number = (this.#number + 1) >>> 0
    const asked = this.#asked()
    this.#pending = { number: this.#number, versions: versions.told.clone(), asked }
    const rows = [...versions.told.rows()].filter((row) => isAfter(row, this.#confirmed.get(row.life.key)))
    const loose = versions.loose(this.#space.oldest)
    const dead = entries.certificates.size > 0 ? this.#dead() : undefined
    const isPartial = this.#confirmed.size > 0
    const message: Message = {
      _tag: "StabilityReport",
      sender: this.#core.birth.id,
      space: name,
      memberIncarnation: members.incarnation,
      life: life.incarnation,
      number: this.#number,
      versions: packRows(rows, versions.told.floor),
      clock: packTime(this.#space.clock()),
      ...(loose === undefined ? undefined : { loose: packTime(loose) }),
      ...(isPartial ? { partial: true } : undefined),
      ...(interested ? { interested } : undefined),
      ...(refusals === this.#refusals ? undefined : { refusing: true }),
      ...(asked.length === 0 ? undefined : { asked: packRows(asked.map(({ life, time }) => ({ ...time, life }))) }),
      ...(dead === undefined ? undefined : { dead })
    }
    this.#refusals = refusals
    const size = headSize + name.length + message.versions.length + (message.asked?.length ?? 0) + (dead?.length ?? 0)
    if (size <= this.#core.birth.maxDatagramSize) this.#core.send(to, message)
    else this.#core.exchange(to, message)
  }

  #dead(): Uint8Array | undefined {
    const { config, now, options: { members } } = this.#core
    const names: Array<Uint8Array> = []
    for (const { deadSince, id } of members.all) {
      if (deadSince === undefined || now - deadSince >= config.retention) continue
      names.push(toUtf8(id))
      if (names.length === maxDead) break
    }
    if (names.length === 0) return undefined
    const writer = new Writer(names.reduce((size, each) => size + sizeOf(each), 0))
    for (const each of names) writer.bytes(each)
    return writer.done()
  }

  /** The oldest version that is waited for of each life. */
  #oldest(): ReadonlyArray<Asked> {
    if (this.#watches.size === 0) return []
    const asked = new Map<string, Asked>()
    for (const { life, time } of this.#watches.values()) {
      const other = asked.get(life.key)
      if (other === undefined || isAfter(other.time, time)) asked.set(life.key, { life, time })
    }
    return [...asked.values()]
  }

  /** Of these as many as a report asks for: all of them in turn. */
  #asked(): ReadonlyArray<Asked> {
    const all = this.#oldest()
    if (all.length <= maxAsked) return all
    const first = this.#turn % all.length
    this.#turn = first + maxAsked
    return [...all.slice(first), ...all.slice(0, first)].slice(0, maxAsked)
  }

  /** The collector answers a report. */
  answered(from: Member, answer: Of<"StabilityAnswer">): void {
    const pending = this.#pending
    if (from.id !== this.#target || pending === undefined || pending.number !== answer.number) return
    this.#pending = undefined
    // one that was started anew has heard what was in this report, and nothing that came before it
    const isSame = this.#targetLife === undefined || this.#targetLife === answer.life
    this.#confirmed = isSame && answer.again !== true ? pending.versions : new VersionVector()
    this.#targetLife = answer.life
    const isSameView = membersHash(this.#core).every((byte, index) => byte === answer.members[index])
    if (answer.asked !== undefined) {
      const verdicts = unpackVerdicts(answer.asked, pending.asked.length)
      if (verdicts === undefined) this.#space.refuseMalformed(from.id)
      verdicts?.forEach((verdict, index) =>
        // of other members it says who lacks the write, and no more
        this.#judge(pending.asked[index]!, isSameView ? verdict : { ...verdict, until: zero })
      )
    }
    if (isSameView && answer.stable !== undefined) this.#purge(unpackTime(answer.stable), pending.versions)
  }

  /** @param versions what this node had told when that was found out */
  #purge(stable: Time, versions: VersionVector): void {
    const { config, now } = this.#core
    // with each report would be too often: it takes a look at all certificates
    if (isZero(stable) || now - this.#purgedAt < config.stabilityInterval / 2) return
    this.#purgedAt = now
    this.#space.purge((certificate) =>
      !isAfter(certificate, stable) && versions.covers(certificate.life.key, certificate)
    )
  }

  #judge({ life, time }: Asked, { count, lacking, until }: Verdict): void {
    const { name, versions } = this.#space
    for (const [watch, waiting] of this.#watches) {
      if (waiting.life.key !== life.key) continue
      const isStable = !isAfter(waiting.time, until) && versions.told.covers(life.key, waiting.time)
      if (isStable) {
        this.#watches.delete(watch)
        this.#core.happened({ _tag: "Stability", space: name, watch, isStable, count: 0, lacking: [] })
      } else if (!isAfter(waiting.time, time)) this.#tell(watch, waiting, count, lacking)
    }
  }

  /** The collector has not opened the space. */
  #notHeld(node: string): void {
    for (const [watch, waiting] of this.#watches) this.#tell(watch, waiting, undefined, [{ node, why: "NotHeld" }])
  }

  #tell(watch: number, waiting: Watch, count: number | undefined, lacking: ReadonlyArray<Lacking>): void {
    const told = `${count} ${lacking.map(({ node, why }) => `${node} ${why}`).join()}`
    if (told === waiting.told) return
    waiting.told = told
    this.#core.happened({ _tag: "Stability", space: this.#space.name, watch, isStable: false, count, lacking })
  }
}

/** What a node reports that has not opened the space. */
export const notHeld = (space: string, core: Core): Message => ({
  _tag: "StabilityReport",
  sender: core.birth.id,
  space,
  memberIncarnation: core.options.members.incarnation,
  number: 0,
  versions: packRows([]),
  clock: packTime(zero)
})

// -----------------------------------------------------------------------------
// lists
// -----------------------------------------------------------------------------

const unpackAsked = (bytes: Uint8Array, known: VersionVector): ReadonlyArray<Asked> | undefined =>
  attempt(bytes, (reader) => {
    reader.time()
    const asked: Array<Asked> = []
    while (!reader.isAtEnd && asked.length < maxAsked) {
      asked.push({ life: readLife(reader, known), time: reader.time() })
    }
    return asked
  })

/** @param room bytes that names may take */
const packVerdicts = (verdicts: ReadonlyArray<Verdict>, room: number): Uint8Array => {
  let left = room - verdicts.length * 16
  const named = verdicts.map(({ lacking }) =>
    lacking.map(({ node, why }) => ({ name: toUtf8(node), why: lacks.indexOf(why) })).filter(({ name }) => {
      left -= name.length + 3
      return left >= 0
    })
  )
  const writer = new Writer(verdicts.length * 20 + Math.max(0, room))
  for (const [index, { count, until }] of verdicts.entries()) {
    writer.time(until).number(count).number(named[index]!.length)
    for (const { name, why } of named[index]!) writer.bytes(name).byte(why)
  }
  return writer.done()
}

const unpackVerdicts = (bytes: Uint8Array, most: number): ReadonlyArray<Verdict> | undefined =>
  attempt(bytes, (reader) => {
    const verdicts: Array<Verdict> = []
    while (!reader.isAtEnd && verdicts.length < most) {
      const until = reader.time()
      const count = reader.number()
      const names = Math.min(reader.number(), maxNamed)
      const lacking: Array<Lacking> = []
      for (let i = 0; i < names; i++) {
        const node = fromUtf8(reader.bytes())
        const why = lacks[reader.byte()]
        if (node !== undefined && why !== undefined) lacking.push({ node, why })
      }
      verdicts.push({ until, count, lacking })
    }
    return verdicts
  })
