/**
 * The messages of all protocols, as schemas: what may cross the network, and the bounds of every field.
 *
 * Each message is a `Schema.TaggedStruct` encoded with `SchemaBinary` in its evolvable mode: a field has a number
 * that is never reused, a newer node may add optional fields, and an older one skips what it does not know. A tag
 * that a node does not know is dropped by itself; the rest of the frame is still handled.
 *
 * @since 0.1.0
 */
import { fieldId } from "effect/encoding/SchemaBinary"
import * as Schema from "effect/Schema"
import { Address } from "../Address.ts"
import { BusPing, BusPong, Fail, Meet, Met } from "./ClusterBusMessage.ts"
import { Announce, Ask, Feedback, Fetch, Fetched, News, Offer, Pull, RecentDigest } from "./DisseminationMessage.ts"
import { DigestAck, DigestAck2, DigestSyn } from "./HeartbeatMessage.ts"
import { Alive, Claim, Dead, Left, maxClaims, Suspect } from "./internal/claims.ts"
import { NodeId, refusingClock, Uint32 } from "./internal/fields.ts"
import * as ReplicationMessage from "./ReplicationMessage.ts"

// -----------------------------------------------------------------------------
// fields
// -----------------------------------------------------------------------------

export {
  ClusterName,
  Incarnation,
  maxClusterNameSize,
  maxMetadataSize,
  maxNodeIdSize,
  Metadata,
  NodeId,
  Uint32
} from "./internal/fields.ts"

/** Bytes of {@link SyncRequest}'s `buckets`: 64 hashes of 32 bits. */
export const bucketsSize = 256

// -----------------------------------------------------------------------------
// claims
// -----------------------------------------------------------------------------

export { Alive, Claim, Dead, Left, maxClaims, Suspect } from "./internal/claims.ts"

// -----------------------------------------------------------------------------
// probes
// -----------------------------------------------------------------------------

const tableField = {
  /** Hash of the sender's member table, so that views that stay different are noticed. */
  table: Uint32
}

/** Asks the target whether it is there. */
export const Ping = Schema.TaggedStruct("Ping", {
  /** Drawn at random for each probe; the ack repeats it. */
  nonce: Uint32.pipe(fieldId(1)),
  /** Who is meant: another node may have taken the address since. */
  target: NodeId.pipe(fieldId(2)),
  table: tableField.table.pipe(fieldId(3))
})

/** Asks a third node to probe the target and to pass on its ack: SWIM's `ping-req`. */
export const PingRequest = Schema.TaggedStruct("PingRequest", {
  nonce: Uint32.pipe(fieldId(1)),
  target: NodeId.pipe(fieldId(2)),
  address: Address.pipe(fieldId(3))
})

/** Answers a `Ping`, or passes on the ack of a `PingRequest`'s target. */
export const Ack = Schema.TaggedStruct("Ack", {
  nonce: Uint32.pipe(fieldId(1)),
  /** Absent when the ack is passed on: the hash would be of the relay's target. */
  table: Schema.optionalKey(tableField.table).pipe(fieldId(2))
})

/** Says to who sent a `PingRequest` that its target has not answered this node either: Lifeguard's nack. */
export const Nack = Schema.TaggedStruct("Nack", { nonce: Uint32.pipe(fieldId(1)) })

// -----------------------------------------------------------------------------
// sync
// -----------------------------------------------------------------------------

const Buckets = Schema.Uint8Array.check(
  Schema.makeFilter((bytes: Uint8Array) => bytes.length === bucketsSize || `${bucketsSize} bytes`)
)

const syncFields = {
  id: NodeId.pipe(fieldId(1)),
  address: Address.pipe(fieldId(2)),
  table: tableField.table.pipe(fieldId(3)),
  /** What the sender knows and the other may lack; absent when it only compares tables, or has nothing to tell. */
  claims: Schema.optionalKey(Schema.Array(Claim).check(Schema.isMaxLength(maxClaims))).pipe(fieldId(4)),
  /** The hash of each 64th part of the table, so that only parts that differ need be sent. */
  buckets: Schema.optionalKey(Buckets).pipe(fieldId(5))
}

/** Opens a push-pull: with all of the sender's claims, or only to compare, with the hashes of its table. */
export const SyncRequest = Schema.TaggedStruct("SyncRequest", syncFields)

/** Answers a {@link SyncRequest}: with claims where the tables differ. */
export const SyncResponse = Schema.TaggedStruct("SyncResponse", {
  ...syncFields,
  clock: refusingClock.pipe(fieldId(6))
})

// -----------------------------------------------------------------------------
// all messages
// -----------------------------------------------------------------------------

/** Everything a datagram or an exchange can hold. */
export const Message = Schema.Union([
  Ping,
  PingRequest,
  Ack,
  Nack,
  Alive,
  Suspect,
  Dead,
  Left,
  SyncRequest,
  SyncResponse,
  DigestSyn,
  DigestAck,
  DigestAck2,
  Meet,
  Met,
  BusPing,
  BusPong,
  Fail,
  News,
  Announce,
  Ask,
  Feedback,
  Offer,
  Pull,
  RecentDigest,
  Fetch,
  Fetched,
  ...ReplicationMessage.members
])

/** @since 0.1.0 */
export type Message = typeof Message.Type

/** The kinds of messages. */
export type Tag = Message["_tag"]

/** The kinds of messages, in a fixed order. */
export const tags: ReadonlyArray<Tag> = Message.members.map((member) => member.fields._tag.ast.literal as Tag)
