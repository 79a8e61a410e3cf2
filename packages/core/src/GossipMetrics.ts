/**
 * What a node counts. Each series has the attribute `node` with the node's name, and those named below.
 *
 * The node counts in plain numbers that are read when metrics are exported, so that counting costs nothing on the
 * packet's way. Series appear when they first count, and go with the node.
 *
 * @since 0.1.0
 */
import * as Metric from "effect/Metric"

/** Messages, by `kind` (the message's tag) and `direction` (`in`, `out`). */
export const messages = Metric.counter("gossip_messages", { description: "Messages handled and sent" })

/** Datagrams, by `direction`. */
export const datagrams = Metric.counter("gossip_datagrams", { description: "Datagrams received and sent" })

/** Bytes of datagrams, without what lower layers add, by `direction`. */
export const datagramBytes = Metric.counter("gossip_datagram_bytes", {
  description: "Payload bytes of datagrams received and sent"
})

/** Bytes of requests and answers over streams, by `direction`. */
export const exchangeBytes = Metric.counter("gossip_exchange_bytes", {
  description: "Payload bytes of exchanges received and sent"
})

/** Exchanges, by `direction` (`in`: served, `out`: begun) and `result` (`answered`, `refused`, `failed`). */
export const exchanges = Metric.counter("gossip_exchanges", { description: "Requests over streams" })

/**
 * What was dropped, by `reason`: a frame or message that does not decode (`Malformed`, `ForeignVersion`,
 * `ForeignCluster`, `UndecodableMessage`), an overflow (`MailboxFull`, `SendQueueFull`, `LogsFull`, `TableFull`,
 * `NameTaken`, `RelaysFull`, `StrangersFull`, `ReportsFull`), a message that has no use (`Unexpected`, `Misdirected`,
 * `LateAck`, `LatePong`, `FutureIncarnation`, of or about a node that is `Unknown`, of a life that was `Forgotten`, or
 * `Inconsistent` in itself), one that broke the node (`Defect`), and one that could not be sent (`SendFailed`,
 * `TooLarge`). What the transport dropped because its receive buffer was full counts as `ReceiveBufferFull`.
 */
export const drops = Metric.counter("gossip_drops", { description: "Datagrams, messages and claims dropped" })

/** Copies of messages heard before that were passed over undecoded. */
export const duplicates = Metric.counter("gossip_duplicates", { description: "Messages heard before" })

/** Probes, by `result` (`direct` or `indirect` ack, an ack over a `stream` alone, `failed`). */
export const probes = Metric.counter("gossip_probes", { description: "Probes of the failure detector" })

/** Suspicions, by `outcome` (`started`, `confirmed`). */
export const suspicions = Metric.counter("gossip_suspicions", { description: "Suspicions of members" })

/** Claims about this node itself that it refuted, by `claim` (`Suspect`, `Dead`, `Left`, `Alive`). */
export const refutations = Metric.counter("gossip_refutations", { description: "Refuted claims about this node" })

/** Syncs begun, by `reason` (`join`, `periodic`, `divergence`, `reconnect`, `push`), and those that `failed`. */
export const syncs = Metric.counter("gossip_syncs", { description: "Exchanges of whole member tables" })

/** Restarts of the node after a defect. */
export const restarts = Metric.counter("gossip_restarts", { description: "Restarts after a defect" })

/** Messages that wait to be handled. */
export const mailboxSize = Metric.gauge("gossip_mailbox_size", { description: "Messages that wait to be handled" })

/** Datagrams that wait to be sent. */
export const sendQueueSize = Metric.gauge("gossip_send_queue_size", { description: "Datagrams that wait to be sent" })

/** Most messages that have ever waited to be handled at a time: what `mailboxCapacity` is to be measured by. */
export const mailboxPeak = Metric.gauge("gossip_mailbox_peak", { description: "Most messages that ever waited" })

/** Most datagrams that have ever waited to be sent at a time: what `sendCapacity` is to be measured by. */
export const sendQueuePeak = Metric.gauge("gossip_send_queue_peak", { description: "Most datagrams that ever waited" })

/** How badly this node itself does, as Swim's probes show: 0 is well, at most `localHealthMax - 1`. */
export const localHealth = Metric.gauge("gossip_local_health", { description: "Lifeguard's local health, 0 is well" })

/** Members, by `status`. */
export const members = Metric.gauge("gossip_members", { description: "Members as this node sees them" })
