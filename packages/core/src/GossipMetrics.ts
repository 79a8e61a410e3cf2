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
 * `NameTaken`, `RelaysFull`, `StrangersFull`, `ReportsFull`, `RumorsFull`, `WantsFull`, `DigestsFull`, `TooManyPulls`,
 * `TopicBufferFull`), a message that has no use (`Unexpected`, `Misdirected`, `LateAck`, `LatePong`, `FutureIncarnation`,
 * of or about a node that is `Unknown`, of a life that was `Forgotten`, or `Inconsistent` in itself; a rumor that is
 * `TooOld`, or spreads by an `UnknownStrategy`; what only members may ask, of a `Stranger`), a payload that is not of its
 * topic's schema (`InvalidPayload`), an entry that is not of its map's or CRDT's (`InvalidEntry`), entries of peers that were
 * refused (`ReplicaClockAhead`, `ReplicaFull`, `ReplicaTooLarge`, `ReplicaMalformed`) or left to anti-entropy
 * (`ReplicaBehind`), changes that a slow consumer was told of as a whole (`ReplicaFeedLagged`), a rumor that nobody sent who
 * was asked for it (`NoAnswer`), what broke the node (`Defect`) or a subscriber (`SubscriberDefect`), and what could not be
 * sent, or is larger than may be (`SendFailed`, `TooLarge`). What the transport dropped because its receive buffer was full
 * counts as
 * `ReceiveBufferFull`.
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

/** Rumors published here, by `strategy`. */
export const rumorsPublished = Metric.counter("gossip_rumors_published", { description: "Rumors published here" })

/** Rumors delivered here, each once, those that were published here included, by `strategy`. */
export const rumorsDelivered = Metric.counter("gossip_rumors_delivered", { description: "Rumors delivered here" })

/**
 * Messages sent that carry a payload, by `strategy`; `anti-entropy` is one, as in all series by strategy. Added up over all
 * nodes and divided by what was delivered, it is how many copies a node is sent.
 */
export const payloadMessages = Metric.counter("gossip_payload_messages", { description: "Payloads sent" })

/** Bytes of messages sent that carry a payload, by `strategy`. */
export const payloadBytes = Metric.counter("gossip_payload_bytes", { description: "Bytes of payloads sent" })

/** Payloads received of rumors that were known, by `strategy`. */
export const payloadsRedundant = Metric.counter("gossip_payloads_redundant", {
  description: "Payloads received of rumors that were known"
})

/** Messages of dissemination sent that carry no payload, by `strategy`. */
export const controlMessages = Metric.counter("gossip_control_messages", {
  description: "Messages of dissemination without a payload sent"
})

/** Bytes of messages of dissemination sent that carry no payload, by `strategy`. */
export const controlBytes = Metric.counter("gossip_control_bytes", {
  description: "Bytes of messages of dissemination without a payload sent"
})

/**
 * Ages of rumors when they were delivered here, added up, in milliseconds, by `strategy`: how long nodes have held them on
 * the way, without the time in transit. Divided by `gossip_rumors_delivered` it is the mean delay.
 */
export const deliveryDelay = Metric.counter("gossip_delivery_delay_millis", {
  description: "Ages of rumors when they were delivered, added up, in milliseconds"
})

/** The highest age of a rumor when it was delivered here, in milliseconds, by `strategy`. */
export const deliveryDelayMax = Metric.gauge("gossip_delivery_delay_max_millis", {
  description: "Highest age of a rumor when it was delivered, in milliseconds"
})

/** Most nodes that had passed on a rumor before it was delivered here, by `strategy`. */
export const deliveryHopsMax = Metric.gauge("gossip_delivery_hops_max", {
  description: "Most nodes that had passed on a rumor before it was delivered"
})

/** Rumors held, for those who missed them. */
export const rumorsHeld = Metric.gauge("gossip_rumors_held", { description: "Rumors held" })

/** Bytes of the payloads of rumors held. */
export const rumorBytesHeld = Metric.gauge("gossip_rumor_bytes_held", { description: "Bytes of payloads held" })

/** Rumors that were announced to this node, and have not come yet. */
export const rumorsWanted = Metric.gauge("gossip_rumors_wanted", { description: "Rumors announced and not come yet" })

/** Keys of a replicated map or CRDT that this node holds, by `space`. */
export const replicaKeys = Metric.gauge("gossip_replica_keys", { description: "Keys of a replica" })

/** Deletes that are remembered, by `space`. */
export const replicaCertificates = Metric.gauge("gossip_replica_certificates", {
  description: "Death certificates of a replica"
})

/** Bytes of keys and values, by `space`. */
export const replicaBytes = Metric.gauge("gossip_replica_bytes", {
  description: "Bytes of keys and values of a replica"
})

/** Entries that travelled when replicas were compared, by `direction`; not those that were spread as they were written. */
export const replicaEntries = Metric.counter("gossip_replica_entries", {
  description: "Entries that travelled when replicas were compared"
})

/** Entries dropped on coming back, since they may have been deleted meanwhile. */
export const replicaDropped = Metric.counter("gossip_replica_dropped", {
  description: "Entries dropped that may have been deleted while the node was away"
})

/** Deletes that were forgotten, as all members know of them, or after the retention. */
export const replicaPurged = Metric.counter("gossip_replica_purged", { description: "Death certificates forgotten" })
