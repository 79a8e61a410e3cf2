/** Simulations that fail, for `scripts/vitest.test.ts`, which looks at what they say. */
import { Fault, Invariant } from "@effect-gossip/testkit"
import { it } from "@effect-gossip/testkit/Vitest"
import { assert } from "@effect/vitest"
import { Effect } from "effect"

it.simulation(
  "it's a failing assertion",
  { nodes: 2, seed: 42, faults: [Fault.pause("n1", { at: "1 second", for: "1 second" })] },
  (sim) => Effect.sync(() => assert.strictEqual(sim.nodes.length, 3))
)

it.simulation(
  "a failing assertion on the test clock",
  { nodes: 2, seed: 7, clock: "TestClock" },
  (sim) => Effect.sync(() => assert.strictEqual(sim.nodes.length, 3))
)

it.simulation("a failing search", {
  nodes: 3,
  seeds: 50,
  faults: { kinds: ["Crash", "Pause"] },
  invariants: [
    Invariant.always("all run", (sim) => sim.running().length === 3 ? Effect.void : Effect.fail("one does not"))
  ]
})
