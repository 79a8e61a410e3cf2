/**
 * A replicated data type that all nodes hold: counters, sets, registers and maps, which any node writes at any time, and that
 * lose no write to another (see `Crdt` for the kinds).
 *
 * **Example** (A counter of all requests)
 *
 * ```ts import.meta.vitest check
 * import { Gossip, ReplicatedCrdt } from "@effect-gossip/core"
 * import { PNCounter } from "@effect-gossip/core/replication"
 * import { UdpTransport } from "@effect-gossip/transport-udp"
 * import { Effect, Layer } from "effect"
 *
 * class Requests extends ReplicatedCrdt.Service<Requests>()("app/Requests", { crdt: PNCounter.definition }) {}
 *
 * const program = Effect.gen(function*() {
 *   const requests = yield* Requests
 *   yield* requests.update(PNCounter.definition.increment)
 *   yield* requests.update((state, writer) => PNCounter.definition.increment(state, writer, 5))
 *   yield* Effect.log(yield* requests.value)
 * })
 *
 * const Node = Requests.layer.pipe(
 *   Layer.provideMerge(Gossip.layer({ name: "a", seeds: ["10.0.0.1:7946"] })),
 *   Layer.provide(UdpTransport.layer({ host: "0.0.0.0", port: 7946 }))
 * )
 * ```
 *
 * A write counts here at once, spreads as news, and reaches every node in the end. While nodes are cut off from each other
 * each reads what it has heard of: a counter may be too low by what was counted elsewhere.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { Strategy } from "./dissemination/Strategy.ts"
import { integer } from "./internal/options.ts"
import { endWithNode, toStream } from "./internal/outlets.ts"
import type * as Crdt from "./replication/Crdt.ts"
import { maxStateSize } from "./replication/Crdt.ts"
import * as HybridLogicalClock from "./replication/HybridLogicalClock.ts"
import { Feeds } from "./replication/internal/service/feeds.ts"
import { awaitStable } from "./replication/internal/service/stability.ts"
import { type Progress, Replica } from "./replication/Replica.ts"
import { type ReplicaError, ReplicaErrorReason } from "./replication/ReplicaError.ts"
import type { Version } from "./replication/ReplicaMachine.ts"
import { ReplicaStore } from "./replication/ReplicaStore.ts"

// -----------------------------------------------------------------------------
// model
// -----------------------------------------------------------------------------

export type { Progress, Version }

/** Who writes: this node, in its present life. */
export interface Writer extends Crdt.Replica {
  /** The time of a hybrid logical clock, later than what the state was last set at, for an `LWWRegister`. */
  readonly time: HybridLogicalClock.Time
}

/** Makes a delta of the present state, as the mutators of a kind do. */
export type Mutator<C extends Crdt.Any> = (state: Crdt.StateOf<C>, writer: Writer) => Crdt.StateOf<C>

/** A replicated data type, as a service. What is read is what this node holds now; reading sends nothing. */
export interface ReplicatedCrdt<C extends Crdt.Any> {
  /** What it says. */
  readonly value: Effect.Effect<Crdt.ValueOf<C>>

  /** What it is made of, for the methods of the kind that read. */
  readonly state: Effect.Effect<Crdt.StateOf<C>>

  /**
   * Writes the delta that a mutator makes, and tells all nodes; none where it changes nothing. No other write of this node comes
   * between. Returns once it can be read here, and with a durable store once it is stored. Fails with `UpdateFailed` when the
   * mutator throws, with `EntryTooLarge` when the state would be encoded in more than `maxSize` bytes, with
   * `StoreFailed` (the write is then held in memory, and stored when the store works again), and when the node has ended or
   * breaks.
   */
  readonly update: (mutator: Mutator<C>) => Effect.Effect<Option.Option<Version>, ReplicatedCrdtError>

  /**
   * What it says now, and each time that changes. A slow consumer gets the latest. It lives through restarts of the node, ends
   * when the node stops, and fails when it gives up.
   */
  readonly changes: Stream.Stream<Crdt.ValueOf<C>, ReplicatedCrdtError>

  /** Returns when every live member is known to have a write: as with a `ReplicatedMap`. */
  readonly awaitStable: (
    version: Version,
    options: { readonly timeout: Duration.Input }
  ) => Effect.Effect<void, ReplicatedCrdtError>

  /** Who lacks a write, now and as that changes, until nobody does. A slow consumer gets the latest. */
  readonly progress: (version: Version) => Stream.Stream<Progress, ReplicatedCrdtError>
}

/** What it is defined by. */
export interface Options<C extends Crdt.Any> {
  /** The kind: `PNCounter.definition`, `ORSet.make(Schema.String)`, … */
  readonly crdt: C
  /** Most bytes of an encoded state: 1 KiB to 1 MiB, and less than `maxChunk` of `ReplicaOptions`; 256 KiB by default. */
  readonly maxSize?: number | undefined
}

/** The defaults of {@link Options}. */
export const defaults = { maxSize: 256 * 1024 } as const satisfies Partial<Options<Crdt.Any>>

/** A definition: a service class with what it takes to use it. */
export interface Definition<Self, C extends Crdt.Any> extends Context.ServiceClass<Self, string, ReplicatedCrdt<C>> {
  readonly crdt: C

  /**
   * Holds it. A `ReplicaStore` or a `Strategy` that is provided to this layer is its own, whatever the node's is.
   *
   * Fails with `SpaceTaken` when the node holds a map or CRDT of this name already, `InvalidOption` for a name that is not 1
   * to 120 bytes without white space, and with `StoreFailed`, `StoreDamaged` or `SpaceRefused`.
   */
  readonly layer: Layer.Layer<Self, ReplicatedCrdtError, Replica>
}

// -----------------------------------------------------------------------------
// definition
// -----------------------------------------------------------------------------

/**
 * Defines a replicated data type. Its name, at most 120 bytes without white space, is that of the service, and what nodes know
 * it by.
 */
export const Service =
  <Self>() => <const Id extends string, C extends Crdt.Any>(id: Id, options: Options<C>): Definition<Self, C> => {
    const Tag = Context.Service<Self, ReplicatedCrdt<C>>()(id)
    return Object.assign(Tag, {
      crdt: options.crdt,
      layer: Layer.effect(Tag, make(id, options.crdt, options.maxSize ?? defaults.maxSize))
    }) as unknown as Definition<Self, C>
  }

// -----------------------------------------------------------------------------
// errors
// -----------------------------------------------------------------------------

/** The failure of an operation. Its message is that of its reason. */
export class ReplicatedCrdtError extends Schema.TaggedError<ReplicatedCrdtError>()("ReplicatedCrdtError", {
  reason: ReplicaErrorReason
}) {
  override get message() {
    return this.reason.message
  }
}

// -----------------------------------------------------------------------------
// internals
// -----------------------------------------------------------------------------

const because = ({ reason }: ReplicaError) => new ReplicatedCrdtError({ reason })

/** It is a space with a single key. */
const theKey = new Uint8Array(0)

/** Of an `LWWRegister`. */
interface Timed {
  readonly timestamp: (state: unknown) => Option.Option<HybridLogicalClock.Timestamp>
}

const make = Effect.fnUntraced(function*<C extends Crdt.Any>(id: string, crdt: C, size: number) {
  type State = Crdt.StateOf<C>
  const replica = yield* Replica
  const clock = yield* Clock.Clock
  const maxSize = yield* Effect.mapError(
    integer("maxSize", size, { minimum: 1024, maximum: maxStateSize }),
    (reason) => new ReplicatedCrdtError({ reason })
  )
  const encode = Schema.encodeOption(crdt.schema)
  const decode = Schema.decodeUnknownOption(crdt.schema)
  const feeds = new Feeds<ReplicatedCrdtError>(1, { size: () => 1, keys: () => [theKey] }, () => {})
  yield* Effect.addFinalizer(() => Effect.sync(() => feeds.end()))

  const space = yield* Effect.mapError(
    replica.open(id, {
      kind: {
        _tag: "crdt",
        states: {
          decode: (bytes) => Option.getOrUndefined(decode(bytes)),
          encode: (state) => Option.getOrUndefined(encode(state)),
          merge: crdt.merge
        }
      },
      limits: { maxKeySize: 1, maxValueSize: maxSize, maxKeys: 1, maxBytes: maxSize + 1024 },
      store: yield* ReplicaStore,
      strategy: yield* Strategy,
      onChanges: () => feeds.publish([{ key: theKey }]),
      onRestart: () => feeds.publish([{ key: theKey }])
    }),
    because
  )
  yield* endWithNode(replica.failure, feeds, because)

  let last = HybridLogicalClock.make("")
  const timeFor = (state: State): HybridLogicalClock.Time => {
    const now = clock.currentTimeMillisUnsafe()
    const seen = "timestamp" in crdt ? (crdt as unknown as Timed).timestamp(state) : Option.none()
    // what is too far ahead wins, as it would without this write
    if (Option.isSome(seen)) last = Result.getOrElse(HybridLogicalClock.receive(last, seen.value, now), () => last)
    return last = HybridLogicalClock.send(last, now)
  }

  const stateNow = (): State => (space.read(theKey)?.state as State | undefined) ?? crdt.empty
  const value = Effect.sync(() => crdt.value(stateNow()))
  const attributes = { crdt: id }

  return {
    value,
    state: Effect.sync(stateNow),
    update: Effect.fn("ReplicatedCrdt.update", { attributes })(function*(mutator: Mutator<C>) {
      let made: State | undefined
      const version = yield* Effect.mapError(
        space.update(theKey, (held, replica) => {
          // of a node that has broken since: another would count what is stored, or at others, once more
          if (made !== undefined) return made
          const state = (held as State | undefined) ?? crdt.empty
          const delta = mutator(state, { ...replica, time: timeFor(state) })
          // says nothing new
          return crdt.merge(state, delta) === state ? undefined : made = delta
        }),
        because
      )
      return Option.fromUndefinedOr(version)
    }),
    changes: toStream(feeds.opened(true), () => Effect.map(value, (value) => [value])),
    awaitStable: Effect.fn("ReplicatedCrdt.awaitStable", { attributes })(
      (version: Version, options: { readonly timeout: Duration.Input }) =>
        Effect.mapError(awaitStable(id, space, version, options), because)
    ),
    progress: (version) => Stream.mapError(space.progress(version), because)
  } satisfies ReplicatedCrdt<C>
})
