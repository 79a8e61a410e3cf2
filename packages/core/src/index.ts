/**
 * Gossip for Effect: processes that know each other, notice failures, spread news and agree on shared state.
 *
 * @since 0.1.0
 */
export * as Address from "./Address.ts"
export * as Gossip from "./Gossip.ts"
export * as GossipMetrics from "./GossipMetrics.ts"
export * as MemoryTransport from "./MemoryTransport.ts"
export * as ReplicatedCrdt from "./ReplicatedCrdt.ts"
export * as ReplicatedMap from "./ReplicatedMap.ts"
export * as Topic from "./Topic.ts"
export * as Transport from "./Transport.ts"
