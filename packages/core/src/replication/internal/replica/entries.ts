/** The entries of a space, with the items by which they are compared: each write costs the same, however many there are. */
import { fnv1a, fnv1aBytes, mix } from "../../../internal/hash.ts"
import type { Answer, Question } from "../../../wire/ReconciliationMessage.ts"
import type { Entry, SpaceKind, SpaceLimits, SpaceSize } from "../../ReplicaMachine.ts"
import { toText } from "../crdt/bytes.ts"
import { unpackItem } from "../reconciliation/comparison.ts"
import { ItemIndex } from "../reconciliation/itemIndex.ts"
import { compare, hash, type HashKey, type Item, keyOf } from "../reconciliation/items.ts"
import { Writer } from "./bytes.ts"
import { packEntry, packRecord, type Versioned } from "./encoding.ts"
import type { Time } from "./time.ts"
import type { Life } from "./vector.ts"

/** What is held under a key. */
export interface Held extends Time {
  readonly id: string
  readonly key: Uint8Array
  readonly position: number
  /** Of a map; of a CRDT the state's encoding, once it was needed. */
  value: Uint8Array | undefined
  state: unknown
  /** Of a map: whose write it is. */
  life: Life | undefined
  millis: number
  counter: number
  high: number
  low: number
  isIndexed: boolean
  /** It is held no more. */
  isGone: boolean
  /** Bytes of the key and value; of a CRDT that has changed since, at least about so many. */
  size: number
}

/** Replaced items that are remembered, in about 0.5 MB. */
const maxReplaced = 8192

/** Sessions of which is remembered how far their pages are. */
const maxPages = 64

const greatest: Item = { high: 0xffff_ffff, low: 0xffff_ffff }

const isBefore = (a: Item, b: Item): boolean => compare(a.high, a.low, b.high, b.low) < 0

/**
 * An index that also finds what has taken the place of an item of late: who asks for an item of which it heard a moment ago is
 * given the newer entry, so that at the end of a session it has not missed both.
 */
class Index extends ItemIndex<Held> {
  // two generations, since taking the oldest out of a map takes longer the more were taken before
  #replaced = new Map<number, Held>()
  #replacedBefore = new Map<number, Held>()
  /** Where the page ends that was compared last, of sessions that are not through all pages, by who has opened them. */
  readonly #pages = new Map<string, Item>()
  /** How often something was asked for that nobody remembers, or may have got out of sight of a session. */
  misses = 0

  override get(high: number, low: number): Held | undefined {
    const held = super.get(high, low) ?? this.#replacedBy(keyOf(high, low))
    if (held !== undefined && !held.isGone) return held
    this.misses = (this.misses + 1) >>> 0
    return undefined
  }

  replace(held: Held): void {
    this.remove(held)
    if (this.#replaced.size >= maxReplaced / 2) {
      this.#replacedBefore = this.#replaced
      this.#replaced = new Map()
    }
    this.#replaced.set(keyOf(held.high, held.low), held)
  }

  /** A page of a session that a node has opened is about to be compared, or was. */
  page(opener: string, question: Question, answer: Answer | undefined): void {
    if (question._tag !== "ComparePage") return
    this.#pages.delete(opener)
    if (question.to === undefined && answer?._tag === "PageCompared" && answer.to === undefined) return
    const [eldest] = this.#pages.keys()
    if (eldest !== undefined && this.#pages.size >= maxPages) this.#miss(eldest)
    this.#pages.set(opener, unpackItem(question.to, greatest))
  }

  /**
   * The item of an entry is about to become another. Pages are in the order of items, so what leaves one that is yet to be
   * compared for one that was already is on none.
   */
  move(from: Item, to: Item): void {
    if (!isBefore(to, from)) return
    for (const [opener, end] of this.#pages) if (isBefore(to, end)) this.#miss(opener)
  }

  #miss(opener: string): void {
    this.#pages.delete(opener)
    this.misses = (this.misses + 1) >>> 0
  }

  #replacedBy(key: number): Held | undefined {
    return this.#replaced.get(key) ?? this.#replacedBefore.get(key)
  }
}

export class Entries {
  readonly index: Index
  readonly certificates = new Map<string, Held>()
  bytes = 0
  readonly #kind: SpaceKind
  readonly #limits: SpaceLimits
  readonly #hashKey: HashKey
  readonly #table = new Map<string, Held>()
  /** States that have changed since they were encoded. */
  readonly #stale = new Set<Held>()

  constructor(space: string, kind: SpaceKind, limits: SpaceLimits, instance: number) {
    this.#kind = kind
    this.#limits = limits
    this.#hashKey = [fnv1a(space), mix(fnv1a(space), 1)]
    this.index = new Index(instance)
  }

  get isMap(): boolean {
    return this.#kind._tag === "lww"
  }

  get size(): SpaceSize {
    const certificates = this.certificates.size
    return { keys: this.#table.size - certificates, certificates, bytes: this.bytes }
  }

  get count(): number {
    return this.#table.size
  }

  get(id: string): Held | undefined {
    return this.#table.get(id)
  }

  all(): IterableIterator<Held> {
    return this.#table.values()
  }

  /** Whether a value under a key is too much, and of what. */
  overflow(held: Held | undefined, keySize: number, valueSize: number): "keys" | "bytes" | undefined {
    if (held === undefined && this.#table.size >= this.#limits.maxKeys) return "keys"
    const grown = keySize + valueSize - (held?.size ?? 0)
    // what makes it smaller is taken even where it is too large
    return grown > 0 && this.bytes + grown > this.#limits.maxBytes ? "bytes" : undefined
  }

  // ---------------------------------------------------------------------------
  // maps
  // ---------------------------------------------------------------------------

  /** What is held under a key is now this, which is kept as it is. */
  put(id: string, key: Uint8Array, entry: Versioned): Held {
    const held = this.#table.get(id) ?? this.#add(id, key)
    this.#unindex(held)
    held.value = entry.value
    held.life = entry.life
    held.millis = entry.millis
    held.counter = entry.counter
    if (entry.value === undefined) this.certificates.set(id, held)
    else this.certificates.delete(id)
    this.#resize(held, held.key.length + (entry.value?.length ?? 0))
    const { bytes } = entry.life
    this.#reindex(
      held,
      new Writer(held.key.length + bytes.length + 13)
        .raw(held.key)
        .time(entry)
        .raw(bytes)
        .byte(entry.value === undefined ? 0 : 1)
        // two values of one version are what only a broken node makes: to be noticed all the same
        .uint32(entry.value === undefined ? 0 : fnv1aBytes(entry.value))
        .done()
    )
    return held
  }

  remove(held: Held): void {
    if (held.isIndexed) this.index.remove(held)
    held.isIndexed = false
    held.isGone = true
    // the index remembers it for a while
    held.value = undefined
    held.state = undefined
    this.#table.delete(held.id)
    this.certificates.delete(held.id)
    this.#stale.delete(held)
    this.bytes -= held.size
  }

  // ---------------------------------------------------------------------------
  // CRDTs
  // ---------------------------------------------------------------------------

  /**
   * What is held under a key is now this state.
   *
   * @param grown bytes by which its encoding may have grown
   */
  putState(id: string, key: Uint8Array, state: unknown, grown: number): Held {
    const held = this.#table.get(id) ?? this.#add(id, key)
    held.state = state
    this.#resize(held, held.size + grown)
    this.#stale.add(held)
    return held
  }

  /** Brings the items of states up to date: before they are looked at, and not with each write. */
  refresh(): void {
    if (this.#stale.size === 0) return
    for (const held of this.#stale) this.encoded(held)
  }

  /** The encoding of a state; undefined for one that is too large. */
  encoded(held: Held): Uint8Array | undefined {
    if (this.#kind._tag === "lww" || !this.#stale.delete(held)) return held.value
    this.#unindex(held)
    held.value = this.#kind.states.encode(held.state)
    this.#resize(held, held.key.length + (held.value?.length ?? this.#limits.maxValueSize))
    if (held.value !== undefined) {
      this.#reindex(held, new Writer(held.key.length + held.value.length).raw(held.key).raw(held.value).done())
    }
    return held.value
  }

  // ---------------------------------------------------------------------------
  // encoding
  // ---------------------------------------------------------------------------

  record(held: Held): Uint8Array | undefined {
    return held.life === undefined ? this.encoded(held) : packRecord(held as Held & Versioned)
  }

  packed(held: Held): Uint8Array | undefined {
    const record = this.record(held)
    return record === undefined ? undefined : packEntry(held.key, record)
  }

  #add(id: string, key: Uint8Array): Held {
    // what it came in must not be kept for a few bytes of it
    const own = key.slice()
    const held: Held = {
      id,
      key: own,
      position: hash(this.#hashKey, own).high,
      value: undefined,
      state: undefined,
      life: undefined,
      millis: 0,
      counter: 0,
      high: 0,
      low: 0,
      isIndexed: false,
      isGone: false,
      size: own.length
    }
    this.#table.set(id, held)
    this.bytes += own.length
    return held
  }

  #resize(held: Held, size: number): void {
    this.bytes += size - held.size
    held.size = size
  }

  #unindex(held: Held): void {
    if (held.isIndexed) this.index.replace(held)
    held.isIndexed = false
  }

  #reindex(held: Held, hashed: Uint8Array): void {
    const { high, low } = hash(this.#hashKey, hashed)
    this.index.move(held, { high, low })
    held.high = high
    held.low = low
    held.isIndexed = this.index.add({ high, low }, held.position, held)
  }
}

export const idOf = toText

export const entryOf = ({ counter, key, life, millis, state, value }: Held): Entry =>
  life === undefined
    ? { key, value: undefined, state, version: undefined }
    : {
      key,
      value,
      state: undefined,
      version: { timestamp: { millis, counter, node: life.node }, incarnation: life.incarnation }
    }
