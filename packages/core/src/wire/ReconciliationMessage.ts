/**
 * The messages by which two nodes find out in what their replicas differ, and send each other what the other lacks.
 *
 * Whoever opens a session asks, and the other answers: it keeps nothing between two questions, so each holds all that its
 * answer depends on. An *item* is a hash of 64 bits of an entry's key and version; two replicas that hold the same items
 * hold the same entries. Lists are packed, each in a field of bytes.
 *
 * @since 0.1.0
 */
import { fieldId } from "effect/encoding/SchemaBinary"
import * as Schema from "effect/Schema"
import { Incarnation, Uint32 } from "./internal/fields.ts"

// -----------------------------------------------------------------------------
// items
// -----------------------------------------------------------------------------

/** Bytes of a packed item. */
export const itemSize = 8

/** Packs items, each two numbers of 32 bits, the higher half first. */
export const packItems = (items: Uint32Array): Uint8Array => {
  const bytes = new Uint8Array(items.length * 4)
  const view = new DataView(bytes.buffer)
  for (let i = 0; i < items.length; i++) view.setUint32(i * 4, items[i]!)
  return bytes
}

/** Reads what {@link packItems} wrote. */
export const unpackItems = (bytes: Uint8Array): Uint32Array => {
  const items = new Uint32Array(Math.floor(bytes.length / itemSize) * 2)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  for (let i = 0; i < items.length; i++) items[i] = view.getUint32(i * 4)
  return items
}

const Items = Schema.Uint8Array.check(
  Schema.makeFilter((bytes: Uint8Array) => bytes.length % itemSize === 0 || "items of 8 bytes each")
)

const Item = Schema.Uint8Array.check(
  Schema.makeFilter((bytes: Uint8Array) => bytes.length === itemSize || "one item of 8 bytes")
)

// -----------------------------------------------------------------------------
// entries
// -----------------------------------------------------------------------------

/** Bytes that an entry takes in a packed list. */
export const packedEntrySize = (entry: Uint8Array): number => varintSize(entry.length) + entry.length

/**
 * Most entries in a message, however small: while they are taken, some 10 µs each, a node does nothing else.
 */
export const maxEntries = 1024

/** Packs entries, each behind its length. */
export const packEntries = (entries: ReadonlyArray<Uint8Array>): Uint8Array => {
  const writer = new Writer(entries.reduce((size, entry) => size + packedEntrySize(entry), 0))
  for (const entry of entries) {
    writer.varint(entry.length)
    writer.bytes(entry)
  }
  return writer.written()
}

/**
 * Hands on each entry of a packed list; false when the rest of it is none, or there are more than {@link maxEntries}. They are
 * views of the bytes: copy what is to be kept. One at a time, since a list of very short ones would take many times its size.
 * `f` returns false to have no more.
 */
export const forEachEntry = (bytes: Uint8Array, f: (entry: Uint8Array) => unknown): boolean => {
  const reader = new Reader(bytes)
  for (let count = 0; !reader.isAtEnd; count++) {
    if (count === maxEntries) return false
    const size = reader.varint()
    if (!reader.has(size)) return false
    if (f(reader.bytes(size)) === false) return false
  }
  return true
}

// -----------------------------------------------------------------------------
// rows of a hash tree
// -----------------------------------------------------------------------------

/** Where a node of the hash tree is: the first `depth` times 4 bits of the position and the item of what is below it. */
export interface Path {
  /** 0 for the root; at most {@link maxDepth}. */
  readonly depth: number
  /** 32 bits of the key's hash, and behind them the 64 of the item; zero beyond `depth`. */
  readonly position: number
  readonly high: number
  readonly low: number
}

/** Where two different items are apart at the latest. */
export const maxDepth = 24

/** What a child of a tree's node holds. */
export const empty = 0
/** One item, which is the child's sum. */
export const single = 1
/** Several items, of which the child's sum is the exclusive or. */
export const several = 2

/** A node's 16 children. */
export interface Row {
  readonly path: Path
  /** {@link empty}, {@link single} or {@link several} for each child. */
  readonly kinds: Uint8Array
  /** Two numbers for each child, the higher half first; zero for empty ones. */
  readonly sums: Uint32Array
}

/** Children of a node of the tree. */
export const children = 16

/** Most rows in one message: as many as may differ of {@link maxRowsAsked}. */
export const maxRows = 32_768

/** Most rows in one question. */
export const maxRowsAsked = maxRows / children

/** Bytes of the longest row. */
export const maxRowSize = 1 + maxDepth / 2 + 4 + children * itemSize

/** Packs rows, each with its path. */
export const packRows = (rows: ReadonlyArray<Row>): Uint8Array => {
  const writer = new Writer(rows.length * maxRowSize)
  for (const { kinds, path, sums } of rows) {
    writer.byte(path.depth)
    for (let i = 0; i < path.depth; i += 2) writer.byte(nibble(path, i) << 4 | nibble(path, i + 1))
    let packed = 0
    for (let child = 0; child < children; child++) packed |= kinds[child]! << (2 * child)
    writer.uint32(packed >>> 0)
    for (let child = 0; child < children; child++) {
      if (kinds[child] === empty) continue
      writer.uint32(sums[2 * child]!)
      writer.uint32(sums[2 * child + 1]!)
    }
  }
  return writer.written()
}

/** Reads rows; undefined for what is none. */
export const unpackRows = (bytes: Uint8Array): ReadonlyArray<Row> | undefined => {
  const reader = new Reader(bytes)
  const rows: Array<Row> = []
  while (!reader.isAtEnd) {
    const depth = reader.byte()
    const pathSize = (depth + 1) >>> 1
    if (rows.length === maxRows || depth >= maxDepth || !reader.has(pathSize + 4)) return undefined
    const words = [0, 0, 0]
    for (let i = 0; i < pathSize; i++) words[i >>> 2]! |= reader.byte() << (24 - 8 * (i & 3))
    const path = { depth, position: words[0]! >>> 0, high: words[1]! >>> 0, low: words[2]! >>> 0 }
    if (depth % 2 === 1 && nibble(path, depth) !== 0) return undefined
    const packed = reader.uint32()
    const kinds = new Uint8Array(children)
    const sums = new Uint32Array(2 * children)
    for (let child = 0; child < children; child++) {
      const kind = (packed >>> (2 * child)) & 3
      if (kind === empty) continue
      // nothing is below the deepest, where items are whole
      if (kind > several || kind === several && depth === maxDepth - 1 || !reader.has(itemSize)) return undefined
      kinds[child] = kind
      sums[2 * child] = reader.uint32()
      sums[2 * child + 1] = reader.uint32()
    }
    rows.push({ path, kinds, sums })
  }
  return rows
}

/** The `index`th 4 bits of a path, beyond its depth zero. */
export const nibble = (path: Path, index: number): number => {
  const word = index < 8 ? path.position : index < 16 ? path.high : index < 24 ? path.low : 0
  return (word >>> (28 - 4 * (index & 7))) & 15
}

// -----------------------------------------------------------------------------
// coded symbols
// -----------------------------------------------------------------------------

/** Coded symbols one behind the other, in columns. */
export interface Symbols {
  /** Two numbers for each symbol: the exclusive or of the items that map to it, the higher half first. */
  readonly sums: Uint32Array
  /** The exclusive or of their checks. */
  readonly checks: Uint32Array
  /** How many they are. */
  readonly counts: Int32Array
}

/** Bytes of the shortest symbol. */
export const minSymbolSize = 13

/**
 * How many of `total` items map to the symbol at an index, on average. Counts are packed as what they differ from it, which
 * takes a byte or two (Yang et al. 2024, §6).
 */
export const expectedCount = (total: number, index: number): number => Math.round(total * 2 / (index + 2))

/** Packs the symbols from `start` to `end` of a set of `total` items. */
export const packSymbols = (symbols: Symbols, start: number, end: number, total: number): Uint8Array => {
  const writer = new Writer((end - start) * (minSymbolSize + 4))
  for (let i = start; i < end; i++) {
    writer.uint32(symbols.sums[2 * i]!)
    writer.uint32(symbols.sums[2 * i + 1]!)
    writer.uint32(symbols.checks[i]!)
    const difference = symbols.counts[i]! - expectedCount(total, i)
    writer.varint(difference < 0 ? -2 * difference - 1 : 2 * difference)
  }
  return writer.written()
}

/** Reads the symbols from index `start` on of a set of `total` items; undefined for what is none. */
export const unpackSymbols = (bytes: Uint8Array, start: number, total: number): Symbols | undefined => {
  const most = Math.floor(bytes.length / minSymbolSize)
  const [sums, checks, counts] = [new Uint32Array(2 * most), new Uint32Array(most), new Int32Array(most)]
  const reader = new Reader(bytes)
  let size = 0
  for (; !reader.isAtEnd; size++) {
    if (!reader.has(minSymbolSize)) return undefined
    sums[2 * size] = reader.uint32()
    sums[2 * size + 1] = reader.uint32()
    checks[size] = reader.uint32()
    const folded = reader.varint()
    const count = (folded % 2 === 1 ? -(folded + 1) / 2 : folded / 2) + expectedCount(total, start + size)
    // what is no number is not between either
    if (!(count >= 0 && count <= total)) return undefined
    counts[size] = count
  }
  return { sums: sums.subarray(0, 2 * size), checks: checks.subarray(0, size), counts: counts.subarray(0, size) }
}

// -----------------------------------------------------------------------------
// questions
// -----------------------------------------------------------------------------

/** How many items a replica holds: as many as a symbol can count. */
const Count = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 0x7fff_ffff }))

const summary = {
  count: Count.pipe(fieldId(1)),
  /** The exclusive or of all items, and that of their checks: 8 and 4 bytes. */
  sum: Schema.Uint8Array.check(
    Schema.makeFilter((bytes: Uint8Array) => bytes.length === 12 || "a sum of 12 bytes")
  ).pipe(fieldId(2))
}

/** Which entries are to travel: absent for both ways. 1 for those to the asked alone, 2 for those from it alone. */
const Mode = Schema.optionalKey(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 2 })))

/** Opens a session: "this is what I hold, in short". */
export const CompareReplicas = Schema.TaggedStruct("CompareReplicas", {
  ...summary,
  /** How it would go on where that differs: what the answer is to begin with. */
  strategy: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 3 })).pipe(fieldId(3))
})

/** "Between these two items I hold these." */
export const ComparePage = Schema.TaggedStruct("ComparePage", {
  items: Items.pipe(fieldId(1)),
  /** The first item that may be of the page; absent for the least there is. */
  from: Schema.optionalKey(Item).pipe(fieldId(2)),
  /** The first that is beyond it; absent when none is. */
  to: Schema.optionalKey(Item).pipe(fieldId(3)),
  mode: Mode.pipe(fieldId(4))
})

/** "These I hold of late", without those that the asked has named. */
export const CompareRecent = Schema.TaggedStruct("CompareRecent", {
  items: Items.pipe(fieldId(1)),
  /** Those the sender lacks. */
  wants: Schema.optionalKey(Items).pipe(fieldId(2)),
  mode: Mode.pipe(fieldId(3))
})

/** "These nodes of the hash tree have these children." */
export const CompareRows = Schema.TaggedStruct("CompareRows", {
  rows: Schema.Uint8Array.pipe(fieldId(1)),
  mode: Mode.pipe(fieldId(2))
})

/** "Send me coded symbols of what you hold." */
export const AskSymbols = Schema.TaggedStruct("AskSymbols", {
  /** Of the answer that had the first ones. */
  instance: Uint32.pipe(fieldId(1)),
  /** Up to which of the asked's changes the sender has heard. */
  sequence: Incarnation.pipe(fieldId(2)),
  from: Count.pipe(fieldId(3)),
  count: Count.pipe(fieldId(4))
})

/** "Send me these, and take those." */
export const TransferEntries = Schema.TaggedStruct("TransferEntries", {
  wants: Schema.optionalKey(Items).pipe(fieldId(1)),
  entries: Schema.optionalKey(Schema.Uint8Array).pipe(fieldId(2))
})

// -----------------------------------------------------------------------------
// answers
// -----------------------------------------------------------------------------

/** Answers {@link CompareReplicas}: there is nothing to do. */
export const ReplicasEqual = Schema.TaggedStruct("ReplicasEqual", {})

/** Answers {@link CompareReplicas}, with what the strategy begins with. */
export const ReplicasDiffer = Schema.TaggedStruct("ReplicasDiffer", {
  ...summary,
  /** `checksum`: what the sender holds of late, the latest first. */
  recent: Schema.optionalKey(Items).pipe(fieldId(3)),
  /** `merkle`: the root. */
  rows: Schema.optionalKey(Schema.Uint8Array).pipe(fieldId(4)),
  /** `rateless`: coded symbols from the second on; the first is the sum. */
  symbols: Schema.optionalKey(Schema.Uint8Array).pipe(fieldId(5)),
  /** With symbols: names this life of the replica, and how many changes it has been through. */
  instance: Schema.optionalKey(Uint32).pipe(fieldId(6)),
  sequence: Schema.optionalKey(Incarnation).pipe(fieldId(7))
})

const found = {
  /** What the sender lacks. */
  wants: Schema.optionalKey(Items).pipe(fieldId(1)),
  /** What the asking node lacks. */
  entries: Schema.optionalKey(Schema.Uint8Array).pipe(fieldId(2))
}

/** Answers {@link ComparePage}. */
export const PageCompared = Schema.TaggedStruct("PageCompared", {
  ...found,
  /** The first item that was not compared; absent when the page was, to its end. */
  to: Schema.optionalKey(Item).pipe(fieldId(3))
})

/** Answers {@link CompareRecent}. */
export const RecentCompared = Schema.TaggedStruct("RecentCompared", {
  ...found,
  /** How many of the request's wants were seen to; absent for all. */
  served: Schema.optionalKey(Count).pipe(fieldId(3))
})

/** Answers {@link CompareRows}. */
export const RowsCompared = Schema.TaggedStruct("RowsCompared", {
  ...found,
  /** Children of the rows of the request that differ, in their order. */
  rows: Schema.optionalKey(Schema.Uint8Array).pipe(fieldId(3)),
  /** How many of the rows were compared; absent for all. */
  compared: Schema.optionalKey(Count).pipe(fieldId(4))
})

/** Answers {@link AskSymbols}. */
export const CodedSymbols = Schema.TaggedStruct("CodedSymbols", {
  /** How many items the sender holds. */
  count: Count.pipe(fieldId(1)),
  symbols: Schema.Uint8Array.pipe(fieldId(2)),
  /** How many changes the sender has been through, and what they came to since the `sequence` of the request. */
  sequence: Incarnation.pipe(fieldId(3)),
  added: Schema.optionalKey(Items).pipe(fieldId(4)),
  removed: Schema.optionalKey(Items).pipe(fieldId(5))
})

/** Answers {@link AskSymbols}: the sender does not remember as many changes, or is in another life. */
export const SymbolsExpired = Schema.TaggedStruct("SymbolsExpired", {})

/** Answers {@link TransferEntries}. */
export const EntriesTransferred = Schema.TaggedStruct("EntriesTransferred", {
  entries: Schema.optionalKey(Schema.Uint8Array).pipe(fieldId(1)),
  /** How many of the request's wants were seen to; absent for all. */
  served: Schema.optionalKey(Count).pipe(fieldId(2))
})

/** What is asked in a session. */
export const Question = Schema.Union([
  CompareReplicas,
  ComparePage,
  CompareRecent,
  CompareRows,
  AskSymbols,
  TransferEntries
])

/** @since 0.1.0 */
export type Question = typeof Question.Type

/** What is answered. */
export const Answer = Schema.Union([
  ReplicasEqual,
  ReplicasDiffer,
  PageCompared,
  RecentCompared,
  RowsCompared,
  CodedSymbols,
  SymbolsExpired,
  EntriesTransferred
])

/** @since 0.1.0 */
export type Answer = typeof Answer.Type

// -----------------------------------------------------------------------------
// internals
// -----------------------------------------------------------------------------

const varintSize = (value: number): number => {
  let size = 1
  for (let rest = value; rest >= 128; rest = Math.floor(rest / 128)) size++
  return size
}

class Writer {
  readonly #bytes: Uint8Array
  readonly #view: DataView
  #at = 0

  /** @param most bytes that will be written, or more */
  constructor(most: number) {
    this.#bytes = new Uint8Array(most)
    this.#view = new DataView(this.#bytes.buffer)
  }

  byte(value: number): void {
    this.#bytes[this.#at++] = value
  }

  uint32(value: number): void {
    this.#view.setUint32(this.#at, value)
    this.#at += 4
  }

  varint(value: number): void {
    let rest = value
    for (; rest >= 128; rest = Math.floor(rest / 128)) this.byte(rest % 128 + 128)
    this.byte(rest)
  }

  bytes(value: Uint8Array): void {
    this.#bytes.set(value, this.#at)
    this.#at += value.length
  }

  written(): Uint8Array {
    return this.#bytes.subarray(0, this.#at)
  }
}

class Reader {
  readonly #bytes: Uint8Array
  readonly #view: DataView
  #at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  get isAtEnd(): boolean {
    return this.#at === this.#bytes.length
  }

  has(size: number): boolean {
    return size <= this.#bytes.length - this.#at
  }

  byte(): number {
    return this.#bytes[this.#at++]!
  }

  uint32(): number {
    const value = this.#view.getUint32(this.#at)
    this.#at += 4
    return value
  }

  /** At most 5 bytes; not a number for what is longer, or cut off. */
  varint(): number {
    let value = 0
    let factor = 1
    for (const end = Math.min(this.#bytes.length, this.#at + 5); this.#at < end; factor *= 128) {
      const byte = this.byte()
      value += (byte & 0x7f) * factor
      if (byte < 0x80) return value
    }
    return Number.NaN
  }

  bytes(size: number): Uint8Array {
    this.#at += size
    return this.#bytes.subarray(this.#at - size, this.#at)
  }
}
