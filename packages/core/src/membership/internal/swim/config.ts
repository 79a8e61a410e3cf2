import { ceilLog } from "../../../internal/math.ts"

/** The options of `Swim`, checked, in milliseconds. */
export interface Config {
  readonly probeInterval: number
  readonly probeTimeout: number
  readonly indirectProbes: number
  readonly suspicionMultiplier: number
  readonly suspicionMaxMultiplier: number
  readonly localHealthMax: number
  readonly nacks: boolean
  readonly buddySystem: boolean
  readonly streamProbe: boolean
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
  suspicionMaxMultiplier: 6,
  localHealthMax: 8,
  nacks: true,
  buddySystem: true,
  streamProbe: true,
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
  gossipInterval * (ceilLog(clusterSize, gossipNodes + 1) + 1)

/**
 * How long a relay waits for an ack before it sends a nack: as long as anyone who probes, but so that the nack is there
 * before who asked has to judge. (memberlist's relays wait for `ProbeTimeout`; with its LAN timing the nack then comes
 * two trips too late for a node that is well.)
 */
export const nackTimeout = ({ probeInterval, probeTimeout }: Config): number =>
  Math.min(probeTimeout, 0.8 * (probeInterval - probeTimeout))
