import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Effect from "effect/Effect"
import { fieldId, toCodec } from "effect/encoding/SchemaBinary"
import * as Schema from "effect/Schema"
import * as Address from "../../src/Address.ts"
import * as Frame from "../../src/wire/Frame.ts"
import type { Message } from "../../src/wire/Message.ts"
import * as Arbitraries from "../support/arbitraries.ts"
import { generator } from "../support/generator.ts"

const cluster = Frame.clusterHash("test")
const address = Address.fromStringUnsafe("10.0.0.1:7946")
const alive: Message = { _tag: "Alive", id: "a", address, incarnation: 1, protocolVersion: 1 }
const ping: Message = { _tag: "Ping", nonce: 1, target: "a", table: 2 }
const left: Message = { _tag: "Left", id: "b", address, incarnation: 5, age: 7 }

const frameOf = (...messages: ReadonlyArray<Message>) => Frame.assemble(cluster, messages.map(Frame.encodeMessage))

const dropped = (...reasons: ReadonlyArray<Frame.DropReason>) => ({ messages: [], encoded: [], dropped: reasons })

const reasons: ReadonlyArray<string> = Frame.DropReason.literals

/** What is always so of a decoded frame. Said without `assert`, for it is said often. */
const check = (frame: Uint8Array, { dropped, encoded, messages }: Frame.Decoded) => {
  const size = encoded.reduce((sum, bytes) => sum + bytes.length, 0)
  if (
    messages.length + dropped.length === 0 || encoded.length !== messages.length ||
    size > Math.max(0, frame.length - Frame.headerSize) || !dropped.every((reason) => reasons.includes(reason))
  ) assert.fail(`${frame} gives ${messages.length} messages and drops ${dropped}`)
}

// oxlint-disable-next-line no-restricted-globals -- measures wall time
const wallTime = () => performance.now()

describe("Frame", () => {
  it.prop(
    "gives the messages it was made of, in order, and their bytes",
    { messages: Arbitrary.array(Arbitraries.message, { minLength: 1, maxLength: 6 }) },
    ({ messages }) => {
      const encoded = messages.map(Frame.encodeMessage)
      assert.deepStrictEqual(Frame.decode(cluster, Frame.assemble(cluster, encoded)), {
        messages,
        encoded,
        dropped: []
      })
    },
    { arbitrary: { runs: 200 } }
  )

  it("begins with the magic byte, the version and the cluster", () => {
    const frame = Frame.encode(0x01020304, ping)
    assert.deepStrictEqual([...frame.subarray(0, Frame.headerSize)], [0xe6, 1, 1, 2, 3, 4])
  })

  it("of another cluster is dropped whole", () => {
    assert.deepStrictEqual(Frame.decode(Frame.clusterHash("other"), frameOf(alive, ping)), dropped("ForeignCluster"))
  })

  it("of another version is dropped whole", () => {
    const frame = frameOf(alive)
    frame[1] = Frame.protocolVersion + 1
    assert.deepStrictEqual(Frame.decode(cluster, frame), dropped("ForeignVersion"))
  })

  it("with another first byte is malformed", () => {
    const frame = frameOf(alive)
    frame[0] = 0x47
    assert.deepStrictEqual(Frame.decode(cluster, frame), dropped("Malformed"))
  })

  it("shorter than its header, or with nothing behind it, is malformed", () => {
    const frame = frameOf(alive)
    for (let size = 0; size <= Frame.headerSize; size++) {
      assert.deepStrictEqual(Frame.decode(cluster, frame.subarray(0, size)), dropped("Malformed"))
    }
  })

  it("cut off anywhere gives the messages that are whole, and is malformed unless cut between two", () => {
    const messages: ReadonlyArray<Message> = [alive, ping, left, { _tag: "Ack", nonce: 1 }]
    const encoded = messages.map(Frame.encodeMessage)
    const frame = Frame.assemble(cluster, encoded)
    const ends = encoded.map((_, i) =>
      encoded.slice(0, i + 1).reduce((sum, bytes) => sum + bytes.length, Frame.headerSize)
    )
    for (let size = Frame.headerSize + 1; size < frame.length; size++) {
      const decoded = Frame.decode(cluster, frame.subarray(0, size))
      assert.deepStrictEqual(decoded.messages, messages.filter((_, i) => ends[i]! <= size))
      assert.deepStrictEqual(decoded.dropped, ends.includes(size) ? [] : ["Malformed"])
    }
  })

  it("loses a message of an unknown kind alone", () => {
    const Unknown = Schema.Union([
      Schema.TaggedStruct("Rumor", { text: Schema.String.pipe(fieldId(1)) }),
      Schema.TaggedStruct("Digest", { text: Schema.String.pipe(fieldId(1)) })
    ])
    const unknown = Schema.encodeSync(toCodec(Unknown))({ _tag: "Rumor", text: "psst" })
    const frame = Frame.assemble(cluster, [Frame.encodeMessage(alive), unknown, Frame.encodeMessage(left)])
    const decoded = Frame.decode(cluster, frame)
    assert.deepStrictEqual(decoded.messages, [alive, left])
    assert.deepStrictEqual(decoded.dropped, ["UndecodableMessage"])
  })

  it("loses a message whose fields are wrong alone", () => {
    const broken = Frame.encodeMessage(alive).slice()
    broken[broken.length - 1] = 0 // a protocol version of 0
    const frame = Frame.assemble(cluster, [Frame.encodeMessage(ping), broken, Frame.encodeMessage(left)])
    const decoded = Frame.decode(cluster, frame)
    assert.deepStrictEqual(decoded.messages, [ping, left])
    assert.deepStrictEqual(decoded.dropped, ["UndecodableMessage"])
  })

  it("passes over the messages that are known, undecoded and uncounted", () => {
    const frame = frameOf(alive, ping, left)
    const second = Frame.encodeMessage(ping)
    const heard: Array<Message> = []
    const decoded = Frame.decode(cluster, frame, {
      isKnown: (bytes, start, end) =>
        end - start === second.length && second.every((byte, i) => bytes[start + i] === byte),
      onDecoded: (message) => heard.push(message)
    })
    assert.deepStrictEqual(decoded.messages, [alive, left])
    assert.deepStrictEqual(heard, [alive, left])
    assert.deepStrictEqual(decoded.dropped, [])
  })

  it.effect("encodes what a user gave, or fails", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* Frame.encodeMessageEffect(alive), Frame.encodeMessage(alive))
      yield* Effect.flip(Frame.encodeMessageEffect({ ...alive, id: "a b" }))
    }))
})

describe("a hostile frame", () => {
  const random = generator("hostile frames")

  it.effect("never breaks the decoder: 100,000 random, mutated and truncated ones, from a seed", () =>
    Effect.gen(function*() {
      const messages = yield* Arbitrary.sampleEffect(Arbitraries.message, { count: 400, seed: "hostile", size: 20 })
      const encoded = messages.map((message) => Frame.encodeMessage(message).slice())
      const pick = <A>(values: ReadonlyArray<A>): A => values[random.int(values.length)]!
      const real = () => Frame.assemble(cluster, Array.from({ length: 1 + random.int(4) }, () => pick(encoded)))
      const kinds: ReadonlyArray<() => Uint8Array> = [
        // noise
        () => random.bytes(random.int(120)),
        // noise behind a header
        () => Frame.assemble(cluster, [random.bytes(random.int(120))]),
        // noise behind a header and a length
        () => {
          const body = random.bytes(1 + random.int(100))
          return Frame.assemble(cluster, [Uint8Array.of(body.length), body])
        },
        // bits flipped
        () => {
          const frame = real()
          for (let i = 1 + random.int(4); i > 0; i--) frame[random.int(frame.length)]! ^= 1 << random.int(8)
          return frame
        },
        // bytes changed, behind the header
        () => {
          const frame = real()
          for (let i = 1 + random.int(8); i > 0; i--) {
            frame[Frame.headerSize + random.int(frame.length - Frame.headerSize)] = pick([
              0,
              1,
              0x7f,
              0x80,
              0xff,
              random.int(256)
            ])
          }
          return frame
        },
        // cut off
        () => {
          const frame = real()
          return frame.subarray(0, random.int(frame.length))
        },
        // spliced from two
        () => {
          const [first, second] = [real(), real()]
          return Uint8Array.from([
            ...first.subarray(0, random.int(first.length)),
            ...second.subarray(random.int(second.length))
          ])
        },
        // a length changed, the rest kept
        () => {
          const bytes = pick(encoded).slice()
          bytes[0] = random.int(256)
          return Frame.assemble(cluster, [pick(encoded), bytes, pick(encoded)])
        }
      ]
      let decodedMessages = 0
      let drops = 0
      let longest = 0
      for (let i = 0; i < 100_000; i++) {
        const frame = kinds[i % kinds.length]!()
        const copy = frame.slice()
        const start = wallTime()
        const decoded = Frame.decode(cluster, frame)
        longest = Math.max(longest, wallTime() - start)
        check(frame, decoded)
        decodedMessages += decoded.messages.length
        drops += decoded.dropped.length
        if (frame.some((byte, i) => byte !== copy[i])) assert.fail(`${copy} was changed`)
      }
      // the frames are worth their number: some come through, and some do not
      assert.isAbove(decodedMessages, 10_000)
      assert.isAbove(drops, 50_000)
      // the collector of garbage, and whatever else runs, have their say in this
      assert.isBelow(longest, 2000)
    }))

  it("decodes to what would be encoded, so that what is passed on is what was heard", () => {
    const bytes = Frame.encodeMessage(alive)
    for (let i = 0; i < 2000; i++) {
      const mutated = bytes.slice()
      mutated[random.int(mutated.length)] = random.int(256)
      for (const message of Frame.decode(cluster, Frame.assemble(cluster, [mutated])).messages) {
        Frame.encodeMessage(message)
      }
    }
  })

  const huge: ReadonlyArray<readonly [string, Uint8Array]> = [
    ["a message of 2^28 bytes", Uint8Array.of(0x80, 0x80, 0x80, 0x80, 0x01, 0, 0, 0)],
    ["a message of 2^28 - 1 bytes", Uint8Array.of(0xff, 0xff, 0xff, 0x7f, 0, 0, 0, 0)],
    ["a length without end", new Uint8Array(40).fill(0xff)],
    ["messages without length", new Uint8Array(1394)]
  ]
  for (const [what, body] of huge) {
    it(`that announces ${what} is malformed`, () => {
      assert.deepStrictEqual(Frame.decode(cluster, Frame.assemble(cluster, [body])), dropped("Malformed"))
    })
  }

  it("that announces huge arrays, names and metadata costs no more than its size", () => {
    const sync: Message = {
      _tag: "SyncRequest",
      id: "a",
      address,
      table: 1,
      claims: [alive as never, left as never],
      buckets: new Uint8Array(256)
    }
    const bytes = Frame.encodeMessage(sync).slice()
    const lengths = [[0xff], [0xff, 0x7f], [0xff, 0xff, 0x7f], [0x80, 0x80, 0x80, 0x80, 0x01], [
      0xff,
      0xff,
      0xff,
      0xff,
      0x0f
    ]]
    const start = wallTime()
    // every byte in turn becomes a length that promises too much
    for (let at = 0; at < Math.min(bytes.length, 120); at++) {
      for (const length of lengths) {
        const changed = Uint8Array.from([...bytes.subarray(0, at), ...length, ...bytes.subarray(at + 1)])
        const size = changed.length - 2
        if (at > 1) {
          changed[0] = 0x80 | (size & 0x7f)
          changed[1] = size >> 7
        }
        const frame = Frame.assemble(cluster, [changed])
        check(frame, Frame.decode(cluster, frame))
      }
    }
    assert.isBelow(wallTime() - start, 1000)
  })

  it("of the largest size takes no longer than a real one", () => {
    const size = 4 * 1024 * 1024
    const acks = Frame.assemble(
      0,
      Array.from({ length: size / 16 }, () => Frame.encodeMessage({ _tag: "Ack", nonce: 1 }))
    )
    const bodies: ReadonlyArray<Uint8Array> = [
      new Uint8Array(size).fill(1),
      new Uint8Array(size).fill(0x7f),
      random.bytes(size),
      acks.subarray(Frame.headerSize)
    ]
    for (const body of bodies) {
      const frame = Frame.assemble(cluster, [body])
      const start = wallTime()
      check(frame, Frame.decode(cluster, frame))
      assert.isBelow(wallTime() - start, 5000)
    }
  })

  it("of which much cannot be decoded is dropped from there on", () => {
    const bad = Uint8Array.of(1, 0)
    const frame = Frame.assemble(cluster, [...Array.from({ length: 64 }, () => bad), Frame.encodeMessage(alive)])
    const decoded = Frame.decode(cluster, frame)
    assert.deepStrictEqual(decoded.messages, [])
    assert.deepStrictEqual(decoded.dropped, [
      ...Array.from({ length: 64 }, () => "UndecodableMessage" as const),
      "Malformed"
    ])
    const fewer = Frame.decode(cluster, Frame.assemble(cluster, [bad, bad, Frame.encodeMessage(alive), bad]))
    assert.deepStrictEqual(fewer.messages, [alive])
    assert.strictEqual(fewer.dropped.length, 3)
  })

  it("of an exchange is not gone through unless it holds one message", () => {
    const one = frameOf(alive)
    assert.deepStrictEqual(Frame.decodeSingle(cluster, one), Frame.decode(cluster, one))
    for (const frame of [frameOf(), frameOf(alive, ping), one.subarray(0, -1), Uint8Array.from([...one, 0])]) {
      assert.deepStrictEqual(Frame.decodeSingle(cluster, frame), dropped("Malformed"))
    }
    assert.deepStrictEqual(Frame.decodeSingle(cluster + 1, frameOf(alive, ping)), dropped("ForeignCluster"))
    const unknown = Frame.assemble(cluster, [Uint8Array.of(1, 0)])
    assert.deepStrictEqual(Frame.decodeSingle(cluster, unknown), dropped("UndecodableMessage"))
  })
})
