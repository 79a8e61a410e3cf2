/**
 * Peers that answer and ask what no honest one would: nothing throws, nothing goes on for ever, and nothing grows beyond what
 * was sent.
 */
import { assert, describe, it } from "@effect/vitest"
import { toCodec } from "effect/encoding/SchemaBinary"
import * as Schema from "effect/Schema"
import { answer } from "../../../../src/replication/internal/reconciliation/answering.ts"
import { strategies } from "../../../../src/replication/internal/reconciliation/comparison.ts"
import { childOf, root } from "../../../../src/replication/internal/reconciliation/merkle.ts"
import { Session } from "../../../../src/replication/internal/reconciliation/session.ts"
import { Mapping } from "../../../../src/replication/internal/reconciliation/symbols.ts"
import * as ReconciliationMessage from "../../../../src/wire/ReconciliationMessage.ts"
import {
  maxDepth,
  packItems,
  packRows,
  packSymbols,
  type Path,
  unpackRows
} from "../../../../src/wire/ReconciliationMessage.ts"
import { type Generator, generator } from "../../../support/generator.ts"
import { options, reconcile, TestReplica } from "./replicas.ts"
import { anItem } from "./support.ts"

type Question = ReconciliationMessage.Question
type Answer = ReconciliationMessage.Answer

const isQuestion = Schema.is(ReconciliationMessage.Question)
const isAnswer = Schema.is(ReconciliationMessage.Answer)

const filled = (instance: number, prefix: string, count: number): TestReplica => {
  const replica = new TestReplica(instance)
  for (let i = 0; i < 200; i++) replica.set(`common ${i}`, 1, "v")
  for (let i = 0; i < count; i++) replica.set(`${prefix} ${i}`, 1, "v")
  return replica
}

/** Honest messages of all kinds, to begin with. */
const messages = (): { readonly questions: ReadonlyArray<Question>; readonly answers: ReadonlyArray<Answer> } => {
  const turns = strategies.flatMap((strategy) => [
    ...reconcile(filled(1, "a", 200), filled(2, "b", 250), { strategy }).turns,
    ...reconcile(filled(1, "a", 4), filled(2, "b", 3), { strategy }).turns
  ])
  return {
    questions: turns.map(({ question }) => question),
    answers: [
      ...turns.map(({ answer }) => answer),
      { _tag: "ReplicasEqual" },
      { _tag: "SymbolsExpired" },
      { _tag: "EntriesTransferred" }
    ]
  }
}

const numbers = [0, 1, 2, 3, 255, 65_535, 65_536, 0x7fff_ffff, 0xffff_ffff, 2 ** 40]

/** Changes some field of a message, most often to one that can still be decoded. */
const spoil = (random: Generator, message: object): object => {
  const fields: Record<string, unknown> = { ...message }
  const names = Object.keys(fields).filter((name) => name !== "_tag")
  if (names.length === 0) return fields
  const name = random.pick(names)
  const value = fields[name]
  if (typeof value === "number") fields[name] = random.pick([...numbers, value + 1, Math.max(0, value - 1)])
  else if (value instanceof Uint8Array) {
    const bytes = Uint8Array.from(value)
    switch (random.int(5)) {
      case 0:
        fields[name] = random.bytes(random.int(30) * 8)
        break
      case 1:
        fields[name] = bytes.subarray(0, random.int(bytes.length + 1))
        break
      case 2:
        fields[name] = Uint8Array.from([...bytes, ...bytes])
        break
      default:
        for (let i = random.int(4); i >= 0 && bytes.length > 0; i--) bytes[random.int(bytes.length)] = random.int(256)
        fields[name] = bytes
    }
  }
  if (random.int(10) === 0) delete fields[random.pick(names)]
  return fields
}

const answers = toCodec(ReconciliationMessage.Answer)

describe("a node that is asked", () => {
  it("answers anything that can be decoded, or refuses it, within its bounds", () => {
    const random = generator("questions")
    const { questions } = messages()
    const maxBytes = 16_384
    let refused = 0
    for (let i = 0; i < 4000; i++) {
      const replica = i % 50 === 0 ? filled(2, "b", 250) : reused
      reused = replica
      let question: object = random.pick(questions)
      for (let times = random.int(3); times >= 0; times--) question = spoil(random, question)
      if (!isQuestion(question)) continue
      const answered = answer(replica, question, maxBytes)
      if (answered === undefined) refused++
      else {
        assert.isTrue(isAnswer(answered))
        // no more than it may, unless the question was as long
        assert.isAtMost(
          Schema.encodeSync(answers)(answered).length,
          maxBytes +
            Object.values(question).reduce(
              (sum: number, field: unknown) => sum + (field instanceof Uint8Array ? field.length : 0),
              0
            )
        )
      }
    }
    assert.isAbove(refused, 50)
  })

  let reused = filled(2, "b", 250)

  it("computes no more coded symbols than it serves", () => {
    const replica = filled(2, "b", 10)
    const { instance, sequence } = replica.index
    const ask = (from: number, count: number) =>
      answer(replica, { _tag: "AskSymbols", instance, sequence, from, count }, 4_194_304)?._tag
    assert.strictEqual(ask(0x7fff_ffff, 1), "SymbolsExpired")
    assert.strictEqual(ask(65_536, 1), "SymbolsExpired")
    assert.strictEqual(replica.index.symbols(1).size, 256)
    assert.strictEqual(ask(65_000, 536), "CodedSymbols")
    assert.strictEqual(replica.index.symbols(1).size, 65_536)
    assert.isUndefined(ask(0, 1))
    assert.isUndefined(ask(1, 0))
  })

  it("sends fewer symbols than it is asked for when they would not fit", () => {
    const replica = filled(2, "b", 10)
    const { instance, sequence } = replica.index
    const answered = answer(replica, { _tag: "AskSymbols", instance, sequence, from: 1, count: 60_000 }, 16_384)
    assert(answered?._tag === "CodedSymbols")
    assert.isAtMost(answered.symbols.length, 16_384)
    assert.isAbove(answered.symbols.length, 10_000)
  })

  it("says that symbols have expired to who asks another life of it, or for what is forgotten", () => {
    const replica = new TestReplica(2, { logCapacity: 8 })
    for (let i = 0; i < 20; i++) replica.set(`${i}`, 1, "v")
    const ask = (instance: number, sequence: number) =>
      answer(replica, { _tag: "AskSymbols", instance, sequence, from: 1, count: 4 }, 16_384)?._tag
    assert.strictEqual(ask(2, 20), "CodedSymbols")
    assert.strictEqual(ask(2, 12), "CodedSymbols")
    assert.strictEqual(ask(2, 11), "SymbolsExpired")
    assert.strictEqual(ask(2, 21), "SymbolsExpired")
    assert.strictEqual(ask(3, 20), "SymbolsExpired")
  })

  it("refuses pages that are out of order, or beyond their ends", () => {
    const replica = filled(2, "b", 10)
    const page = (items: ReadonlyArray<number>, from?: number, to?: number) => {
      const item = (high: number) => packItems(Uint32Array.of(high, 0))
      return answer(replica, {
        _tag: "ComparePage",
        items: packItems(Uint32Array.from(items.flatMap((high) => [high, 0]))),
        ...(from === undefined ? undefined : { from: item(from) }),
        ...(to === undefined ? undefined : { to: item(to) })
      }, 16_384)?._tag
    }
    assert.strictEqual(page([5, 6, 7]), "PageCompared")
    assert.strictEqual(page([5, 6, 7], 5, 8), "PageCompared")
    assert.strictEqual(page([], 5, 5), "PageCompared")
    assert.isUndefined(page([5, 7, 6]))
    assert.isUndefined(page([5, 5]))
    assert.isUndefined(page([5, 6, 7], 6))
    assert.isUndefined(page([5, 6, 7], 5, 7))
  })
})

describe("a node that asks", () => {
  /** Runs a session whose answers pass through `change`. */
  const run = (
    change: (answer: Answer, question: Question) => Answer | undefined,
    given: Partial<typeof options> = {},
    theirs = 250
  ) => {
    const [a, b] = [filled(1, "a", 200), filled(2, "b", theirs)]
    const session = new Session(a, { ...options, maxQuestions: 300, ...given })
    for (let question = session.next(); question !== undefined; question = session.next()) {
      const changed = change(answer(b, question, options.maxBytes)!, question)
      if (changed !== undefined) session.receive(changed)
    }
    return { session, a, b }
  }

  const differing: Answer = { _tag: "ReplicasDiffer", count: 400, sum: new Uint8Array(12) }

  for (const strategy of strategies) {
    it(`comes to an end with ${strategy}, whatever is answered`, () => {
      const random = generator(`answers ${strategy}`)
      const { answers } = messages()
      const outcomes = new Map<string, number>()
      for (let i = 0; i < 100; i++) {
        const every = 1 + random.int(6)
        const isWild = random.int(4) === 0
        const { session } = run((honest) => {
          if (random.int(every) > 0) return honest
          const spoiled = spoil(random, isWild ? random.pick(answers) : honest)
          return isAnswer(spoiled) ? spoiled : honest
        }, { strategy, maxSymbols: 2000 })
        outcomes.set(session.outcome!, (outcomes.get(session.outcome!) ?? 0) + 1)
      }
      assert.isAbove(outcomes.get("Reconciled") ?? 0, 5)
      assert.isAbove(outcomes.get("Malformed") ?? 0, 5)
    })
  }

  it("passes over what the peer wants and nobody holds", () => {
    const { b, session } = run((honest) => {
      const wants = Uint8Array.from([
        ...packItems(Uint32Array.of(1, 2)),
        ...("wants" in honest && honest.wants !== undefined ? honest.wants : [])
      ])
      return honest._tag === "PageCompared" || honest._tag === "RecentCompared" || honest._tag === "RowsCompared"
        ? { ...honest, wants }
        : honest
    }, { strategy: "merkle" })
    assert.strictEqual(session.outcome, "Reconciled")
    assert.deepStrictEqual([session.report.received, session.report.sent, b.entries.size], [250, 200, 650])
  })

  it("gives up a peer that never comes to the end of its pages", () => {
    let at = 0
    const { session } = run((honest, question) =>
      question._tag === "ComparePage"
        ? { _tag: "PageCompared", to: packItems(Uint32Array.of(0, ++at)) }
        : honest, { strategy: "digest" })
    assert.strictEqual(session.outcome, "Endless")
  })

  it("refuses pages that go back", () => {
    const { session } = run((honest, question) =>
      question._tag === "ComparePage"
        ? { _tag: "PageCompared", to: packItems(Uint32Array.of(0, 0)) }
        : honest, { strategy: "digest" })
    assert.strictEqual(session.outcome, "Malformed")
  })

  it("refuses rows that it did not ask about", () => {
    const row = (depth: number, position: number) =>
      packRows([{
        path: { depth, position, high: 0, low: 0 },
        kinds: new Uint8Array(16).fill(2),
        sums: new Uint32Array(32).fill(1)
      }])
    for (const rows of [row(0, 0), row(3, 0x1230_0000)]) {
      const { session } = run((honest) => honest._tag === "RowsCompared" ? { _tag: "RowsCompared", rows } : honest, {
        strategy: "merkle"
      })
      assert.strictEqual(session.outcome, "Malformed")
    }
  })

  it("is not led to ever more rows that it would have to ask about", () => {
    const several = (path: Path) => ({ path, kinds: new Uint8Array(16).fill(2), sums: new Uint32Array(32).fill(1) })
    const childrenOf = (path: Path) => Array.from({ length: 16 }, (_, child) => several(childOf(path, child)))
    let due = 0
    run((_, question) => {
      if (question._tag !== "CompareRows") return { ...differing, rows: packRows([several(root)]) }
      const asked = unpackRows(question.rows)!
      // the deepest have none
      const rows = asked.flatMap(({ path }) => path.depth + 1 < maxDepth ? childrenOf(path) : [])
      due += rows.length * 16 - asked.length
      return { _tag: "RowsCompared", rows: packRows(rows) }
    }, { strategy: "merkle", maxBytes: 65_536, maxQuestions: 100 })
    assert.isBelow(due, 200_000)
  })

  it("is not told of ever more changes", () => {
    const random = generator("changes")
    const walk = new Mapping()
    // each is found by itself: alone at the second symbol, which holds nothing else
    const changes = (count: number) => {
      const items: Array<number> = []
      while (items.length < 2 * count) {
        const { high, low } = anItem(random)
        walk.reset(high, low)
        walk.next()
        if (walk.index === 1) items.push(high, low)
      }
      return packItems(Uint32Array.from(items))
    }
    const told = (count: number) => {
      let sum = 0
      const { session } = run((_, question) => {
        // the own set, but for the sum of all: as if there were always more to come
        const { index } = filled(1, "a", 200)
        const symbols = (from: number) => packSymbols(index.symbols(from + 1), from, from + 1, index.size)
        if (question._tag === "CompareReplicas") {
          return { ...differing, count: index.size, symbols: symbols(1), instance: 1, sequence: 0 }
        }
        if (question._tag !== "AskSymbols") return { _tag: "ReplicasEqual" }
        sum += count
        return {
          _tag: "CodedSymbols",
          count: index.size,
          symbols: symbols(question.from),
          sequence: 0,
          added: changes(count)
        }
      }, { maxSymbols: 8000 })
      assert.strictEqual(session.outcome, "Malformed")
      return { sum, hasFallenBack: session.report.hasFallenBack }
    }
    assert.deepStrictEqual(told(4097), { sum: 4097, hasFallenBack: false })
    assert.deepStrictEqual(told(4096), { sum: 8192, hasFallenBack: true })
  })

  it("refuses the same row twice", () => {
    const { session } = run((honest) => {
      if (honest._tag !== "RowsCompared" || honest.rows === undefined) return honest
      const rows = unpackRows(honest.rows)!
      return { ...honest, rows: packRows(rows.flatMap((row) => [row, row])) }
    }, { strategy: "merkle" })
    assert.strictEqual(session.outcome, "Malformed")
  })

  it("refuses to be told that nothing was served", () => {
    const { session } = run((honest) => honest._tag === "EntriesTransferred" ? { ...honest, served: 0 } : honest)
    assert.strictEqual(session.outcome, "Malformed")
  })

  it("falls back to merkle where symbols come to nothing, and is reconciled all the same", () => {
    const falls = (change: (answer: Answer) => Answer, given: Partial<typeof options> = {}, theirs = 250) => {
      const { a, b, session } = run((honest) => change(honest), { strategy: "rateless", ...given }, theirs)
      assert.strictEqual(session.outcome, "Reconciled")
      assert.isTrue(session.report.hasFallenBack)
      assert.deepStrictEqual(a.content, b.content)
      return session.report
    }
    const random = generator("noise")
    // noise of the right form
    falls((honest) => {
      if (honest._tag !== "CodedSymbols") return honest
      const count = Math.floor(honest.symbols.length / 14)
      const symbols = {
        sums: Uint32Array.from({ length: 2 * count }, () => random.int(0x1_0000_0000)),
        checks: Uint32Array.from({ length: count }, () => random.int(0x1_0000_0000)),
        counts: new Int32Array(count)
      }
      return { ...honest, count: 0, symbols: packSymbols(symbols, 0, count, 0) }
    }, { maxSymbols: 1000 })
    falls((honest) => honest._tag === "CodedSymbols" ? { _tag: "SymbolsExpired" } : honest)
    falls((honest) => honest, { maxSymbols: 100 })
    // it is known early that it would take too many
    assert.isBelow(falls((honest) => honest, { maxSymbols: 2000 }, 5000).symbols, 600)
  })

  it("falls back when it writes more than it remembers between two batches", () => {
    const [a, b] = [new TestReplica(1, { logCapacity: 16 }), filled(2, "b", 100)]
    for (let i = 0; i < 200; i++) a.set(`common ${i}`, 1, "v")
    let version = 1
    const { session } = reconcile(a, b, {}, () => {
      for (let i = 0; i < 20; i++) a.set("busy", ++version, "v")
    })
    assert.strictEqual(session.outcome, "Reconciled")
    assert.isTrue(session.report.hasFallenBack)
    assert.strictEqual(session.report.received, 100)
  })
})
