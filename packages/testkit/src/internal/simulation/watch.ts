/** Looks at invariants every so often, each by itself, and at what holds when nothing has gone wrong for a while. */
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type { Invariant } from "../../Invariant.ts"
import type { Simulation } from "../../Simulation.ts"
import { SimulationError, Violated } from "./errors.ts"
import type { Trace } from "./trace.ts"

export interface Watched {
  /** Fails with the first that does not hold. */
  readonly violation: Deferred.Deferred<never, SimulationError>
  /** Looks at all that have to hold now; fails with one that does not, or with a look that has not ended. */
  readonly lookOnceMore: Effect.Effect<void, SimulationError>
}

/** Watches until the scope closes, every so many milliseconds. */
export const watch = Effect.fnUntraced(function*<R>(
  simulation: Simulation<R>,
  invariants: ReadonlyArray<Invariant<R>>,
  every: number,
  trace: Trace
) {
  const violation = yield* Deferred.make<never, SimulationError>()
  const lives = () => simulation.running().map((name) => `${name} ${simulation.lifeOf(name)}`).join()

  const violated = (invariant: string, problem: string) => {
    trace.record({ _tag: "Violated", invariant, problem })
    return Effect.fail(new SimulationError({ reason: new Violated({ invariant, problem, at: simulation.now() }) }))
  }

  const watchOne = Effect.fnUntraced(function*({ name, watch, within }: Invariant<R>) {
    const check = yield* watch(simulation)
    let begun: number | undefined
    const look = Effect.gen(function*() {
      if (within > 0 && simulation.quietFor() < within) return
      begun = simulation.now()
      const before = lives()
      const exit = yield* Effect.exit(check)
      begun = undefined
      if (exit._tag === "Success") return
      const error = Cause.squash(exit.cause)
      // a node that was asked has ended meanwhile: that says nothing of the invariant
      const isNotRunning = error instanceof SimulationError && error.reason._tag === "NotRunning"
      if (isNotRunning && lives() !== before) return
      return yield* violated(name, describe(error))
    })
    yield* Effect.forever(Effect.andThen(Effect.sleep(every), look)).pipe(
      Effect.catch((error) => Deferred.fail(violation, error)),
      Effect.forkScoped
    )
    const lookOnceMore = Effect.suspend(() =>
      begun === undefined ? look : violated(name, `a look at it has not ended for ${simulation.now() - begun} ms`)
    )
    return { lookOnceMore }
  })

  const each = yield* Effect.forEach(invariants, watchOne)
  const watched: Watched = {
    violation,
    lookOnceMore: Effect.forEach(each, ({ lookOnceMore }) => lookOnceMore, { discard: true })
  }
  return watched
})

const describe = (problem: unknown): string =>
  typeof problem === "string" ? problem : problem instanceof Error ? problem.message : JSON.stringify(problem)
