/**
 * `rateless`: the peer sends coded symbols of what it holds until the difference can be decoded, about 1.35 of 14 bytes for
 * each item of it, however large the replicas are (Yang et al. 2024).
 *
 * Between two batches either replica may change. Symbols are linear, so a change is made up for in those that came before
 * it: the peer says with each batch what has changed since the last.
 */
import { type Answer, itemSize, minSymbolSize, unpackSymbols } from "../../../wire/ReconciliationMessage.ts"
import {
  type Comparison,
  type Differ,
  type Findings,
  forEachItem,
  headSize,
  type Next,
  type Replica,
  unpackSummary
} from "./comparison.ts"
import { Decoder } from "./decoder.ts"
import { logCapacity } from "./itemIndex.ts"

/** Symbols that an item of the difference takes at the least, or nearly: the rest comes in small batches. */
const overhead = 1.2

/**
 * How much more is asked for then, as a share of what was received, by how much of the difference is found: while that is
 * little the end is not near, and what comes after the end is wasted.
 */
const batches = [
  { found: 0.15, share: 0.1 },
  { found: 0.25, share: 0.06 },
  { found: 0.4, share: 0.03 },
  { found: Infinity, share: 0.02 }
] as const

const minBatch = 3

/** How many times as many symbols there may be after a batch: the estimate of few is rough. */
const maxGrowth = 16

/** Bytes of a symbol with its count, at most. */
export const maxSymbolSize = minSymbolSize + 4

/** Most bytes of changes in an answer: no peer remembers more. */
const maxChangesSize = logCapacity * itemSize

/** What comes with the answer to the opening: enough for four items, most often. */
export const firstSymbols = 8

export class Rateless<Key> implements Comparison {
  readonly #replica: Replica<Key>
  readonly #findings: Findings
  readonly #maxSymbols: number
  readonly #maxBatch: number
  readonly #decoder = new Decoder()
  readonly #instance: number
  #theirSequence: number
  #ownSequence: number
  #hasFailed = false
  #asked = 0

  /**
   * @param maxSymbols after which it gives up
   * @param maxBytes of a message
   */
  constructor(replica: Replica<Key>, findings: Findings, differ: Differ, maxSymbols: number, maxBytes: number) {
    this.#replica = replica
    this.#findings = findings
    this.#maxSymbols = maxSymbols
    this.#maxBatch = Math.max(1, Math.floor((maxBytes - headSize) / maxSymbolSize))
    this.#instance = differ.instance ?? 0
    this.#theirSequence = differ.sequence ?? 0
    this.#ownSequence = replica.index.sequence
    const { checked, count, high, low } = unpackSummary(differ)
    this.#decoder.add(
      { sums: Uint32Array.of(high, low), checks: Uint32Array.of(checked), counts: Int32Array.of(count) },
      replica.index.symbols(1)
    )
    if (differ.symbols === undefined || !this.#add(differ.symbols, count)) this.#hasFailed = true
  }

  /** Symbols received. */
  get symbols(): number {
    return this.#decoder.size
  }

  next(): Next {
    if (!this.#hasFailed && !this.#catchUp()) this.#hasFailed = true
    const decoder = this.#decoder
    if (this.#hasFailed || decoder.isInconsistent) return { _tag: "Fall" }
    if (decoder.isDecoded) {
      this.#tell()
      return { _tag: "Done" }
    }
    const wanted = this.#wanted()
    if (wanted > this.#maxSymbols || this.#isTooMuch()) return { _tag: "Fall" }
    this.#asked = Math.min(wanted - decoder.size, this.#maxBatch)
    return {
      _tag: "Ask",
      question: {
        _tag: "AskSymbols",
        instance: this.#instance,
        sequence: this.#theirSequence,
        from: decoder.size,
        count: this.#asked
      }
    }
  }

  take(answer: Answer): boolean {
    if (answer._tag === "SymbolsExpired") {
      this.#hasFailed = true
      return true
    }
    if (answer._tag !== "CodedSymbols" || answer.sequence < this.#theirSequence) return false
    if ((answer.added?.length ?? 0) + (answer.removed?.length ?? 0) > maxChangesSize) return false
    // nothing of the batch may be older than what it is taken for
    if (!this.#catchUp()) {
      this.#hasFailed = true
      return true
    }
    this.#theirSequence = answer.sequence
    forEachItem(answer.added, (high, low) => this.#decoder.change(high, low, 1, 1))
    forEachItem(answer.removed, (high, low) => this.#decoder.change(high, low, 1, -1))
    return this.#add(answer.symbols, answer.count)
  }

  /** How many symbols there should be after the next batch. */
  #wanted(): number {
    const { estimate, found, size } = this.#decoder
    const { share } = batches.find((batch) => found.size < batch.found * estimate) ?? batches[3]
    // the estimate is good to √(2/size): half of that is left for later
    const expected = overhead * estimate * (1 - 0.7 / Math.sqrt(size))
    return Math.floor(Math.min(Math.max(size + Math.max(minBatch, size * share), expected), maxGrowth * size))
  }

  /** Whether it is all but certain that the difference will not be decoded, so that what is still to come can be spared. */
  #isTooMuch(): boolean {
    const { estimate, found, size } = this.#decoder
    // changes are found besides, of which a peer may tell without end
    return found.size > this.#maxSymbols ||
      size >= 64 && overhead * estimate * (1 - 3 * Math.sqrt(2 / size)) > this.#maxSymbols
  }

  #add(bytes: Uint8Array, total: number): boolean {
    const { size } = this.#decoder
    const symbols = unpackSymbols(bytes, size, total)
    if (symbols === undefined || symbols.checks.length === 0) return false
    // more than was asked for is more than was to be decoded
    const most = size === 1 ? this.#maxSymbols : size + this.#asked
    const end = size + symbols.checks.length
    if (end > most) return false
    this.#decoder.add(symbols, this.#replica.index.symbols(end))
    return true
  }

  /** Makes up for what changed here; false when it is not remembered. */
  #catchUp(): boolean {
    const { index } = this.#replica
    if (!index.remembers(this.#ownSequence)) return false
    index.forEachSince(this.#ownSequence, (high, low, sign) => this.#decoder.change(high, low, -1, sign))
    this.#ownSequence = index.sequence
    return true
  }

  #tell(): void {
    for (const { high, low, side } of this.#decoder.found.values()) {
      if (side === 1) this.#findings.lacking(high, low)
      else this.#findings.surplus(high, low)
    }
  }
}
