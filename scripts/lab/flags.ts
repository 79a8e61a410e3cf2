/**
 * What the lab's commands have in common: flags, and how figures are shown.
 */
import { Console, Option, Schema } from "effect"
import { CliError, Flag } from "effect/cli"
import { int } from "../flags.ts"
import { formatMillis, parseMillis } from "./durations.ts"
import * as Pool from "./pool.ts"

export { int, json, plot, write } from "../flags.ts"

// -----------------------------------------------------------------------------
// flags
// -----------------------------------------------------------------------------

export const milliseconds = (text: string, minimum: number, maximum: number): Option.Option<number> => {
  const millis = parseMillis(text)
  return millis === undefined || millis < minimum || millis > maximum ? Option.none() : Option.some(millis)
}

export const duration = (name: string, about: string, minimum: number, maximum: number, initial: number) => {
  const range = `${formatMillis(minimum)} to ${formatMillis(maximum)}`
  return Flag.String(name).pipe(
    Flag.filterMap((text) => milliseconds(text, minimum, maximum), () => `a duration such as 10s or 250ms, ${range}`),
    Flag.withMetavar("duration"),
    Flag.withDescription(`${about}: ${range}, ${formatMillis(initial)} by default`),
    Flag.withDefault(initial)
  )
}

/** Several values, with commas between them. */
export const several = <A>(
  name: string,
  about: string,
  what: string,
  parse: (text: string) => Option.Option<A>,
  initial: readonly [text: string, values: ReadonlyArray<A>]
) =>
  Flag.String(name).pipe(
    Flag.filterMap(
      (text) => Option.all(text.split(",").map((part) => parse(part.trim()))),
      () => `${what}, with commas between them`
    ),
    Flag.withMetavar("list"),
    Flag.withDescription(`${about}: ${what}, with commas between them; ${initial[0]} by default`),
    Flag.withDefault(initial[1])
  )

export const isWhole = (minimum: number, maximum: number) => (text: string) => {
  const value = text === "" ? NaN : Number(text)
  return Number.isInteger(value) && value >= minimum && value <= maximum ? Option.some(value) : Option.none()
}

export const isProbability = (text: string) => {
  const value = text === "" ? NaN : Number(text)
  return value >= 0 && value <= 0.95 ? Option.some(value) : Option.none()
}

export const oneOf = <A extends string>(names: ReadonlyArray<A>) => (text: string) =>
  Option.fromUndefinedOr(names.find((name) => name === text))

export const hour = 3_600_000

export const seed = Flag.String("seed").pipe(
  Flag.withDescription("All randomness comes from it: the same seed, the same figures; lab by default"),
  Flag.withDefault("lab")
)

export const threads = int(
  "threads",
  "Trials that run side by side; figures do not depend on it",
  1,
  256,
  Pool.defaultThreads
)

// -----------------------------------------------------------------------------
// output
// -----------------------------------------------------------------------------

/** A flag does not go with the others. */
export class BadArguments extends Schema.TaggedError<BadArguments>()("BadArguments", { problem: Schema.String }) {
  override get [CliError.userMessage]() {
    return this.problem
  }
  override get message() {
    return this.problem
  }
}

export const print = (text: string, figures: object, asJson: boolean) =>
  Console.log(asJson ? JSON.stringify(figures) : text)
