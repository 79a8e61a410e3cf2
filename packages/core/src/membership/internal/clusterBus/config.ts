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

/** How many that are PFAIL a message tells of, when there are more: of 1400 bytes, with names and addresses of 32 together. */
const failingPerMessage = 17

/**
 * How long it takes at most until a node that is gone is FAIL to all, in milliseconds, besides what datagrams take to
 * arrive and when none is lost: its last pong is half a timeout old before it is pinged, PFAIL a timeout later, and each
 * of those who hold it for that has told each other within another half; each waits for a tick to notice. When all of a
 * minority are gone at once it may be some halves more until all are told of: in each a node pings each other, and answers it.
 */
export const detectionTime = (config: Config, nodes: number): number => {
  const halves = Math.max(1, Math.ceil(nodes / 2 / (2 * failingPerMessage)))
  return (3 + halves) * config.nodeTimeout / 2 + 3 * tickOf(config)
}
