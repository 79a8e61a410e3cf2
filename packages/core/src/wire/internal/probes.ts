/**
 * Pings and acks, nearly all that a cluster at rest says, without the way through their schemas, which takes ten times
 * as long. The bytes are those of the codec of `Message`; whatever is not in the plain form that this version writes
 * is left to that codec.
 *
 * ```text
 *  length  envelope  variant  kind     nonce        target              table
 *  ....    0x20      0x0a     4 bytes  0x09 varint  0x10 length ASCII   0x19 varint    Ping
 *  ....    0x20      0x0a     4 bytes  0x09 varint                      0x11 varint    Ack, its table optional
 * ```
 *
 * A varint has 7 bits a byte, the lowest first, of twice the number: the lowest bit is the sign.
 */
import type { Ack, Message, Ping } from "../Message.ts"

const envelope = 0x20
const variant = 0x0a
const pingKind = 0x4b2fc37a
const ackKind = 0x24cf17f2
const nonceField = 0x09
const targetField = 0x10
const pingTableField = 0x19
const ackTableField = 0x11

/** Bytes before the nonce. */
const headSize = 8

/** So that all lengths take one byte; longer names, and those beyond ASCII, are the codec's. */
const maxTargetSize = 96

// not -0 either, which the codec writes in another form
const isUint32 = (value: unknown): value is number => typeof value === "number" && Object.is(value, value >>> 0)

const isPrintable = (code: number): boolean => code >= 0x21 && code <= 0x7e

// -----------------------------------------------------------------------------
// encoding
// -----------------------------------------------------------------------------

const scratch = new Uint8Array(128)

/** Encodes a message as its codec would, or leaves it to that. */
export const encode = (message: Message): Uint8Array | undefined => {
  switch (message._tag) {
    case "Ping":
      return encodePing(message)
    case "Ack":
      return encodeAck(message)
    default:
      return undefined
  }
}

const encodePing = ({ nonce, table, target }: typeof Ping.Type): Uint8Array | undefined => {
  if (!isUint32(nonce) || !isUint32(table) || typeof target !== "string") return undefined
  const size = target.length
  if (size === 0 || size > maxTargetSize) return undefined
  let at = writeUint32(writeHead(pingKind), nonce)
  scratch[at++] = targetField
  scratch[at++] = size
  for (let i = 0; i < size; i++) {
    const code = target.charCodeAt(i)
    if (!isPrintable(code)) return undefined
    scratch[at++] = code
  }
  scratch[at++] = pingTableField
  return written(writeUint32(at, table))
}

const encodeAck = (message: typeof Ack.Type): Uint8Array | undefined => {
  const { nonce, table } = message
  if (!isUint32(nonce)) return undefined
  const at = writeUint32(writeHead(ackKind), nonce)
  // an `undefined` that is there is the codec's to refuse
  if (table === undefined) return "table" in message ? undefined : written(at)
  if (!isUint32(table)) return undefined
  scratch[at] = ackTableField
  return written(writeUint32(at + 1, table))
}

const writeHead = (kind: number): number => {
  scratch[1] = envelope
  scratch[2] = variant
  scratch[3] = kind
  scratch[4] = kind >>> 8
  scratch[5] = kind >>> 16
  scratch[6] = kind >>> 24
  scratch[7] = nonceField
  return headSize
}

const writeUint32 = (start: number, value: number): number => {
  let at = start
  let byte = (value & 0x3f) << 1
  for (let rest = value >>> 6; rest > 0; rest >>>= 7) {
    scratch[at++] = byte | 0x80
    byte = rest & 0x7f
  }
  scratch[at++] = byte
  return at
}

const written = (size: number): Uint8Array => {
  scratch[0] = size - 1
  return scratch.slice(0, size)
}

// -----------------------------------------------------------------------------
// decoding
// -----------------------------------------------------------------------------

/** Behind what was read last. */
let position = 0

/** The kind of the message that begins there, if it is a ping or an ack. */
export const tagAt = (bytes: Uint8Array, start: number): "Ping" | "Ack" | undefined => {
  const kind = kindAt(bytes, start)
  return kind === pingKind ? "Ping" : kind === ackKind ? "Ack" : undefined
}

/** Decodes the message in the bytes from `start` to `end`, or leaves it to its codec. */
export const decode = (bytes: Uint8Array, start: number, end: number): Message | undefined => {
  if (bytes[start] !== end - start - 1 || bytes[start + 7] !== nonceField) return undefined
  switch (kindAt(bytes, start)) {
    case pingKind:
      return decodePing(bytes, start + headSize, end)
    case ackKind:
      return decodeAck(bytes, start + headSize, end)
    default:
      return undefined
  }
}

const decodePing = (bytes: Uint8Array, start: number, end: number): typeof Ping.Type | undefined => {
  const nonce = readUint32(bytes, start, end)
  if (nonce < 0 || bytes[position] !== targetField) return undefined
  const target = readName(bytes, position + 1, end)
  if (target === "" || bytes[position] !== pingTableField) return undefined
  const table = readUint32(bytes, position + 1, end)
  return table < 0 || position !== end ? undefined : { _tag: "Ping", nonce, target, table }
}

const decodeAck = (bytes: Uint8Array, start: number, end: number): typeof Ack.Type | undefined => {
  const nonce = readUint32(bytes, start, end)
  if (nonce < 0) return undefined
  if (position === end) return { _tag: "Ack", nonce }
  if (bytes[position] !== ackTableField) return undefined
  const table = readUint32(bytes, position + 1, end)
  return table < 0 || position !== end ? undefined : { _tag: "Ack", nonce, table }
}

// -1 where there is no message of a kind
const kindAt = (bytes: Uint8Array, start: number): number =>
  bytes[start + 1] === envelope && bytes[start + 2] === variant
    ? bytes[start + 3]! | (bytes[start + 4]! << 8) | (bytes[start + 5]! << 16) | (bytes[start + 6]! << 24)
    : -1

// -1 for what is no number of 32 bits in its shortest form
const readUint32 = (bytes: Uint8Array, start: number, end: number): number => {
  let value = 0
  let factor = 0.5
  for (let at = start; at < end && at < start + 5; at++) {
    const byte = bytes[at]!
    value += (byte & 0x7f) * factor
    factor *= 128
    if (byte >= 0x80) continue
    position = at + 1
    return isUint32(value) && (byte > 0 || at === start) ? value : -1
  }
  return -1
}

// empty for what is no short name in ASCII
const readName = (bytes: Uint8Array, start: number, end: number): string => {
  const size = bytes[start]!
  position = start + 1 + size
  if (size > maxTargetSize || position > end) return ""
  let name = ""
  for (let at = start + 1; at < position; at++) {
    const code = bytes[at]!
    if (!isPrintable(code)) return ""
    name += String.fromCharCode(code)
  }
  return name
}
