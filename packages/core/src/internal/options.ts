/**
 * Checks of options that users give: each names the option, what is wrong with it and what would be right.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { InvalidOption } from "../Transport.ts"

const invalid = (option: string, problem: string) => Effect.fail(new InvalidOption({ option, problem }))

/** A finite duration between two bounds, in milliseconds. */
export const millis = (
  option: string,
  input: Duration.Input,
  bounds: { readonly minimum: number; readonly maximum: number }
): Effect.Effect<number, InvalidOption> => {
  // not a number is no time to `Duration`
  const duration = Number.isNaN(input) ? Option.none() : Option.map(Duration.fromInput(input), Duration.toMillis)
  if (Option.isNone(duration)) {
    return invalid(
      option,
      `${
        typeof input === "string" ? JSON.stringify(input) : String(input)
      } is not a duration; write for example "500 millis"`
    )
  }
  const value = duration.value
  const { maximum, minimum } = bounds
  return value >= minimum && value <= maximum
    ? Effect.succeed(value)
    : invalid(
      option,
      `${Duration.format(Duration.millis(value))} is not between ${Duration.format(Duration.millis(minimum))} and ${
        Duration.format(Duration.millis(maximum))
      }`
    )
}

/** A whole number between two bounds. */
export const integer = (
  option: string,
  value: number,
  bounds: { readonly minimum: number; readonly maximum: number }
): Effect.Effect<number, InvalidOption> =>
  Number.isInteger(value) && value >= bounds.minimum && value <= bounds.maximum
    ? Effect.succeed(value)
    : invalid(option, `${value} is not a whole number between ${bounds.minimum} and ${bounds.maximum}`)

/** True or false. */
export const boolean = (option: string, value: boolean): Effect.Effect<boolean, InvalidOption> =>
  typeof value === "boolean" ? Effect.succeed(value) : invalid(option, `${String(value)} is neither true nor false`)

/** A value of a schema. */
export const decode = <S extends Schema.ConstraintDecoder<unknown>>(
  option: string,
  schema: S,
  value: unknown
): Effect.Effect<S["Type"], InvalidOption> =>
  Effect.mapError(
    Schema.decodeUnknownEffect(schema)(value),
    (error) =>
      new InvalidOption({
        option,
        problem: `got ${JSON.stringify(value)}, expected ${error.message.replace(/^Expected /, "")}`
      })
  )
