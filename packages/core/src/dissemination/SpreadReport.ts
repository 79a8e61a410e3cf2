/**
 * How news spreads, in numbers that all strategies have in common, so that they can be compared.
 *
 * A node counts what it does itself; the reports of all nodes of a cluster, {@link combine}d, say how a strategy does.
 *
 * @since 0.1.0
 */

// -----------------------------------------------------------------------------
// model
// -----------------------------------------------------------------------------

/** What was counted since the node started, or at all nodes together. */
export interface SpreadReport {
  /** Rumors published. */
  readonly published: number
  /**
   * Rumors that were new at a node and not older than it, each once, whether or not anybody there listens; the publisher's
   * own included.
   */
  readonly delivered: number
  /** Messages sent that carry a payload. */
  readonly payloadMessages: number
  /** Their bytes, payload and all. */
  readonly payloadBytes: number
  /** Payloads that came to a node which knew the rumor. */
  readonly redundant: number
  /** Messages sent that carry no payload: announcements, requests, feedback, digests. */
  readonly controlMessages: number
  /** Their bytes. */
  readonly controlBytes: number
  /**
   * The ages of rumors when they were delivered, in milliseconds, added up over all nodes but the publishers. An age is
   * what nodes have held a rumor one after the other, by their own clocks: the time in transit is not in it.
   */
  readonly delaySumMillis: number
  /** The highest of these ages. */
  readonly delayMaxMillis: number
  /** Most nodes that passed on a rumor before it was delivered. */
  readonly hopsMax: number
}

/** Nothing was counted yet. */
export const empty: SpreadReport = {
  published: 0,
  delivered: 0,
  payloadMessages: 0,
  payloadBytes: 0,
  redundant: 0,
  controlMessages: 0,
  controlBytes: 0,
  delaySumMillis: 0,
  delayMaxMillis: 0,
  hopsMax: 0
}

// -----------------------------------------------------------------------------
// combinators
// -----------------------------------------------------------------------------

/** Adds up what several nodes, or several strategies of one, have counted. */
export const combine = (reports: Iterable<SpreadReport>): SpreadReport => {
  const sum = { ...empty }
  for (const report of reports) {
    sum.published += report.published
    sum.delivered += report.delivered
    sum.payloadMessages += report.payloadMessages
    sum.payloadBytes += report.payloadBytes
    sum.redundant += report.redundant
    sum.controlMessages += report.controlMessages
    sum.controlBytes += report.controlBytes
    sum.delaySumMillis += report.delaySumMillis
    sum.delayMaxMillis = Math.max(sum.delayMaxMillis, report.delayMaxMillis)
    sum.hopsMax = Math.max(sum.hopsMax, report.hopsMax)
  }
  return sum
}

// -----------------------------------------------------------------------------
// figures of a cluster, of the reports of all its nodes
// -----------------------------------------------------------------------------

/** The share of nodes that a rumor did not reach: Demers' residue. 0 where nothing was published. */
export const residue = (report: SpreadReport, nodes: number): number =>
  report.published === 0 ? 0 : 1 - report.delivered / (report.published * nodes)

/** Messages with a payload for each rumor and node: Demers' traffic. 0 where nothing was published. */
export const traffic = (report: SpreadReport, nodes: number): number =>
  report.published === 0 ? 0 : report.payloadMessages / (report.published * nodes)

/** The mean age of rumors when they came to others than their publisher, in milliseconds; 0 where none did. */
export const delayAverageMillis = (report: SpreadReport): number => {
  const heard = report.delivered - report.published
  return heard <= 0 ? 0 : report.delaySumMillis / heard
}
