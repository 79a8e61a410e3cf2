/**
 * Who is here, and who is gone.
 *
 * @since 0.1.0
 */
export * as Claim from "./Claim.ts"
export * as ClusterBus from "./ClusterBus.ts"
export * as Heartbeat from "./Heartbeat.ts"
export * as KeyValues from "./KeyValues.ts"
export * as Member from "./Member.ts"
export * as Membership from "./Membership.ts"
export * as MembershipError from "./MembershipError.ts"
export * as MembershipEvent from "./MembershipEvent.ts"
export * as MembershipMachine from "./MembershipMachine.ts"
export * as MembershipProtocol from "./MembershipProtocol.ts"
export * as Metadata from "./Metadata.ts"
export * as PhiDetector from "./PhiDetector.ts"
export * as Quorum from "./Quorum.ts"
export * as Swim from "./Swim.ts"
