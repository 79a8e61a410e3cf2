/**
 * A session, as the node runs it that opens it: compares two replicas by a strategy, and has what each lacks sent to it.
 *
 * `next` gives a question to be sent, `receive` takes its answer, until there is none left. Nothing else happens in between,
 * and nothing of the session is kept when it is given up: the next finds what is left to do. Entries are pulled first and
 * pushed at the end, so that those are not sent which are superseded by what came.
 */
import {
  type Answer,
  forEachEntry,
  itemSize,
  maxEntries,
  packItems,
  type Question
} from "../../../wire/ReconciliationMessage.ts"
import {
  type Comparison,
  type Differ,
  headSize,
  type Mode,
  packSummary,
  type Replica,
  strategies,
  type Strategy
} from "./comparison.ts"
import { Digest } from "./digest.ts"
import { EntryPacker } from "./entryPacker.ts"
import { ItemQueue } from "./items.ts"
import { Merkle } from "./merkle.ts"
import { Rateless } from "./rateless.ts"
import { Recent } from "./recent.ts"

/** How a session is run. */
export interface Options {
  readonly strategy: Strategy
  readonly mode: Mode
  /** Of a question and of an answer: `maxExchangeSize`, at least 16 KiB. */
  readonly maxBytes: number
  /** After how many coded symbols `rateless` falls back to `merkle`. */
  readonly maxSymbols: number
  /** After how many questions the session is given up, whatever the peer answers. */
  readonly maxQuestions: number
}

/**
 * 32,768 symbols are enough for a difference of 24,000 items, and take 0.5 MB at either node. Of 100,000 items `merkle` takes
 * twice as much where 20,000 differ, and the same where most do. A digest of 100,000 items asks 600 questions, of two million
 * 12,000.
 */
export const defaults = { maxSymbols: 32_768, maxQuestions: 16_384 }

/** How many may be found, besides those of one answer, before entries are transferred: 0.5 MB. */
const maxFound = 65_536

const none = new Uint32Array(0)

/** What became of a session. */
export type Outcome =
  /** The replicas are reconciled, as far as the mode has it. */
  | "Reconciled"
  /** The peer answered something that is no answer: it runs another version, or means harm. */
  | "Malformed"
  /** The peer had still not answered to the end after `maxQuestions`. */
  | "Endless"

/** What a session came to. */
export interface Report {
  /** Whether the replicas were equal at the start. */
  readonly wasEqual: boolean
  /** Entries that came, and that were sent. */
  readonly received: number
  readonly sent: number
  /** Coded symbols received. */
  readonly symbols: number
  /** Whether `rateless` fell back to `merkle`. */
  readonly hasFallenBack: boolean
}

export class Session<Key> {
  readonly #replica: Replica<Key>
  readonly #options: Options
  #strategy: Strategy
  #comparison: Comparison | undefined
  #isOpen = false
  readonly #lacking = new ItemQueue()
  readonly #surplus = new ItemQueue()
  /** The items of the question that are wanted. */
  #wanted: Uint32Array = none
  #questions = 0
  #asked: Question["_tag"] | undefined
  #receivedBytes = 0
  #report = { wasEqual: false, received: 0, sent: 0, symbols: 0, hasFallenBack: false }
  /** Set when the session is over. */
  outcome: Outcome | undefined

  constructor(replica: Replica<Key>, options: Options) {
    this.#replica = replica
    this.#options = options
    // who has nothing lacks everything
    this.#strategy = options.strategy === "rateless" && replica.index.size === 0 ? "merkle" : options.strategy
  }

  get report(): Report {
    const comparison = this.#comparison
    return comparison instanceof Rateless ? { ...this.#report, symbols: comparison.symbols } : this.#report
  }

  /** The next question, to be sent and its answer received; undefined when the session is over, and `outcome` is set. */
  next(): Question | undefined {
    if (this.outcome !== undefined) return undefined
    const question = this.#next()
    if (question === undefined) {
      this.outcome = "Reconciled"
      return undefined
    }
    if (++this.#questions > this.#options.maxQuestions) {
      this.outcome = "Endless"
      return undefined
    }
    this.#asked = question._tag
    return question
  }

  #next(): Question | undefined {
    if (!this.#isOpen) return this.#opening()
    if (this.#comparison === undefined) return this.#transfer()
    if (this.#lacking.size > maxFound || this.#surplus.size > maxFound) {
      const transfer = this.#transfer()
      if (transfer !== undefined) return transfer
    }
    const next = this.#comparison.next()
    switch (next._tag) {
      case "Ask": {
        const { question } = next
        return question._tag === "CompareRecent" ? { ...question, ...this.#wants() } : question
      }
      case "Transfer": {
        const transfer = this.#transfer()
        if (transfer !== undefined) return transfer
        this.#strategy = "digest"
        this.#isOpen = false
        return this.#opening()
      }
      case "Fall": {
        this.#report = { ...this.report, hasFallenBack: true }
        this.#comparison = this.#merkle(undefined)
        return this.#next()
      }
      case "Done": {
        this.#report = this.report
        this.#comparison = undefined
        return this.#transfer()
      }
    }
  }

  /** Takes the answer to the question. */
  receive(answer: Answer): void {
    if (this.outcome === undefined && !this.#receive(answer)) this.outcome = "Malformed"
  }

  #receive(answer: Answer): boolean {
    if (!this.#isOpen) return this.#opened(answer)
    if ("entries" in answer && answer.entries !== undefined && !this.#merge(answer.entries)) return false
    if (this.#asked === "TransferEntries") {
      return answer._tag === "EntriesTransferred" && this.#served(answer.served)
    }
    if (this.#comparison === undefined) return false
    if (answer._tag === "RecentCompared" && !this.#served(answer.served)) return false
    return this.#comparison.take(answer)
  }

  // ---------------------------------------------------------------------------
  // opening
  // ---------------------------------------------------------------------------

  #opening(): Question {
    return {
      _tag: "CompareReplicas",
      ...packSummary(this.#replica.index.summary),
      strategy: strategies.indexOf(this.#strategy)
    }
  }

  #opened(answer: Answer): boolean {
    this.#isOpen = true
    if (answer._tag === "ReplicasEqual") {
      this.#report.wasEqual = this.#questions === 1
      this.#comparison = undefined
      return true
    }
    if (answer._tag !== "ReplicasDiffer") return false
    this.#comparison = this.#begin(answer)
    return true
  }

  #begin(differ: Differ): Comparison {
    const { maxBytes, maxSymbols, mode } = this.#options
    switch (this.#strategy) {
      case "digest":
        return new Digest(this.#replica, this.#findings, mode)
      case "checksum":
        return new Recent(this.#replica, this.#findings, mode, differ)
      case "merkle":
        return this.#merkle(differ.rows)
      case "rateless":
        return new Rateless(this.#replica, this.#findings, differ, maxSymbols, maxBytes)
    }
  }

  #merkle(rows: Uint8Array | undefined): Comparison {
    return new Merkle(this.#replica, this.#findings, this.#options.mode, rows, this.#options.maxBytes)
  }

  // ---------------------------------------------------------------------------
  // entries
  // ---------------------------------------------------------------------------

  readonly #findings = {
    lacking: (high: number, low: number) => {
      if (this.#options.mode !== "push") this.#lacking.push(high, low)
    },
    surplus: (high: number, low: number) => {
      // an index may also find what has taken its place
      if (this.#options.mode !== "pull" && this.#replica.index.get(high, low) !== undefined) {
        this.#surplus.push(high, low)
      }
    }
  }

  #transfer(): Question | undefined {
    const wants = this.#wants()
    if (wants.wants !== undefined) return { _tag: "TransferEntries", ...wants }
    const { maxBytes } = this.#options
    const { index, read } = this.#replica
    const entries = new EntryPacker(maxBytes - headSize, maxBytes)
    for (let isFull = false; !isFull && this.#surplus.size > 0;) {
      const [high, low] = this.#surplus.peek(1)
      // what came meanwhile may have superseded it
      const key = index.get(high!, low!)
      const entry = key === undefined ? undefined : read(key)
      isFull = entry !== undefined && !entries.add(entry)
      if (!isFull) this.#surplus.drop(1)
    }
    if (entries.count === 0) return undefined
    this.#report.sent += entries.count
    return { _tag: "TransferEntries", ...entries.packed() }
  }

  /** The next ones that this node lacks, to be asked for: no more than will be answered, if entries are as large as others. */
  #wants(): { wants?: Uint8Array } {
    const { index } = this.#replica
    const { received } = this.#report
    const fitting = received === 0
      ? maxEntries
      : Math.floor((this.#options.maxBytes - headSize) * received / this.#receivedBytes)
    const most = Math.max(1, Math.min(fitting, maxEntries, Math.floor((this.#options.maxBytes / 2) / itemSize)))
    const items = new Uint32Array(2 * Math.min(most, this.#lacking.size))
    let size = 0
    while (size < items.length && this.#lacking.size > 0) {
      const [high, low] = this.#lacking.peek(1)
      this.#lacking.drop(1)
      // it may have come by another way meanwhile
      if (index.has(high!, low!)) continue
      items[size++] = high!
      items[size++] = low!
    }
    this.#wanted = items.subarray(0, size)
    return size === 0 ? {} : { wants: packItems(this.#wanted) }
  }

  /** The peer has seen to so many of the wants. */
  #served(served: number | undefined): boolean {
    const wanted = this.#wanted
    const all = wanted.length / 2
    const count = served ?? all
    // nothing would come of asking again
    if (count > all || count === 0 && all > 0) return false
    for (let i = 2 * count; i < wanted.length; i += 2) this.#lacking.push(wanted[i]!, wanted[i + 1]!)
    this.#wanted = none
    return true
  }

  #merge(entries: Uint8Array): boolean {
    return forEachEntry(entries, (entry) => {
      this.#report.received++
      this.#receivedBytes += entry.length + 3
      return this.#replica.write(entry)
    })
  }
}
