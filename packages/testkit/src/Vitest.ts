/**
 * Simulations as tests: Effect's `it` with `it.simulation`.
 *
 * A test that fails says with which seed and which faults, and how to see that very run again; where
 * `@effect/platform-node` is installed, it leaves a timeline of it under `.vitest/timelines`.
 *
 * It needs `vitest` and `@effect/vitest`, which are optional peer dependencies of the testkit, and is therefore not part
 * of its main module.
 *
 * **Example** (A test, and a search)
 *
 * ```ts
 * import { Fault, Invariant } from "@effect-gossip/testkit"
 * import { it } from "@effect-gossip/testkit/Vitest"
 *
 * it.simulation("a stalled node comes back", { nodes: 5, seed: 1 }, (sim) =>
 *   Effect.gen(function*() {
 *     yield* sim.until(sim.isAgreed, { atMost: "3 seconds" })
 *     yield* sim.inject(Fault.pause("n2", { for: "10 seconds" }))
 *     yield* sim.advance("10 seconds")
 *     yield* sim.until(sim.isAgreed, { atMost: "30 seconds" })
 *   }))
 *
 * it.simulation("all agree whatever happened", {
 *   nodes: 5,
 *   seeds: 100,
 *   faults: { maxFaults: 4 },
 *   invariants: Invariant.membership({ within: "3 minutes" })
 * })
 * ```
 *
 * @since 0.1.0
 */
import { type it as effectIt, makeMethods, test } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Config from "effect/Config"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as TestClock from "effect/testing/TestClock"
import type { TestContext } from "vitest"
import * as Fault from "./Fault.ts"
import * as Simulation from "./Simulation.ts"
import * as Timeline from "./Timeline.ts"

// -----------------------------------------------------------------------------
// model
// -----------------------------------------------------------------------------

interface Common {
  /**
   * How long the test may take, in milliseconds of the host. Vitest cannot stop what runs in virtual time: a test that
   * took longer fails when it is done. Default: vitest's on the `TestClock`, else none.
   */
  readonly timeout?: number | undefined
}

/** One run: see `Simulation.run`. */
export interface RunOptions<R = never, E = never> extends Simulation.RunOptions<R, E>, Common {
  /** The time it runs on: virtual time, which is fast, or Effect's `TestClock`. Default: `VirtualTime`. */
  readonly clock?: "VirtualTime" | "TestClock" | undefined
}

/** Many runs, each with faults of its own: see `Simulation.explore`. */
export interface ExploreOptions<R = never, E = never>
  extends Omit<Simulation.ExploreOptions<R, E>, "title" | "onRun">, Common
{
  /** How many seeds to try, from 0; or which. */
  readonly seeds: number | Iterable<string | number>
}

/** Defines a test that runs a program with a simulation. */
export interface SimulationTest {
  <A, E, R = never, E2 = never>(
    name: string,
    options: ExploreOptions<R, E2>,
    program?: (simulation: Simulation.Simulation<R>) => Effect.Effect<A, E, Scope.Scope>
  ): void
  <A, E, R = never, E2 = never>(
    name: string,
    options: RunOptions<R, E2>,
    program: (simulation: Simulation.Simulation<R>) => Effect.Effect<A, E, Scope.Scope>
  ): void
}

// -----------------------------------------------------------------------------
// it
// -----------------------------------------------------------------------------

/** Effect's `it`, with tests that run a simulation. */
export const it: typeof effectIt & {
  readonly simulation: SimulationTest & {
    readonly only: SimulationTest
    readonly skip: SimulationTest
    readonly skipIf: (condition: unknown) => SimulationTest
    readonly runIf: (condition: unknown) => SimulationTest
  }
} = Object.assign(makeMethods(test.extend({})), {
  simulation: Object.assign(tester(test), {
    only: tester(test.only),
    skip: tester(test.skip),
    skipIf: (condition: unknown) => tester(condition ? test.skip : test),
    runIf: (condition: unknown) => tester(condition ? test : test.skip)
  })
})

// -----------------------------------------------------------------------------
// internals
// -----------------------------------------------------------------------------

// of whatever type: what it fails with is only shown
type AnyProgram = (simulation: Simulation.Simulation) => Effect.Effect<unknown, Error, Scope.Scope>

type AnyOptions = RunOptions | ExploreOptions

const replayed = Config.String(Simulation.replayVariable).pipe(Config.option)

function tester(define: typeof test | typeof test.only): SimulationTest {
  return (name: string, options: unknown, program?: unknown) => {
    const { timeout, ...rest } = withSeeds(options as AnyOptions)
    const isLive = "clock" in rest && rest.clock === "TestClock"
    // what failed is told, however late
    define(name, isLive ? timeout === undefined ? {} : { timeout } : { timeout: 0 }, async (context) => {
      const start = Effect.runSync(Clock.currentTimeMillis)
      await perform(rest, (program ?? (() => Effect.void)) as AnyProgram, context)
      const taken = Effect.runSync(Clock.currentTimeMillis) - start
      if (!isLive && timeout !== undefined && taken > timeout) {
        throw new Error(`the simulation took ${Math.round(taken)} ms of the host, which are more than ${timeout}`)
      }
    })
  }
}

// An iterable can be used up: a test may run more than once.
const withSeeds = (options: AnyOptions): AnyOptions =>
  isExploration(options) ? { ...options, seeds: Simulation.seedsOf(options.seeds) } : options

const perform = async (options: AnyOptions, program: AnyProgram, context: TestContext): Promise<void> => {
  const token = Effect.runSync(replayed.parse(ConfigProvider.fromEnv()))
  if (Option.isSome(token)) {
    const attempt = Effect.runSync(Simulation.parseReplay(token.value))
    return single({ ...options, ...attempt }, program, context)
  }
  if (!isExploration(options)) return single(options, program, context)
  const exploration = Simulation.explore({ ...options, program, title: context.task.name })
  if (exploration._tag === "Held") return
  const { cause, replay, timeline } = exploration
  const text = Simulation.format(exploration, { replay: false })
  throw await failed(text, replay, timeline, cause, context)
}

const isExploration = (options: AnyOptions): options is ExploreOptions => "seeds" in options

const single = async (
  options: Simulation.RunOptions & { readonly clock?: "VirtualTime" | "TestClock" | undefined },
  program: AnyProgram,
  context: TestContext
): Promise<void> => {
  const replay = Simulation.formatReplay({ seed: options.seed ?? 0, faults: options.faults ?? [] })
  if (options.clock === "TestClock") {
    const exit = await Effect.runPromiseExit(
      Effect.provide(Simulation.runEffect(options, program), TestClock.layer())
    )
    if (Exit.isFailure(exit)) throw await failed(describe(exit.cause, options), replay, undefined, exit.cause, context)
    return
  }
  const exit = Simulation.run({ trace: true, ...options }, program)
  if (Exit.isSuccess(exit)) return
  const { timeline } = Simulation.record({ ...options, title: context.task.name }, program)
  throw await failed(describe(exit.cause, options), replay, timeline, exit.cause, context)
}

const describe = (cause: Cause.Cause<unknown>, { faults = [], seed = 0 }: Simulation.RunOptions): string => {
  const error = Cause.squash(cause)
  return [
    error instanceof Error ? error.message : String(error),
    "",
    `with seed ${JSON.stringify(seed)}${faults.length === 0 ? "" : ", and these faults:"}`,
    ...(faults.length === 0 ? [] : [Fault.describe(faults).replaceAll(/^/gm, "  ")])
  ].join("\n")
}

/** The error that the test fails with: what is wrong, and how to see it again. */
const failed = async (
  problem: string,
  replay: string,
  timeline: Timeline.Timeline | undefined,
  cause: Cause.Cause<unknown>,
  context: TestContext
): Promise<Error> => {
  const { task } = context
  const lines = [
    problem,
    "",
    `replay: ${Simulation.replayVariable}=${quoted(replay)} vitest run ${task.file.name} -t ${quoted(only(task))}`
  ]
  if (timeline !== undefined) {
    const html = Timeline.html(timeline)
    const path = await write(`${task.file.name} ${task.name}`, html)
    if (path !== undefined) lines.push(`timeline: ${path}`)
    await context.annotate(
      `timeline of the failed run${path === undefined ? "" : `: ${path}`}`,
      { contentType: "text/html", body: html, bodyEncoding: "utf-8" }
    )
  }
  return new Error(lines.join("\n"), { cause: Cause.squash(cause) })
}

/** A pattern for vitest's `-t` that this test matches alone. */
const only = (task: TestContext["task"]): string => {
  const names = [task.name]
  for (let suite = task.suite; suite !== undefined; suite = suite.suite) {
    if (suite.name !== "") names.unshift(suite.name)
  }
  return `^${names.join(" ").replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&")}$`
}

const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`

/** Writes a file where this can be done; says where it is. */
const write = async (name: string, content: string): Promise<string | undefined> => {
  const directory = ".vitest/timelines"
  const path = `${directory}/${name.replaceAll(/[^A-Za-z0-9]+/g, "-").replace(/^-/, "").slice(0, 150)}.html`
  try {
    const { NodeFileSystem } = await import("@effect/platform-node")
    return await Effect.runPromise(
      FileSystem.FileSystem.use((files) =>
        Effect.as(
          Effect.andThen(
            files.makeDirectory(directory, { recursive: true }),
            files.writeFileString(path, content)
          ),
          path
        )
      ).pipe(Effect.provide(NodeFileSystem.layer))
    )
  } catch {
    // a test that fails says why all the same
    return undefined
  }
}
