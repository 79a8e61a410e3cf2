import { isLive } from "@effect-gossip/core/membership/Member"
import * as Simulation from "@effect-gossip/testkit/Simulation"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"

const run = (seed: number) =>
  Simulation.runUnsafe({
    nodes: 50,
    seed,
    link: { latency: { _tag: "Uniform", min: "1 millis", max: "20 millis" }, loss: 0.02, duplication: 0.01 },
    atMost: "1 hour"
  }, (sim) =>
    Effect.gen(function*() {
      yield* sim.advance("30 seconds")
      assert.isTrue(yield* sim.isAgreed)
      const cut = yield* sim.partition(sim.nodes.slice(40).map((node) => node.name))
      yield* sim.advance("30 seconds")
      assert.strictEqual((yield* sim.members("n0")).filter(isLive).length, 40)
      yield* cut.heal
      yield* sim.until(sim.isAgreed, { atMost: "2 minutes", every: "1 second" })
      return sim.network.traceHash()
    }))

describe("50 nodes of which 10 are cut off and come back", { timeout: 120_000 }, () => {
  it("leave the same trace twice from one seed, and another one from another", () => {
    const first = run(1)
    assert.strictEqual(run(1), first)
    assert.notStrictEqual(run(2), first)
  })
})
