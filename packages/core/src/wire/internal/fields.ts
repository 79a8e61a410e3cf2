/** Fields that messages of several protocols have: `Message.ts` and those beside it make their messages of them. */
import * as Schema from "effect/Schema"

/** Longest name of a node, in bytes of UTF-8. */
export const maxNodeIdSize = 128

/** Longest name of a cluster, in bytes of UTF-8. */
export const maxClusterNameSize = 128

/** Largest metadata of a member in bytes, as memberlist's `MetaMaxSize`: a claim must fit a datagram with room to spare. */
export const maxMetadataSize = 512

const utf8 = new TextEncoder()
const printableAscii = /^[\x21-\x7e]+$/
const printable = /^[^\s\p{C}]+$/u

// names are checked with every message, so the common ones take the short way
const isName = (maxSize: number) =>
  Schema.makeFilter((text: string) =>
    (printableAscii.test(text)
      ? text.length <= maxSize
      : printable.test(text) && utf8.encode(text).length <= maxSize) ||
    `a name of 1 to ${maxSize} bytes of UTF-8, without spaces and control characters`
  )

/**
 * The name that tells a node from all others of its cluster: 1 to 128 bytes of UTF-8, without white space and
 * control characters, so that it can be printed and logged as it is.
 */
export const NodeId = Schema.String.check(isName(maxNodeIdSize))

/** The name of a cluster; the same form as {@link NodeId}. */
export const ClusterName = Schema.String.check(isName(maxClusterNameSize))

/** An unsigned integer of 32 bits. */
export const Uint32 = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 0xffff_ffff }))

/**
 * Orders what is said of a member: only the member itself raises it.
 *
 * It starts at the Unix time in milliseconds of the node's start, as Cassandra's generation does, so that a later
 * life of a name outranks the former without a disk. At most 2^48 - 1, which is past the year 10000.
 */
export const Incarnation = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 0xffff_ffff_ffff }))

/**
 * In an answer to who joins: what the clock of the sender shows, when the receiver's incarnation is so far ahead of it that
 * the sender does not believe it.
 */
export const refusingClock = Schema.optionalKey(Incarnation)

/** Opaque metadata of a member, at most 512 bytes. */
export const Metadata = Schema.Uint8Array.check(
  Schema.makeFilter((bytes: Uint8Array) =>
    bytes.length <= maxMetadataSize || `metadata of at most ${maxMetadataSize} bytes`
  )
)
