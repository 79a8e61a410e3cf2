import * as MembershipSuite from "@effect-gossip/testkit/MembershipSuite"
import { protocols } from "./protocols.ts"

// of 50 and 200 nodes: see conformance.scale.ts
for (const [name, of] of Object.entries(protocols)) MembershipSuite.suite(name, { ...of(5).options, nodes: [5] })
