import { assert, describe, it } from "@effect/vitest"
import { Standstill } from "../../../src/membership/internal/standstill.ts"

describe("Standstill", () => {
  it("is from when the node should have woken, or from its last step, to the next", () => {
    const standstill = new Standstill(100)
    assert.strictEqual(standstill.until(1000), 0)
    standstill.expect(2000)
    assert.strictEqual(standstill.until(2100), 0)
    standstill.expect(3000)
    assert.strictEqual(standstill.until(3101), 101)
    // only once, though the timer may be handled after others
    assert.strictEqual(standstill.until(3101), 0)
    standstill.expect(4000)
    assert.strictEqual(standstill.until(34_000), 30_000)
  })

  it("is none of a node that is late, but takes steps", () => {
    const standstill = new Standstill(100)
    standstill.expect(1000)
    for (let now = 1000; now < 5000; now += 90) assert.strictEqual(standstill.until(now), 0)
  })

  it("is none of a node that need not wake", () => {
    const standstill = new Standstill(100)
    standstill.until(0)
    standstill.expect(Infinity)
    assert.strictEqual(standstill.until(1e9), 0)
  })
})
