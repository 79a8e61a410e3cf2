import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import { ceilLog, ln, log10 } from "../../src/internal/math.ts"

describe("math", () => {
  it.prop(
    "ln is the natural logarithm",
    { x: Schema.Finite.check(Schema.isBetween({ minimum: 1e-300, maximum: 1e300 })) },
    ({ x }) => assert.isAtMost(Math.abs(ln(x) - Math.log(x)), 1e-14 * Math.max(1, Math.abs(Math.log(x))))
  )

  it("log10 of a power of ten is a whole number, and of others has nine decimals", () => {
    for (let exponent = 0; exponent <= 15; exponent++) assert.strictEqual(log10(Number(`1e${exponent}`)), exponent)
    assert.strictEqual(log10(128), 2.10720997)
  })

  it("ceilLog is the least exponent whose power is as large", () => {
    assert.deepStrictEqual([1, 2, 9, 10, 11, 100, 101].map((n) => ceilLog(n, 10)), [0, 1, 1, 1, 2, 2, 3])
    assert.deepStrictEqual([0, 0.5, 1].map((n) => ceilLog(n, 4)), [0, 0, 0])
    // where the quotient of two rounded logarithms is above the whole number that it should be
    assert.strictEqual(ceilLog(125, 5), 3)
    assert.strictEqual(ceilLog(33 / 32, 2), 1)
  })
})
