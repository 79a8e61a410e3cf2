/**
 * How a node answers in a session that a peer opened. Each question is answered by itself, from what the replica holds at
 * the time: nothing is kept for the peer, and what an answer takes is bounded by the question's size and by `maxBytes`.
 */
import {
  type Answer,
  children,
  empty,
  forEachEntry,
  itemSize,
  maxDepth,
  maxRowsAsked,
  maxRowSize,
  nibble,
  packItems,
  packRows,
  packSymbols,
  type Question,
  type Row,
  several,
  single,
  unpackItems,
  unpackRows
} from "../../../wire/ReconciliationMessage.ts"
import {
  forEachItem,
  headSize,
  isEqual,
  itemsPerDatagram,
  maxDatagramSize,
  packItem,
  packSummary,
  type Replica,
  strategies,
  unpackItem,
  unpackSummary
} from "./comparison.ts"
import { EntryPacker } from "./entryPacker.ts"
import { compare, type Item, ItemQueue } from "./items.ts"
import { childOf, root } from "./merkle.ts"
import { firstSymbols, maxSymbolSize } from "./rateless.ts"

/** Most coded symbols that are kept for peers: 1 MiB, enough for a difference of some 48,000 items. */
export const maxSymbolsServed = 65_536

/** Most coded symbols that come with the answer to the opening, so that it fits a datagram. */
const maxFirstSymbols = Math.floor((maxDatagramSize - headSize) / maxSymbolSize)

/**
 * Answers a question; undefined for one that makes no sense. Entries that come with it are merged first.
 *
 * @param maxBytes that the answer may take: 1400 for an opening that came in a datagram
 */
export const answer = <Key>(replica: Replica<Key>, question: Question, maxBytes: number): Answer | undefined => {
  switch (question._tag) {
    case "CompareReplicas":
      return open(replica, question)
    case "ComparePage":
      return comparePage(replica, question, maxBytes)
    case "CompareRecent":
      return compareRecent(replica, question, maxBytes)
    case "CompareRows":
      return compareRows(replica, question, maxBytes)
    case "AskSymbols":
      return sendSymbols(replica, question, maxBytes)
    case "TransferEntries":
      return transfer(replica, question, maxBytes)
  }
}

type Asked<Tag extends Question["_tag"]> = Extract<Question, { readonly _tag: Tag }>

const push = 1
const pull = 2

// -----------------------------------------------------------------------------
// opening
// -----------------------------------------------------------------------------

const open = <Key>({ index }: Replica<Key>, question: Asked<"CompareReplicas">): Answer => {
  const { summary } = index
  const theirs = unpackSummary(question)
  if (isEqual(summary, theirs)) return { _tag: "ReplicasEqual" }
  const differ = { _tag: "ReplicasDiffer", ...packSummary(summary) } as const
  switch (strategies[question.strategy]!) {
    case "digest":
      return differ
    case "checksum":
      return { ...differ, recent: packItems(index.recent(itemsPerDatagram)) }
    case "merkle":
      return { ...differ, rows: packRows([index.row(root)]) }
    case "rateless": {
      const size = 1 + Math.min(Math.max(firstSymbols - 1, Math.abs(theirs.count - summary.count)), maxFirstSymbols)
      const symbols = packSymbols(index.symbols(size), 1, size, summary.count)
      return { ...differ, symbols, instance: index.instance, sequence: index.sequence }
    }
  }
}

// -----------------------------------------------------------------------------
// pages
// -----------------------------------------------------------------------------

const least: Item = { high: 0, low: 0 }

const comparePage = <Key>(
  { index, read }: Replica<Key>,
  { from: first, items: packed, mode, to: end }: Asked<"ComparePage">,
  maxBytes: number
): Answer | undefined => {
  const items = unpackItems(packed)
  const from = unpackItem(first, least)
  const to = end === undefined ? undefined : unpackItem(end, least)
  for (let i = 0; i < items.length; i += 2) {
    const [high, low] = [items[i]!, items[i + 1]!]
    const isInOrder = i === 0
      ? compare(high, low, from.high, from.low) >= 0
      : compare(high, low, items[i - 2]!, items[i - 1]!) > 0
    if (!isInOrder || to !== undefined && compare(high, low, to.high, to.low) >= 0) return undefined
  }
  const wants = new ItemQueue()
  const entries = new EntryPacker(maxBytes - headSize - packed.length, maxBytes)
  let cut: Item | undefined
  let at = 0
  index.forEachFrom(from, (high, low) => {
    if (to !== undefined && compare(high, low, to.high, to.low) >= 0) return false
    let order = -1
    for (; at < items.length; at += 2) {
      order = compare(items[at]!, items[at + 1]!, high, low)
      if (order >= 0) break
      wants.push(items[at]!, items[at + 1]!)
    }
    if (at < items.length && order === 0) {
      at += 2
      return true
    }
    if (mode === push) return true
    const entry = read(index.get(high, low)!)
    if (entry === undefined || entries.add(entry)) return true
    cut = { high, low }
    return false
  })
  if (cut === undefined) {
    for (; at < items.length; at += 2) wants.push(items[at]!, items[at + 1]!)
  }
  return {
    _tag: "PageCompared",
    ...wantsField(wants, mode),
    ...entries.packed(),
    ...(cut === undefined ? undefined : { to: packItem(cut) })
  }
}

const wantsField = (wants: ItemQueue, mode: number | undefined): { wants?: Uint8Array } =>
  wants.size === 0 || mode === pull ? {} : { wants: packItems(wants.peek(wants.size)) }

// -----------------------------------------------------------------------------
// entries
// -----------------------------------------------------------------------------

/** Packs what is wanted, as much as fits; returns how many wants are seen to, by an entry or because there is none. */
const serve = <Key>({ index, read }: Replica<Key>, wants: Uint8Array | undefined, entries: EntryPacker): number => {
  let served = 0
  let isFull = false
  forEachItem(wants, (high, low) => {
    if (isFull) return
    const key = index.get(high, low)
    const entry = key === undefined ? undefined : read(key)
    if (entry === undefined || entries.add(entry)) served++
    else isFull = true
  })
  return served
}

const servedField = (served: number, wants: Uint8Array | undefined): { served?: number } =>
  served === (wants?.length ?? 0) / itemSize ? {} : { served }

const transfer = <Key>(
  replica: Replica<Key>,
  { entries: packed, wants }: Asked<"TransferEntries">,
  maxBytes: number
): Answer | undefined => {
  if (packed !== undefined && !forEachEntry(packed, replica.write)) return undefined
  const entries = new EntryPacker(maxBytes - headSize, maxBytes)
  const served = serve(replica, wants, entries)
  return { _tag: "EntriesTransferred", ...entries.packed(), ...servedField(served, wants) }
}

const compareRecent = <Key>(
  replica: Replica<Key>,
  { items, mode, wants: wanted }: Asked<"CompareRecent">,
  maxBytes: number
): Answer => {
  const wants = new ItemQueue()
  forEachItem(items, (high, low) => {
    if (!replica.index.has(high, low)) wants.push(high, low)
  })
  const entries = new EntryPacker(maxBytes - headSize - items.length, maxBytes)
  const served = serve(replica, wanted, entries)
  return { _tag: "RecentCompared", ...wantsField(wants, mode), ...entries.packed(), ...servedField(served, wanted) }
}

// -----------------------------------------------------------------------------
// rows
// -----------------------------------------------------------------------------

/** The most that the answer to one row takes, entries aside: for each child a row, or an item that is wanted. */
const maxComparedSize = children * maxRowSize

const compareRows = <Key>(
  replica: Replica<Key>,
  { mode, rows: packed }: Asked<"CompareRows">,
  maxBytes: number
): Answer | undefined => {
  const rows = unpackRows(packed)
  if (rows === undefined || rows.length === 0 || rows.length > maxRowsAsked) return undefined
  const wants = new ItemQueue()
  const differing: Array<Row> = []
  const entries = new EntryPacker(maxBytes - headSize, maxBytes)
  let compared = 0
  for (const row of rows) {
    if (compared > 0 && entries.isFull(maxComparedSize)) break
    const outcome = compareRow(replica, row, mode, entries)
    // the rest of it may fit the next answer, which has room for it alone; what is sent already does not differ then
    if (compared > 0 && !outcome.isWhole) break
    differing.push(...outcome.rows)
    for (const { high, low } of outcome.wants) wants.push(high, low)
    compared++
  }
  return {
    _tag: "RowsCompared",
    ...wantsField(wants, mode),
    ...entries.packed(),
    ...(differing.length === 0 ? undefined : { rows: packRows(differing) }),
    ...(compared === rows.length ? undefined : { compared })
  }
}

/** Compares one row. Not `isWhole` when the asking node lacks more than fits, and is led further down to it instead. */
const compareRow = <Key>(
  { index, read }: Replica<Key>,
  { kinds, path, sums }: Row,
  mode: number | undefined,
  entries: EntryPacker
) => {
  const own = index.row(path)
  const rows: Array<Row> = []
  const wants: Array<Item> = []
  const given: Array<number> = []
  let isWhole = true
  for (let child = 0; child < children; child++) {
    const [high, low] = [sums[2 * child]!, sums[2 * child + 1]!]
    const [kind, ownKind] = [kinds[child]!, own.kinds[child]!]
    if (kind === ownKind && high === own.sums[2 * child] && low === own.sums[2 * child + 1]) continue
    if (kind === several) rows.push(index.row(childOf(path, child)))
    else if (ownKind !== empty && mode !== push) given.push(child)
    else if (kind === single && !index.has(high, low)) wants.push({ high, low })
  }
  entries.room -= rows.length * maxRowSize + children * itemSize
  for (const child of given) {
    const [high, low] = [sums[2 * child]!, sums[2 * child + 1]!]
    const isSingle = kinds[child] === single
    let fits = true
    index.forEachBelow(childOf(path, child), (ownHigh, ownLow) => {
      if (!fits || isSingle && compare(ownHigh, ownLow, high, low) === 0) return
      const entry = read(index.get(ownHigh, ownLow)!)
      fits = entry === undefined || entries.add(entry)
    })
    if (fits) {
      if (isSingle && !index.has(high, low)) wants.push({ high, low })
      continue
    }
    isWhole = false
    // no two items are the same as far as this
    if (path.depth + 1 === maxDepth) continue
    entries.room -= maxRowSize
    rows.push(index.row(childOf(path, child)))
  }
  rows.sort((a, b) => nibble(a.path, path.depth) - nibble(b.path, path.depth))
  return { rows, wants, isWhole }
}

// -----------------------------------------------------------------------------
// symbols
// -----------------------------------------------------------------------------

const sendSymbols = <Key>(
  { index }: Replica<Key>,
  { count, from, instance, sequence }: Asked<"AskSymbols">,
  maxBytes: number
): Answer | undefined => {
  if (count === 0 || from === 0) return undefined
  const changes = 2 * itemSize * Math.max(0, index.sequence - sequence)
  const size = Math.min(count, Math.floor((maxBytes - headSize - changes) / maxSymbolSize))
  if (
    instance !== index.instance || !index.remembers(sequence) || size <= 0 || from + size > maxSymbolsServed
  ) return { _tag: "SymbolsExpired" }
  const added = new ItemQueue()
  const removed = new ItemQueue()
  index.forEachSince(sequence, (high, low, sign) => (sign > 0 ? added : removed).push(high, low))
  return {
    _tag: "CodedSymbols",
    count: index.size,
    symbols: packSymbols(index.symbols(from + size), from, from + size, index.size),
    sequence: index.sequence,
    ...(added.size === 0 ? undefined : { added: packItems(added.peek(added.size)) }),
    ...(removed.size === 0 ? undefined : { removed: packItems(removed.peek(removed.size)) })
  }
}
