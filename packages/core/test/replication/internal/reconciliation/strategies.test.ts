import { assert, describe, it } from "@effect/vitest"
import { strategies } from "../../../../src/replication/internal/reconciliation/comparison.ts"
import { reconcile, TestReplica } from "./replicas.ts"
import { reconciles } from "./suite.ts"

for (const strategy of strategies) reconciles(strategy)

const filled = (instance: number, count: number, prefix: string, own: number): TestReplica => {
  const replica = new TestReplica(instance)
  for (let i = 0; i < count; i++) replica.set(`common ${i}`, 1, "value")
  for (let i = 0; i < own; i++) replica.set(`${prefix} ${i}`, 1, "value")
  return replica
}

describe("rateless, while replicas are written to", () => {
  for (
    const [name, writers] of [
      ["the opener", "a"],
      ["the peer", "b"],
      ["both", "ab"]
    ] as const
  ) {
    it(`decodes all the same what differed, when ${name} write${name === "both" ? "" : "s"} between two batches`, () => {
      for (let run = 0; run < 5; run++) {
        const [a, b] = [filled(1, 200, "a", 80), filled(2, 200, "b", 90)]
        let version = 1
        let turns = 0
        const { session } = reconcile(a, b, { strategy: "rateless" }, () => {
          turns++
          version++
          for (const replica of [a, b].filter((_, i) => writers.includes("ab"[i]!))) {
            // new, changed, and gone; the same at both, if both write
            replica.set(`new ${version}`, 1, "value")
            replica.set(`common ${version + 10 * run}`, version, "value")
            replica.delete(`common ${199 - version}`)
          }
        })
        assert.isAbove(turns, 12)
        assert.strictEqual(session.outcome, "Reconciled")
        assert.isFalse(session.report.hasFallenBack)
        assert.isBelow(session.report.symbols, 500)
        for (let i = 0; i < 90; i++) assert.isTrue(a.entries.has(`b ${i}`), `b ${i}`)
        for (let i = 0; i < 80; i++) assert.isTrue(b.entries.has(`a ${i}`), `a ${i}`)
      }
    })
  }
})

describe("what came by another way meanwhile", () => {
  it("is not asked for", () => {
    const [a, b] = [filled(1, 200, "a", 0), filled(2, 200, "b", 120)]
    const { session, valueBytes } = reconcile(a, b, { strategy: "rateless", maxBytes: 16_384 }, () => {
      for (let i = 0; i < 120; i += 2) a.set(`b ${i}`, 1, "value")
    })
    assert.strictEqual(session.report.received, 60)
    assert.isBelow(valueBytes, 60 * 20)
    assert.deepStrictEqual(a.content, b.content)
  })

  it("is not asked for once it is found, either", () => {
    const asked = (isHeard: boolean) => {
      const [a, b] = [filled(1, 2000, "a", 0), filled(2, 2000, "b", 60)]
      let calls = 0
      const { turns } = reconcile(a, b, { strategy: "merkle" }, () => {
        // two for each question: these are behind the second, which has found some of them
        if (++calls > 4 && isHeard) { for (let i = 0; i < 60; i++) a.set(`b ${i}`, 1, "value") }
      })
      assert.deepStrictEqual(a.content, b.content)
      return turns.filter(({ question }) => "wants" in question).length
    }
    assert.isAbove(asked(false), 0)
    assert.strictEqual(asked(true), 0)
  })
})

describe("what it costs", () => {
  it("to list everything is never more than a datagram at a time, entries aside", () => {
    for (const strategy of ["digest", "checksum"] as const) {
      const { turns } = reconcile(filled(1, 500, "a", 1000), filled(2, 500, "b", 1500), { strategy })
      const pages = turns.filter(({ question }) => question._tag === "ComparePage")
      assert.isAbove(pages.length, 5)
      for (const { answerMetadata, answer, questionMetadata } of pages) {
        assert.isAtMost(questionMetadata, 1400)
        // the length of each entry is counted with it
        const entries = "entries" in answer && answer.entries !== undefined ? 2 * 1500 : 0
        assert.isAtMost(answerMetadata, 1400 + entries)
        assert.isAtMost("wants" in answer && answer.wants !== undefined ? answer.wants.length : 0, 1400 - 40)
      }
    }
  })

  it("to compare what is recent does not depend on what is not", () => {
    const [a, b] = [filled(1, 3000, "a", 50), filled(2, 3000, "b", 50)]
    const { metadataBytes, session, turns } = reconcile(a, b, { strategy: "checksum" })
    assert.deepStrictEqual(a.content, b.content)
    assert.isFalse(session.report.wasEqual)
    assert.deepStrictEqual(
      turns.map(({ question }) => question._tag),
      ["CompareReplicas", "CompareRecent", "TransferEntries", "CompareReplicas"]
    )
    assert.isBelow(metadataBytes, 5000)
  })

  it("to compare everything comes only after what is recent was not enough", () => {
    const [a, b] = [filled(1, 1000, "a", 300), filled(2, 1000, "b", 300)]
    const { turns } = reconcile(a, b, { strategy: "checksum" })
    assert.deepStrictEqual(a.content, b.content)
    const kinds = turns.map(({ question }) => question._tag)
    assert.isAbove(kinds.indexOf("ComparePage"), kinds.lastIndexOf("CompareReplicas"))
    assert.isAbove(kinds.lastIndexOf("CompareReplicas"), kinds.indexOf("CompareRecent"))
  })

  it("to go down the tree is a row for each level and side where one key differs", () => {
    const [a, b] = [filled(1, 5000, "a", 1), filled(2, 5000, "b", 0)]
    const { metadataBytes, turns } = reconcile(a, b, { strategy: "merkle" })
    assert.isAtMost(turns.length, 4)
    assert.isBelow(metadataBytes, 700)
  })

  it("to decode is less than 32 bytes a difference, asks for entries included, and 1.5 symbols on average", () => {
    for (const [different, runs] of [[100, 30], [1000, 3]] as const) {
      let [bytes, symbols] = [0, 0]
      for (let run = 0; run < runs; run++) {
        const [a, b] = [
          filled(1, 100, `a${run}`, different / 2),
          filled(2, 100, `b${run}`, different / 2)
        ]
        const { metadataBytes, session } = reconcile(a, b, { strategy: "rateless" })
        assert.isFalse(session.report.hasFallenBack)
        assert.strictEqual(session.report.received + session.report.sent, different)
        bytes += metadataBytes / different / runs
        symbols += session.report.symbols / different / runs
      }
      assert.isBelow(bytes, 32, `${different}`)
      assert.isBelow(symbols, 1.5, `${different}`)
    }
  })

  it("to fetch everything is next to nothing besides the entries", () => {
    for (const strategy of ["merkle", "rateless"] as const) {
      const [a, b] = [filled(1, 0, "a", 0), filled(2, 5000, "b", 0)]
      const { metadataBytes, valueBytes } = reconcile(a, b, { strategy })
      assert.deepStrictEqual(a.content, b.content)
      // the length of each entry
      assert.isBelow(metadataBytes - 5000, valueBytes / 20)
    }
  })
})
