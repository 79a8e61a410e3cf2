import { assert, describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/testing/TestClock"
import * as Fault from "../src/Fault.ts"
import * as Invariant from "../src/Invariant.ts"
import { it } from "../src/Vitest.ts"

// what a failing one says is tested from outside: scripts/vitest.test.ts

describe("it.simulation", () => {
  for (const clock of ["VirtualTime", "TestClock"] as const) {
    it.simulation(`runs a program on ${clock}`, { nodes: 4, seed: 1, clock }, (sim) =>
      Effect.gen(function*() {
        yield* sim.until(sim.isAgreed, { atMost: "3 seconds" })
        yield* sim.inject(Fault.pause("n2", { for: "20 seconds" }))
        yield* sim.advance("20 seconds")
        yield* TestClock.adjust("1 second")
        assert.strictEqual(sim.now() >= 21_000, true)
        yield* sim.until(sim.isAgreed, { atMost: "35 seconds" })
      }))
  }

  it.simulation("brings faults about, and looks at invariants", {
    nodes: ["a", "b", "c"],
    faults: [Fault.crash("c", { at: "5 seconds", for: "20 seconds" })],
    invariants: Invariant.membership({ within: "1 minute" })
  }, (sim) =>
    Effect.gen(function*() {
      yield* sim.advance("10 seconds")
      assert.deepStrictEqual(sim.running(), ["a", "b"])
    }))

  let runs = 0
  it.simulation(
    "tries many seeds",
    { nodes: 3, seeds: 5, faults: { maxFaults: 2 }, invariants: [Invariant.incarnations] },
    () => Effect.sync(() => void runs++)
  )
  it("has tried each of them", () => {
    assert.strictEqual(runs, 5)
  })

  it.simulation.skip("can be skipped", { nodes: 1 }, () => Effect.die("it was not"))
})
