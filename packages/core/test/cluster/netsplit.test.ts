import { isLive } from "@effect-gossip/core/membership/Member"
import * as Simulation from "@effect-gossip/testkit/Simulation"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"

describe("a netsplit of two hours", { timeout: 200_000 }, () => {
  for (const [name, seeds] of [["one seed", ["n0"]], ["a seed on either side", ["n0", "n19"]]] as const) {
    it(`half and half heals to one cluster without anyone's help, with ${name}`, () => {
      Simulation.runUnsafe(
        { nodes: 20, seed: name, gossip: { seeds }, atMost: "3 hours" },
        (sim) =>
          Effect.gen(function*() {
            yield* sim.until(sim.isAgreed, { atMost: "5 seconds" })
            const cut = yield* sim.partition(sim.nodes.slice(10).map((node) => node.name))
            yield* sim.advance("2 hours")
            for (const observer of ["n0", "n19"]) {
              assert.strictEqual((yield* sim.members(observer)).filter(isLive).length, 10)
            }
            yield* cut.heal
            yield* sim.until(sim.isAgreed, { atMost: "2 minutes", every: "100 millis" })
          })
      )
    })
  }
})
