/** `pnpm test:scale -t "64 nodes"`. */
import { assert, describe, it } from "@effect/vitest"
import { joins } from "./joins.ts"

describe("64 nodes that join through one seed at once", () => {
  it("know each other within 3 s in 100 of 100 seeds", () => {
    const millis = joins(100)
    assert.strictEqual(millis.length, 100)
    assert.isAtMost(Math.max(...millis), 3000)
  })
})
