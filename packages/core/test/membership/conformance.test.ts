import * as Swim from "@effect-gossip/core/membership/Swim"
import * as MembershipSuite from "@effect-gossip/testkit/MembershipSuite"

MembershipSuite.suite("Swim", { protocol: Swim.layer() })
