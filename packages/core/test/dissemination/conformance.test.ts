import * as DisseminationSuite from "@effect-gossip/testkit/DisseminationSuite"
import { strategies, variants } from "./strategies.ts"

// of 40 and 100 nodes: see conformance.scale.ts
for (const [name, options] of Object.entries(strategies)) DisseminationSuite.suite(name, options)

const { "a network that duplicates and reorders": harsh = {} } = DisseminationSuite.defaults.links

for (const [name, options] of Object.entries(variants)) {
  DisseminationSuite.suite(name, {
    ...options,
    links: { "a network that duplicates and reorders": harsh },
    loss: [0.2]
  })
}
