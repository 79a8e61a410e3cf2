import { assert, describe, it } from "@effect/vitest"
import * as SplitRandom from "../../src/internal/splitRandom.ts"

const draw = (name: string, count: number): ReadonlyArray<number> => {
  const random = SplitRandom.make(name)
  return Array.from({ length: count }, () => random.nextDoubleUnsafe())
}

describe("split random", () => {
  it("draws the same for the same name", () => {
    assert.deepStrictEqual(draw("1/n3/loss", 100), draw("1/n3/loss", 100))
  })

  it("draws these numbers, on every machine", () => {
    const random = SplitRandom.make("1/n3/loss")
    assert.deepStrictEqual(
      Array.from({ length: 3 }, () => Math.floor(random.nextDoubleUnsafe() * 1e6)),
      [496819, 161624, 992985]
    )
  })

  it("draws evenly from 0 to 1", () => {
    const buckets = new Array<number>(16).fill(0)
    for (const x of draw("even", 160_000)) {
      assert.isTrue(x >= 0 && x < 1)
      buckets[Math.floor(x * 16)]!++
    }
    const chiSquare = buckets.reduce((sum, count) => sum + (count - 10_000) ** 2 / 10_000, 0)
    // 15 degrees of freedom: above 44 once in ten thousand
    assert.isBelow(chiSquare, 44)
  })

  it("draws nothing alike for names that are", () => {
    const streams = Array.from({ length: 50 }, (_, i) => draw(`seed/${i}/latency`, 1000))
    for (let i = 1; i < streams.length; i++) {
      const correlation = streams[i]!.reduce((sum, x, k) => sum + (x - 0.5) * (streams[i - 1]![k]! - 0.5), 0) * 12 /
        1000
      assert.isBelow(Math.abs(correlation), 0.15)
    }
  })

  it("draws safe integers of both signs", () => {
    const random = SplitRandom.make("integers")
    const integers = Array.from({ length: 100 }, () => random.nextIntUnsafe())
    assert.isTrue(integers.every(Number.isSafeInteger))
    assert.isTrue(integers.some((i) => i < 0) && integers.some((i) => i > 0))
  })
})
