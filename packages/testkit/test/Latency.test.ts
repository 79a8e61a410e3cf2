import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as SplitRandom from "../src/internal/splitRandom.ts"
import * as Latency from "../src/Latency.ts"

const draw = (latency: Latency.Input, count = 20_000): ReadonlyArray<number> => {
  const sampler = Result.getOrThrow(Latency.sampler(latency))
  const random = SplitRandom.make("latency")
  return Array.from({ length: count }, () => sampler(random)).sort((a, b) => a - b)
}

const quantile = (draws: ReadonlyArray<number>, q: number): number => draws[Math.floor(draws.length * q)]!
const mean = (draws: ReadonlyArray<number>): number => draws.reduce((a, b) => a + b) / draws.length

const problemOf = (latency: Latency.Input): string | undefined => {
  const sampler = Latency.sampler(latency)
  return Result.isFailure(sampler) ? sampler.failure : undefined
}

describe("Latency", () => {
  it("a constant is always the same, and draws nothing", () => {
    const sampler = Result.getOrThrow(Latency.sampler("1500 micros"))
    const random = SplitRandom.make("constant")
    assert.strictEqual(sampler(random), 1.5)
    assert.strictEqual(random.nextDoubleUnsafe(), SplitRandom.make("constant").nextDoubleUnsafe())
  })

  it("a uniform latency is between its bounds", () => {
    const draws = draw(Latency.uniform("10 millis", "20 millis"))
    assert.isAtLeast(draws[0]!, 10)
    assert.isAtMost(draws.at(-1)!, 20)
    assert.closeTo(mean(draws), 15, 0.1)
  })

  it("a log-normal latency has its median and its 99th percentile", () => {
    const draws = draw(Latency.logNormal({ median: "40 millis", p99: "200 millis" }))
    assert.closeTo(quantile(draws, 0.5), 40, 1)
    assert.closeTo(quantile(draws, 0.99), 200, 15)
  })

  it("an exponential latency has its mean and its least", () => {
    const draws = draw(Latency.exponential({ min: "5 millis", mean: "15 millis" }))
    assert.isAtLeast(draws[0]!, 5)
    assert.closeTo(mean(draws), 15, 0.3)
    assert.closeTo(quantile(draws, 0.5), 5 + 10 * Math.LN2, 0.3)
  })

  it.prop(
    "every draw is a whole number of microseconds, from 0 to a day",
    {
      low: Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: 1e9 })),
      more: Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: 1e9 }))
    },
    ({ low, more }) => {
      const all = [
        Latency.constant(low),
        Latency.uniform(low, low + more),
        Latency.exponential({ min: low, mean: low + more }),
        Latency.logNormal({ median: low + 1, p99: low + 1 + more })
      ]
      for (const latency of all) {
        for (const millis of draw(latency, 50)) {
          assert.isTrue(millis >= 0 && millis <= Duration.toMillis("1 day"))
          assert.strictEqual(millis, Math.round(millis * 1000) / 1000)
        }
      }
    }
  )

  it("what makes no sense is refused with what is wrong", () => {
    assert.include(problemOf(-1), "0 or more")
    assert.include(problemOf(NaN), "NaN")
    assert.include(problemOf(Infinity), "finite")
    assert.include(problemOf("soon" as never), "soon")
    assert.include(problemOf(Latency.uniform(2, 1)), "below min")
    assert.include(problemOf(Latency.uniform(NaN, 1)), "NaN")
    assert.include(problemOf(Latency.logNormal({ median: 0, p99: 1 })), "median must be above 0")
    assert.include(problemOf(Latency.logNormal({ median: 2, p99: 1 })), "below the median")
    assert.include(problemOf(Latency.exponential({ mean: 1, min: 2 })), "below min")
    assert.include(problemOf({ _tag: "Pareto" } as never), "Pareto")
  })
})
