/**
 * One space: its entries, what it knows, and how writes are taken in.
 *
 * **Why nothing that was deleted comes back.** `versions.known` (V) says up to when all writes of a life are incorporated
 * here: for each of them an entry is held under its key that is no older, or was, as a death certificate that is forgotten
 * since; such certificates are no later than `purged` (P). So
 *
 * 1. what comes, is no later than P, and is covered by V, is old: it is not taken;
 * 2. what is held here, is no later than the P of a peer, is covered by the peer's V, and not held by the peer, was deleted:
 *    it is dropped (`session.ts`). Both are exact, and what chitchat does by `last_gc_version`, for each life.
 * 3. A certificate is forgotten when all members have all that was written before it (`collector.ts`), so that nobody holds
 *    what it deletes, and all that know of it are covered by 1; members that are away count for as long as the retention.
 * 4. After the retention it is forgotten anyway, and members that are away count no longer. A node that lacks what its peer
 *    had of the time before P may then hold what was deleted by somebody who knew of it, though the peer does not: it is
 *    reset, and drops what is no later than P and the peer does not hold, if it has not agreed with the peer for longer than
 *    the retention ({@link Space.isAway}), or, when it is new, what is older than the retention. Since a node that was cut off
 *    may have forgotten deletes of its own, by which all others would have to be reset, only who has been in less company
 *    than its peer drops anything ({@link Space.company}). So what was written while apart is lost at one side at most.
 *
 * V is taken over from a peer together with its P, at the end of a session in which nothing was refused.
 */
import { fnv1a, mix } from "../../../internal/hash.ts"
import type { Change, Entry, SpaceKind, SpaceLimits, Version } from "../../ReplicaMachine.ts"
import { toUtf8 } from "../crdt/bytes.ts"
import type { Core } from "./core.ts"
import { type BatchedWrite, unpackBatch, unpackEntry, unpackRecord, type Versioned } from "./encoding.ts"
import { Entries, entryOf, type Held, idOf } from "./entries.ts"
import { Persistence } from "./persistence.ts"
import { Rumors } from "./rumors.ts"
import { atMillis, isAfter, later, type Time, timeOf, zero } from "./time.ts"
import { keyOf, type Life, lifeOf, type VersionVector } from "./vector.ts"
import { Versions } from "./versions.ts"

/** What became of a write of a peer. */
export type Taken = "New" | "Known" | "Refused" | "Malformed"

/** Peers of whom is remembered when this node agreed with them. */
const maxAgreements = 4096

/** Bytes around the batch of a rumor in a datagram, names aside. */
const rumorOverhead = 96

export class Space {
  readonly name: string
  readonly nameHash: number
  readonly kind: SpaceKind
  readonly limits: SpaceLimits
  readonly entries: Entries
  readonly versions: Versions
  readonly persistence: Persistence | undefined
  readonly rumors: Rumors
  /** The life in which this node writes here. */
  life: Life
  /** The time of the latest certificate that was forgotten, here or by those whose versions were taken over. */
  purged: Time = zero
  /** How often certificates were forgotten, and peers' writes refused. */
  purges = 0
  refusals = 0
  /** The entry that was changed last. */
  lastTaken: Held | undefined
  readonly #core: Core
  /** When this node has last agreed with each peer, and with any. */
  readonly #agreements = new Map<string, number>()
  #agreedAt: number | undefined
  #changes: Array<Change> = []

  constructor(core: Core, name: string, kind: SpaceKind, limits: SpaceLimits, isDurable: boolean, incarnation: number) {
    this.#core = core
    this.name = name
    this.nameHash = fnv1a(name)
    this.kind = kind
    this.limits = limits
    this.entries = new Entries(name, kind, limits, Math.floor(core.random.nextDoubleUnsafe() * 0x1_0000_0000))
    this.versions = new Versions(isDurable)
    this.persistence = isDurable ? new Persistence() : undefined
    this.life = lifeOf(core.birth.id, incarnation)
    this.rumors = new Rumors(core.birth.maxDatagramSize - rumorOverhead - toUtf8(name).length - this.life.bytes.length)
  }

  /** What differs between replicas that do not know the same. */
  get stamp(): number {
    return mix(mix(this.versions.told.hash, this.purged.millis), this.purged.counter)
  }

  /** What was written before this is older than the retention. */
  get oldest(): Time {
    return atMillis(this.#core.wallClock - this.#core.config.retention)
  }

  read(key: Uint8Array): Entry | undefined {
    const held = this.entries.get(idOf(key))
    return held === undefined ? undefined : entryOf(held)
  }

  /** What this node writes from now on, and what of its writes it has not told of, is later than this. */
  clock(): Time {
    // what is not committed yet is not told
    return this.persistence?.isBehind === true ? timeOf(this.versions.told.get(this.life.key)) : this.#core.tick()
  }

  takeChanges(): ReadonlyArray<Change> {
    const changes = this.#changes
    if (changes.length > 0) this.#changes = []
    return changes
  }

  versionOf(time: Time): Version {
    const { incarnation, node } = this.life
    return { timestamp: { millis: time.millis, counter: time.counter, node }, incarnation }
  }

  // ---------------------------------------------------------------------------
  // writes of this node
  // ---------------------------------------------------------------------------

  /** A write of this node. The value is kept as it is. */
  write(key: Uint8Array, value: Uint8Array | undefined): Time {
    const time = this.#core.tick()
    this.#put(idOf(key), key, { ...time, life: this.life, value }, true)
    this.wrote(time)
    return time
  }

  wrote(time: Time): void {
    this.versions.known.raise(this.life, time)
  }

  // ---------------------------------------------------------------------------
  // writes of others
  // ---------------------------------------------------------------------------

  /** Takes an entry that a peer or the store has sent; the bytes are not kept. */
  takeEntry(bytes: Uint8Array, from: string): Taken {
    const entry = unpackEntry(bytes)
    return entry === undefined ? this.refuseMalformed(from) : this.takeRecord(entry.key, entry.record, from)
  }

  takeRecord(key: Uint8Array, record: Uint8Array, from: string): Taken {
    if (this.kind._tag === "crdt") return this.takeState(key, record, from)
    const entry = unpackRecord(record, this.versions.known)
    if (entry === undefined) return this.refuseMalformed(from)
    const taken = this.takeVersioned(key, entry)
    if (taken !== "Refused") this.versions.loosen(entry.life, entry)
    return taken
  }

  /** Takes a value or certificate; the bytes are not kept. */
  takeVersioned(key: Uint8Array, entry: Versioned): Taken {
    const { life, value } = entry
    const { maxKeySize, maxValueSize } = this.limits
    const valueSize = value?.length ?? 0
    if (key.length > maxKeySize || valueSize > maxValueSize) return this.#refuse("TooLarge", life.node)
    const ahead = this.#core.tooFarAhead(entry)
    if (ahead > 0) return this.#refuse("ClockAhead", life.node, ahead)
    this.#core.follow(entry)
    const id = idOf(key)
    const held = this.entries.get(id)
    if (held !== undefined && !isNewer(entry, held as Held & Versioned)) return "Known"
    // what is older may be held all the same, of one who had been away: it loses as ever
    if (held === undefined && this.isForgotten(life, entry)) return "Known"
    // others forget it about now
    if (held === undefined && value === undefined && isAfter(this.oldest, entry)) return "Known"
    if (this.entries.overflow(held, key.length, valueSize) !== undefined) return this.#refuse("Full", life.node)
    this.#put(id, key, value === undefined ? entry : { ...entry, value: value.slice() }, false)
    return "New"
  }

  /** Takes an entry of the store back, whatever the limits and clocks are now. False for what is none. */
  restore(key: Uint8Array, record: Uint8Array): boolean {
    const id = idOf(key)
    if (this.kind._tag === "crdt") {
      const state = this.kind.states.decode(record)
      if (state === undefined) return false
      this.entries.putState(id, key, state, record.length)
      return true
    }
    const entry = unpackRecord(record, this.versions.known)
    if (entry === undefined) return false
    this.#core.follow(entry)
    this.versions.loosen(entry.life, entry)
    this.entries.put(id, key, { ...entry, value: entry.value?.slice() })
    return true
  }

  /** Whether a write was incorporated, and certificates as late as it are forgotten. */
  isForgotten(life: Life, time: Time): boolean {
    return !isAfter(time, this.purged) && this.versions.known.covers(life.key, time)
  }

  /** Whether an entry may be one that was deleted here, sent by a peer that has to be reset first. */
  isOutdated(bytes: Uint8Array): boolean {
    if (this.kind._tag === "crdt") return false
    const entry = unpackEntry(bytes)
    // where something older is held, nothing later was deleted
    if (entry === undefined || this.entries.get(idOf(entry.key)) !== undefined) return false
    const record = unpackRecord(entry.record, this.versions.known)
    return record !== undefined && !isAfter(record, this.purged)
  }

  /** Takes a state or delta; the bytes are not kept. */
  takeState(key: Uint8Array, bytes: Uint8Array, from: string): Taken {
    if (this.kind._tag === "lww") return this.#refuse("Malformed", from)
    if (key.length > this.limits.maxKeySize || bytes.length > this.limits.maxValueSize) {
      return this.#refuse("TooLarge", from)
    }
    const state = this.kind.states.decode(bytes)
    if (state === undefined) return this.#refuse("Malformed", from)
    const id = idOf(key)
    const held = this.entries.get(id)
    if (this.entries.overflow(held, key.length, (held?.size ?? 0) + bytes.length) !== undefined) {
      // most of what comes is known, and takes no more room
      if (held === undefined || this.kind.states.merge(held.state, state) !== held.state) {
        return this.#refuse("Full", from)
      }
      return "Known"
    }
    return this.merge(id, key, state, bytes.length, false) ? "New" : "Known"
  }

  /** Merges a state into what is held. False when it says nothing new. */
  merge(id: string, key: Uint8Array, state: unknown, size: number, isLocal: boolean): boolean {
    if (this.kind._tag === "lww") return false
    const held = this.entries.get(id)
    const merged = held === undefined ? state : this.kind.states.merge(held.state, state)
    if (held !== undefined && merged === held.state) return false
    const put = this.entries.putState(id, key, merged, size)
    this.#changed(put, isLocal)
    return true
  }

  #put(id: string, key: Uint8Array, entry: Versioned, isLocal: boolean): void {
    this.#changed(this.entries.put(id, key, entry), isLocal)
  }

  #changed(held: Held, isLocal: boolean): void {
    this.lastTaken = held
    this.persistence?.note(held.id, held.key)
    this.#changes.push({ ...entryOf(held), isLocal })
  }

  #refuse(reason: "ClockAhead" | "Full" | "TooLarge" | "Malformed", node: string, ahead = 0): "Refused" {
    this.refusals = (this.refusals + 1) >>> 0
    this.#core.refuse(this.name, reason, node, ahead)
    return "Refused"
  }

  /** Refuses a peer that has forgotten what is so far in the future that nothing could ever be written before it. */
  refusesPurged(purged: Time, from: string): boolean {
    const ahead = this.#core.tooFarAhead(purged)
    if (ahead > 0) this.#refuse("ClockAhead", from, ahead)
    return ahead > 0
  }

  /** Something that is no entry was refused: what comes with it is not worth a look. */
  refuseMalformed(from: string): "Malformed" {
    this.#refuse("Malformed", from)
    return "Malformed"
  }

  // ---------------------------------------------------------------------------
  // forgetting
  // ---------------------------------------------------------------------------

  /** Forgets the certificates that may go; says how many. */
  purge(mayGo: (certificate: Time & { readonly life: Life }) => boolean): number {
    let count = 0
    for (const held of this.entries.certificates.values()) {
      const certificate = held as Held & Versioned
      if (!mayGo(certificate)) continue
      this.purged = timeOf(later(this.purged, certificate))
      this.#forget(held)
      count++
    }
    if (count > 0) {
      this.forgot(this.purged)
      this.#core.happened({ _tag: "Purged", space: this.name, count })
    }
    return count
  }

  /** Certificates are held no more, and the deletes until then are not to be taken back. */
  forgot(until: Time): void {
    this.purged = timeOf(later(this.purged, until))
    this.purges = (this.purges + 1) >>> 0
  }

  /** Drops what was deleted elsewhere, of which nothing is remembered: to be followed by {@link Space.forgot}. */
  drop(held: Held): void {
    const { key, value } = held
    this.#forget(held)
    if (value !== undefined) {
      this.#changes.push({ key, value: undefined, state: undefined, version: undefined, isLocal: false })
    }
  }

  #forget(held: Held): void {
    this.entries.remove(held)
    this.persistence?.note(held.id, held.key)
  }

  /** This node has agreed with a peer. */
  agreed(peer: string): void {
    const { now } = this.#core
    this.#agreedAt = now
    this.#agreements.delete(peer)
    if (this.#agreements.size >= maxAgreements) this.#agreements.delete(this.#agreements.keys().next().value!)
    this.#agreements.set(peer, now)
  }

  /** Whether this node has agreed with a peer, or with anybody, but not for longer than the retention. */
  isAway(peer: string): boolean {
    const at = this.#agreements.get(peer) ?? this.#agreedAt
    return at !== undefined && this.#core.now - at > this.#core.config.retention
  }

  /** With how many others than a peer this node has agreed within the retention. */
  company(peer: string): number {
    const { config, now } = this.#core
    let count = 0
    for (const [other, at] of this.#agreements) if (other !== peer && now - at <= config.retention) count++
    return count
  }

  /** Takes over what a peer knew, and has forgotten: its entries have come, or are the same. */
  adopt(versions: VersionVector, purged: Time): void {
    const last = this.versions.known.get(this.life.key)
    const row = versions.get(this.life.key)
    // somebody else has written under the name and incarnation of this life: the node goes on in another
    if (isAfter(row, later(last, versions.floor)) && this.#core.tooFarAhead(row) === 0) this.#renew()
    this.purged = timeOf(later(this.purged, purged))
    // no sound peer knows what was written so far in the future: whatever comes of then would be taken for known
    this.versions.adopt(versions, this.#core.latest)
  }

  #renew(): void {
    this.spread()
    this.life = lifeOf(this.life.node, this.life.incarnation + 1)
    this.rumors.begin()
  }

  // ---------------------------------------------------------------------------
  // rumors
  // ---------------------------------------------------------------------------

  /** A write of this node is to spread. */
  announce(write: BatchedWrite): void {
    const full = this.rumors.add(write, this.life.incarnation)
    if (full !== undefined) this.#core.happened({ _tag: "Spread", space: this.name, batch: full })
  }

  /** Spreads what waits to. */
  spread(): void {
    const batch = this.rumors.take(this.life.incarnation)
    if (batch !== undefined) this.#core.happened({ _tag: "Spread", space: this.name, batch })
  }

  /** Takes a rumor, which is not kept. */
  hear(bytes: Uint8Array, origin: string): void {
    const batch = unpackBatch(bytes)
    if (batch === undefined) return void this.refuseMalformed(origin)
    const key = keyOf(origin, batch.incarnation)
    if (key === this.life.key) return
    const life = this.versions.known.life(key) ?? lifeOf(origin, batch.incarnation)
    let upTo = batch.previous
    let isWhole = true
    for (const { key, time, value } of batch.writes) {
      if (this.#takeWrite(life, key, time, value) === "Refused") isWhole = false
      else if (isWhole) upTo = time
      else this.versions.loosen(life, time)
    }
    this.versions.note(life, batch.previous, upTo)
    if (!isAfter(upTo, batch.previous)) return
    this.versions.loosen(life, batch.writes[0]!.time)
    this.versions.loosen(life, upTo)
  }

  #takeWrite(life: Life, key: Uint8Array, time: Time, value: Uint8Array | undefined): Taken {
    if (this.kind._tag === "lww") return this.takeVersioned(key, { ...time, life, value })
    if (value === undefined) return this.#refuse("Malformed", life.node)
    const ahead = this.#core.tooFarAhead(time)
    if (ahead > 0) return this.#refuse("ClockAhead", life.node, ahead)
    this.#core.follow(time)
    return this.takeState(key, value, life.node)
  }
}

/** Whether an entry wins over another: the later, or of equal times the one of the greater name. */
export const isNewer = (a: Versioned, b: Versioned): boolean => {
  if (a.millis !== b.millis) return a.millis > b.millis
  if (a.counter !== b.counter) return a.counter > b.counter
  if (a.life.node !== b.life.node) return a.life.node > b.life.node
  if (a.life.incarnation !== b.life.incarnation) return a.life.incarnation > b.life.incarnation
  // no sound node makes two of one version: that all agree is enough
  if (a.value === undefined || b.value === undefined) return a.value === undefined && b.value !== undefined
  return idOf(a.value) > idOf(b.value)
}
