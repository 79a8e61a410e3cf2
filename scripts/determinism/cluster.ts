/** A little cluster to which much happens within 20 seconds, all of it from one seed. */
import * as Fault from "@effect-gossip/testkit/Fault"
import * as Latency from "@effect-gossip/testkit/Latency"
import * as Simulation from "@effect-gossip/testkit/Simulation"
import { Effect, Random } from "effect"

const nodes = 5
// Nothing else happens to the one that leaves.
const leaver = `n${nodes - 1}`

/** What of a node's life the seed decides: who, when, and for how long. */
const incident = Effect.gen(function*() {
  const at = yield* Random.nextBetween(2000, 10_000)
  const lasting = yield* Random.nextBetween(2000, 8000)
  return { node: `n${yield* Random.nextIntBetween(1, nodes - 2)}`, when: { at, for: lasting } }
})

/** Runs the cluster of a seed, and returns what stands for all that happened in it. */
export const traceHash = (seed: number): string =>
  Simulation.runUnsafe({
    nodes,
    seed,
    trace: true,
    atMost: "10 minutes",
    link: {
      latency: seed % 2 === 0
        ? Latency.logNormal({ median: "5 millis", p99: "200 millis" })
        : Latency.exponential({ mean: "20 millis", min: "1 millis" }),
      loss: 0.05,
      duplication: 0.05,
      reordering: { probability: 0.05, delay: "150 millis" },
      streamLoss: 0.05
    }
  }, (sim) =>
    Effect.gen(function*() {
      const crashed = yield* incident
      const cut = yield* incident
      const paused = yield* incident
      const drifting = yield* incident
      yield* sim.inject([
        Fault.crash(crashed.node, crashed.when),
        Fault.partition([cut.node, "n0"], cut.when),
        Fault.pause(paused.node, paused.when),
        Fault.clockJump(paused.node, "-3 seconds", { at: paused.when.at / 2 }),
        Fault.clockDrift(drifting.node, 1.1, drifting.when)
      ])
      yield* sim.advance("17 seconds")
      yield* sim.stop(leaver)
      yield* sim.advance("3 seconds")
      for (const name of sim.running()) {
        const members = yield* sim.members(name)
        yield* sim.note(members.map(({ id, incarnation, status }) => `${id} ${status} ${incarnation}`).join())
      }
      return sim.traceHash()
    }))
