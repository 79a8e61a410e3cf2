import * as Simulation from "@effect-gossip/testkit/Simulation"
import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"

describe("64 nodes that join through one seed at once", { timeout: 200_000 }, () => {
  it("know each other within 3 s in 100 of 100 seeds", () => {
    const millis = Array.from({ length: 100 }, (_, seed) =>
      Duration.toMillis(
        Simulation.runUnsafe({ nodes: 64, seed }, (sim) =>
          sim.until(sim.isAgreed, { atMost: "3 seconds", every: "50 millis" }))
      )).sort((a, b) => a - b)
    assert.strictEqual(millis.length, 100)
    assert.isAtMost(millis.at(-1)!, 3000)
  })
})
