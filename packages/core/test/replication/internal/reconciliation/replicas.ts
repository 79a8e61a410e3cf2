/**
 * Replicas to reconcile: maps whose last writer wins, and sessions between two of them that are watched.
 */
import { toCodec } from "effect/encoding/SchemaBinary"
import * as Schema from "effect/Schema"
import { answer } from "../../../../src/replication/internal/reconciliation/answering.ts"
import type { Replica } from "../../../../src/replication/internal/reconciliation/comparison.ts"
import { ItemIndex } from "../../../../src/replication/internal/reconciliation/itemIndex.ts"
import { hash, type HashKey, type Item } from "../../../../src/replication/internal/reconciliation/items.ts"
import { type Options, Session } from "../../../../src/replication/internal/reconciliation/session.ts"
import * as ReconciliationMessage from "../../../../src/wire/ReconciliationMessage.ts"

const utf8 = new TextEncoder()
const text = new TextDecoder()

export const hashKey: HashKey = [0x01234567, 0x89abcdef]

interface Entry {
  readonly version: number
  readonly value: string
}

/** A map whose entries are ordered by version, and by value within one. */
export class TestReplica implements Replica<string> {
  readonly index: ItemIndex<string>
  readonly entries = new Map<string, Entry>()
  /** Entries written by peers, in their order. */
  readonly written: Array<string> = []

  readonly #positionOf: (key: string) => number

  constructor(
    instance = 1,
    { positionOf = positionByHash, ...options }: {
      readonly logCapacity?: number
      readonly positionOf?: (key: string) => number
    } = {}
  ) {
    this.index = new ItemIndex(instance, options)
    this.#positionOf = positionOf
  }

  set(key: string, version: number, value: string): void {
    const former = this.entries.get(key)
    if (former !== undefined) {
      if (former.version > version || former.version === version && former.value >= value) return
      this.index.remove(itemOf(key, former))
    }
    this.entries.set(key, { version, value })
    this.index.add(itemOf(key, { version, value }), this.#positionOf(key), key)
  }

  delete(key: string): void {
    const former = this.entries.get(key)
    if (former === undefined) return
    this.entries.delete(key)
    this.index.remove(itemOf(key, former))
  }

  readonly read = (key: string): Uint8Array | undefined => {
    const entry = this.entries.get(key)
    return entry === undefined ? undefined : utf8.encode(`${key}\n${entry.version}\n${entry.value}`)
  }

  readonly write = (bytes: Uint8Array): void => {
    const [key = "", version = "", value = ""] = text.decode(bytes).split("\n")
    this.written.push(`${key} ${version}`)
    this.set(key, Number(version), value)
  }

  /** All that is held, in an order that depends on it alone. */
  get content(): ReadonlyArray<string> {
    return [...this.entries].map(([key, { value, version }]) => `${key} ${version} ${value}`).sort()
  }

  get items(): ReadonlyArray<string> {
    return [...this.entries].map(([key, entry]) => nameOf(itemOf(key, entry))).sort()
  }
}

export const nameOf = ({ high, low }: Item): string => `${high}/${low}`

export const itemOf = (key: string, { version }: Entry): Item => hash(hashKey, utf8.encode(`${key}\n${version}`))

const positionByHash = (key: string): number => hash(hashKey, utf8.encode(key)).high

// -----------------------------------------------------------------------------
// sessions
// -----------------------------------------------------------------------------

const questions = toCodec(ReconciliationMessage.Question)
const answers = toCodec(ReconciliationMessage.Answer)

/** A question, and what it was answered. */
export interface Turn {
  readonly question: ReconciliationMessage.Question
  readonly answer: ReconciliationMessage.Answer
  /** Bytes of the messages, and of those what is no entry. */
  readonly questionBytes: number
  readonly answerBytes: number
  readonly questionMetadata: number
  readonly answerMetadata: number
}

export interface Watched {
  readonly session: Session<string>
  readonly turns: ReadonlyArray<Turn>
  readonly metadataBytes: number
  readonly valueBytes: number
}

/** Bytes of entries, of all that a message holds. */
const valueBytes = (message: ReconciliationMessage.Question | ReconciliationMessage.Answer): number => {
  let size = 0
  if ("entries" in message && message.entries !== undefined) {
    ReconciliationMessage.forEachEntry(message.entries, (entry) => {
      size += entry.length
    })
  }
  return size
}

const maxBytes = 4 * 1024 * 1024

export const options: Options = {
  strategy: "rateless",
  mode: "pushPull",
  maxBytes,
  maxSymbols: 32_768,
  maxQuestions: 16_384
}

/** Runs a session over the wire's codec. `between` is called before each answer and before each question but the first. */
export const reconcile = (
  a: TestReplica,
  b: TestReplica | (() => TestReplica),
  given: Partial<Options> = {},
  between: () => void = () => {}
): Watched => {
  const session = new Session(a, { ...options, ...given })
  const turns: Array<Turn> = []
  for (let question = session.next(); question !== undefined; question = session.next()) {
    const sent = Schema.encodeSync(questions)(question)
    between()
    const answered = answer(
      typeof b === "function" ? b() : b,
      Schema.decodeSync(questions)(sent),
      given.maxBytes ?? maxBytes
    )
    if (answered === undefined) throw new Error(`a question was refused: ${question._tag}`)
    const received = Schema.encodeSync(answers)(answered)
    turns.push({
      question,
      answer: answered,
      questionBytes: sent.length,
      answerBytes: received.length,
      questionMetadata: sent.length - valueBytes(question),
      answerMetadata: received.length - valueBytes(answered)
    })
    between()
    session.receive(Schema.decodeSync(answers)(received))
  }
  return {
    session,
    turns,
    metadataBytes: turns.reduce((sum, turn) => sum + turn.questionMetadata + turn.answerMetadata, 0),
    valueBytes: turns.reduce((sum, { answer, question }) => sum + valueBytes(question) + valueBytes(answer), 0)
  }
}
