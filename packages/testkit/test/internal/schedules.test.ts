import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Effect from "effect/Effect"
import * as Fault from "../../src/Fault.ts"
import { shrink } from "../../src/internal/schedules.ts"

const schedules = Fault.arbitrary(["n0", "n1", "n2", "n3"])

describe("shrinking a schedule", () => {
  it.effect("comes to an end, whatever still fails", () =>
    Effect.gen(function*() {
      const samples = yield* Arbitrary.sampleEffect(schedules, { count: 50, seed: 1, size: 50 })
      for (const sample of samples) {
        // the longest way down: always the last of the simpler ones
        let schedule = sample
        for (let steps = 0;; steps++) {
          assert.isBelow(steps, 2000)
          const simpler = shrink(schedule)
          if (simpler.length === 0) break
          schedule = simpler.at(-1)!
        }
        assert.isEmpty(schedule)
      }
    }))

  it.effect("leaves only what is needed, in round figures", () =>
    Effect.gen(function*() {
      const result = yield* Arbitrary.checkEffect(
        schedules,
        (schedule) =>
          !schedule.some((fault) =>
            fault._tag === "Partition" && fault.group.includes("n2") && (fault.for ?? 0) > 7300
          ),
        { seed: 3, runs: 500, size: 100, maxShrinks: 1000 }
      )
      assert(result._tag === "Falsified")
      assert.deepStrictEqual(result.shrunkInput, [
        Fault.partition(["n2"], ["n1"], { at: "5 seconds", for: "8 seconds" })
      ])
    }))
})
