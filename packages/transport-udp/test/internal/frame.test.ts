import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Frame from "../../src/internal/frame.ts"

const frame = (payload: Uint8Array) => Uint8Array.from([...Frame.header(payload.length), ...payload])

const cut = (all: Uint8Array, sizes: ReadonlyArray<number>) => {
  const pieces: Array<Uint8Array> = []
  let offset = 0
  for (const size of sizes) {
    pieces.push(all.subarray(offset, offset + size))
    offset += size
  }
  return [...pieces, all.subarray(offset)]
}

describe("frame", () => {
  it.prop(
    "is put together again however it was cut",
    {
      payload: Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 255 }))),
      sizes: Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 7 })))
    },
    ({ payload, sizes }) => {
      const decoder = new Frame.Decoder(1 << 20)
      const pieces = cut(frame(Uint8Array.from(payload)), sizes)
      const progress = pieces.map((piece) => decoder.push(piece))
      assert.strictEqual(progress.at(-1), "Complete")
      assert.deepStrictEqual([...decoder.payload], [...payload])
    }
  )

  it.prop(
    "takes any bytes without throwing, and holds at most twice what arrived",
    { pieces: Schema.Array(Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 255 })))) },
    ({ pieces }) => {
      const decoder = new Frame.Decoder(Frame.maxPayloadSize)
      let arrived = 0
      for (const piece of pieces) {
        arrived += piece.length
        const progress = decoder.push(Uint8Array.from(piece))
        assert.isAtMost(decoder.payload.length, 2 * arrived)
        if (progress === "TooLarge" || progress === "Overrun") break
      }
    }
  )

  it("announces its size most significant byte first", () => {
    assert.deepStrictEqual([...Frame.header(0x01020304)], [1, 2, 3, 4])
    assert.deepStrictEqual([...Frame.header(Frame.maxPayloadSize)], [255, 255, 255, 255])
  })

  it("of 4 GiB is too large by its header alone", () => {
    const decoder = new Frame.Decoder(1024)
    assert.strictEqual(decoder.push(Frame.header(Frame.maxPayloadSize)), "TooLarge")
    assert.strictEqual(decoder.size, Frame.maxPayloadSize)
    assert.strictEqual(decoder.payload.length, 0)
  })

  it("of the limit fits, and one more byte does not", () => {
    assert.strictEqual(new Frame.Decoder(8).push(frame(new Uint8Array(8))), "Complete")
    assert.strictEqual(new Frame.Decoder(8).push(frame(new Uint8Array(9))), "TooLarge")
  })

  it("with a byte after its end is an overrun", () => {
    assert.strictEqual(new Frame.Decoder(8).push(Uint8Array.from([0, 0, 0, 1, 7, 8])), "Overrun")
  })

  it("may be empty", () => {
    const decoder = new Frame.Decoder(8)
    assert.strictEqual(decoder.push(Frame.header(0)), "Complete")
    assert.strictEqual(decoder.payload.length, 0)
  })

  it.effect("fails as its source does when the source ends first", () =>
    Effect.gen(function*() {
      const pulls = [Effect.succeed([Frame.header(3), Uint8Array.of(1)] as const), Effect.fail("ended" as const)]
      const pull = Effect.suspend(() => pulls.shift()!)
      assert.strictEqual(yield* Effect.flip(Frame.read(pull, 8)), "ended")
    }))
})
