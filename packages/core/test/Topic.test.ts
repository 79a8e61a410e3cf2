import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Context from "effect/Context"
import * as DateTime from "effect/DateTime"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import { toCodec } from "effect/encoding/SchemaBinary"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as SchemaTransformation from "effect/SchemaTransformation"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { Dissemination, type Subscription } from "../src/dissemination/Dissemination.ts"
import { DisseminationError, PayloadTooLarge, TopicTaken } from "../src/dissemination/DisseminationError.ts"
import { type Rumor, Strategy } from "../src/dissemination/Strategy.ts"
import { GaveUp, Stopped } from "../src/node/NodeError.ts"
import * as Topic from "../src/Topic.ts"
import { between } from "./support/arbitraries.ts"

class Evict extends Topic.Service<Evict>()("test/Evict", {
  payload: Schema.Struct({ key: Schema.String, at: Schema.optionalKey(Schema.Int) })
}) {}

const failed = (reason: DisseminationError["reason"]) => new DisseminationError({ reason })

/** A dissemination of one node that can be told what to deliver, and how to end. */
const makeFake = (limit = 1000) => {
  const subscriptions = new Map<string, Subscription>()
  const drops: Array<string> = []
  const ended = Deferred.makeUnsafe<never, DisseminationError>()
  const deliver = (topic: string, payload: Uint8Array, rumor: Partial<Rumor> = {}) =>
    subscriptions.get(topic)?.onRumor({
      id: 1,
      topic,
      origin: "b",
      publishedAt: 1_700_000_000_000,
      bornAt: 0,
      hops: 2,
      strategy: 3,
      large: false,
      payload,
      ...rumor
    })
  const layer = Layer.succeed(Dissemination, {
    reports: Effect.succeed(new Map()),
    publish: (topic, payload) =>
      payload.length > limit
        ? Effect.fail(failed(new PayloadTooLarge({ size: payload.length, limit })))
        : Effect.sync(() => (deliver(topic, payload, { origin: "a", hops: 0 }), 1)),
    subscribe: (topic, subscription) =>
      subscriptions.has(topic)
        ? Effect.fail(failed(new TopicTaken({ topic })))
        : Effect.asVoid(Effect.acquireRelease(
          Effect.sync(() => subscriptions.set(topic, subscription)),
          () => Effect.sync(() => subscriptions.delete(topic))
        )),
    drop: (reason) => drops.push(reason),
    failure: Deferred.await(ended)
  })
  return {
    layer,
    subscriptions,
    drops,
    deliver,
    end: (reason: DisseminationError["reason"]) => Deferred.doneUnsafe(ended, Effect.fail(failed(reason)))
  }
}

const encodeEvict = (payload: typeof Evict.schema.Type) => Schema.encodeSync(toCodec(Evict.schema))(payload).slice()

/** Collects what a stream gives, from now on. */
const collect = Effect.fnUntraced(function*<A, E>(stream: Stream.Stream<A, E>) {
  const collected: Array<A> = []
  const fiber = yield* Effect.forkScoped(
    Stream.runForEach(stream, (value) => Effect.sync(() => void collected.push(value))),
    { startImmediately: true }
  )
  return { collected, fiber }
})

const settle = Effect.forEach(Array.from({ length: 20 }), () => Effect.yieldNow, { discard: true })

describe("Topic", () => {
  it.effect("gives what is published here to each stream that runs, once, with its origin, time and hops", () => {
    const fake = makeFake()
    return Effect.gen(function*() {
      const evict = yield* Evict
      yield* evict.publish({ key: "before anyone listens" })
      const [first, second] = [yield* collect(evict.messages), yield* collect(evict.messages)]
      yield* evict.publish({ key: "user:1" })
      yield* settle
      const message = {
        payload: { key: "user:1" },
        origin: "a",
        publishedAt: DateTime.makeUnsafe(1_700_000_000_000),
        hops: 0
      }
      for (const { collected } of [first, second]) assert.deepStrictEqual(collected, [message])
      assert.deepStrictEqual(fake.drops, [])
    }).pipe(Effect.provide(Layer.provide(Evict.layer, fake.layer)))
  })

  const text = Schema.String.check(Schema.isPattern(/^[a-zé漢]{0,8}$/))
  it.effect.prop(
    "gives payloads as they were",
    { payload: Schema.Struct({ key: text, at: Schema.optionalKey(Schema.Int) }) },
    ({ payload }) =>
      Effect.gen(function*() {
        const evict = yield* Evict
        const { collected } = yield* collect(evict.messages)
        yield* evict.publish(payload)
        yield* settle
        assert.deepStrictEqual(collected.map((message) => message.payload), [payload])
      }).pipe(Effect.provide(Layer.provide(Evict.layer, makeFake().layer)), Effect.scoped)
  )

  it.effect("reads payloads of another version of the schema", () => {
    class Later extends Topic.Service<Later>()("test/Later", {
      payload: Schema.Struct({ ...Evict.schema.fields, why: Schema.optionalKey(Schema.String) })
    }) {}
    const fake = makeFake()
    return Effect.gen(function*() {
      const evict = yield* collect((yield* Evict).messages)
      const later = yield* collect((yield* Later).messages)
      fake.deliver("test/Evict", Schema.encodeSync(toCodec(Later.schema))({ key: "k", why: "because" }).slice())
      fake.deliver("test/Later", encodeEvict({ key: "k" }))
      yield* settle
      for (const { collected } of [evict, later]) {
        assert.deepStrictEqual(collected.map(({ payload }) => payload), [{ key: "k" }])
      }
    }).pipe(Effect.provide(Layer.mergeAll(Evict.layer, Later.layer).pipe(Layer.provide(fake.layer))))
  })

  it.effect("refuses a payload that is not of the schema, and publishes nothing", () =>
    Effect.gen(function*() {
      const evict = yield* Evict
      const { collected } = yield* collect(evict.messages)
      for (const wrong of [{ key: 1 }, {}, undefined, { key: "k", at: 0.5 }]) {
        const error = yield* Effect.flip(evict.publish(wrong as never))
        assert.strictEqual(error.reason._tag, "InvalidPayload")
        assert.match(error.message, /^the payload is not of the schema of topic test\/Evict: /)
      }
      yield* settle
      assert.deepStrictEqual(collected, [])
    }).pipe(Effect.provide(Layer.provide(Evict.layer, makeFake().layer))))

  it.effect("refuses a payload above the limit, and says which it is", () =>
    Effect.gen(function*() {
      const evict = yield* Evict
      const error = yield* Effect.flip(evict.publish({ key: "k".repeat(101) }))
      assert(error.reason._tag === "PayloadTooLarge")
      assert.isAbove(error.reason.size, 100)
      assert.strictEqual(error.reason.limit, 100)
      assert.match(error.message, /above the limit of 100 bytes/)
    }).pipe(Effect.provide(Layer.provide(Evict.layer, makeFake(100).layer))))

  it.effect("passes over what is not of the schema, and counts it once however many listen", () => {
    const fake = makeFake()
    return Effect.gen(function*() {
      const evict = yield* Evict
      const [first, second] = [yield* collect(evict.messages), yield* collect(evict.messages)]
      const wrong = [
        new Uint8Array(0),
        new Uint8Array(100).fill(255),
        encodeEvict({ key: "k" }).subarray(0, -1),
        Schema.encodeSync(toCodec(Schema.Struct({ key: Schema.Int })))({ key: 1 }).slice()
      ]
      for (const bytes of wrong) fake.deliver("test/Evict", bytes)
      fake.deliver("test/Evict", encodeEvict({ key: "right" }))
      yield* settle
      for (const { collected } of [first, second]) {
        assert.deepStrictEqual(collected.map(({ payload }) => payload.key), ["right"])
      }
      assert.deepStrictEqual(fake.drops, wrong.map(() => "InvalidPayload"))
    }).pipe(Effect.provide(Layer.provide(Evict.layer, fake.layer)))
  })

  it.effect("passes over payloads whose schema throws", () => {
    class Breaking extends Topic.Service<Breaking>()("test/Breaking", {
      payload: Schema.String.pipe(Schema.decodeTo(
        Schema.String,
        SchemaTransformation.transform({
          decode: (text) => {
            if (text === "bad") throw new Error("bad")
            return text
          },
          encode: (text) => text
        })
      ))
    }) {}
    const fake = makeFake()
    return Effect.gen(function*() {
      const breaking = yield* Breaking
      const { collected } = yield* collect(breaking.messages)
      yield* breaking.publish("bad")
      yield* breaking.publish("good")
      yield* settle
      assert.deepStrictEqual(collected.map(({ payload }) => payload), ["good"])
      assert.deepStrictEqual(fake.drops, ["InvalidPayload"])
    }).pipe(Effect.provide(Layer.provide(Breaking.layer, fake.layer)))
  })

  it.effect.prop(
    "keeps the latest for a consumer that falls behind, drops the oldest and counts them",
    { capacity: Arbitrary.schema(between(1, 100)), published: Arbitrary.schema(between(0, 300)) },
    ({ capacity, published }) => {
      class Numbers extends Topic.Service<Numbers>()("test/Numbers", { payload: Schema.Int, capacity }) {}
      const fake = makeFake()
      return Effect.gen(function*() {
        const numbers = yield* Numbers
        const gate = yield* Deferred.make<void>()
        const seen: Array<number> = []
        yield* Effect.forkScoped(
          Stream.runForEach(
            numbers.messages,
            ({ payload }) => payload === -1 ? Deferred.await(gate) : Effect.sync(() => void seen.push(payload))
          ),
          { startImmediately: true }
        )
        yield* numbers.publish(-1)
        yield* settle
        for (let number = 0; number < published; number++) yield* numbers.publish(number)
        const kept = Math.min(capacity, published)
        assert.deepStrictEqual(fake.drops, Array.from({ length: published - kept }, () => "TopicBufferFull"))
        yield* Deferred.succeed(gate, undefined)
        yield* settle
        assert.deepStrictEqual(seen, Array.from({ length: kept }, (_, index) => published - kept + index))
      }).pipe(Effect.provide(Layer.provide(Numbers.layer, fake.layer)), Effect.scoped)
    }
  )

  it.effect("holds at most 16 MiB for a consumer that falls behind, and one message whatever its size", () => {
    class Large extends Topic.Service<Large>()("test/Large", { payload: Schema.Uint8Array }) {}
    const mebibyte = 1024 * 1024
    const fake = makeFake(64 * mebibyte)
    return Effect.gen(function*() {
      const large = yield* Large
      const { fiber: _, ...slow } = yield* collect(
        Stream.mapEffect(large.messages, ({ payload }) => Effect.as(Effect.sleep("1 second"), payload.length))
      )
      yield* large.publish(new Uint8Array(1))
      // it is with the consumer, who takes its time
      yield* settle
      const payloads = Array.from({ length: 20 }, () => new Uint8Array(mebibyte - 100))
      for (const payload of payloads) yield* large.publish(payload)
      assert.strictEqual(fake.drops.length, 4)
      yield* large.publish(new Uint8Array(20 * mebibyte))
      assert.strictEqual(fake.drops.length, 20)
      assert.deepStrictEqual(slow.collected, [])
    }).pipe(Effect.provide(Layer.provide(Large.layer, fake.layer)))
  })

  it.effect("runs no consumer in the stack of who delivers, which is the node's loop", () => {
    const fake = makeFake()
    return Effect.gen(function*() {
      const evict = yield* Evict
      const { collected } = yield* collect(evict.messages)
      yield* settle
      fake.deliver("test/Evict", encodeEvict({ key: "k" }))
      assert.deepStrictEqual(collected, [])
      yield* settle
      assert.strictEqual(collected.length, 1)
    }).pipe(Effect.provide(Layer.provide(Evict.layer, fake.layer)))
  })

  it.effect("ends its streams when the node stops, after what they hold", () => {
    const fake = makeFake()
    return Effect.gen(function*() {
      const evict = yield* Evict
      const { collected, fiber } = yield* collect(evict.messages)
      fake.deliver("test/Evict", encodeEvict({ key: "last" }))
      fake.end(new Stopped())
      yield* Fiber.join(fiber)
      assert.deepStrictEqual(collected.map(({ payload }) => payload.key), ["last"])
      assert.deepStrictEqual(yield* Stream.runCollect(evict.messages), [])
    }).pipe(Effect.provide(Layer.provide(Evict.layer, fake.layer)))
  })

  it.effect("fails its streams when the node gives up", () => {
    const fake = makeFake()
    return Effect.gen(function*() {
      const evict = yield* Evict
      const { fiber } = yield* collect(evict.messages)
      fake.end(new GaveUp({ restarts: 3, cause: new Error("broken") }))
      const error = yield* Effect.flip(Fiber.join(fiber))
      assert.strictEqual(error._tag, "TopicError")
      assert.strictEqual(error.reason._tag, "GaveUp")
      assert.strictEqual((yield* Effect.flip(Stream.runDrain(evict.messages))).reason._tag, "GaveUp")
    }).pipe(Effect.provide(Layer.provide(Evict.layer, fake.layer)))
  })

  it.effect("ends its streams when its layer closes, and can be built again", () => {
    const fake = makeFake()
    return Effect.gen(function*() {
      const scope = yield* Scope.make()
      const context = yield* Layer.buildWithScope(Layer.provide(Evict.layer, fake.layer), scope)
      const { fiber } = yield* collect(Context.get(context, Evict).messages)
      yield* Scope.close(scope, Exit.void)
      yield* Fiber.join(fiber)
      assert.strictEqual(fake.subscriptions.size, 0)
      yield* Layer.build(Layer.provide(Evict.layer, fake.layer))
    })
  })

  it.effect("is refused when the node has a topic of that name", () => {
    class Twin extends Topic.Service<Twin>()("test/Evict", { payload: Schema.Int }) {}
    const fake = makeFake()
    return Effect.gen(function*() {
      yield* Layer.build(Layer.provide(Evict.layer, fake.layer))
      const error = yield* Effect.flip(Layer.build(Layer.provide(Twin.layer, fake.layer)))
      assert.strictEqual(error.reason._tag, "TopicTaken")
      assert.match(error.message, /"test\/Evict" already/)
    })
  })

  it.effect("is refused with a name or a capacity that cannot be", () =>
    Effect.gen(function*() {
      const options = { payload: Schema.Int }
      for (const name of ["", "with space", "n".repeat(129)]) {
        class Named extends Topic.Service<Named>()(name, options) {}
        const error = yield* Effect.flip(Layer.build(Layer.provide(Named.layer, makeFake().layer)))
        assert(error.reason._tag === "InvalidOption")
        assert.strictEqual(error.reason.option, "topic")
      }
      for (const capacity of [0, 1.5, -1, NaN, 1_000_001]) {
        class Sized extends Topic.Service<Sized>()("test/Sized", { ...options, capacity }) {}
        const error = yield* Effect.flip(Layer.build(Layer.provide(Sized.layer, makeFake().layer)))
        assert(error.reason._tag === "InvalidOption")
        assert.strictEqual(error.reason.option, "capacity")
      }
    }))

  it.effect("has the strategy that is provided to its layer, and none of its own otherwise", () => {
    const fake = makeFake()
    const strategy = { kind: 200, name: "own", roundInterval: 1000, make: () => assert.fail("nothing spreads here") }
    return Effect.gen(function*() {
      yield* Effect.scoped(
        Layer.build(Layer.provide(Evict.layer, fake.layer)).pipe(
          Effect.andThen(Effect.sync(() => assert.isUndefined(fake.subscriptions.get("test/Evict")?.strategy)))
        )
      )
      const own = Layer.provide(Evict.layer, Layer.succeed(Strategy, strategy))
      yield* Layer.build(Layer.provide(own, fake.layer))
      assert.strictEqual(fake.subscriptions.get("test/Evict")?.strategy, strategy)
    })
  })
})
