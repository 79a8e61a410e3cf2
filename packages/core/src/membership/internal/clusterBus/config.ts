/** The options of `ClusterBus`, checked, in milliseconds. */
export interface Config {
  readonly nodeTimeout: number
  readonly votes: boolean
  readonly minVoters: number
  readonly reconnectInterval: number
  readonly deadRetention: number
  readonly maxMembers: number
}

/** Redis's `cluster-node-timeout`; serf's reconnecting and retention. */
export const defaultConfig: Config = {
  nodeTimeout: 15_000,
  votes: true,
  minVoters: 1,
  reconnectInterval: 30_000,
  deadRetention: 24 * 60 * 60 * 1000,
  maxMembers: 16_384
}

/** Time between looks at all members: that of Redis's `clusterCron`, or less where it would be long for the timeout. */
export const tickOf = ({ nodeTimeout }: Config): number => Math.min(100, Math.floor(nodeTimeout / 20))

/** Time between pings of one of some random members, as Redis has it, and of how many. */
export const randomPingInterval = 1000
export const randomPingCandidates = 5

/** How late a tick may be, in milliseconds, before the node is thought to have stood still: as any process may be. */
export const toleranceOf = (config: Config): number => Math.max(tickOf(config), config.nodeTimeout / retriesPerTimeout)

/** A ping is sent again, for as long as it is not answered, after this part of the timeout: datagrams get lost. */
export const retriesPerTimeout = 8

/** How long a node's report that it does not reach another counts: Redis's `CLUSTER_FAIL_REPORT_VALIDITY_MULT`. */
export const reportValidity = ({ nodeTimeout }: Config): number => 2 * nodeTimeout

/**
 * How long it takes at most until a node that is gone is FAIL to all, in milliseconds, besides what datagrams take to
 * arrive and when none is lost: its last pong is half a timeout old before it is pinged, PFAIL a timeout later, and each
 * of those who hold it for that has told each other within another half; each waits for a tick to notice.
 */
export const detectionTime = (config: Config): number => 2 * config.nodeTimeout + 3 * tickOf(config)
