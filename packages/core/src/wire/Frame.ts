/**
 * How messages become bytes: a frame is a header and any number of messages.
 *
 * ```text
 *  0      1         2            6
 *  +------+---------+------------+-----------+-----------+----
 *  | 0xE6 | version | cluster    | message   | message   | …
 *  +------+---------+------------+-----------+-----------+----
 *    magic  protocol  FNV-1a-32    length and SchemaBinary, each
 * ```
 *
 * The same frame is a datagram, a request and an answer of an exchange. A frame of another cluster or of another
 * protocol version is refused whole; a message that does not decode is dropped by itself.
 *
 * @since 0.1.0
 */
import type * as Effect from "effect/Effect"
import { toCodec } from "effect/encoding/SchemaBinary"
import * as Schema from "effect/Schema"
import { fnv1a } from "../internal/hash.ts"
import * as probes from "./internal/probes.ts"
import { Message } from "./Message.ts"

/** The first byte of every frame. */
export const magic = 0xe6

/** The wire protocol this version speaks, the second byte of every frame. */
export const protocolVersion = 1

/** Bytes before the first message. */
export const headerSize = 6

/**
 * Why a frame, or a message of it, was dropped:
 *
 * - `Malformed`: too short, not our magic byte, or its messages do not add up to its size; or the rest of a frame of
 *   which too much was undecodable;
 * - `ForeignVersion`: another version of the protocol;
 * - `ForeignCluster`: another cluster's;
 * - `UndecodableMessage`: a message whose kind is unknown, or whose fields are not what its schema says.
 */
export const DropReason = Schema.Literals(["Malformed", "ForeignVersion", "ForeignCluster", "UndecodableMessage"])

/** @since 0.1.0 */
export type DropReason = typeof DropReason.Type

/** What a frame held. A frame dropped whole has no messages and one reason. */
export interface Decoded {
  readonly messages: ReadonlyArray<Message>
  /** The bytes of each message, as they lie in the frame. */
  readonly encoded: ReadonlyArray<Uint8Array>
  /** One for each message that was dropped, or one for the whole frame. */
  readonly dropped: ReadonlyArray<DropReason>
}

const codec = toCodec(Message)
const encodeSync = Schema.encodeSync(codec)
const decodeExit = Schema.decodeUnknownExit(codec)

const decodeMessage = (bytes: Uint8Array): Message | undefined => {
  const exit = decodeExit(bytes)
  return exit._tag === "Success" ? exit.value : undefined
}

/**
 * Undecodable messages after which the rest of a frame is dropped: to find that out costs some 30 µs for as few as two
 * bytes. A datagram holds hardly as many that are worth sending.
 */
const maxUndecodable = 64

const none: ReadonlyArray<never> = []
const refused = (reason: DropReason): Decoded => ({ messages: none, encoded: none, dropped: [reason] })

/**
 * Encodes one message, with its length. Throws a `SchemaError` for a message that is not of its schema, which is a
 * defect of the sender. The bytes are a view of a larger buffer: copy what is to be kept.
 */
export const encodeMessage = (message: Message): Uint8Array => probes.encode(message) ?? encodeSync(message)

/** Like {@link encodeMessage}, for a value that a user gave: fails instead of throwing. */
export const encodeMessageEffect: (message: Message) => Effect.Effect<Uint8Array, Schema.SchemaError> = Schema
  .encodeEffect(codec)

/** The hash of a cluster's name, as frames carry it. */
export const clusterHash = (cluster: string): number => fnv1a(cluster)

/** Puts encoded messages behind a header. */
export const assemble = (cluster: number, messages: ReadonlyArray<Uint8Array>): Uint8Array => {
  let size = headerSize
  for (const message of messages) size += message.length
  const frame = new Uint8Array(size)
  frame[0] = magic
  frame[1] = protocolVersion
  frame[2] = cluster >>> 24
  frame[3] = cluster >>> 16
  frame[4] = cluster >>> 8
  frame[5] = cluster
  let offset = headerSize
  for (const message of messages) {
    frame.set(message, offset)
    offset += message.length
  }
  return frame
}

/** Encodes a frame of one message. */
export const encode = (cluster: number, message: Message): Uint8Array => assemble(cluster, [encodeMessage(message)])

/** Spares the decoding of messages that were heard before and need to be heard only once. */
export interface Deduplication {
  /** Whether the message in these bytes is to be passed over. */
  readonly isKnown: (bytes: Uint8Array, start: number, end: number) => boolean
  /** Called with each message that was decoded, after `isKnown` was called for it. */
  readonly onDecoded: (message: Message) => void
}

/**
 * Decodes a frame. Total: no input throws, and what is allocated and the time it takes are bounded by the size of the
 * input.
 */
export const decode = (cluster: number, frame: Uint8Array, deduplication?: Deduplication): Decoded => {
  const foreign = refusal(cluster, frame)
  if (foreign !== undefined) return refused(foreign)
  const messages: Array<Message> = []
  const encoded: Array<Uint8Array> = []
  const dropped: Array<DropReason> = []
  let offset = headerSize
  // an empty frame says nothing and is nobody's
  if (offset === frame.length) dropped.push("Malformed")
  while (offset < frame.length) {
    const end = endOfMessage(frame, offset)
    if (end > frame.length) {
      dropped.push("Malformed")
      break
    }
    if (deduplication === undefined || !deduplication.isKnown(frame, offset, end)) {
      const bytes = frame.subarray(offset, end)
      const message = probes.decode(frame, offset, end) ?? decodeMessage(bytes)
      if (message !== undefined) {
        messages.push(message)
        encoded.push(bytes)
        deduplication?.onDecoded(message)
      } else {
        dropped.push("UndecodableMessage")
        if (dropped.length === maxUndecodable && end < frame.length) {
          dropped.push("Malformed")
          break
        }
      }
    }
    offset = end
  }
  return { messages, encoded, dropped }
}

/** Decodes a frame of an exchange, which holds one message: any other is malformed, and not gone through. */
export const decodeSingle = (cluster: number, frame: Uint8Array): Decoded => {
  const several = refusal(cluster, frame) === undefined && endOfMessage(frame, headerSize) !== frame.length
  return several ? refused("Malformed") : decode(cluster, frame)
}

const refusal = (cluster: number, frame: Uint8Array): DropReason | undefined => {
  if (frame.length < headerSize || frame[0] !== magic) return "Malformed"
  if (frame[1] !== protocolVersion) return "ForeignVersion"
  const hash = ((frame[2]! << 24) | (frame[3]! << 16) | (frame[4]! << 8) | frame[5]!) >>> 0
  return hash === cluster ? undefined : "ForeignCluster"
}

// SchemaBinary puts the length of what follows first, as a varint of 7 bits a byte, least significant first. A
// frame is below 2^28 bytes, so that a fifth byte is an error. Returns `Infinity` for a length that cannot be.
const endOfMessage = (frame: Uint8Array, start: number): number => {
  let length = 0
  let factor = 1
  for (let i = start; i < start + 4 && i < frame.length; i++) {
    const byte = frame[i]!
    length += (byte & 0x7f) * factor
    if (byte < 0x80) return length === 0 ? Infinity : i + 1 + length
    factor *= 128
  }
  return Infinity
}
