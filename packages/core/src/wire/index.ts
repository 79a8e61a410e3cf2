/**
 * What crosses the network.
 *
 * @since 0.1.0
 */
export * as ClusterBusMessage from "./ClusterBusMessage.ts"
export * as DisseminationMessage from "./DisseminationMessage.ts"
export * as Frame from "./Frame.ts"
export * as HeartbeatMessage from "./HeartbeatMessage.ts"
export * as Message from "./Message.ts"
export * as ReconciliationMessage from "./ReconciliationMessage.ts"
export * as ReplicationMessage from "./ReplicationMessage.ts"
