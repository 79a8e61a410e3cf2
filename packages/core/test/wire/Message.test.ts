import { assert, describe, it } from "@effect/vitest"
import { fieldId, toCodec } from "effect/encoding/SchemaBinary"
import * as Exit from "effect/Exit"
import * as Schema from "effect/Schema"
import * as Address from "../../src/Address.ts"
import { decode, encode, encodeMessage } from "../../src/wire/Frame.ts"
import * as Message from "../../src/wire/Message.ts"
import * as Arbitraries from "../support/arbitraries.ts"

const cluster = 0xc1a551c
const address = Address.fromStringUnsafe("10.0.0.1:7946")
const member = { id: "a", address, incarnation: 1 }
const alive: Message.Message = { _tag: "Alive", ...member, protocolVersion: 1 }

const roundTrip = (message: Message.Message) => decode(cluster, encode(cluster, message))

const accepts = Schema.is(Message.Message)

describe("Message", () => {
  it.prop(
    "of every kind comes back as it was",
    { message: Arbitraries.message },
    ({ message }) => {
      assert.isTrue(accepts(message))
      assert.deepStrictEqual(roundTrip(message).messages, [message])
      assert.deepStrictEqual(roundTrip(message).dropped, [])
    },
    { arbitrary: { runs: 1000 } }
  )

  it("has the kinds that its union has", () => {
    assert.deepStrictEqual(
      [...Message.tags].sort(),
      [
        "Ack",
        "Alive",
        "Announce",
        "Ask",
        "BusPing",
        "BusPong",
        "Dead",
        "DigestAck",
        "DigestAck2",
        "DigestSyn",
        "Fail",
        "Feedback",
        "Fetch",
        "Fetched",
        "Left",
        "Meet",
        "Met",
        "Nack",
        "News",
        "Offer",
        "Ping",
        "PingRequest",
        "Pull",
        "RecentDigest",
        "ReplicaAsk",
        "ReplicaClose",
        "ReplicaClosed",
        "ReplicaConfirm",
        "ReplicaConfirmed",
        "ReplicaNotHeld",
        "ReplicaOpen",
        "ReplicaOpened",
        "ReplicaStale",
        "ReplicaSummary",
        "ReplicaTold",
        "StabilityAnswer",
        "StabilityAsk",
        "StabilityReport",
        "Suspect",
        "SyncRequest",
        "SyncResponse"
      ]
    )
  })

  it("that two idle nodes exchange in a second is at most 91 bytes, headers included", () => {
    const target = "node-0123456789-abcd"
    assert.strictEqual(target.length, 20)
    const nonce = 0xffff_ffff
    const ping = encode(cluster, { _tag: "Ping", nonce, target, table: 0xffff_ffff })
    const ack = encode(cluster, { _tag: "Ack", nonce, table: 0xffff_ffff })
    assert.isAtMost(ping.length + ack.length, 91)
  })

  it("names nodes with 1 to 128 bytes of what can be printed", () => {
    const is = Schema.is(Message.NodeId)
    for (const id of ["a", "n-1", "a/b:c@d", "名前", "🦊", "a".repeat(128), "é".repeat(64), "🦊".repeat(32)]) {
      assert.isTrue(is(id), id)
      assert.strictEqual(roundTrip({ ...alive, id }).messages.length, 1)
    }
    for (
      const id of [
        "",
        " ",
        "a b",
        "a\tb",
        "a\n",
        "\0",
        "a\u007f",
        "a\u0085",
        "a\u00a0b",
        "a\u200bb",
        "a\u202eb",
        "\ufeffa",
        "a\u2028",
        "\ud800",
        "a".repeat(129),
        "é".repeat(65),
        `${"🦊".repeat(32)}a`
      ]
    ) {
      assert.isFalse(is(id), JSON.stringify(id))
      assert.throws(() => encodeMessage({ ...alive, id }))
    }
  })

  it("is refused beyond the bounds of its fields", () => {
    const wrong: ReadonlyArray<unknown> = [
      { ...alive, incarnation: 2 ** 48 },
      { ...alive, incarnation: -1 },
      { ...alive, incarnation: 1.5 },
      { ...alive, incarnation: Number.NaN },
      { ...alive, metadata: new Uint8Array(513) },
      { ...alive, protocolVersion: 0 },
      { ...alive, protocolVersion: 256 },
      { ...alive, address: "10.0.0.1" },
      { ...alive, address: "10.0.0.1:07946" },
      { ...alive, address: "[::ffff:10.0.0.1]:7946" },
      { _tag: "Suspect", ...member },
      { _tag: "Suspect", ...member, from: "a b" },
      { _tag: "Dead", ...member, from: "b", age: -1 },
      { _tag: "Dead", ...member, from: "b", age: 2 ** 32 },
      { _tag: "Left", ...member, age: 0.5 },
      { _tag: "Ping", nonce: 2 ** 32, target: "a", table: 0 },
      { _tag: "Ping", nonce: 0, target: "", table: 0 },
      { _tag: "Ack", nonce: 0, table: -1 },
      { _tag: "SyncRequest", id: "a", address, table: 0, buckets: new Uint8Array(255) },
      { _tag: "SyncResponse", id: "a", address, table: 0, claims: [{ ...alive, id: "" }] },
      { _tag: "SyncResponse", id: "a", address, table: 0, claims: [{ _tag: "Ping", nonce: 0, target: "a", table: 0 }] },
      { _tag: "Unknown" },
      {},
      null
    ]
    for (const message of wrong) {
      assert.isFalse(accepts(message), JSON.stringify(message))
      assert.throws(() => encodeMessage(message as Message.Message))
    }
  })

  it("is taken up to the bounds of its fields", () => {
    const right: ReadonlyArray<Message.Message> = [
      { ...alive, incarnation: 2 ** 48 - 1, metadata: new Uint8Array(512), protocolVersion: 255 },
      { ...alive, incarnation: 0, metadata: new Uint8Array(0) },
      { _tag: "Dead", ...member, from: "b", age: 2 ** 32 - 1 }
    ]
    for (const message of right) assert.deepStrictEqual(roundTrip(message).messages, [message])
  })

  it("is refused when a peer's codec allowed what this one's does not", () => {
    // the same fields without their checks
    const lenient = toCodec(Schema.Union([
      Schema.TaggedStruct("Alive", {
        id: Schema.String.pipe(fieldId(1)),
        address: Schema.String.pipe(fieldId(2)),
        incarnation: Schema.Int.pipe(fieldId(3)),
        metadata: Schema.optionalKey(Schema.Uint8Array).pipe(fieldId(4)),
        protocolVersion: Schema.Int.pipe(fieldId(6))
      })
    ]))
    const codec = toCodec(Message.Message)
    const strict = Schema.decodeUnknownExit(codec)
    const send = Schema.encodeSync(lenient)
    const right = { _tag: "Alive" as const, id: "a", address: "10.0.0.1:7946", incarnation: 1, protocolVersion: 1 }
    assert.isTrue(Exit.isSuccess(strict(send(right))))
    for (
      const wrong of [
        { id: "a b" },
        { id: "" },
        { id: "a".repeat(129) },
        { address: "10.0.0.1:07946" },
        { address: "10.0.0.1" },
        { incarnation: 2 ** 48 },
        { incarnation: -1 },
        { metadata: new Uint8Array(513) },
        { protocolVersion: 0 }
      ]
    ) assert.isTrue(Exit.isFailure(strict(send({ ...right, ...wrong }))), JSON.stringify(wrong))
  })

  describe("of a build that knows more", () => {
    const Later = Schema.Union([
      Schema.TaggedStruct("Ping", { ...Message.Ping.fields, health: Schema.optionalKey(Schema.Int).pipe(fieldId(9)) }),
      Schema.TaggedStruct("Alive", {
        ...Message.Alive.fields,
        zone: Schema.optionalKey(Schema.String).pipe(fieldId(100)),
        tags: Schema.optionalKey(Schema.Array(Schema.String)).pipe(fieldId(101))
      }),
      Message.Suspect,
      Message.Dead,
      Message.Left,
      Schema.TaggedStruct("SyncRequest", {
        ...Message.SyncRequest.fields,
        claims: Schema.optionalKey(
          Schema.Array(Schema.Union([
            Schema.TaggedStruct("Alive", {
              ...Message.Alive.fields,
              zone: Schema.optionalKey(Schema.String).pipe(fieldId(100))
            }),
            Message.Suspect,
            Message.Dead,
            Message.Left
          ]))
        ).pipe(fieldId(4)),
        sketch: Schema.optionalKey(Schema.Uint8Array).pipe(fieldId(50))
      }),
      Schema.TaggedStruct("Rumor", { text: Schema.String.pipe(fieldId(1)) })
    ])
    const later = toCodec(Later)
    const encodeLater = Schema.encodeSync(later)
    const decodeLater = Schema.decodeSync(later)
    const now = toCodec(Message.Message)
    const encodeNow = Schema.encodeSync(now)
    const decodeNow = Schema.decodeSync(now)

    const ping = { _tag: "Ping", nonce: 1, target: "a", table: 2 } as const
    const sync = { _tag: "SyncRequest", id: "a", address, table: 3 } as const
    const known = { ...alive, metadata: Uint8Array.of(1, 2) } as typeof Message.Alive.Type

    it("is understood here, without what is new", () => {
      assert.deepStrictEqual(decodeNow(encodeLater({ ...ping, health: 7 })), ping)
      assert.deepStrictEqual(decodeNow(encodeLater({ ...known, zone: "b", tags: ["x", "y"] })), known)
      assert.deepStrictEqual(
        decodeNow(encodeLater({ ...sync, claims: [{ ...known, zone: "b" }, known], sketch: new Uint8Array(99) })),
        { ...sync, claims: [known, known] }
      )
    })

    it("understands what is sent from here", () => {
      assert.deepStrictEqual(decodeLater(encodeNow(ping)), ping)
      assert.deepStrictEqual(decodeLater(encodeNow(known)), known)
      assert.deepStrictEqual(decodeLater(encodeNow({ ...sync, claims: [known] })), { ...sync, claims: [known] })
    })

    it("may be of a kind that is unknown here, and is then no message", () => {
      assert.throws(() => decodeNow(encodeLater({ _tag: "Rumor", text: "?" })))
    })
  })
})
