/** Flags that the commands of `pnpm bench` and `pnpm lab` have in common. */
import { Effect, FileSystem, Option } from "effect"
import { Flag } from "effect/cli"

export const int = (name: string, about: string, minimum: number, maximum: number, initial: number) =>
  Flag.Int(name).pipe(
    Flag.filter(
      (value) => value >= minimum && value <= maximum,
      () => `a whole number from ${minimum} to ${maximum}`
    ),
    Flag.withDescription(`${about}: ${minimum} to ${maximum}, ${initial} by default`),
    Flag.withDefault(initial)
  )

export const json = Flag.Boolean("json").pipe(
  Flag.withDescription("Print one JSON object alone on the last line of standard output"),
  Flag.withDefault(false)
)

export const plot = Flag.String("plot").pipe(
  Flag.withMetavar("file"),
  Flag.withDescription("Write the plot to this SVG file"),
  Flag.optional
)

/** Writes what `--plot` asks for. */
export const write = (file: Option.Option<string>, svg: Effect.Effect<string>) =>
  Option.isNone(file)
    ? Effect.void
    : Effect.flatMap(svg, (text) => FileSystem.FileSystem.use((fs) => fs.writeFileString(file.value, text)))
