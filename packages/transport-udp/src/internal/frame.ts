/**
 * The frame of a stream: four bytes with the payload's length, most significant first, and the payload. A stream
 * carries one frame in each direction.
 */
import type { NonEmptyReadonlyArray } from "effect/Array"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"

/** Bytes before the payload. */
export const headerSize = 4

/** The largest payload a header can announce, in bytes. */
export const maxPayloadSize = 0xffff_ffff

/** The header of a payload of `size` bytes. */
export const header = (size: number): Uint8Array => {
  const bytes = new Uint8Array(headerSize)
  new DataView(bytes.buffer).setUint32(0, size)
  return bytes
}

/** The peer announced a payload above the limit. */
export class FrameTooLarge extends Data.TaggedError("FrameTooLarge")<{ readonly size: number }> {}

/** The peer sent more than the frame it announced. */
export class FrameOverrun extends Data.TaggedError("FrameOverrun")<{}> {}

/** How far a {@link Decoder} is. After `TooLarge` and `Overrun` it must not be used again. */
export type Progress = "Incomplete" | "Complete" | "TooLarge" | "Overrun"

const empty = new Uint8Array(0)

/**
 * Puts one frame together from the pieces it arrives in.
 *
 * Never holds more than twice what has arrived, whatever was announced and however small the pieces are.
 */
export class Decoder {
  readonly limit: number
  /** The payload's length, once the header is complete. */
  size: number | undefined = undefined
  /** The payload, once the frame is complete. */
  payload: Uint8Array = empty
  private received = 0
  private announced = 0
  private headerReceived = 0

  constructor(limit: number) {
    this.limit = limit
  }

  push(piece: Uint8Array): Progress {
    let offset = 0
    while (this.headerReceived < headerSize && offset < piece.length) {
      this.announced = this.announced * 256 + piece[offset++]!
      this.headerReceived++
    }
    if (this.headerReceived < headerSize) return "Incomplete"
    const size = this.size = this.announced
    if (size > this.limit) return "TooLarge"
    const received = this.received + piece.length - offset
    if (received > size) return "Overrun"
    if (received > this.payload.length) {
      const grown = new Uint8Array(Math.min(size, Math.max(received, this.payload.length * 2)))
      grown.set(this.payload)
      this.payload = grown
    }
    this.payload.set(offset === 0 ? piece : piece.subarray(offset), this.received)
    this.received = received
    return received === size ? "Complete" : "Incomplete"
  }
}

/**
 * Pulls one frame with a payload of at most `limit` bytes. Whatever ends the stream before the frame is complete
 * is the failure of `pull`.
 */
export const read = <E>(
  pull: Effect.Effect<NonEmptyReadonlyArray<Uint8Array>, E>,
  limit: number
): Effect.Effect<Uint8Array, E | FrameTooLarge | FrameOverrun> =>
  Effect.suspend(() => {
    const decoder = new Decoder(limit)
    const loop: Effect.Effect<Uint8Array, E | FrameTooLarge | FrameOverrun> = Effect.flatMap(pull, (pieces) => {
      let progress: Progress = "Incomplete"
      for (const piece of pieces) {
        progress = decoder.push(piece)
        if (progress === "TooLarge") return Effect.fail(new FrameTooLarge({ size: decoder.size! }))
        if (progress === "Overrun") return Effect.fail(new FrameOverrun())
      }
      return progress === "Complete" ? Effect.succeed(decoder.payload) : loop
    })
    return loop
  })
