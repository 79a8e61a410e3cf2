import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import { Broadcasts } from "../../src/internal/broadcasts.ts"
import { between } from "../support/arbitraries.ts"

const Operation = Schema.Union([
  Schema.TaggedStruct("Add", { subject: between(0, 30), size: between(1, 60) }),
  Schema.TaggedStruct("Remove", { subject: between(0, 30) }),
  Schema.TaggedStruct("Take", { budget: between(0, 200), limit: between(0, 6) })
])

describe("Broadcasts", () => {
  it.prop(
    "give out the least sent first, the oldest of those, as a sorted list does",
    { operations: Schema.Array(Operation) },
    ({ operations }) => {
      const broadcasts = new Broadcasts()
      let model: Array<{ readonly subject: string; readonly bytes: Uint8Array; readonly transmits: number }> = []
      let serial = 0
      for (const operation of operations) {
        switch (operation._tag) {
          case "Add": {
            const subject = String(operation.subject)
            const bytes = new Uint8Array(operation.size).fill(serial++)
            model = [...model.filter((other) => other.subject !== subject), { subject, bytes, transmits: 0 }]
            broadcasts.add(subject, bytes)
            break
          }
          case "Remove":
            model = model.filter((other) => other.subject !== String(operation.subject))
            broadcasts.remove(String(operation.subject))
            break
          case "Take": {
            const { budget, limit } = operation
            let room = budget
            let misfits = 0
            const expected: Array<typeof model[number]> = []
            for (const each of [...model].sort((a, b) => a.transmits - b.transmits)) {
              if (each.bytes.length <= room) {
                room -= each.bytes.length
                expected.push(each)
              } else if (++misfits > 8) break
            }
            const sent = expected
              .map((each) => ({ ...each, transmits: each.transmits + 1 }))
              .filter((each) => each.transmits < limit)
            model = [...model.filter((each) => !expected.includes(each)), ...sent]
            const taken = broadcasts.take(budget, limit)
            assert.deepStrictEqual(taken, expected.map((each) => each.bytes))
            assert.isAtMost(taken.reduce((sum, bytes) => sum + bytes.length, 0), budget)
          }
        }
        assert.strictEqual(broadcasts.size, model.length)
        for (let subject = 0; subject <= 30; subject++) {
          assert.strictEqual(broadcasts.has(String(subject)), model.some((each) => each.subject === String(subject)))
        }
      }
    },
    { arbitrary: { runs: 300, size: 80 } }
  )

  it("give out each claim as often as the limit says, and no more", () => {
    const broadcasts = new Broadcasts()
    for (let i = 0; i < 10; i++) broadcasts.add(String(i), new Uint8Array(10).fill(i))
    const counts = new Map<number, number>()
    for (let round = 0; round < 100; round++) {
      for (const bytes of broadcasts.take(35, 4)) counts.set(bytes[0]!, (counts.get(bytes[0]!) ?? 0) + 1)
    }
    assert.deepStrictEqual([...counts.values()], Array.from({ length: 10 }, () => 4))
    assert.strictEqual(broadcasts.size, 0)
  })

  it("start anew when a subject has news", () => {
    const broadcasts = new Broadcasts()
    broadcasts.add("a", Uint8Array.of(1))
    broadcasts.take(10, 4)
    broadcasts.add("a", Uint8Array.of(2))
    let times = 0
    while (broadcasts.has("a")) {
      assert.deepStrictEqual(broadcasts.take(10, 4), [Uint8Array.of(2)])
      times++
    }
    assert.strictEqual(times, 4)
  })
})
