import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import { toCodec } from "effect/encoding/SchemaBinary"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Address from "../../src/Address.ts"
import * as Gossip from "../../src/Gossip.ts"
import type { Member } from "../../src/membership/Member.ts"
import { Membership } from "../../src/membership/Membership.ts"
import * as Metadata from "../../src/membership/Metadata.ts"
import * as MemoryTransport from "../../src/MemoryTransport.ts"
import * as Frame from "../../src/wire/Frame.ts"

class Role extends Metadata.Service<Role>()("test/Role", {
  schema: Schema.Struct({
    role: Schema.Literals(["web", "worker"]),
    weight: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 100 })),
    zone: Schema.optionalKey(Schema.String),
    labels: Schema.Array(Schema.String)
  })
}) {}

class LaterRole extends Metadata.Service<LaterRole>()("test/LaterRole", {
  schema: Schema.Struct({ ...Role.schema.fields, rack: Schema.optionalKey(Schema.String) })
}) {}

const web = { role: "web", weight: 1, labels: ["a"] } as const
const address = Address.fromStringUnsafe("10.0.0.1:7946")

const member = (metadata: Uint8Array): Member => ({
  id: "b",
  address,
  status: "Alive",
  incarnation: 1,
  metadata,
  protocolVersion: 1
})

const node = (options: Partial<Gossip.Options> = {}, transport: Partial<MemoryTransport.Options> = {}) =>
  Gossip.layer({ name: "a", ...options }).pipe(
    Layer.provide(MemoryTransport.layer({ address, ...transport })),
    Layer.provide(MemoryTransport.layerNetwork)
  )

const build = <A, E>(role: Layer.Layer<A, E, Membership>, from = node()) => Layer.build(Layer.provideMerge(role, from))

const reasonOf = <A, R>(
  effect: Effect.Effect<A, { readonly reason: { readonly _tag: string; readonly message: string } }, R>
) => Effect.map(Effect.flip(effect), (error) => error.reason)

describe("Metadata", () => {
  it.effect("are what was set, typed", () =>
    Effect.gen(function*() {
      const context = yield* build(Role.layerWith(web))
      const role = Context.get(context, Role)
      assert.deepStrictEqual(yield* role.get, Option.some(web))
      const worker = { role: "worker", weight: 100, zone: "eu-1", labels: [] } as const
      yield* role.set(worker)
      assert.deepStrictEqual(yield* role.get, Option.some(worker))
      const self = yield* Context.get(context, Membership).self
      assert.deepStrictEqual(role.of(self), Option.some(worker))
      assert.deepStrictEqual(role.of({ ...self, id: "b" }), Option.some(worker))
    }))

  it.effect("may be given to the node as it is made", () =>
    Effect.gen(function*() {
      const context = yield* build(Role.layer, node({ metadata: Role.encode(web) }))
      assert.deepStrictEqual(yield* Context.get(context, Role).get, Option.some(web))
    }))

  it.effect("are none before any were set", () =>
    Effect.gen(function*() {
      const role = Context.get(yield* build(Role.layer), Role)
      assert.deepStrictEqual(yield* role.get, Option.none())
    }))

  // text of letters, since what is no Unicode text does not survive UTF-8
  const text = Schema.String.check(Schema.isPattern(/^[a-zé漢]{0,8}$/))
  const value = Schema.Struct({ ...Role.schema.fields, zone: Schema.optionalKey(text), labels: Schema.Array(text) })

  it.prop("come back as they were", { value }, ({ value }) => {
    const decoded = Schema.decodeUnknownOption(toCodec(Role.schema))(Role.encode(value))
    assert.deepStrictEqual(decoded, Option.some(value))
  })

  it.effect("of a peer that are not of the schema read as none", () =>
    Effect.gen(function*() {
      const role = Context.get(yield* build(Role.layer), Role)
      const right = Role.encode(web)
      assert.deepStrictEqual(role.of(member(right)), Option.some(web))
      const wrong = Schema.encodeSync(
        toCodec(Schema.Struct({ role: Schema.String, weight: Schema.Int, labels: Schema.Array(Schema.String) }))
      )
      for (
        const bytes of [
          new Uint8Array(0),
          Uint8Array.of(0),
          new Uint8Array(512).fill(255),
          right.subarray(0, -1),
          Uint8Array.from([...right, 1]),
          new TextEncoder().encode("{\"role\":\"web\"}"),
          wrong({ ...web, role: "other", labels: [] }),
          wrong({ ...web, weight: 101, labels: [] })
        ]
      ) assert.deepStrictEqual(role.of(member(bytes)), Option.none())
    }))

  it.effect("are read by nodes of another version of the schema", () =>
    Effect.gen(function*() {
      const role = Context.get(yield* build(Role.layer), Role)
      const later = Context.get(yield* build(LaterRole.layer), LaterRole)
      assert.deepStrictEqual(role.of(member(LaterRole.encode({ ...web, rack: "7" }))), Option.some(web))
      assert.deepStrictEqual(later.of(member(Role.encode(web))), Option.some(web))
    }))

  it.effect("that are not of their schema are refused, and what was is kept", () =>
    Effect.gen(function*() {
      const role = Context.get(yield* build(Role.layerWith(web)), Role)
      for (const value of [{ ...web, weight: 101 }, { ...web, role: "other" }, { role: "web" }, undefined]) {
        const reason = yield* reasonOf(role.set(value as never))
        assert.strictEqual(reason._tag, "InvalidMetadata")
        assert.match(reason.message, /^the metadata are not of their schema: ./)
      }
      assert.deepStrictEqual(yield* role.get, Option.some(web))
      assert.throws(() => Role.encode({ ...web, weight: 101 }))
      const layer = build(Role.layerWith({ ...web, weight: -1 }))
      assert.strictEqual((yield* Effect.flip(layer))._tag, "MembershipError")
    }))

  it.effect("that are too large are refused, and what was is kept", () =>
    Effect.gen(function*() {
      const role = Context.get(yield* build(Role.layerWith(web)), Role)
      const reason = yield* reasonOf(role.set({ ...web, zone: "z".repeat(600) }))
      assert.strictEqual(reason._tag, "MetadataTooLarge")
      assert.match(reason.message, /^metadata of 6\d\d bytes are above the limit of 512 bytes: share larger things in/)
      assert.deepStrictEqual(yield* role.get, Option.some(web))
    }))

  it.effect("have less room where datagrams are small", () =>
    Effect.gen(function*() {
      const context = yield* build(Role.layer, node({}, { maxDatagramSize: 100 }))
      const limit = Context.get(context, Membership).maxMetadataSize
      assert.isBelow(limit, 100)
      const reason = yield* reasonOf(Context.get(context, Role).set({ ...web, zone: "z".repeat(limit) }))
      assert.strictEqual(reason._tag, "MetadataTooLarge")
      // or a node that uses ClusterBus could answer nobody
      const pong = Frame.encodeMessage({
        _tag: "BusPong",
        self: {
          _tag: "Alive",
          id: "a",
          address,
          incarnation: 0xffff_ffff_ffff,
          protocolVersion: 1,
          metadata: new Uint8Array(limit),
          votes: false
        },
        nonce: 0xffff_ffff,
        sections: [],
        beat: 0xffff_ffff
      })
      assert.isAtMost(pong.length, 100 - Frame.headerSize)
    }))
})
