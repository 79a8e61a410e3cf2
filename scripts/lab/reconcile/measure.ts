/**
 * What a session of reconciliation costs: two replicas in one process, and every message encoded and decoded as nodes do.
 */
import * as Reconciliation from "@effect-gossip/core/replication/Reconciliation"
import * as ReconciliationMessage from "@effect-gossip/core/wire/ReconciliationMessage"
import { Schema } from "effect"
import { SchemaBinary } from "effect/encoding"

/** A setting. */
export interface Setting {
  readonly strategy: Reconciliation.Strategy
  /** Keys of which both replicas hold the same version. */
  readonly keys: number
  /** Keys that differ. */
  readonly different: number
  /** Which share of these both hold, each in another version; the others are new, every second one at either. */
  readonly changed: number
  /** Bytes of a value. */
  readonly value: number
}

/** What it came to, on average over sessions. */
export interface Figures {
  /** Bytes of messages but for entries, of both nodes together. */
  readonly metadataBytes: number
  /** Bytes of entries: keys, versions and values. */
  readonly valueBytes: number
  readonly messages: number
  readonly roundTrips: number
  /**
   * Coded symbols that were received for each item that differs: a changed key makes two. Null but for `rateless`, and where
   * that gave up and fell back to `merkle`.
   */
  readonly symbolsPerDifference: number | null
  /** Processor time of both nodes. */
  readonly cpuMillis: number
}

// -----------------------------------------------------------------------------
// replicas
// -----------------------------------------------------------------------------

interface Entry {
  readonly version: number
  readonly item: Reconciliation.Item
  readonly position: number
}

const utf8 = new TextEncoder()
const text = new TextDecoder()

/** A map of which the later version wins. An entry is a key, a version of 8 bytes, and a value. */
class Replica implements Reconciliation.Replica<string> {
  readonly index: Reconciliation.ItemIndex<string>
  readonly #hashKey: Reconciliation.HashKey
  readonly #value: number
  readonly #entries = new Map<string, Entry>()

  constructor(instance: number, hashKey: Reconciliation.HashKey, value: number) {
    this.index = new Reconciliation.ItemIndex(instance)
    this.#hashKey = hashKey
    this.#value = value
  }

  set(key: string, version: number): void {
    const former = this.#entries.get(key)
    if (former !== undefined) {
      if (former.version >= version) return
      this.index.remove(former.item)
    }
    const name = utf8.encode(key)
    const hashed = new Uint8Array(8 + name.length)
    hashed.set(name, 8)
    const position = former?.position ?? Reconciliation.hash(this.#hashKey, name).high
    new DataView(hashed.buffer).setFloat64(0, version)
    const item = Reconciliation.hash(this.#hashKey, hashed)
    this.#entries.set(key, { version, item, position })
    this.index.add(item, position, key)
  }

  delete(key: string): void {
    const former = this.#entries.get(key)
    if (former === undefined) return
    this.#entries.delete(key)
    this.index.remove(former.item)
  }

  versionOf(key: string): number {
    return this.#entries.get(key)?.version ?? 0
  }

  readonly read = (key: string): Uint8Array | undefined => {
    const entry = this.#entries.get(key)
    if (entry === undefined) return undefined
    const name = utf8.encode(key)
    const bytes = new Uint8Array(9 + name.length + this.#value)
    new DataView(bytes.buffer).setFloat64(0, entry.version)
    bytes[8] = name.length
    bytes.set(name, 9)
    return bytes
  }

  readonly write = (bytes: Uint8Array): void => {
    const version = new DataView(bytes.buffer, bytes.byteOffset).getFloat64(0)
    this.set(text.decode(bytes.subarray(9, 9 + bytes[8]!)), version)
  }
}

/** Numbers of 32 bits, from a seed. */
const words = (seed: string) => {
  let state = 0
  for (const byte of utf8.encode(seed)) state = Math.imul(state ^ byte, 0x01000193)
  return (): number => {
    state = (state + 0x9e3779b9) | 0
    let word = Math.imul(state ^ (state >>> 16), 0x85ebca6b)
    word = Math.imul(word ^ (word >>> 13), 0xc2b2ae35)
    return (word ^ (word >>> 16)) >>> 0
  }
}

// -----------------------------------------------------------------------------
// sessions
// -----------------------------------------------------------------------------

const questions = SchemaBinary.toCodec(ReconciliationMessage.Question)
const answers = SchemaBinary.toCodec(ReconciliationMessage.Answer)
const encodeQuestion = Schema.encodeSync(questions)
const decodeQuestion = Schema.decodeSync(questions)
const encodeAnswer = Schema.encodeSync(answers)
const decodeAnswer = Schema.decodeSync(answers)

const sizeOfEntries = (message: ReconciliationMessage.Question | ReconciliationMessage.Answer): number => {
  let size = 0
  if ("entries" in message && message.entries !== undefined) {
    ReconciliationMessage.forEachEntry(message.entries, (entry) => {
      size += entry.length
    })
  }
  return size
}

const run = (a: Replica, b: Replica, strategy: Reconciliation.Strategy) => {
  const options = { ...Reconciliation.defaults, strategy }
  const started = process.cpuUsage()
  const session = new Reconciliation.Session(a, options)
  let [bytes, valueBytes, roundTrips] = [0, 0, 0]
  for (let question = session.next(); question !== undefined; question = session.next()) {
    const asked = encodeQuestion(question)
    const answer = Reconciliation.answer(b, decodeQuestion(asked), options.maxBytes)
    if (answer === undefined) throw new Error(`${strategy}: a question was refused`)
    const answered = encodeAnswer(answer)
    session.receive(decodeAnswer(answered))
    bytes += asked.length + answered.length
    valueBytes += sizeOfEntries(question) + sizeOfEntries(answer)
    roundTrips++
  }
  const { system, user } = process.cpuUsage(started)
  const [ours, theirs] = [a.index.summary, b.index.summary]
  if (session.outcome !== "Reconciled" || JSON.stringify(ours) !== JSON.stringify(theirs)) {
    throw new Error(`${strategy}: the replicas differ after the session (${session.outcome})`)
  }
  return {
    metadataBytes: bytes - valueBytes,
    valueBytes,
    messages: 2 * roundTrips,
    roundTrips,
    symbols: session.report.hasFallenBack ? NaN : session.report.symbols,
    cpuMillis: (user + system) / 1000
  }
}

const round = (value: number): number => Math.round(value * 100) / 100

/**
 * Runs sessions between two replicas, one after another: each time some keys are written, which are the latest therefore,
 * and taken back at the end.
 */
export const measure = (
  setting: Setting,
  { runs, seed }: { readonly runs: number; readonly seed: string }
): Figures => {
  const { changed, different, keys, strategy, value } = setting
  const random = words(seed)
  const hashKey = [random(), random()] as const
  const [a, b] = [new Replica(random(), hashKey, value), new Replica(random(), hashKey, value)]
  const nameOf = (number: number) => `key:${String(number).padStart(8, "0")}`
  for (let i = 0; i < keys; i++) {
    a.set(nameOf(i), 1)
    b.set(nameOf(i), 1)
  }
  const changes = Math.min(Math.round(different * changed), keys)
  const totals = { metadataBytes: 0, valueBytes: 0, messages: 0, roundTrips: 0, symbols: 0, cpuMillis: 0 }
  let next = keys
  for (let session = 0; session < runs; session++) {
    const start = random() % Math.max(1, keys)
    const [first, second] = random() % 2 === 0 ? [a, b] : [b, a]
    for (let i = 0; i < changes; i++) {
      const key = nameOf((start + i) % keys)
      ;(i % 2 === 0 ? first : second).set(key, a.versionOf(key) + 1)
    }
    const added = Array.from({ length: different - changes }, () => nameOf(next++))
    added.forEach((key, i) => (i % 2 === 0 ? first : second).set(key, 1))
    const figures = run(a, b, strategy)
    for (const key of added) {
      a.delete(key)
      b.delete(key)
    }
    for (const name of Object.keys(totals) as Array<keyof typeof totals>) totals[name] += figures[name]
  }
  const mean = (name: keyof typeof totals) => round(totals[name] / runs)
  return {
    metadataBytes: mean("metadataBytes"),
    valueBytes: mean("valueBytes"),
    messages: mean("messages"),
    roundTrips: mean("roundTrips"),
    symbolsPerDifference: totals.symbols > 0 && different > 0
      ? round(totals.symbols / runs / (different + changes))
      : null,
    cpuMillis: mean("cpuMillis")
  }
}
