/**
 * How long clusters take to come together through one seed.
 */
import * as Simulation from "@effect-gossip/testkit/Simulation"
import * as Duration from "effect/Duration"

/** The milliseconds until 64 nodes that start at once know each other, of each of so many seeds; it fails after 3 s. */
export const joins = (seeds: number): ReadonlyArray<number> =>
  Array.from({ length: seeds }, (_, seed) =>
    Duration.toMillis(
      Simulation.runUnsafe({ nodes: 64, seed }, (sim) =>
        sim.until(sim.isAgreed, { atMost: "3 seconds", every: "50 millis" }))
    ))
