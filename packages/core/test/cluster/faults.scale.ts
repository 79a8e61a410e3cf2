/** `pnpm test:scale -t "whatever goes wrong"`. */
import * as Simulation from "@effect-gossip/testkit/Simulation"
import { assert, describe, it } from "@effect/vitest"
import { protocols, searchOf } from "../membership/protocols.ts"

describe("whatever goes wrong, all agree in the end", { timeout: 3_600_000 }, () => {
  for (const name of Object.keys(protocols)) {
    for (const [nodes, seeds] of [[5, 500], [50, 20], [200, 3]] as const) {
      it(`${name}, ${nodes} nodes, with faults of all kinds from each of ${seeds} seeds`, () => {
        const faults = { minFaults: nodes < 50 ? 1 : 5, maxFaults: nodes < 50 ? 8 : 12 }
        const found = Simulation.explore({ ...searchOf(name, nodes, faults), seeds })
        assert(found._tag === "Held", Simulation.format(found))
      })
    }
  }
})
