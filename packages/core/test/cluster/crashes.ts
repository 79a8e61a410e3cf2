import * as Simulation from "@effect-gossip/testkit/Simulation"
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"

/** So many nodes form one cluster, a tenth of them crash at once, and every survivor comes to have exactly them dead. */
export const loseATenth = (nodes: number): void =>
  Simulation.runUnsafe({ nodes, seed: "a tenth", atMost: "1 hour" }, (sim) =>
    Effect.gen(function*() {
      yield* sim.until(sim.isAgreed, { atMost: "10 seconds", every: "1 second" })
      const crashed = new Set(sim.nodes.filter((_, index) => index % 10 === 5).map((node) => node.name))
      assert.strictEqual(crashed.size, nodes / 10)
      yield* Effect.forEach(crashed, sim.crash, { discard: true })
      // at most 12 s of suspicion at 1,000 nodes, and the probes before and the gossip after it
      yield* sim.until(sim.isAgreed, { atMost: "60 seconds", every: "2 seconds" })
      for (const name of sim.running()) {
        const members = yield* sim.members(name)
        assert.strictEqual(members.length, nodes)
        for (const member of members) assert.strictEqual(member.status === "Dead", crashed.has(member.id))
      }
    }))
