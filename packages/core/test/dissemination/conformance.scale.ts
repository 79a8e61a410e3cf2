import * as DisseminationSuite from "@effect-gossip/testkit/DisseminationSuite"
import { strategies, variants } from "./strategies.ts"

for (const [name, options] of Object.entries({ ...strategies, ...variants })) {
  DisseminationSuite.suite(name, {
    ...options,
    nodes: [40, 100],
    bounds: { spread: "20 seconds", repaired: "2 minutes" },
    timeout: "10 minutes"
  })
}
