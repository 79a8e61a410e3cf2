import { assert, describe, it } from "@effect/vitest"
import { Ring } from "../../../src/internal/timeline/ring.ts"

describe("timeline/ring", () => {
  it("gives back what it was given, the oldest first, however it was moved", () => {
    const ring = new Ring<number>()
    const expected: Array<number> = []
    for (let i = 0; i < 5000; i++) {
      ring.push(i)
      expected.push(i)
      if (i % 3 === 0) assert.strictEqual(ring.shift(), expected.shift())
    }
    assert.strictEqual(ring.size, expected.length)
    assert.deepStrictEqual(ring.toArray(), expected)
  })

  it("is empty at first, and again", () => {
    const ring = new Ring<number>()
    assert.isUndefined(ring.shift())
    ring.push(1)
    assert.strictEqual(ring.shift(), 1)
    assert.isUndefined(ring.shift())
    assert.deepStrictEqual(ring.toArray(), [])
  })
})
