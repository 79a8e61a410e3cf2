import * as Fault from "@effect-gossip/testkit/Fault"
import * as Simulation from "@effect-gossip/testkit/Simulation"
import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Exit from "effect/Exit"
import { bugs } from "./bugs.ts"
import { control, find, replay } from "./search.ts"

const violated = (cause: Cause.Cause<unknown>): string => {
  const error = Cause.squash(cause)
  if (!(error instanceof Simulation.SimulationError) || error.reason._tag !== "Violated") throw error
  return error.reason.invariant
}

describe("a planted bug is found, made small and replayed", () => {
  for (const bug of bugs) {
    it(`${bug.name}: within ${bug.seeds} seeds, with at most ${bug.faults} faults`, () => {
      const found = find(bug)
      assert(found._tag === "Broken", Simulation.format(found))
      assert.strictEqual(violated(found.cause), bug.violates)
      assert.isAtMost(found.faults.length, bug.faults, Fault.describe(found.faults))
      const again = replay(bug, found.replay, "planted")
      assert(Exit.isFailure(again))
      assert.strictEqual(String(Cause.squash(again.cause)), String(Cause.squash(found.cause)))
      // it is the bug that fails, and not what was done to the nodes
      assert.isTrue(Exit.isSuccess(replay(bug, found.replay, "sound")))
    })
  }
})

describe("the sound protocol stands the searches", () => {
  for (const search of new Set(bugs.map((bug) => bug.search))) {
    const those = bugs.filter((bug) => bug.search === search)
    const seeds = Math.max(...those.map((bug) => bug.seeds))
    it(`of ${seeds} seeds that find: ${those.map(({ name }) => name).join("; ")}`, () => {
      const held = control(search, seeds)
      assert(held._tag === "Held", Simulation.format(held))
      assert.strictEqual(held.runs, seeds)
    })
  }
})
