/**
 * What must be so of leaders, whatever goes wrong.
 */
import { Invariant, type Simulation } from "@effect-gossip/testkit"
import * as Effect from "effect/Effect"
import { Leader } from "./leader.ts"

/**
 * The nodes that lead now, as they say themselves. One that stalls says it as soon as it goes on, before it has heard of
 * anything; until then the others are not asked either.
 */
export const leaders = (sim: Simulation.Simulation<Leader>): Effect.Effect<ReadonlyArray<string>> =>
  Effect.filter(sim.running(), (name) =>
    sim.on(name, Leader.use(({ leads }) => leads)).pipe(
      // it has crashed before it could answer
      Effect.orElseSucceed(() => false)
    ))

/** Two never lead at once. */
export const neverTwo = Invariant.always<Leader>("never two leaders", (sim) =>
  Effect.gen(function*() {
    const names = yield* leaders(sim)
    if (names.length > 1) return yield* Effect.fail(`${names.join(" and ")} lead at once`)
  }))

/**
 * When nothing has gone wrong for a while, one leads, unless most nodes are down. The nodes see each other again within
 * 31 s (`Swim.bounds`), and by then a promise may have been made that lasts 15 s.
 */
export const oneAtLast = Invariant.eventually<Leader>(
  "one leads at last",
  { within: "50 seconds" },
  (sim) =>
    Effect.gen(function*() {
      if (sim.running().length <= sim.nodes.length / 2) return
      const names = yield* leaders(sim)
      if (names.length === 0) return yield* Effect.fail(`nobody leads, though ${sim.running().join(" and ")} run`)
    })
)
