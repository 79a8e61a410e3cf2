import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import { exp, ln } from "../../src/internal/math.ts"

const isClose = (actual: number, expected: number) =>
  assert.isAtMost(Math.abs(actual - expected), 1e-14 * Math.max(1, Math.abs(expected)))

describe("math", () => {
  it.prop(
    "ln is the natural logarithm",
    { x: Schema.Finite.check(Schema.isBetween({ minimum: 1e-300, maximum: 1e300 })) },
    ({ x }) => isClose(ln(x), Math.log(x))
  )

  it.prop(
    "exp is the exponential",
    { x: Schema.Finite.check(Schema.isBetween({ minimum: -50, maximum: 50 })) },
    ({ x }) => assert.isAtMost(Math.abs(exp(x) / Math.exp(x) - 1), 1e-13)
  )

  it("are exact where the result is", () => {
    assert.strictEqual(ln(1), 0)
    assert.strictEqual(exp(0), 1)
    isClose(ln(Number.MIN_VALUE * 2 ** 60), Math.log(Number.MIN_VALUE * 2 ** 60))
    isClose(ln(1 - 2 ** -53), Math.log(1 - 2 ** -53))
  })
})
