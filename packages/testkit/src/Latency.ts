/**
 * How long bytes take from one node to another: a distribution to draw from.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import type * as Random from "effect/Random"
import * as Result from "effect/Result"
import { exp, ln } from "./internal/math.ts"

// -----------------------------------------------------------------------------
// model
// -----------------------------------------------------------------------------

/** A distribution of latencies. */
export type Latency = Constant | Uniform | LogNormal | Exponential

/** A latency, or a duration for a constant one. */
export type Input = Latency | Duration.Input

/** Always the same. */
export interface Constant {
  readonly _tag: "Constant"
  readonly duration: Duration.Input
}

/** Any between two bounds, equally likely. */
export interface Uniform {
  readonly _tag: "Uniform"
  readonly min: Duration.Input
  readonly max: Duration.Input
}

/** What networks look like: most are near the median, and a few take much longer. */
export interface LogNormal {
  readonly _tag: "LogNormal"
  /** Half are below it. */
  readonly median: Duration.Input
  /** All but one in a hundred are below it. */
  readonly p99: Duration.Input
}

/** At least `min`, and on top of it a wait without memory, as in a queue. */
export interface Exponential {
  readonly _tag: "Exponential"
  /** The mean of all, `min` included. */
  readonly mean: Duration.Input
  readonly min: Duration.Input
}

// -----------------------------------------------------------------------------
// constructors
// -----------------------------------------------------------------------------

/** Always the same. */
export const constant = (duration: Duration.Input): Latency => ({ _tag: "Constant", duration })

/** Any between two bounds, equally likely. */
export const uniform = (min: Duration.Input, max: Duration.Input): Latency => ({ _tag: "Uniform", min, max })

/** Half are below `median`, all but one in a hundred below `p99`. */
export const logNormal = (options: { readonly median: Duration.Input; readonly p99: Duration.Input }): Latency => ({
  _tag: "LogNormal",
  ...options
})

/** At least `min` (0 by default), and `mean` on average. */
export const exponential = (
  options: { readonly mean: Duration.Input; readonly min?: Duration.Input | undefined }
): Latency => ({ _tag: "Exponential", mean: options.mean, min: options.min ?? Duration.zero })

// -----------------------------------------------------------------------------
// drawing
// -----------------------------------------------------------------------------

/** Draws a latency in milliseconds. A constant one draws nothing from the random source. */
export type Sampler = (random: Random.Random) => number

/**
 * Turns a latency into a function that draws from it, or says what is wrong with it. Draws are whole microseconds,
 * from 0 to a day.
 */
export const sampler = (input: Input): Result.Result<Sampler, string> =>
  Result.gen(function*() {
    const latency = isLatency(input) ? input : constant(input as Duration.Input)
    switch (latency._tag) {
      case "Constant": {
        const duration = round(yield* toMillis("duration", latency.duration))
        return () => duration
      }
      case "Uniform": {
        const min = yield* toMillis("min", latency.min)
        const max = yield* toMillis("max", latency.max)
        if (max < min) return yield* Result.fail(`max is ${max} ms, below min, which is ${min} ms`)
        return (random: Random.Random) => round(min + (max - min) * random.nextDoubleUnsafe())
      }
      case "LogNormal": {
        const median = yield* toMillis("median", latency.median)
        const p99 = yield* toMillis("p99", latency.p99)
        if (!(median > 0)) return yield* Result.fail("median must be above 0")
        if (p99 < median) return yield* Result.fail(`p99 is ${p99} ms, below the median, which is ${median} ms`)
        const sigma = ln(p99 / median) / normalP99
        return (random: Random.Random) => round(median * exp(sigma * normal(random)))
      }
      case "Exponential": {
        const min = yield* toMillis("min", latency.min)
        const mean = yield* toMillis("mean", latency.mean)
        if (mean < min) return yield* Result.fail(`mean is ${mean} ms, below min, which is ${min} ms`)
        return (random: Random.Random) => round(min - (mean - min) * ln(1 - random.nextDoubleUnsafe()))
      }
      default:
        return yield* Result.fail(`unknown distribution ${String((latency as { readonly _tag: unknown })._tag)}`)
    }
  })

// -----------------------------------------------------------------------------
// internals
// -----------------------------------------------------------------------------

/** The 99th percentile of the standard normal distribution. */
const normalP99 = 2.3263478740408408

const isLatency = (input: Input): input is Latency => Predicate.hasProperty(input, "_tag")

const toMillis = (name: string, input: Duration.Input): Result.Result<number, string> => {
  const duration = Duration.fromInput(input)
  const millis = Option.isNone(duration) ? NaN : Duration.toMillis(duration.value)
  return Number.isFinite(millis) && millis >= 0 && !Number.isNaN(input)
    ? Result.succeed(millis)
    : Result.fail(`${name}: expected a finite duration of 0 or more, received ${String(input)}`)
}

const day = 86_400_000

const round = (millis: number): number => Math.round(Math.min(millis, day) * 1000) / 1000

// Marsaglia's polar method.
const normal = (random: Random.Random): number => {
  while (true) {
    const x = 2 * random.nextDoubleUnsafe() - 1
    const y = 2 * random.nextDoubleUnsafe() - 1
    const square = x * x + y * y
    if (square > 0 && square < 1) return x * Math.sqrt((-2 * ln(square)) / square)
  }
}
