import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as DateTime from "effect/DateTime"
import { utc } from "../../src/internal/utc.ts"
import { between } from "../support/arbitraries.ts"

describe("utc", () => {
  it.prop(
    "is what a date is in ISO 8601, to the second",
    { seconds: Arbitrary.schema(between(0, 2 ** 37)) },
    ({ seconds }) => {
      const iso = DateTime.formatIso(DateTime.makeUnsafe(seconds * 1000))
      assert.strictEqual(utc(seconds * 1000 + 999), iso.replace(".000Z", "Z"))
    },
    { arbitrary: { runs: 2000 } }
  )

  it("has leap days, and ends of months and years", () => {
    assert.strictEqual(utc(0), "1970-01-01T00:00:00Z")
    assert.strictEqual(utc(951_782_400_000), "2000-02-29T00:00:00Z")
    assert.strictEqual(utc(951_868_799_999), "2000-02-29T23:59:59Z")
    assert.strictEqual(utc(1_704_067_199_000), "2023-12-31T23:59:59Z")
  })
})
