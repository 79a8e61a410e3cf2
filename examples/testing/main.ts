/**
 * Searches for faults that break a leader, and shows that its second version withstands them.
 *
 *     npx --yes pnpm@12.21.0 example:testing --help
 */
import { type Fault, Simulation, Timeline } from "@effect-gossip/testkit"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Cause from "effect/Cause"
import { CliError, Command, Flag, TerminalCapabilities } from "effect/cli"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Terminal from "effect/Terminal"
import { byLease, byView, replay, search, type Version } from "./search.ts"

const script = "pnpm example:testing"

// -----------------------------------------------------------------------------
// words
// -----------------------------------------------------------------------------

const sgr = (code: number) => (text: string) => `\x1b[${code}m${text}\x1b[0m`
const style = { bold: sgr(1), dim: sgr(2), red: sgr(31), green: sgr(32) }
const plain = { bold: String, dim: String, red: String, green: String }

/** How things are said on this terminal. */
const Words = Effect.gen(function*() {
  const { canAnimate, canColor } = yield* TerminalCapabilities.TerminalCapabilities
  const terminal = yield* Terminal.Terminal
  const { bold, dim, green, red } = canColor ? style : plain
  const erase = "\r\x1b[K"
  return {
    version: ({ name, summary }: Version) => Console.log(`\n${bold(name)}: ${summary}`),
    broken: (text: string) => Console.log(`${red("✗")} ${text}`),
    held: (text: string) => Console.log(`${green("✓")} ${text}`),
    hint: (what: string, how: string) => Console.log(`${dim(what)} ${how}`),
    /** A line that the next one takes the place of. */
    passing: (text: string) => canAnimate ? Effect.ignore(terminal.display(`${erase}${dim(text)}`)) : Effect.void,
    erase: canAnimate ? Effect.ignore(terminal.display(erase)) : Effect.void
  }
})

const replayLine = (token: string) => `${script} --replay '${token}'`

// -----------------------------------------------------------------------------
// steps
// -----------------------------------------------------------------------------

interface Input {
  readonly seeds: number
  readonly replay: Option.Option<Simulation.Attempt>
  readonly timeline: Option.Option<string>
  readonly fixed: boolean
}

const program = Effect.fnUntraced(function*(input: Input) {
  const words = yield* Words

  const draw = (timeline: Timeline.Timeline, { faults }: Simulation.Attempt) =>
    Option.match(input.timeline, {
      onNone: () => words.hint("as a picture:", "the same with --timeline run.html"),
      onSome: (file) =>
        writePicture(timeline, file, faults).pipe(
          Effect.mapError(({ message }) => new NotAsTold({ problem: `the timeline could not be written: ${message}` })),
          Effect.andThen(words.hint("as a picture:", file))
        )
    })

  const searchOne = (version: Version) =>
    Effect.ensuring(
      search(version, input.seeds, (runs) => words.passing(`seed ${runs - 1} (run ${runs} of ${input.seeds})`)),
      words.erase
    )

  /** Runs one attempt, says how it went, and whether it held. */
  const replayOne = Effect.fnUntraced(function*(version: Version, attempt: Simulation.Attempt) {
    const { exit, timeline } = replay(version, attempt)
    if (Exit.isSuccess(exit)) {
      yield* words.held("all invariants held in this run")
      return { held: true, timeline }
    }
    const error = Cause.squash(exit.cause)
    const problem = error instanceof Error ? error.message : String(error)
    const isViolation = error instanceof Simulation.SimulationError && error.reason._tag === "Violated"
    // such as a fault of a node that there is not
    if (!isViolation) return yield* new NotAsTold({ problem: `this run cannot be: ${problem}` })
    yield* words.broken(problem)
    return { held: false, timeline }
  })

  let attempt = input.replay

  if (!input.fixed) {
    yield* words.version(byView)
    if (Option.isSome(attempt)) {
      const { held, timeline } = yield* replayOne(byView, attempt.value)
      if (held) return yield* new NotAsTold({ problem: `this run does not break the leader ${byView.name}` })
      yield* draw(timeline, attempt.value)
    } else {
      const outcome = yield* searchOne(byView)
      if (outcome._tag === "Held") {
        return yield* new NotAsTold({
          problem: `no run in ${outcome.runs} breaks the leader ${byView.name}; try more --seeds`
        })
      }
      yield* words.broken(Simulation.format(outcome).replace(/\n\nreplay: .*$/, "\n"))
      yield* words.hint("see it again:", replayLine(outcome.replay))
      yield* draw(outcome.timeline, outcome)
      attempt = Option.some(outcome)
    }
  }

  yield* words.version(byLease)
  if (Option.isSome(attempt)) {
    const { held, timeline } = yield* replayOne(byLease, attempt.value)
    if (input.fixed) yield* draw(timeline, attempt.value)
    if (!held) return yield* new NotAsTold({ problem: `this run breaks the leader ${byLease.name}` })
  }
  if (Option.isNone(input.replay)) {
    const outcome = yield* searchOne(byLease)
    if (outcome._tag === "Broken") {
      yield* words.broken(Simulation.format(outcome).replace(/\n\nreplay: .*$/, "\n"))
      yield* words.hint("see it again:", `${replayLine(outcome.replay)} --fixed`)
      return yield* new NotAsTold({ problem: `a run breaks the leader ${byLease.name}` })
    }
    yield* words.held(Simulation.format(outcome))
  }
})

/** A page shows all of the run. What cannot be zoomed shows it from shortly before the first fault. */
const writePicture = Effect.fnUntraced(function*(timeline: Timeline.Timeline, file: string, faults: Fault.Schedule) {
  if (!file.endsWith(".svg")) return yield* Timeline.writeFile(timeline, file)
  const files = yield* FileSystem.FileSystem
  const from = Math.max(0, Math.min(...faults.map(({ at }) => at)) - 5000)
  yield* files.writeFileString(file, Timeline.svg(timeline, { window: [from, timeline.end + 200] }))
})

// -----------------------------------------------------------------------------
// command
// -----------------------------------------------------------------------------

const expected = "what a search has printed, such as {\"seed\":0,\"faults\":[]}"

const flags = {
  seeds: Flag.Int("seeds").pipe(
    Flag.filter((seeds) => seeds >= 1 && seeds <= 10_000, () => "a whole number from 1 to 10000"),
    Flag.withDescription("How many seeds to try at most, each with a schedule of faults of its own: 10 by default"),
    Flag.withDefault(10)
  ),
  replay: Flag.String("replay").pipe(
    Flag.mapEffect((token) =>
      Effect.mapError(
        Simulation.parseReplay(token),
        () => new CliError.InvalidValue({ option: "replay", value: token, expected, kind: "flag" })
      )
    ),
    Flag.withDescription("Search nothing, but run what a search has printed"),
    Flag.optional
  ),
  timeline: Flag.String("timeline").pipe(
    Flag.withDescription(
      "Draw the run that failed into this file: a page to zoom, or a picture if its name ends in .svg"
    ),
    Flag.optional
  ),
  fixed: Flag.Boolean("fixed").pipe(
    Flag.withDescription("Try only the version that is meant to hold"),
    Flag.withDefault(false)
  )
}

const command = Command.make("example:testing", flags, program).pipe(
  Command.withDescription(`Searches for faults that break a leader, and shows that its second version withstands them.

  Three simulated nodes run an application that says who leads (leader.ts). Two
  must never lead at once, and one must lead at last (invariant.ts). Each seed is
  a run with faults of its own: nodes crash, stall and are cut off, links lose
  and delay, clocks run wrong.

    by view     each node sees for itself who leads. Its tests pass (testing.test.ts);
                the search finds a run in which two lead, and makes it small
    by lease    leads while a majority has promised not to vote for another. It
                holds in that run, and in those of all seeds

  Exits with status 0 when both came out like that. Runs are the same each time.`),
  Command.withExamples([
    { command: script, description: "Search, make small, and show the version that holds" },
    { command: `${script} --timeline run.html`, description: "See what was found as a picture" },
    {
      command: replayLine(`{"seed":0,"faults":[{"_tag":"Pause","node":"n0","at":5000,"for":8000}]}`),
      description: "One run: n0 stalls from second 5 to 13"
    },
    { command: `${script} --fixed --seeds 500`, description: "Search for longer in what is meant to hold" }
  ])
)

/** Not what the example is there to show. */
class NotAsTold extends Schema.TaggedError<NotAsTold>()("NotAsTold", { problem: Schema.String }) {
  override get [CliError.userMessage]() {
    return this.message
  }
  override get message() {
    return this.problem
  }
}

command.pipe(
  Command.run({ version: "0.1.0" }),
  Effect.provide(Layer.provideMerge(TerminalCapabilities.layer, NodeServices.layer)),
  NodeRuntime.runMain
)
