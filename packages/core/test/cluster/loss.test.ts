import * as Simulation from "@effect-gossip/testkit/Simulation"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { statuses } from "./holds.ts"

describe("a cluster of 100 nodes with 20% loss on every link", { timeout: 300_000 }, () => {
  it("declares nobody dead for good in 10 minutes", () => {
    Simulation.runUnsafe(
      { nodes: 100, seed: "loss", link: { loss: 0.2 }, atMost: "1 hour" },
      (sim) =>
        Effect.gen(function*() {
          yield* sim.advance("10 minutes")
          const nobodyIsDead = Effect.map(statuses(sim), (counts) => counts.Dead === 0 && counts.Left === 0)
          // the loss goes on: whoever was declared dead wrongly has to be heard through it
          yield* sim.until(nobodyIsDead, { atMost: "30 seconds", every: "1 second" })
          const counts = yield* statuses(sim)
          assert.strictEqual(counts.Alive + counts.Suspect, 100 * 100)
          yield* sim.network.setDefaultLink({ loss: 0 })
          yield* sim.until(sim.isAgreed, { atMost: "30 seconds", every: "1 second" })
        })
    )
  })
})
