/**
 * The messages of `Heartbeat`: Cassandra's SYN, ACK and ACK2, which carry digests and deltas of what each node knows of
 * each other.
 *
 * A digest is short, since a datagram must hold those of many nodes: a node is named in it by a fingerprint. They are
 * packed one behind the other into one field.
 *
 * ```text
 *  fingerprint  incarnation  heartbeat  version · 4 + status
 *  6 bytes      6 bytes      varint     varint                14 to 22 bytes
 * ```
 *
 * @since 0.1.0
 */
import { fieldId } from "effect/encoding/SchemaBinary"
import * as Schema from "effect/Schema"
import { Address } from "../Address.ts"
import { Incarnation, Metadata, NodeId, refusingClock, Uint32 } from "./internal/fields.ts"

// -----------------------------------------------------------------------------
// digests
// -----------------------------------------------------------------------------

/** What the sender of a digest believes of the node. Nobody but the node itself is told that it is `Dead`. */
export type DigestStatus = "Alive" | "Left" | "Dead"

const statuses: ReadonlyArray<DigestStatus> = ["Alive", "Left", "Dead"]

/** How much a node knows of another, or of itself: all zero for nothing. */
export interface Digest {
  /** A hash of 48 bits of the identity. */
  readonly fingerprint: number
  readonly incarnation: number
  /** Counts up while the node runs. */
  readonly heartbeat: number
  /** The highest version of its key-values up to which all are known. */
  readonly version: number
  readonly status: DigestStatus
}

/** Bytes of the longest digest. */
export const maxDigestSize = 22

/** Most digests in one message. */
export const maxDigests = 65_536

const maxUint32 = 0xffff_ffff
const twoTo32 = 0x1_0000_0000

/** Reads digests; undefined for what is none. */
export const unpackDigests = (bytes: Uint8Array): ReadonlyArray<Digest> | undefined => {
  const digests: Array<Digest> = []
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let at = 0
  const varint = (): number => {
    let value = 0
    let factor = 1
    for (let end = Math.min(bytes.length, at + 5); at < end; factor *= 128) {
      const byte = bytes[at++]!
      value += (byte & 0x7f) * factor
      if (byte < 0x80) return value
    }
    return Number.NaN
  }
  while (at < bytes.length) {
    if (bytes.length - at < 14 || digests.length === maxDigests) return undefined
    const fingerprint = view.getUint16(at) * twoTo32 + view.getUint32(at + 2)
    const incarnation = view.getUint16(at + 6) * twoTo32 + view.getUint32(at + 8)
    at += 12
    const heartbeat = varint()
    const rest = varint()
    const version = Math.floor(rest / 4)
    const status = statuses[rest % 4]
    if (!(heartbeat <= maxUint32 && version <= maxUint32) || status === undefined) return undefined
    digests.push({ fingerprint, incarnation, heartbeat, version, status })
  }
  return digests
}

const varintSize = (value: number): number => {
  let size = 1
  for (let rest = value; rest >= 128; rest = Math.floor(rest / 128)) size++
  return size
}

const lastOf = ({ status, version }: Digest): number => version * 4 + statuses.indexOf(status)

/** Bytes that a digest takes. */
export const digestSize = (digest: Digest): number => 12 + varintSize(digest.heartbeat) + varintSize(lastOf(digest))

/** Packs digests one behind the other. */
export const packDigests = (digests: ReadonlyArray<Digest>): Uint8Array => {
  const bytes = new Uint8Array(digests.reduce((size, digest) => size + digestSize(digest), 0))
  const view = new DataView(bytes.buffer)
  let at = 0
  const varint = (value: number) => {
    let rest = value
    for (; rest >= 128; rest = Math.floor(rest / 128)) bytes[at++] = rest % 128 + 128
    bytes[at++] = rest
  }
  for (const digest of digests) {
    view.setUint16(at, Math.floor(digest.fingerprint / twoTo32))
    view.setUint32(at + 2, digest.fingerprint % twoTo32)
    view.setUint16(at + 6, Math.floor(digest.incarnation / twoTo32))
    view.setUint32(at + 8, digest.incarnation % twoTo32)
    at += 12
    varint(digest.heartbeat)
    varint(lastOf(digest))
  }
  return bytes
}

const Digests = Schema.Uint8Array.check(
  Schema.makeFilter((bytes: Uint8Array) => unpackDigests(bytes) !== undefined || "digests one behind the other")
)

// -----------------------------------------------------------------------------
// deltas
// -----------------------------------------------------------------------------

/** Longest key, in bytes of UTF-8. */
export const maxKeySize = 128

/** Longest value, in bytes of UTF-8. */
export const maxValueSize = 512

/** Most key-values of a node. */
export const maxKeyValues = 64

const utf8 = new TextEncoder()

/** Bytes of UTF-8. */
export const utf8Size = (text: string): number => utf8.encode(text).length

const text = (minimum: number, maximum: number) =>
  Schema.String.check(
    Schema.makeFilter((text: string) =>
      // a character has at least one byte
      text.length >= minimum && text.length <= maximum && utf8Size(text) <= maximum ||
      `a text of ${minimum} to ${maximum} bytes of UTF-8`
    )
  )

/** The key of a {@link KeyValue}: 1 to 128 bytes. */
export const Key = text(1, maxKeySize)

/** The value of a {@link KeyValue}: at most 512 bytes. */
export const Value = text(0, maxValueSize)

/** Something that a node says under a key. */
export const KeyValue = Schema.Struct({
  key: Key.pipe(fieldId(1)),
  value: Value.pipe(fieldId(2)),
  version: Uint32.pipe(fieldId(3)),
  /** Whether it says nothing under the key any more; absent otherwise. */
  removed: Schema.optionalKey(Schema.Boolean).pipe(fieldId(4))
})

/** @since 0.1.0 */
export type KeyValue = typeof KeyValue.Type

/** What one node knows of another, or of itself, and the receiver does not know yet. */
export const Delta = Schema.Struct({
  id: NodeId.pipe(fieldId(1)),
  address: Address.pipe(fieldId(2)),
  incarnation: Incarnation.pipe(fieldId(3)),
  heartbeat: Uint32.pipe(fieldId(4)),
  /** The incarnation since which versions count; absent when it is the present one. */
  generation: Schema.optionalKey(Incarnation).pipe(fieldId(5)),
  /** The wire protocol it speaks; absent when the receiver knows what the node says of itself in this incarnation. */
  protocolVersion: Schema.optionalKey(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 255 }))).pipe(
    fieldId(6)
  ),
  metadata: Schema.optionalKey(Metadata).pipe(fieldId(7)),
  /** Whether it has left. */
  left: Schema.optionalKey(Schema.Boolean).pipe(fieldId(8)),
  /** Whole seconds since the sender learned that it left, or heard its heartbeat; absent for less than one. */
  age: Schema.optionalKey(Uint32).pipe(fieldId(9)),
  /** The receiver has all key-values up to this version; absent for 0. */
  since: Schema.optionalKey(Uint32).pipe(fieldId(10)),
  /** And with these all up to this one; absent for 0. */
  version: Schema.optionalKey(Uint32).pipe(fieldId(11)),
  /** In the order of their versions. */
  keyValues: Schema.optionalKey(Schema.Array(KeyValue).check(Schema.isMaxLength(maxKeyValues))).pipe(fieldId(12))
})

/** @since 0.1.0 */
export type Delta = typeof Delta.Type

/** Most deltas in one message. */
export const maxDeltas = 65_536

const Deltas = Schema.Array(Delta).check(Schema.isMaxLength(maxDeltas))

// -----------------------------------------------------------------------------
// messages
// -----------------------------------------------------------------------------

const Fingerprint = Incarnation

/** "This is how much I know": Cassandra's `GossipDigestSyn`. */
export const DigestSyn = Schema.TaggedStruct("DigestSyn", {
  digests: Digests.pipe(fieldId(1)),
  /**
   * The part of the ring of fingerprints, from this one up to `to`, of which these are all that the sender knows to be
   * there; without the two it is the whole ring. The sender's own digest is always among them.
   */
  from: Schema.optionalKey(Fingerprint).pipe(fieldId(2)),
  to: Schema.optionalKey(Fingerprint).pipe(fieldId(3))
})

/** "Of these I know more, or less": Cassandra's `GossipDigestAck`, with deltas of those of which the sender knows more. */
export const DigestAck = Schema.TaggedStruct("DigestAck", {
  digests: Digests.pipe(fieldId(1)),
  deltas: Schema.optionalKey(Deltas).pipe(fieldId(2)),
  /** Whether there were more deltas than would fit. */
  more: Schema.optionalKey(Schema.Boolean).pipe(fieldId(3)),
  /** Who answers, over a stream: whoever asked may know the address under another name. */
  id: Schema.optionalKey(NodeId).pipe(fieldId(4)),
  address: Schema.optionalKey(Address).pipe(fieldId(5)),
  clock: refusingClock.pipe(fieldId(6))
})

/** "This is what you lacked": Cassandra's `GossipDigestAck2`. A node that leaves says so by it, unasked. */
export const DigestAck2 = Schema.TaggedStruct("DigestAck2", {
  deltas: Deltas.pipe(fieldId(1))
})
