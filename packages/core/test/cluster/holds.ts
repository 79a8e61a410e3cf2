/**
 * What several of the cluster tests ask of a simulation.
 */
import type { Status } from "@effect-gossip/core/membership/Member"
import type * as Simulation from "@effect-gossip/testkit/Simulation"
import * as Effect from "effect/Effect"

/** How many views (pairs of observer and member) show each status. */
export const statuses = (sim: Simulation.Simulation) =>
  Effect.gen(function*() {
    const counts: { [S in Status]: number } = { Alive: 0, Suspect: 0, Dead: 0, Left: 0 }
    for (const name of sim.running()) {
      for (const member of yield* sim.members(name)) counts[member.status]++
    }
    return counts
  })
