/** `pnpm test:scale`, or a part of it: `pnpm test:scale -t "ClusterBus.*50 nodes"`. */
import * as MembershipSuite from "@effect-gossip/testkit/MembershipSuite"
import { protocols } from "./protocols.ts"

for (const [name, of] of Object.entries(protocols)) {
  for (const nodes of [50, 200]) {
    MembershipSuite.suite(name, { ...of(nodes).options, nodes: [nodes], timeout: "20 minutes" })
  }
}
