import * as Simulation from "@effect-gossip/testkit/Simulation"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"

describe("an idle cluster", { timeout: 120_000 }, () => {
  for (const nodes of [2, 16, 128]) {
    it(`of ${nodes} nodes sends at most 2 datagrams and 91 bytes a node and second`, () => {
      // names as long as a pod's
      const names = Array.from({ length: nodes }, (_, index) => `payments-7d4b9-${String(index).padStart(5, "0")}`)
      Simulation.runUnsafe({ nodes: names, seed: nodes, atMost: "1 hour" }, (sim) =>
        Effect.gen(function*() {
          yield* sim.until(sim.isAgreed, { atMost: "10 seconds" })
          yield* sim.advance("20 seconds")
          const before = sim.network.totals()
          const seconds = 60
          yield* sim.advance(seconds * 1000)
          const after = sim.network.totals()
          const datagrams = (after.datagramsSent - before.datagramsSent) / nodes / seconds
          const bytes = (after.datagramBytesSent - before.datagramBytesSent) / nodes / seconds
          // a probe more or less at the ends of the minute
          assert.isAtMost(datagrams, 2 + 2 / seconds)
          assert.isAtMost(bytes, 91)
          assert.isTrue(yield* sim.isAgreed)
        }))
    })
  }
})
