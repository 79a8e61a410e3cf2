import { headerSize } from "../../../wire/Frame.ts"
import { maxDigestSize } from "../../../wire/HeartbeatMessage.ts"
import { silenceAt } from "./phi.ts"

/** The options of `Heartbeat`, checked, in milliseconds. */
export interface Config {
  readonly gossipInterval: number
  readonly phiThreshold: number
  readonly sampleWindow: number
  readonly maxInterval: number
  readonly reconnectInterval: number
  readonly deadRetention: number
  readonly maxMembers: number
}

/** Cassandra's: see `Heartbeat.defaults`. */
export const defaultConfig: Config = {
  gossipInterval: 1000,
  phiThreshold: 8,
  sampleWindow: 1000,
  maxInterval: 2000,
  reconnectInterval: 30_000,
  deadRetention: 24 * 60 * 60 * 1000,
  maxMembers: 16_384
}

/**
 * How late a round may be, in milliseconds, before the node is thought to have stood still: a quarter of the silence after
 * which a member is dead at the earliest. (Cassandra convicts nobody for a while after a pause of 5 s.)
 */
export const toleranceOf = ({ gossipInterval, phiThreshold }: Config): number =>
  Math.max(20, silenceAt(phiThreshold) * gossipInterval / 4)

/** Bytes of a digest message besides its digests, rounded up: tags, lengths, and the part of the ring. */
export const synOverhead = 40

/** Bytes of messages that fit a datagram of the usual size. */
export const usualDatagram = 1400 - headerSize

/**
 * In how many rounds a node is named once in the digests of another, at most: more than one for clusters of which a
 * datagram does not hold all digests.
 *
 * @param room bytes of messages that fit a datagram
 */
export const roundsPerTurn = (nodes: number, room: number): number =>
  Math.max(1, nodes * maxDigestSize / Math.max(maxDigestSize, room - synOverhead))

/**
 * Rounds in which an epidemic that pushes and pulls has reached everyone with near certainty: it grows by more than half
 * in a round (Karp et al. 2000: log3 n + O(log log n)), and as many again for the last few.
 */
export const spreadRounds = (nodes: number): number => 2 * (32 - Math.clz32(Math.max(1, nodes - 1))) + 2
