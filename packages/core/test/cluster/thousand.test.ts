import * as Simulation from "@effect-gossip/testkit/Simulation"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"

describe("1,000 nodes in one process", { timeout: 300_000 }, () => {
  it("form one cluster, and after 100 crash at once every survivor has exactly them dead", () => {
    Simulation.runUnsafe({ nodes: 1000, seed: "thousand", atMost: "1 hour" }, (sim) =>
      Effect.gen(function*() {
        yield* sim.until(sim.isAgreed, { atMost: "10 seconds", every: "1 second" })
        const crashed = new Set(sim.nodes.filter((_, index) => index % 10 === 5).map((node) => node.name))
        yield* Effect.forEach(crashed, sim.crash, { discard: true })
        // 12 s of suspicion at this size, and the probes before and the gossip after it
        yield* sim.until(sim.isAgreed, { atMost: "60 seconds", every: "2 seconds" })
        for (const name of sim.running()) {
          const members = yield* sim.members(name)
          assert.strictEqual(members.length, 1000)
          for (const member of members) assert.strictEqual(member.status === "Dead", crashed.has(member.id))
        }
      }))
  })
})
