/** Looks at invariants every so often, and at what holds when nothing has gone wrong for a while. */
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { Invariant } from "../../Invariant.ts"
import type { Simulation } from "../../Simulation.ts"
import { SimulationError, Violated } from "./errors.ts"
import type { Trace } from "./trace.ts"

/** Watches until the scope closes. What is returned fails with the first that is violated. */
export const watch = Effect.fnUntraced(function*<R>(
  simulation: Simulation<R>,
  invariants: ReadonlyArray<Invariant<R>>,
  every: Duration.Input,
  trace: Trace
) {
  const violation = yield* Deferred.make<never, SimulationError>()
  if (invariants.length === 0) return violation
  const watched = yield* Effect.forEach(
    invariants,
    ({ name, watch, within }) => Effect.map(watch(simulation), (check) => ({ check, name, within }))
  )

  const look = Effect.gen(function*() {
    const quiet = simulation.quietFor()
    for (const { check, name, within } of watched) {
      if (within > 0 && quiet < within) continue
      const exit = yield* Effect.exit(check)
      if (exit._tag === "Success") continue
      const error = Cause.squash(exit.cause)
      // a node that was asked has crashed meanwhile: that says nothing of the invariant
      if (error instanceof SimulationError && error.reason._tag === "NotRunning") continue
      const problem = describe(error)
      trace.record({ _tag: "Violated", invariant: name, problem })
      return yield* new SimulationError({ reason: new Violated({ invariant: name, problem, at: simulation.now() }) })
    }
  })
  yield* Effect.forever(Effect.andThen(Effect.sleep(every), look)).pipe(
    Effect.catch((error) => Deferred.fail(violation, error)),
    Effect.forkScoped
  )
  return violation
})

const describe = (problem: unknown): string =>
  typeof problem === "string" ? problem : problem instanceof Error ? problem.message : JSON.stringify(problem)
