/**
 * From the transport to the mailbox: datagrams and the requests of peers.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type { Address } from "../../Address.ts"
import * as GossipMetrics from "../../GossipMetrics.ts"
import type { Receiver } from "../../Transport.ts"
import { decode, type Decoded, decodeSingle, type Deduplication } from "../../wire/Frame.ts"
import { tagAt } from "../../wire/internal/probes.ts"
import type { RandomSource } from "../Protocol.ts"
import { Seen } from "./seen.ts"
import type { Shared } from "./shared.ts"

/** Messages lately heard that are remembered, at least. */
const seenCapacity = 1024

export const makeIncoming = ({ actor, cluster, counters, hasEnded, mailbox }: Shared, random: RandomSource) => {
  const seen = new Seen(seenCapacity, random)
  let fingerprint = 0
  let fingerprints: Array<number> = []
  const deduplication: Deduplication = {
    isKnown: (bytes, start, end) => {
      // no two probes are alike: they are not remembered
      const probe = tagAt(bytes, start)
      if (probe !== undefined && !actor.isIdempotent(probe)) return false
      fingerprint = seen.fingerprint(bytes, start, end)
      const known = seen.has(fingerprint)
      if (known) counters.duplicates.count++
      return known
    },
    onDecoded: () => fingerprints.push(fingerprint)
  }

  const counted = (decoded: Decoded): Decoded => {
    for (const reason of decoded.dropped) actor.drop(reason)
    return decoded
  }

  /** Takes in datagrams for as long as the receiver gives them. */
  const receive = Effect.fnUntraced(function*(receiver: Receiver) {
    let lost = 0
    while (true) {
      const packets = yield* receiver.pull
      if (hasEnded()) return yield* Effect.never
      for (const { from, payload } of packets) {
        fingerprints = []
        counters.datagramsIn.count++
        counters.datagramBytesIn.count += payload.length
        const { dropped, encoded, messages } = counted(decode(cluster, payload, deduplication))
        if (dropped.length > 0) yield* Effect.logDebug(`dropped of a datagram from ${from}: ${dropped.join(", ")}`)
        for (let i = 0; i < messages.length; i++) {
          const mail = { _tag: "Received" as const, from, message: messages[i]!, encoded: encoded[i]! }
          // what had no room was not heard: its next copy may have
          if (!mailbox.offer(mail)) actor.drop("MailboxFull")
          else if (actor.isIdempotent(mail.message._tag)) seen.add(fingerprints[i]!)
        }
      }
      const dropped = receiver.dropped()
      if (dropped > lost) counters.add(GossipMetrics.drops, { reason: "ReceiveBufferFull" }, dropped - lost)
      lost = dropped
    }
  })

  /** Has a request answered by the protocol that owns it, or refuses it by interrupting. */
  const answer = Effect.fnUntraced(function*(from: Address, request: Uint8Array) {
    if (hasEnded()) return yield* Effect.interrupt
    counters.add(GossipMetrics.exchangeBytes, { direction: "in" }, request.length)
    const { messages: [message] } = counted(decodeSingle(cluster, request))
    const reply = Deferred.makeUnsafe<Uint8Array | undefined>()
    let bytes: Uint8Array | undefined
    if (message !== undefined) {
      if (mailbox.offer({ _tag: "Requested", from, message, reply })) bytes = yield* Deferred.await(reply)
      else actor.drop("MailboxFull")
    }
    counters.add(GossipMetrics.exchanges, { direction: "in", result: bytes === undefined ? "refused" : "answered" })
    if (bytes === undefined) return yield* Effect.interrupt
    counters.add(GossipMetrics.exchangeBytes, { direction: "out" }, bytes.length)
    return bytes
  })

  return { receive, answer }
}
