/** What a dissemination has counted, as metrics. */
import * as GossipMetrics from "../../../GossipMetrics.ts"
import type { Node } from "../../../node/Node.ts"
import type { DisseminationMachine } from "../../DisseminationMachine.ts"
import { empty, type SpreadReport } from "../../SpreadReport.ts"

const counters = [
  ["published", GossipMetrics.rumorsPublished],
  ["delivered", GossipMetrics.rumorsDelivered],
  ["payloadMessages", GossipMetrics.payloadMessages],
  ["payloadBytes", GossipMetrics.payloadBytes],
  ["redundant", GossipMetrics.payloadsRedundant],
  ["controlMessages", GossipMetrics.controlMessages],
  ["controlBytes", GossipMetrics.controlBytes],
  ["delaySumMillis", GossipMetrics.deliveryDelay]
] as const

const gauges = [
  ["delayMaxMillis", GossipMetrics.deliveryDelayMax],
  ["hopsMax", GossipMetrics.deliveryHopsMax]
] as const

/** Registers the series of each strategy when it has first counted, which what is returned looks for. */
export const reportMetrics = (node: Node["Service"], machine: () => DisseminationMachine): () => void => {
  const registered = new Set<string>()
  return () => {
    const reports = machine().reports()
    if (reports.size === registered.size) return
    for (const strategy of reports.keys()) {
      if (registered.has(strategy)) continue
      registered.add(strategy)
      const read = (field: keyof SpreadReport) => () => (machine().reports().get(strategy) ?? empty)[field]
      for (const [field, metric] of counters) node.counter(metric, { strategy }, read(field))
      for (const [field, metric] of gauges) node.gauge(metric, { strategy }, read(field))
    }
  }
}
