/**
 * What a store writes: frames one after another, each with a number and a checksum, so that what is torn, changed or cut
 * off is found out, and what is whole behind it is found again.
 *
 * ```text
 * magic 4 | checksum 4 | space 4 | kind 1 | number 6 | part 4 | length 4 | payload
 * ```
 *
 * The checksum (CRC-32C, as iSCSI and ext4 have it) is of all that follows it; `space` is the checksum of the space's name,
 * so that no frame is taken for one of another space.
 */

// -----------------------------------------------------------------------------
// checksum
// -----------------------------------------------------------------------------

const table = new Uint32Array(256).map((_, byte) => {
  let crc = byte
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1
  return crc
})

/** CRC-32C (RFC 3720, appendix B.4), which finds any change within 32 bits next to each other. */
export const crc32c = (bytes: Uint8Array, start = 0, end = bytes.length): number => {
  let crc = 0xffffffff
  for (let at = start; at < end; at++) crc = table[(crc ^ bytes[at]!) & 0xff]! ^ (crc >>> 8)
  return (crc ^ 0xffffffff) >>> 0
}

/** By which the frames of a space are known. */
export const spaceOf = (name: string): number => crc32c(new TextEncoder().encode(name))

// -----------------------------------------------------------------------------
// frames
// -----------------------------------------------------------------------------

/** What a frame holds. */
export const Kind = {
  /** What was committed together. `number` counts them, from 1 on. */
  batch: 1,
  /** A part of all that there is after batch `number`; parts count from 0 on. */
  part: 2,
  /** The last of these parts. */
  lastPart: 3,
  /** The end of a log that goes on: batch `number` is to take its place. */
  end: 4,
  /** The end of a log that does not: batch `number` is in the next log. */
  sealed: 5
} as const

export interface Frame {
  readonly kind: number
  readonly number: number
  readonly part: number
  readonly payload: Uint8Array
}

const magic = [0x45, 0x47, 0x52, 0x31] as const
const checked = 8
export const headerSize = 27
const noBytes = new Uint8Array(0)

/** Frames next to each other. */
export const encode = (space: number, ...frames: ReadonlyArray<Partial<Frame> & Pick<Frame, "kind" | "number">>) => {
  const bytes = new Uint8Array(frames.reduce((size, frame) => size + headerSize + (frame.payload?.length ?? 0), 0))
  const view = new DataView(bytes.buffer)
  let at = 0
  for (const { kind, number, part = 0, payload = noBytes } of frames) {
    bytes.set(magic, at)
    view.setUint32(at + 8, space)
    view.setUint8(at + 12, kind)
    view.setUint16(at + 13, Math.floor(number / 0x1_0000_0000))
    view.setUint32(at + 15, number % 0x1_0000_0000)
    view.setUint32(at + 19, part)
    view.setUint32(at + 23, payload.length)
    bytes.set(payload, at + headerSize)
    const end = at + headerSize + payload.length
    view.setUint32(at + 4, crc32c(bytes, at + checked, end))
    at = end
  }
  return bytes
}

const frameAt = (space: number, bytes: Uint8Array, view: DataView, at: number): Frame | undefined => {
  for (let i = 0; i < magic.length; i++) if (bytes[at + i] !== magic[i]) return undefined
  if (at + headerSize > bytes.length || view.getUint32(at + 8) !== space) return undefined
  const end = at + headerSize + view.getUint32(at + 23)
  if (end > bytes.length || crc32c(bytes, at + checked, end) !== view.getUint32(at + 4)) return undefined
  return {
    kind: view.getUint8(at + 12),
    number: view.getUint16(at + 13) * 0x1_0000_0000 + view.getUint32(at + 15),
    part: view.getUint32(at + 19),
    payload: bytes.subarray(at + headerSize, end)
  }
}

/** Bytes that are no frame. */
export interface Gap {
  readonly start: number
  readonly end: number
  /** How many frames were found before it. */
  readonly after: number
}

export interface Parsed {
  readonly frames: ReadonlyArray<Frame>
  readonly gaps: ReadonlyArray<Gap>
  /** Where the last frame begins. */
  readonly last: number
}

/** All frames that are whole, and what lies between them. */
export const parse = (space: number, bytes: Uint8Array): Parsed => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const frames: Array<Frame> = []
  const gaps: Array<Gap> = []
  let last = 0
  let start = 0
  for (let at = 0; at < bytes.length;) {
    const frame = frameAt(space, bytes, view, at)
    if (frame === undefined) {
      at++
      continue
    }
    if (start < at) gaps.push({ start, end: at, after: frames.length })
    frames.push(frame)
    last = at
    at += headerSize + frame.payload.length
    start = at
  }
  if (start < bytes.length) gaps.push({ start, end: bytes.length, after: frames.length })
  return { frames, gaps, last }
}
