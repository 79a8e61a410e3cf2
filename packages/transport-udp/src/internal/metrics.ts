/**
 * What the transport counts.
 */
import * as Metric from "effect/Metric"

/**
 * Why an inbound stream was closed without an answer.
 *
 * - `capacity`: `maxInboundStreams` were open.
 * - `unserved`: nothing served requests.
 * - `tooLarge`: the peer announced a request above `maxExchangeSize`.
 * - `malformed`: the peer sent more than the request it announced.
 * - `timeout`: `streamTimeout` passed.
 * - `gone`: the peer closed the stream before it had its answer.
 * - `handler`: the handler died, was interrupted, or answered with more than `maxExchangeSize`.
 */
export type StreamRefusal = "capacity" | "unserved" | "tooLarge" | "malformed" | "timeout" | "gone" | "handler"

const streams = Metric.counter("gossip_udp_streams_refused_total", {
  description: "Inbound streams closed without an answer, by reason",
  incremental: true
})

/** Counts an inbound stream that was closed without an answer. */
export const streamRefused = (reason: StreamRefusal) => Metric.withAttributes(streams, { reason })

/** Inbound streams that are open. */
export const streamsOpen = Metric.gauge("gossip_udp_streams_open", {
  description: "Inbound streams that are open"
})

/** Datagrams that arrived from a source nobody can answer to: port 0, or an interface that is gone. */
export const datagramsUnanswerable = Metric.counter("gossip_udp_datagrams_unanswerable_total", {
  description: "Datagrams dropped because their source cannot be answered",
  incremental: true
})

/** Errors the UDP socket reported without a send to blame, such as ICMP messages. */
export const socketErrors = Metric.counter("gossip_udp_socket_errors_total", {
  description: "Errors of the UDP socket that no send caused",
  incremental: true
})
