/**
 * What every strategy has to do, whichever way it finds out what differs.
 */
import { assert, describe, it } from "@effect/vitest"
import type { Strategy } from "../../../../src/replication/internal/reconciliation/comparison.ts"
import { maxEntrySize } from "../../../../src/replication/internal/reconciliation/entryPacker.ts"
import * as ReconciliationMessage from "../../../../src/wire/ReconciliationMessage.ts"
import { type Generator, generator } from "../../../support/generator.ts"
import { reconcile, TestReplica, type Watched } from "./replicas.ts"

const text = new TextDecoder()

/** The keys of entries that went each way, in their order. */
const sent = ({ turns }: Watched) => {
  const keysIn = (message: object): ReadonlyArray<string> => {
    const keys: Array<string> = []
    if ("entries" in message) {
      ReconciliationMessage.forEachEntry(
        message.entries as Uint8Array,
        (entry) => keys.push(text.decode(entry).split("\n")[0]!)
      )
    }
    return keys
  }
  return {
    pushed: turns.flatMap(({ question }) => keysIn(question)),
    pulled: turns.flatMap(({ answer }) => keysIn(answer))
  }
}

const itemsIn = (bytes: Uint8Array | undefined): ReadonlyArray<string> => {
  const items = ReconciliationMessage.unpackItems(bytes ?? new Uint8Array(0))
  return Array.from({ length: items.length / 2 }, (_, i) => `${items[2 * i]}/${items[2 * i + 1]}`)
}

/** What was asked for by name, and seen to. */
const wanted = ({ turns }: Watched) => {
  const served = ({ answer, question }: Watched["turns"][number]) => {
    const wants = itemsIn("wants" in question ? question.wants : undefined)
    return wants.slice(0, "served" in answer && answer.served !== undefined ? answer.served : wants.length)
  }
  return {
    byOpener: turns.flatMap(served),
    byPeer: turns.flatMap(({ answer }) => itemsIn("wants" in answer ? answer.wants : undefined))
  }
}

/** What was asked about in a turn, and not put off since the answer was full. */
const seenTo = ({ answer, question }: Watched["turns"][number]): ReadonlyArray<string> => {
  if (question._tag === "CompareRows") {
    const { compared = Infinity } = answer as Extract<typeof answer, { readonly _tag: "RowsCompared" }>
    return rowsIn("opener", question.rows).slice(0, compared)
  }
  if (question._tag !== "ComparePage") return []
  const items = itemsIn(question.items)
  const { to } = answer as Extract<typeof answer, { readonly _tag: "PageCompared" }>
  if (to === undefined) return items
  const [high, low] = ReconciliationMessage.unpackItems(to)
  return items.filter((item) => {
    const [ownHigh, ownLow] = item.split("/").map(Number)
    return ownHigh! < high! || ownHigh === high && ownLow! < low!
  })
}

const rowsIn = (of: string, bytes: Uint8Array | undefined): ReadonlyArray<string> =>
  (ReconciliationMessage.unpackRows(bytes ?? new Uint8Array(0)) ?? []).map(({ path }) =>
    `${of} ${path.depth} ${path.position} ${path.high} ${path.low}`
  )

/** What was told of either replica, and seen to, so that the other compares it: items of pages, rows, coded symbols. */
const compared = ({ turns }: Watched): ReadonlyArray<string> =>
  turns.flatMap((turn) => {
    const { answer, question } = turn
    return [
      ...seenTo(turn),
      ...(question._tag === "CompareRecent" ? itemsIn(question.items).map((item) => `recent ${item}`) : []),
      ...("recent" in answer ? itemsIn(answer.recent).map((item) => `recent ${item}`) : []),
      ...("rows" in answer ? rowsIn("peer", answer.rows) : []),
      ...(question._tag === "AskSymbols"
        ? Array.from({ length: question.count }, (_, i) => `symbol ${question.from + i}`)
        : [])
    ]
  })

const assertNoRepeats = (values: ReadonlyArray<string>, what: string) =>
  assert.strictEqual(new Set(values).size, values.length, `${what} twice`)

/** Replicas with keys in common, and keys of their own. */
const replicas = (
  common: number,
  onlyA: number,
  onlyB: number,
  options: {
    readonly value?: string
    readonly positionOf?: (key: string) => number
    readonly random?: Generator
  } = {}
) => {
  const value = options.value ?? "value"
  const [a, b] = [new TestReplica(1, options), new TestReplica(2, options)]
  const keys = {
    common: Array.from({ length: common }, (_, i) => `common ${i}`),
    a: Array.from({ length: onlyA }, (_, i) => `a ${i}`),
    b: Array.from({ length: onlyB }, (_, i) => `b ${i}`)
  }
  for (const key of keys.common) {
    a.set(key, 1, value)
    b.set(key, 1, value)
  }
  for (const key of keys.a) a.set(key, 1, value)
  for (const key of keys.b) b.set(key, 1, value)
  return { a, b, keys }
}

const assertEqual = (a: TestReplica, b: TestReplica) => {
  assert.deepStrictEqual(a.content, b.content)
  assert.deepStrictEqual(a.index.summary, b.index.summary)
}

/** Registers the tests of a strategy. */
export const reconciles = (strategy: Strategy): void => {
  describe(strategy, () => {
    for (const size of [0, 1, 1000]) {
      it(`says in 40 bytes that replicas of ${size} entries are equal`, () => {
        const { a, b } = replicas(size, 0, 0)
        const watched = reconcile(a, b, { strategy })
        assert.strictEqual(watched.session.outcome, "Reconciled")
        assert.isTrue(watched.session.report.wasEqual)
        assert.strictEqual(watched.turns.length, 1)
        assert.isAtMost(watched.metadataBytes, 40)
        assert.strictEqual(watched.valueBytes, 0)
      })
    }

    for (
      const [common, onlyA, onlyB] of [
        [0, 1, 0],
        [0, 0, 1],
        [0, 30, 0],
        [0, 0, 30],
        [1000, 1, 0],
        [1000, 0, 1],
        [1000, 1, 1],
        [1000, 7, 5],
        [1000, 300, 0],
        [1000, 0, 300],
        [500, 400, 600],
        [0, 500, 500],
        [0, 3000, 0],
        [0, 0, 3000],
        [3000, 1, 2000]
      ] as const
    ) {
      it(`sends what is lacking, and nothing else, with ${common} entries in common, ${onlyA} here and ${onlyB} there`, () => {
        const { a, b, keys } = replicas(common, onlyA, onlyB)
        const watched = reconcile(a, b, { strategy })
        assert.strictEqual(watched.session.outcome, "Reconciled")
        const { pulled, pushed } = sent(watched)
        assert.deepStrictEqual(pushed.toSorted(), keys.a.toSorted())
        assert.deepStrictEqual(pulled.toSorted(), keys.b.toSorted())
        const { byOpener, byPeer } = wanted(watched)
        assertNoRepeats(byOpener, "the opener wants something")
        assertNoRepeats(byPeer, "the peer wants something")
        assertNoRepeats(compared(watched), "something is compared")
        assert.strictEqual(watched.session.report.sent, onlyA)
        assert.strictEqual(watched.session.report.received, onlyB)
        assertEqual(a, b)
      })
    }

    it("sends many entries in messages of at most maxEntries, with little besides", () => {
      const { a, b } = replicas(0, 0, 30_000, { value: "v".repeat(50) })
      const watched = reconcile(a, b, { strategy })
      assertEqual(a, b)
      const { metadataBytes, turns, valueBytes } = watched
      for (const turn of turns) {
        assert.isAtMost(sent({ ...watched, turns: [turn] }).pulled.length, ReconciliationMessage.maxEntries)
      }
      assert.isAtMost(turns.length, 60)
      assert.isAtMost(metadataBytes, valueBytes / 20)
    })

    it("opens in a datagram, and is answered in one", () => {
      const { a, b } = replicas(0, 2000, 1000)
      const [{ answerBytes, questionBytes } = { answerBytes: 0, questionBytes: 0 }] =
        reconcile(a, b, { strategy }).turns
      assert.isAtMost(questionBytes, 40)
      // with the header of a frame
      assert.isAtMost(answerBytes, 1400 - 6)
    })

    it("finds what differs between any two replicas", () => {
      const random = generator(`any ${strategy}`)
      for (let run = 0; run < 60; run++) {
        const most = random.pick([3, 20, 200])
        const { a, b, keys } = replicas(random.int(most), random.int(most), random.int(most))
        const watched = reconcile(a, b, { strategy })
        const { pulled, pushed } = sent(watched)
        assert.deepStrictEqual([pushed.toSorted(), pulled.toSorted()], [keys.a.toSorted(), keys.b.toSorted()])
        assertEqual(a, b)
      }
    })

    it("brings the later version of a key to both, and does not push what came to be superseded", () => {
      const random = generator(`versions ${strategy}`)
      const { a, b } = replicas(400, 20, 20)
      const [newerHere, newerThere]: [Array<string>, Array<string>] = [[], []]
      for (let i = 0; i < 120; i++) {
        const key = `common ${i}`
        const [replica, keys] = random.pick([[a, newerHere], [b, newerThere]] as const)
        replica.set(key, 2, "later")
        keys.push(key)
      }
      const watched = reconcile(a, b, { strategy })
      assertEqual(a, b)
      assert.strictEqual(a.content.filter((entry) => entry.endsWith("later")).length, 120)
      const { pulled, pushed } = sent(watched)
      assertNoRepeats(pushed, "an entry is pushed")
      assertNoRepeats(pulled, "an entry is pulled")
      assert.deepStrictEqual(
        pushed.filter((key) => key.startsWith("common")).toSorted(),
        newerHere.toSorted()
      )
      assert.includeMembers([...pulled], newerThere)
    })

    it("pushes alone, or pulls alone", () => {
      for (const mode of ["push", "pull"] as const) {
        const { a, b, keys } = replicas(300, 40, 50)
        const before = [a.content, b.content]
        const watched = reconcile(a, b, { strategy, mode })
        assert.strictEqual(watched.session.outcome, "Reconciled")
        const { pulled, pushed } = sent(watched)
        assert.deepStrictEqual(pushed.toSorted(), mode === "push" ? keys.a.toSorted() : [])
        assert.deepStrictEqual(pulled.toSorted(), mode === "pull" ? keys.b.toSorted() : [])
        assert.deepStrictEqual(mode === "push" ? a.content : b.content, mode === "push" ? before[0] : before[1])
      }
    })

    it("fits each message into as much as it is given, whatever the entries take", () => {
      const maxBytes = 16_384
      for (const size of [10, 1000, maxEntrySize(maxBytes) - 20]) {
        const { a, b, keys } = replicas(100, 60, 70, { value: "x".repeat(size) })
        const watched = reconcile(a, b, { strategy, maxBytes })
        for (const { answerBytes, questionBytes } of watched.turns) {
          assert.isAtMost(questionBytes, maxBytes)
          assert.isAtMost(answerBytes, maxBytes)
        }
        const { pulled, pushed } = sent(watched)
        assert.deepStrictEqual([pushed.toSorted(), pulled.toSorted()], [keys.a.toSorted(), keys.b.toSorted()])
        assertEqual(a, b)
      }
    })

    it("fits much of what one lacks into many messages, and sends none of it twice", () => {
      for (const [onlyA, onlyB] of [[1, 1500], [1500, 1], [0, 700]] as const) {
        const { a, b, keys } = replicas(0, onlyA, onlyB, { value: "x".repeat(300) })
        const { pulled, pushed } = sent(reconcile(a, b, { strategy, maxBytes: 16_384 }))
        assert.deepStrictEqual([pushed.toSorted(), pulled.toSorted()], [keys.a.toSorted(), keys.b.toSorted()])
        assertEqual(a, b)
      }
    })

    it("passes over an entry that fits no message, and goes on with the others", () => {
      const { a, b } = replicas(50, 5, 5)
      a.set("large", 1, "x".repeat(20_000))
      b.set("larger", 1, "x".repeat(30_000))
      const { session } = reconcile(a, b, { strategy, maxBytes: 16_384 })
      assert.strictEqual(session.outcome, "Reconciled")
      assert.deepStrictEqual([session.report.sent, session.report.received], [5, 5])
      a.delete("large")
      b.delete("larger")
      assertEqual(a, b)
    })

    it("ends when keys share a hash, and when all do", () => {
      for (const positionOf of [(key: string) => key.length, () => 7]) {
        const { a, b, keys } = replicas(200, 30, 200, { positionOf })
        const { pulled, pushed } = sent(reconcile(a, b, { strategy }))
        assert.deepStrictEqual([pushed.toSorted(), pulled.toSorted()], [keys.a.toSorted(), keys.b.toSorted()])
        assertEqual(a, b)
      }
    })

    it("is not misled by what both write meanwhile", () => {
      for (let run = 0; run < 20; run++) {
        const random = generator(`meanwhile ${strategy} ${run}`)
        const { a, b } = replicas(300, random.int(100), random.int(100))
        let version = 10
        const write = () => {
          for (let writes = random.int(6); writes > 0; writes--) {
            const key = random.pick(["common ", "a ", "b ", "new "]) + random.int(120)
            const replicas = random.pick([[a], [b], [a, b]])
            for (const replica of replicas) replica.set(key, version, `${version}`)
            version++
          }
        }
        const { session } = reconcile(a, b, { strategy, maxBytes: random.pick([16_384, 4_194_304]) }, write)
        assert.strictEqual(session.outcome, "Reconciled")
        // what was there before is at both, or superseded; the rest is for the next session
        const next = reconcile(a, b, { strategy })
        assert.strictEqual(next.session.outcome, "Reconciled")
        assert.isAtMost(next.session.report.sent + next.session.report.received, 80)
        assertEqual(a, b)
      }
    })

    it("goes on when the peer is another life of itself", () => {
      const { a, b, keys } = replicas(500, 100, 150)
      const restarted = new TestReplica(3)
      let questions = 0
      for (const entry of b.content) {
        const [kind, number, version, value] = entry.split(" ")
        restarted.set(`${kind} ${number}`, Number(version), value!)
      }
      const watched = reconcile(a, () => ++questions < 3 ? b : restarted, { strategy })
      assert.strictEqual(watched.session.outcome, "Reconciled")
      assertEqual(a, questions < 3 ? b : restarted)
      assert.includeMembers([...a.entries.keys()], [...keys.b])
    })
  })
}
