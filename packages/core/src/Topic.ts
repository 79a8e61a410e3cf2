/**
 * Typed messages to the whole cluster: what is published at one node, all are told.
 *
 * **Example** (Telling all nodes to forget a cached value)
 *
 * ```ts import.meta.vitest check
 * import { Gossip, Topic } from "@effect-gossip/core"
 * import { UdpTransport } from "@effect-gossip/transport-udp"
 * import { Effect, Layer, Schema, Stream } from "effect"
 *
 * class Evict extends Topic.Service<Evict>()("app/Evict", {
 *   payload: Schema.Struct({ key: Schema.String })
 * }) {}
 *
 * const program = Effect.gen(function*() {
 *   const evict = yield* Evict
 *   yield* evict.messages.pipe(
 *     Stream.runForEach(({ origin, payload }) => Effect.log(`${origin} says that ${payload.key} has changed`)),
 *     Effect.forkScoped
 *   )
 *   yield* evict.publish({ key: "user:1" })
 * })
 *
 * const Node = Evict.layer.pipe(
 *   Layer.provideMerge(Gossip.layer({ name: "a", seeds: ["10.0.0.1:7946"] })),
 *   Layer.provide(UdpTransport.layer({ host: "0.0.0.0", port: 7946 }))
 * )
 * ```
 *
 * A node is told of a message **at most once** within the dedup window, and **in the end** if it runs when the message is
 * published and is cut off for less than the retention (`DisseminationOptions`). Nothing is said of the order. Where each
 * message must arrive, and for state that nodes must agree on, take a replicated map.
 *
 * How messages spread is a layer: see `Strategy`.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import { toCodec } from "effect/encoding/SchemaBinary"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import type * as Stream from "effect/Stream"
import { Dissemination } from "./dissemination/Dissemination.ts"
import { type DisseminationError, DisseminationErrorReason } from "./dissemination/DisseminationError.ts"
import { Buffers } from "./dissemination/internal/service/buffers.ts"
import { type Rumor, Strategy } from "./dissemination/Strategy.ts"
import { decode, integer } from "./internal/options.ts"
import { endWithNode, toStream } from "./internal/outlets.ts"
import { InvalidOption } from "./Transport.ts"
import { TopicName } from "./wire/DisseminationMessage.ts"

// -----------------------------------------------------------------------------
// model
// -----------------------------------------------------------------------------

/** What a node is told. */
export interface Message<A> {
  readonly payload: A
  /** The name of the node that published it. */
  readonly origin: string
  /** When, by the clock of `origin`, to a minute: for people, and not to be compared with this node's clock. */
  readonly publishedAt: DateTime.Utc
  /** How many nodes passed it on before it came here: 0 at its origin, 1 at who heard it from there. */
  readonly hops: number
}

/** A topic, as a service. */
export interface Topic<A> {
  /**
   * Tells all nodes, this one included, and returns once this node has begun to. Fails with `InvalidPayload` for a value
   * that is not of the schema, with `PayloadTooLarge` for one that is encoded in more than `maxPayloadSize` bytes, and
   * when the node has ended or breaks.
   */
  readonly publish: (payload: A) => Effect.Effect<void, TopicError>

  /**
   * What this node is told, from when the stream is run. Each stream has a buffer of its own, of `capacity` messages and
   * 16 MiB: when that is full the oldest goes, counted as `TopicBufferFull` in `gossip_drops`; no consumer holds up the
   * node. A payload that is not of the schema is passed over, and counted as `InvalidPayload`.
   *
   * The stream lives through restarts of the node. It ends when the node stops, and fails when it gives up.
   */
  readonly messages: Stream.Stream<Message<A>, TopicError>
}

/** A schema that needs no service to encode and decode. */
// oxlint-disable-next-line typescript/no-explicit-any -- `unknown` would exclude schemas of narrower types
export type Codec = Schema.Codec<any, any, never, never>

/** What a topic is defined by. */
export interface Options<S extends Codec> {
  readonly payload: S
  /** Messages that a slow consumer may have waiting; 1 to 1,000,000, 1024 by default. */
  readonly capacity?: number | undefined
}

/** The defaults of {@link Options}. */
export const defaults = { capacity: 1024 } as const satisfies Partial<Options<Codec>>

/** Bytes of payloads that a slow consumer may have waiting: as many as a node holds of rumors by default. */
const maxBufferedBytes = 16 * 1024 * 1024

/** A definition of a topic: a service class with what it takes to use it. */
export interface Definition<Self, S extends Codec> extends Context.ServiceClass<Self, string, Topic<S["Type"]>> {
  /** The schema of its payloads. */
  readonly schema: S

  /**
   * Takes part in the topic. A `Strategy` that is provided to this layer is the topic's own: it says how spreads what is
   * published here, whatever the node's strategy is.
   *
   * Fails with `TopicTaken` when the node has a topic of this name already, and `InvalidOption` for a name that is not 1
   * to 128 bytes without white space, or a wrong capacity.
   */
  readonly layer: Layer.Layer<Self, TopicError, Dissemination>
}

// -----------------------------------------------------------------------------
// definition
// -----------------------------------------------------------------------------

/**
 * Defines a topic. Its name, at most 128 bytes without white space, is that of the service, and what nodes know it by: all
 * who take part must give it the same. Payloads are encoded with `SchemaBinary` in its evolvable mode, so that fields may
 * be added while nodes of both versions run.
 */
export const Service =
  <Self>() => <const Id extends string, S extends Codec>(id: Id, options: Options<S>): Definition<Self, S> => {
    const Tag = Context.Service<Self, Topic<S["Type"]>>()(id)
    const codec = toCodec(options.payload) as unknown as Schema.Codec<S["Type"], Uint8Array>
    return Object.assign(Tag, {
      schema: options.payload,
      layer: Layer.effect(Tag, make(id, codec, options.capacity ?? defaults.capacity))
    }) as unknown as Definition<Self, S>
  }

// -----------------------------------------------------------------------------
// errors
// -----------------------------------------------------------------------------

/** The payload is not of the topic's schema. Nothing was published. */
export class InvalidPayload extends Schema.TaggedError<InvalidPayload>()("InvalidPayload", {
  topic: Schema.String,
  problem: Schema.String
}) {
  override get message() {
    return `the payload is not of the schema of topic ${this.topic}: ${this.problem}`
  }
}

/** Why something asked of a topic could not be done. */
export const TopicErrorReason = Schema.Union([InvalidPayload, InvalidOption, ...DisseminationErrorReason.members])

/** @since 0.1.0 */
export type TopicErrorReason = typeof TopicErrorReason.Type

/** The failure of a topic's operation. Its message is that of its reason. */
export class TopicError extends Schema.TaggedError<TopicError>()("TopicError", {
  reason: TopicErrorReason
}) {
  override get message() {
    return this.reason.message
  }
}

// -----------------------------------------------------------------------------
// internals
// -----------------------------------------------------------------------------

const because = ({ reason }: { readonly reason: DisseminationError["reason"] }) => new TopicError({ reason })
const wrong = (reason: InvalidOption) => new TopicError({ reason })

/** A rumor on its way to the consumers, of whom one at most may count that it is not of the schema. */
interface Delivery {
  readonly payload: Uint8Array
  readonly rumor: Rumor
  isCounted: boolean
}

const make = Effect.fnUntraced(function*<A>(id: string, codec: Schema.Codec<A, Uint8Array>, capacity: number) {
  const topic = yield* Effect.mapError(decode("topic", TopicName, id), wrong)
  const limits = {
    capacity: yield* Effect.mapError(integer("capacity", capacity, { minimum: 1, maximum: 1_000_000 }), wrong),
    maxBytes: maxBufferedBytes
  }
  const dissemination = yield* Dissemination
  const encode = Schema.encodeEffect(codec)
  const decoded = Schema.decodeUnknownEffect(codec)
  const buffers = new Buffers<Delivery, TopicError>(limits, () => dissemination.drop("TopicBufferFull"))

  yield* Effect.addFinalizer(() => Effect.sync(() => buffers.end()))
  yield* Effect.mapError(
    dissemination.subscribe(topic, {
      strategy: yield* Strategy,
      onRumor: (rumor) => buffers.publish({ payload: rumor.payload, rumor, isCounted: false })
    }),
    because
  )
  yield* endWithNode(dissemination.failure, buffers, because)

  const read = Effect.fnUntraced(function*(deliveries: ReadonlyArray<Delivery>) {
    const messages: Array<Message<A>> = []
    for (const delivery of deliveries) {
      const { hops, origin, publishedAt } = delivery.rumor
      const exit = yield* Effect.exit(decoded(delivery.payload))
      if (Exit.isSuccess(exit)) {
        messages.push({ payload: exit.value, origin, publishedAt: DateTime.makeUnsafe(publishedAt), hops })
        continue
      }
      if (Cause.hasInterrupts(exit.cause)) return yield* Effect.failCause(Cause.interrupt())
      if (delivery.isCounted) continue
      delivery.isCounted = true
      dissemination.drop("InvalidPayload")
      yield* Effect.logDebug(`a message of ${origin} is not of the schema of topic ${topic}`, exit.cause)
    }
    return messages
  })

  return {
    publish: Effect.fn("Topic.publish", { attributes: { topic } })(function*(payload: A) {
      const bytes = yield* Effect.mapError(
        encode(payload),
        (error) => new TopicError({ reason: new InvalidPayload({ topic, problem: error.message }) })
      )
      // what is encoded lies in a buffer that is used again
      yield* Effect.mapError(dissemination.publish(topic, bytes.slice()), because)
    }),
    messages: toStream(buffers.opened, read)
  } satisfies Topic<A>
})
