/**
 * A map that all nodes hold, and that any of them writes at any time: of writes to one key the last wins.
 *
 * **Example** (Flags that all processes of a service have)
 *
 * ```ts import.meta.vitest check
 * import { Gossip, ReplicatedMap } from "@effect-gossip/core"
 * import { UdpTransport } from "@effect-gossip/transport-udp"
 * import { Effect, Layer, Schema, Stream } from "effect"
 *
 * class Flags extends ReplicatedMap.Service<Flags>()("app/Flags", {
 *   key: Schema.String,
 *   value: Schema.Struct({ on: Schema.Boolean, share: Schema.optionalKey(Schema.Finite) })
 * }) {}
 *
 * const program = Effect.gen(function*() {
 *   const flags = yield* Flags
 *   const version = yield* flags.set("dark-mode", { on: true })
 *   yield* flags.awaitStable(version, { timeout: "5 seconds" })
 *   yield* flags.changes({ withPresent: true }).pipe(Stream.runForEach((change) => Effect.log(change)))
 * })
 *
 * const Node = Flags.layer.pipe(
 *   Layer.provideMerge(Gossip.layer({ name: "a", seeds: ["10.0.0.1:7946"] })),
 *   Layer.provide(UdpTransport.layer({ host: "0.0.0.0", port: 7946 }))
 * )
 * ```
 *
 * A write is there at once on the node that makes it, spreads as news within a few round trips, and reaches every node in the
 * end, however long it was cut off: nodes compare what they hold. While they are cut off from each other each goes on reading
 * and writing what it has (the map is available, and not consistent, under partitions), and of two writes to one key that do not
 * know of each other one wins everywhere, when they meet. For what must not be lost so, see `ReplicatedCrdt`.
 *
 * All nodes must define the map, under the same name and with schemas that read each other's values.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { toCodec } from "effect/encoding/SchemaBinary"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { Strategy } from "./dissemination/Strategy.ts"
import { integer } from "./internal/options.ts"
import { endWithNode, toStream } from "./internal/outlets.ts"
import { toText } from "./replication/internal/crdt/bytes.ts"
import { Feeds, type Note } from "./replication/internal/service/feeds.ts"
import { KeyLocks } from "./replication/internal/service/keyLocks.ts"
import { checkLimits, type Limits } from "./replication/internal/service/limits.ts"
import { awaitStable } from "./replication/internal/service/stability.ts"
import { type Progress, Replica, type Space } from "./replication/Replica.ts"
import { type ReplicaError, ReplicaErrorReason } from "./replication/ReplicaError.ts"
import { defaultLimits, type Entry, type Version } from "./replication/ReplicaMachine.ts"
import { ReplicaStore } from "./replication/ReplicaStore.ts"
import type { InvalidOption } from "./Transport.ts"

// -----------------------------------------------------------------------------
// model
// -----------------------------------------------------------------------------

export type { Limits, Progress, Version }

/** What a consumer is told. */
export type Change<K, V> =
  /** This is under the key now. */
  | { readonly _tag: "Set"; readonly key: K; readonly value: V; readonly version: Version }
  /** Nothing can be read under the key: it was deleted, or another node has set what is not of the schema. */
  | { readonly _tag: "Deleted"; readonly key: K }
  /** Too much has changed since the consumer last took something: all that it was told is void, and what there is follows. */
  | { readonly _tag: "Lagged" }

/** A replicated map, as a service. What is read is what this node holds now; reading sends nothing. */
export interface ReplicatedMap<K, V> {
  /** The value under a key. Fails with `InvalidKey`. */
  readonly get: (key: K) => Effect.Effect<Option.Option<V>, ReplicatedMapError>

  /** All keys with their values, at one moment, in no order that means anything. */
  readonly entries: Effect.Effect<ReadonlyArray<readonly [K, V]>>

  /** How many keys there are, with those whose entries are not of the schemas, which are not shown. */
  readonly size: Effect.Effect<number>

  /**
   * Sets the value of a key, and tells all nodes. Returns once it can be read here, and with a durable store once it is
   * stored. Fails with `InvalidKey`, `InvalidValue`, `EntryTooLarge`, `ReplicaFull`, `StoreFailed` (the value is then held in
   * memory, and stored when the store works again), and when the node has ended or breaks.
   */
  readonly set: (key: K, value: V) => Effect.Effect<Version, ReplicatedMapError>

  /** Sets several, which become readable here together, and are stored all or none. Gives the version of the last. */
  readonly setAll: (
    entries: Iterable<readonly [key: K, value: V]>
  ) => Effect.Effect<Option.Option<Version>, ReplicatedMapError>

  /**
   * Deletes a key, and tells all nodes; also where nothing is under it here, since another node may have set it. That it was
   * deleted is remembered until all members know it, and counts as a key until then. Fails as `set` does.
   */
  readonly delete: (key: K) => Effect.Effect<Version, ReplicatedMapError>

  /**
   * Sets what a function makes of the present value: nothing to delete it, and none is written where there was nothing. No
   * other write of this node comes between, while one of another node may, of which this one then knows nothing: the later
   * wins, and the other is lost. Fails as `set` does; what the function throws is a defect.
   */
  readonly update: (
    key: K,
    f: (value: Option.Option<V>) => Option.Option<V>
  ) => Effect.Effect<Option.Option<Version>, ReplicatedMapError>

  /**
   * What changes, from when the stream is run; beginning with what there is, where `withPresent` is true. A consumer that
   * does not keep up is told once of each key, with what is under it by then; one that has more than `changesCapacity` keys
   * waiting beyond those that there are gets `Lagged`, and all that there is. So none holds up the node or grows without
   * bound, and each knows in the end what there is.
   *
   * The stream lives through restarts of the node, after which it gives `Lagged`. It ends when the node stops, and fails when
   * it gives up.
   */
  readonly changes: (
    options?: { readonly withPresent?: boolean | undefined }
  ) => Stream.Stream<Change<K, V>, ReplicatedMapError>

  /**
   * Returns when every live member is known to have a write: when those who are suspected or cut off have it, or are dead. It
   * never returns early. A member that has not opened the map lacks all its writes. Fails with `NotStable`, which
   * says who is not known to have it; the write stands in any case.
   */
  readonly awaitStable: (
    version: Version,
    options: { readonly timeout: Duration.Input }
  ) => Effect.Effect<void, ReplicatedMapError>

  /** Who lacks a write, now and as that changes, until nobody does. A slow consumer gets the latest. */
  readonly progress: (version: Version) => Stream.Stream<Progress, ReplicatedMapError>
}

/** A schema that needs no service to encode and decode. */
// oxlint-disable-next-line typescript/no-explicit-any -- `unknown` would exclude schemas of narrower types
export type Codec = Schema.Codec<any, any, never, never>

/** What a map is defined by. */
export interface Options<K extends Codec, V extends Codec> extends Limits {
  /**
   * Of keys. Equal ones must be encoded alike: text, numbers, literals, and tuples and structs of them are. They stay as they
   * are: another field makes another key.
   */
  readonly key: K
  /** Of values. Fields may be added while nodes of both versions run. */
  readonly value: V
  /** Keys that a slow consumer of `changes` may have waiting beyond those that there are; 1 to 1,000,000, 1024 by default. */
  readonly changesCapacity?: number | undefined
}

/** The defaults of {@link Options}. */
export const defaults = { ...defaultLimits, changesCapacity: 1024 } as const satisfies Limits & {
  readonly changesCapacity: number
}

/** A definition of a map: a service class with what it takes to use it. */
export interface Definition<Self, K extends Codec, V extends Codec>
  extends Context.ServiceClass<Self, string, ReplicatedMap<K["Type"], V["Type"]>>
{
  readonly keySchema: K
  readonly valueSchema: V

  /**
   * Holds the map. A `ReplicaStore` or a `Strategy` that is provided to this layer is the map's own, whatever the node's is.
   *
   * Fails with `SpaceTaken` when the node holds a map or CRDT of this name already, `InvalidOption` for a name that is not 1
   * to 120 bytes without white space or a limit out of its range, and with `StoreFailed`, `StoreDamaged` or `SpaceRefused`.
   */
  readonly layer: Layer.Layer<Self, ReplicatedMapError, Replica>
}

// -----------------------------------------------------------------------------
// definition
// -----------------------------------------------------------------------------

/**
 * Defines a replicated map. Its name, at most 120 bytes without white space, is that of the service, and what nodes know it
 * by. Keys and values are encoded with `SchemaBinary` in its evolvable mode.
 */
export const Service = <Self>() =>
<const Id extends string, K extends Codec, V extends Codec>(
  id: Id,
  options: Options<K, V>
): Definition<Self, K, V> => {
  const Tag = Context.Service<Self, ReplicatedMap<K["Type"], V["Type"]>>()(id)
  return Object.assign(Tag, {
    keySchema: options.key,
    valueSchema: options.value,
    layer: Layer.effect(Tag, make(id, options))
  }) as unknown as Definition<Self, K, V>
}

// -----------------------------------------------------------------------------
// errors
// -----------------------------------------------------------------------------

/** The key is not of the map's schema. */
export class InvalidKey extends Schema.TaggedError<InvalidKey>()("InvalidKey", {
  map: Schema.String,
  problem: Schema.String
}) {
  override get message() {
    return `the key is not of the schema of ${this.map}: ${this.problem}`
  }
}

/** The value is not of the map's schema. Nothing was written. */
export class InvalidValue extends Schema.TaggedError<InvalidValue>()("InvalidValue", {
  map: Schema.String,
  problem: Schema.String
}) {
  override get message() {
    return `the value is not of the schema of ${this.map}: ${this.problem}`
  }
}

/** Why something asked of a map could not be done. */
export const ReplicatedMapErrorReason = Schema.Union([InvalidKey, InvalidValue, ...ReplicaErrorReason.members])

/** @since 0.1.0 */
export type ReplicatedMapErrorReason = typeof ReplicatedMapErrorReason.Type

/** The failure of a map's operation. Its message is that of its reason. */
export class ReplicatedMapError extends Schema.TaggedError<ReplicatedMapError>()("ReplicatedMapError", {
  reason: ReplicatedMapErrorReason
}) {
  override get message() {
    return this.reason.message
  }
}

// -----------------------------------------------------------------------------
// internals
// -----------------------------------------------------------------------------

const because = ({ reason }: ReplicaError) => new ReplicatedMapError({ reason })
const wrong = (reason: InvalidOption) => new ReplicatedMapError({ reason })

const make = <K, V>(
  id: string,
  options: Options<Schema.Codec<K, unknown, never, never>, Schema.Codec<V, unknown, never, never>>
) =>
  Effect.gen(function*() {
    const replica = yield* Replica
    const limits = yield* Effect.mapError(checkLimits(options), wrong)
    const capacity = yield* Effect.mapError(
      integer("changesCapacity", options.changesCapacity ?? defaults.changesCapacity, {
        minimum: 1,
        maximum: 1_000_000
      }),
      wrong
    )
    const keys = codecOf(options.key)
    const values = codecOf(options.value)
    const locks = new KeyLocks()
    let space: Space | undefined

    const feeds = new Feeds<ReplicatedMapError>(
      capacity,
      {
        size: () => space?.size().keys ?? 0,
        *keys() {
          for (const { key } of space?.entries() ?? []) yield key
        }
      },
      () => replica.drop("ReplicaFeedLagged")
    )
    yield* Effect.addFinalizer(() => Effect.sync(() => feeds.end()))

    const opened = yield* Effect.mapError(
      replica.open(id, {
        kind: { _tag: "lww" },
        limits,
        store: yield* ReplicaStore,
        strategy: yield* Strategy,
        onChanges: (changes) => feeds.publish(changes),
        onRestart: () => feeds.renew()
      }),
      because
    )
    space = opened
    yield* endWithNode(replica.failure, feeds, because)

    // entries that were counted as invalid, by the bytes that the replica holds
    const counted = new WeakSet<Uint8Array>()
    const readable = ({ key, value }: Entry): Option.Option<readonly [K, V]> => {
      if (value === undefined) return Option.none()
      const decoded = Option.all([keys.decode(key), values.decode(value)])
      if (Option.isNone(decoded) && !counted.has(value)) {
        counted.add(value)
        replica.drop("InvalidEntry")
      }
      return decoded
    }
    const held = (key: Uint8Array): Option.Option<V> => {
      const entry = opened.read(key)
      return entry === undefined ? Option.none() : Option.map(readable(entry), ([, value]) => value)
    }

    const keyOf = (key: K) =>
      Effect.mapError(
        keys.encode(key),
        ({ message }) => new ReplicatedMapError({ reason: new InvalidKey({ map: id, problem: message }) })
      )
    const valueOf = (value: V) =>
      Effect.mapError(
        values.encode(value),
        ({ message }) => new ReplicatedMapError({ reason: new InvalidValue({ map: id, problem: message }) })
      )
    const write = (key: Uint8Array, value: Uint8Array | undefined): Effect.Effect<Version, ReplicatedMapError> =>
      // of a single write there is a version
      Effect.mapBoth(opened.write([{ key, value }]), { onFailure: because, onSuccess: (version) => version! })

    const read = (notes: ReadonlyArray<Note>): ReadonlyArray<Change<K, V>> =>
      notes.flatMap((note): ReadonlyArray<Change<K, V>> => {
        if (note._tag === "Lagged") return [note]
        const entry = opened.read(note.key)
        const shown = entry === undefined ? Option.none() : readable(entry)
        if (Option.isSome(shown) && entry?.version !== undefined) {
          const [key, value] = shown.value
          return [{ _tag: "Set", key, value, version: entry.version }]
        }
        // nothing can be read under the key, where there may have been something
        return Option.match(keys.decode(note.key), { onNone: () => [], onSome: (key) => [{ _tag: "Deleted", key }] })
      })

    const attributes = { map: id }
    return {
      get: (key) => Effect.map(keyOf(key), held),
      entries: Effect.gen(function*() {
        const decoded: Array<readonly [K, V]> = []
        let count = 0
        for (const entry of Array.from(opened.entries())) {
          // the node has others to serve meanwhile
          if (++count % decodedAtOnce === 0) yield* Effect.yieldNow
          const readably = readable(entry)
          if (Option.isSome(readably)) decoded.push(readably.value)
        }
        return decoded
      }),
      size: Effect.sync(() => opened.size().keys),
      // without a span, which would cost a quarter of what a write does
      set: Effect.fnUntraced(function*(key: K, value: V) {
        const keyBytes = yield* keyOf(key)
        return yield* locks.hold(toText(keyBytes))(write(keyBytes, yield* valueOf(value)))
      }),
      setAll: Effect.fn("ReplicatedMap.setAll", { attributes })(function*(entries: Iterable<readonly [K, V]>) {
        const writes: Array<{ readonly key: Uint8Array; readonly value: Uint8Array }> = []
        for (const [key, value] of entries) writes.push({ key: yield* keyOf(key), value: yield* valueOf(value) })
        if (writes.length === 0) return Option.none()
        const version = yield* locks.holdAll(writes.map(({ key }) => toText(key)))(
          Effect.mapError(opened.write(writes), because)
        )
        return Option.fromUndefinedOr(version)
      }),
      delete: Effect.fnUntraced(function*(key: K) {
        const bytes = yield* keyOf(key)
        return yield* locks.hold(toText(bytes))(write(bytes, undefined))
      }),
      update: Effect.fnUntraced(
        function*(key: K, f: (value: Option.Option<V>) => Option.Option<V>) {
          const bytes = yield* keyOf(key)
          return yield* locks.hold(toText(bytes))(Effect.gen(function*() {
            const before = held(bytes)
            const after = f(before)
            if (Option.isSome(after)) return Option.some(yield* write(bytes, yield* valueOf(after.value)))
            return Option.isSome(before) ? Option.some(yield* write(bytes, undefined)) : Option.none()
          }))
        }
      ),
      changes: ({ withPresent = false } = {}) =>
        toStream(feeds.opened(withPresent), (notes) => Effect.succeed(read(notes))),
      awaitStable: Effect.fn("ReplicatedMap.awaitStable", { attributes })(
        (version: Version, options: { readonly timeout: Duration.Input }) =>
          Effect.mapError(awaitStable(id, opened, version, options), because)
      ),
      progress: (version) => Stream.mapError(opened.progress(version), because)
    } satisfies ReplicatedMap<K, V>
  })

/** Entries that are decoded without letting others run: some milliseconds. */
const decodedAtOnce = 256

const codecOf = <A>(schema: Schema.Codec<A, unknown, never, never>) => {
  const codec = toCodec(schema) as unknown as Schema.Codec<A, Uint8Array>
  const encode = Schema.encodeEffect(codec)
  const decode = Schema.decodeUnknownOption(codec)
  return {
    // what is encoded lies in a buffer that is used again
    encode: (value: A) => Effect.map(encode(value), (bytes) => bytes.slice()),
    decode: (bytes: Uint8Array): Option.Option<A> => {
      try {
        return decode(bytes)
      } catch {
        // the schema's own functions may throw at what nobody would write
        return Option.none()
      }
    }
  }
}
