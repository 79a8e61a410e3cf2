import * as Simulation from "@effect-gossip/testkit/Simulation"
import { assert, describe, it } from "@effect/vitest"
import { protocols, searchOf } from "../membership/protocols.ts"

// more seeds, and 200 nodes: see faults.scale.ts
describe("50 nodes come over loss, pauses, partitions and churn", { timeout: 300_000 }, () => {
  for (const name of Object.keys(protocols)) {
    it(name, () => {
      const search = searchOf(name, 50, {
        kinds: ["Crash", "Pause", "Partition", "OneWayPartition", "Link"],
        minFaults: 8,
        maxFaults: 8,
        within: "10 seconds",
        longest: "8 seconds"
      })
      const found = Simulation.explore({ ...search, seeds: 1, maxShrinks: 20 })
      assert(found._tag === "Held", Simulation.format(found))
    })
  }
})
