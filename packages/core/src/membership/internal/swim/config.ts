/** The options of `Swim`, checked, in milliseconds. */
export interface Config {
  readonly probeInterval: number
  readonly probeTimeout: number
  readonly indirectProbes: number
  readonly suspicionMultiplier: number
  readonly gossipInterval: number
  readonly gossipNodes: number
  readonly gossipToTheDead: number
  readonly retransmitMultiplier: number
  readonly syncInterval: number
  readonly reconnectInterval: number
  readonly deadRetention: number
  readonly maxMembers: number
}

/** memberlist's LAN configuration, serf's reconnecting and retention. */
export const defaultConfig: Config = {
  probeInterval: 1000,
  probeTimeout: 500,
  indirectProbes: 3,
  suspicionMultiplier: 4,
  gossipInterval: 200,
  gossipNodes: 3,
  gossipToTheDead: 30_000,
  retransmitMultiplier: 4,
  syncInterval: 30_000,
  reconnectInterval: 30_000,
  deadRetention: 24 * 60 * 60 * 1000,
  maxMembers: 16_384
}

/**
 * How long a claim needs to be known by all, in milliseconds: the rounds in which an epidemic with this fan-out
 * has reached everyone, and one more.
 */
export const spreadTime = ({ gossipInterval, gossipNodes }: Config, clusterSize: number): number =>
  gossipInterval * (Math.ceil(Math.log(clusterSize) / Math.log(gossipNodes + 1)) + 1)
