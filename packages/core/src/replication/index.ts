/**
 * What all nodes hold, and agree on in the end.
 *
 * @since 0.1.0
 */
export * as AntiEntropy from "./AntiEntropy.ts"
export * as Crdt from "./Crdt.ts"
export * as GCounter from "./GCounter.ts"
export * as HybridLogicalClock from "./HybridLogicalClock.ts"
export * as LWWRegister from "./LWWRegister.ts"
export * as MVRegister from "./MVRegister.ts"
export * as ORMap from "./ORMap.ts"
export * as ORSet from "./ORSet.ts"
export * as PNCounter from "./PNCounter.ts"
export * as Reconciliation from "./Reconciliation.ts"
export * as Replica from "./Replica.ts"
export * as ReplicaError from "./ReplicaError.ts"
export * as ReplicaMachine from "./ReplicaMachine.ts"
export * as ReplicaOptions from "./ReplicaOptions.ts"
export * as ReplicaStore from "./ReplicaStore.ts"
