import * as ClusterBus from "@effect-gossip/core/membership/ClusterBus"
import * as Heartbeat from "@effect-gossip/core/membership/Heartbeat"
import * as Swim from "@effect-gossip/core/membership/Swim"
import * as MembershipSuite from "@effect-gossip/testkit/MembershipSuite"
import * as Effect from "effect/Effect"

MembershipSuite.suite("Swim", { protocol: Swim.layer() })

MembershipSuite.suite("Heartbeat", {
  protocol: Heartbeat.layer(),
  // a rumor passes from one to one, a second each
  bounds: (nodes) => ({
    crashed: Effect.runSync(Heartbeat.bounds(nodes)).detection,
    joined: "10 seconds",
    updated: "10 seconds"
  })
})

MembershipSuite.suite("ClusterBus", {
  protocol: ClusterBus.layer({ nodeTimeout: "2 seconds" }),
  minorityDeclaresDeath: false
})
