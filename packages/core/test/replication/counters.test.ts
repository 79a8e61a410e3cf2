import { assert, describe, it } from "@effect/vitest"
import * as GCounter from "../../src/replication/GCounter.ts"
import * as PNCounter from "../../src/replication/PNCounter.ts"

const a = { node: "a", incarnation: 1 }
const b = { node: "b", incarnation: 1 }
const max = Number.MAX_SAFE_INTEGER

describe("GCounter", () => {
  const { definition: counter } = GCounter

  it("adds up what all count", () => {
    const atA = counter.increment(counter.empty, a, 3)
    const atB = counter.increment(counter.empty, b, 4)
    const both = counter.merge(atA, atB)
    assert.strictEqual(counter.value(both), 7)
    assert.strictEqual(counter.value(counter.merge(both, counter.increment(both, a))), 8)
    assert.strictEqual(counter.value(counter.empty), 0)
  })

  it("counts nothing twice, and nothing that was missed for long", () => {
    const one = counter.increment(counter.empty, a)
    const two = counter.increment(one, a)
    const three = counter.increment(counter.merge(one, two), a)
    // the second delta comes last
    const early = counter.merge(one, three)
    assert.strictEqual(counter.value(early), 3)
    assert.strictEqual(counter.value(counter.merge(early, two)), 3)
    assert.strictEqual(counter.value([one, two, three, one].reduce(counter.merge)), 3)
  })

  it("counts by whole numbers from 0 on, as far as they go", () => {
    for (const wrong of [-1, 0.5, Number.NaN, Infinity, max + 1]) {
      assert.throws(() => counter.increment(counter.empty, a, wrong), /is not a whole number/)
    }
    assert.strictEqual(counter.increment(counter.empty, a, 0), counter.empty)
    const full = counter.increment(counter.empty, a, max)
    assert.strictEqual(counter.value(full), max)
    assert.throws(() => counter.increment(full, a), /is above 2\^53 - 1/)
  })

  it("is at most 2^53 - 1, whoever counts further", () => {
    const full = counter.merge(counter.increment(counter.empty, a, max), counter.increment(counter.empty, b, max))
    assert.strictEqual(counter.value(full), max)
  })
})

describe("PNCounter", () => {
  const { definition: counter } = PNCounter

  it("adds up what all count, up and down", () => {
    const atA = counter.increment(counter.empty, a, 3)
    const atB = counter.decrement(counter.empty, b, 5)
    const both = counter.merge(atA, atB)
    assert.strictEqual(counter.value(both), -2)
    const down = counter.merge(both, counter.decrement(both, a, 3))
    assert.strictEqual(counter.value(down), -5)
    assert.strictEqual(counter.value(counter.merge(down, counter.increment(down, a, 10))), 5)
  })

  it("counts by whole numbers from 0 on, as far as they go", () => {
    for (const count of [counter.increment, counter.decrement]) {
      assert.throws(() => count(counter.empty, a, -1), /is not a whole number/)
      assert.strictEqual(count(counter.empty, a, 0), counter.empty)
      assert.throws(() => count(count(counter.empty, a, max), a), /is above 2\^53 - 1/)
    }
    assert.strictEqual(counter.value(counter.decrement(counter.empty, a, max)), -max)
  })

  it("that was cleared counts on from 0", () => {
    const before = counter.increment(counter.empty, a, 3)
    const cleared = counter.merge(before, counter.clear(before))
    assert.strictEqual(counter.value(cleared), 0)
    assert.strictEqual(counter.value(counter.merge(cleared, counter.increment(cleared, a, 2))), 2)
  })

  it("that was cleared while a replica counted on keeps all that this one counted", () => {
    const before = counter.merge(counter.increment(counter.empty, a, 3), counter.increment(counter.empty, b, 100))
    const cleared = counter.merge(before, counter.clear(before))
    const counted = counter.merge(before, counter.increment(before, a, 2))
    assert.strictEqual(counter.value(counter.merge(cleared, counted)), 5)
  })
})
