import { assert, describe, it } from "@effect/vitest"
import { joins } from "./joins.ts"

// the other seeds: see joining.scale.ts
describe("64 nodes that join through one seed at once", { timeout: 200_000 }, () => {
  it("know each other within 3 s in 25 of 25 seeds", () => {
    const millis = joins(25)
    assert.strictEqual(millis.length, 25)
    assert.isAtMost(Math.max(...millis), 3000)
  })
})
