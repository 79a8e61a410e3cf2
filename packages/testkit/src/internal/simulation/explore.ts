/** Tries many seeds and schedules of faults, and makes the one that fails as small as it can. */
import * as Arbitrary from "effect/Arbitrary"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import * as Fault from "../../Fault.ts"
import type { Attempt, Broken, Exploration } from "../../Simulation.ts"
import type { SimulationEvent } from "../../SimulationEvent.ts"
import * as Timeline from "../../Timeline.ts"
import { InvalidReplay, SimulationError } from "./errors.ts"

/** A seed and the schedule that failed with it. */
const Replay = Schema.fromJsonString(Schema.Struct({
  seed: Schema.Union([Schema.Finite, Schema.String]),
  faults: Fault.Schedule
}))

/** The one line that stands for a run. */
export const formatReplay: (attempt: Attempt) => string = Schema.encodeSync(Replay)

export const parseReplay = (token: string): Effect.Effect<Attempt, SimulationError> =>
  Effect.mapError(
    Schema.decodeUnknownEffect(Replay)(token),
    (error) => new SimulationError({ reason: new InvalidReplay({ problem: error.message }) })
  )

/** What a timeline says beside what happened. */
export type Named = Pick<Timeline.Timeline, "title" | "nodes">

/** Runs one seed with a schedule, and keeps what happens. */
export const record = <A, E>(
  attempt: Attempt,
  named: Named,
  run: (attempt: Attempt, observer: (event: SimulationEvent) => void) => Exit.Exit<A, E>
): { readonly exit: Exit.Exit<A, E>; readonly timeline: Timeline.Timeline } => {
  const recorder = Timeline.recorder()
  let end: number | undefined
  const exit = run(attempt, (event) => {
    if (event._tag === "RunEnded") end = event.at
    // nodes that end say what nobody asks for
    if (end === undefined) recorder.record(event)
  })
  const replay = formatReplay(attempt)
  return { exit, timeline: recorder.timeline({ ...named, seed: attempt.seed, end: end ?? 0, replay }) }
}

/** Runs one seed with a schedule. */
export type Run = (
  attempt: Attempt,
  observer: ((event: SimulationEvent) => void) | undefined
) => Exit.Exit<unknown, unknown>

export interface Options {
  readonly seeds: Iterable<string | number>
  readonly faults: Arbitrary.Arbitrary<Fault.Schedule>
  readonly maxShrinks: number
  readonly onRun: ((attempt: Attempt) => void) | undefined
  /** What is done between two runs. */
  readonly between: Effect.Effect<void>
}

// Arrays are drawn as long as their bounds allow.
const size = 100

export const explore = Effect.fnUntraced(function*(options: Options, named: Named, run: Run) {
  let runs = 0
  let faults = 0
  for (const seed of options.seeds) {
    runs++
    let first: Failure | undefined
    let shrinking = 0
    const holds = (schedule: Fault.Schedule) =>
      Effect.as(options.between, schedule).pipe(Effect.map(() => {
        const attempt = { seed, faults: schedule }
        if (first === undefined) {
          faults += schedule.length
          options.onRun?.(attempt)
        } else {
          shrinking++
        }
        const failure = failureOf(run(attempt, undefined))
        if (failure === undefined) return true
        first ??= failure
        // what fails otherwise is another fault of the program's
        return failure.what !== first.what
      }))
    const result = yield* Arbitrary.checkEffect(options.faults, holds, {
      runs: 1,
      size,
      seed,
      maxShrinks: options.maxShrinks
    })
    if (result._tag === "Passed") continue
    if (result._tag !== "Falsified") throw new Error(`no schedule of faults could be generated: ${result._tag}`)
    // bounds may ask for faults where none are needed
    const smallest = (yield* holds([])) ? result.shrunkInput : []
    return broken({ seed, faults: smallest }, result.initialInput, { runs, shrinking }, first!, named, run)
  }
  return { _tag: "Held", runs, faults } as Exploration
})

const broken = (
  attempt: Attempt,
  found: Fault.Schedule,
  counts: { readonly runs: number; readonly shrinking: number },
  first: Failure,
  named: Named,
  run: Run
): Broken => {
  const { exit, timeline } = record(attempt, named, run)
  const again = failureOf(exit)
  const failure = again ?? {
    ...first,
    problem: `${first.problem} (it did not fail again with the same seed and faults: something is left from run to run)`
  }
  return {
    _tag: "Broken",
    ...attempt,
    found,
    runs: counts.runs,
    shrinkRuns: counts.shrinking,
    problem: failure.problem,
    cause: failure.cause,
    replay: formatReplay(attempt),
    timeline
  }
}

interface Failure {
  /** The invariant, or the program's error. */
  readonly what: string
  readonly problem: string
  readonly cause: Cause.Cause<unknown>
}

const failureOf = (exit: Exit.Exit<unknown, unknown>): Failure | undefined => {
  if (Exit.isSuccess(exit)) return undefined
  const { cause } = exit
  const error = Cause.squash(cause)
  const problem = error instanceof Error ? error.message : String(error)
  if (error instanceof SimulationError && error.reason._tag === "Violated") {
    return { what: error.reason.invariant, problem, cause }
  }
  // texts of errors tell names and times, which differ from schedule to schedule
  const what = ["program", kindOf(error), kindOf(Predicate.hasProperty(error, "reason") ? error.reason : undefined)]
    .join(" ")
  return { what, problem, cause }
}

const kindOf = (error: unknown): string =>
  Predicate.hasProperty(error, "_tag") ? String(error._tag) : error instanceof Error ? error.name : ""

/** The outcome in words. */
export const format = (
  exploration: Exploration,
  options?: { readonly replay?: boolean | undefined }
): string => {
  if (exploration._tag === "Held") {
    return `all invariants held in ${exploration.runs} runs with ${exploration.faults} faults`
  }
  const { faults, found, problem, replay, runs, seed, shrinkRuns } = exploration
  const few = faults.length === 1 ? "this one is enough" : `these ${faults.length} are enough`
  return [
    problem,
    "",
    faults.length === 0
      ? `found in run ${runs} with seed ${JSON.stringify(seed)}; it needs no faults`
      : `found in run ${runs} with seed ${
        JSON.stringify(seed)
      } and ${found.length} faults, of which, by ${shrinkRuns} runs more, ${few}:`,
    ...(faults.length === 0 ? [] : [Fault.describe(faults).replaceAll(/^/gm, "  ")]),
    ...(options?.replay === false ? [] : ["", `replay: ${replay}`])
  ].join("\n")
}
