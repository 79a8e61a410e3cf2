import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Effect from "effect/Effect"
import { toCodec } from "effect/encoding/SchemaBinary"
import * as Schema from "effect/Schema"
import * as probes from "../../../src/wire/internal/probes.ts"
import { type Ack, Message, type Ping } from "../../../src/wire/Message.ts"
import * as Arbitraries from "../../support/arbitraries.ts"
import { generator } from "../../support/generator.ts"

const codec = toCodec(Message)
const encode = Schema.encodeSync(codec)
const decode = Schema.decodeUnknownExit(codec)

const ping: typeof Ping.Type = { _tag: "Ping", nonce: 4_123_456_789, target: "node-123", table: 0 }
const ack: typeof Ack.Type = { _tag: "Ack", nonce: 64, table: 0xffff_ffff }

describe("probes", () => {
  it.prop(
    "are the codec's, byte for byte, or left to it",
    { message: Arbitraries.message },
    ({ message }) => {
      const bytes = encode(message)
      const mine = probes.encode(message)
      if (mine !== undefined) assert.deepStrictEqual([...mine], [...bytes])
      // behind others, as in a frame
      const frame = new Uint8Array(bytes.length + 5)
      frame.set(bytes, 3)
      const decoded = probes.decode(frame, 3, 3 + bytes.length)
      assert.deepStrictEqual(decoded, mine === undefined ? undefined : message)
      const isProbe = message._tag === "Ping" || message._tag === "Ack"
      assert.strictEqual(probes.tagAt(frame, 3), isProbe ? message._tag : undefined)
    },
    { arbitrary: { runs: 1000 } }
  )

  it("of all sizes of numbers and names", () => {
    for (let bits = 0; bits <= 32; bits++) {
      for (const number of [2 ** bits - 1, Math.min(2 ** bits, 0xffff_ffff)]) {
        for (const message of [{ ...ping, nonce: number }, { ...ack, table: number }, { ...ping, table: number }]) {
          assert.deepStrictEqual([...probes.encode(message)!], [...encode(message)])
          assert.deepStrictEqual(probes.decode(encode(message), 0, encode(message).length), message)
        }
      }
    }
    for (let size = 1; size <= 96; size++) {
      const message = { ...ping, target: "x".repeat(size) }
      assert.deepStrictEqual([...probes.encode(message)!], [...encode(message)])
    }
  })

  it("that are not of their schemas are left to the codec, which refuses them", () => {
    for (
      const wrong of [
        { ...ping, nonce: -1 },
        { ...ping, nonce: 0.5 },
        { ...ping, table: 2 ** 32 },
        { ...ping, target: "" },
        { ...ping, target: "a b" },
        { ...ping, target: undefined },
        { ...ack, table: undefined },
        { ...ack, nonce: NaN }
      ]
    ) {
      assert.isUndefined(probes.encode(wrong as Message))
      assert.throws(() => encode(wrong as Message))
    }
  })

  it.effect("that are changed or cut are decoded as the codec does, or left to it", () =>
    Effect.gen(function*() {
      const random = generator("probes")
      const messages = yield* Arbitrary.sampleEffect(Arbitraries.message, { count: 400, seed: "probes", size: 20 })
      const encoded = [...messages, ping, ack].filter((message) => probes.encode(message) !== undefined).map((
        message
      ) => encode(message))
      let decodedHere = 0
      for (let run = 0; run < 20_000; run++) {
        const bytes = Uint8Array.from(encoded[random.int(encoded.length)]!)
        const cut = run % 4 === 0 ? bytes.subarray(0, 1 + random.int(bytes.length)) : bytes
        cut[random.int(cut.length)] = random.int(256)
        if (run % 4 === 0) cut[0] = cut.length - 1
        const mine = probes.decode(cut, 0, cut.length)
        if (mine === undefined) continue
        decodedHere++
        const exit = decode(cut)
        if (exit._tag === "Failure") assert.fail(`the codec refuses ${cut}`)
        assert.deepStrictEqual(mine, exit.value)
      }
      assert.isAbove(decodedHere, 1000)
    }))
})
