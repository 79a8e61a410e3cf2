/**
 * Where a node keeps what it replicates, so that what it acknowledged is there after it was killed.
 *
 * | layer                     | acknowledged writes survive                                        | for                        |
 * | ------------------------- | ------------------------------------------------------------------ | -------------------------- |
 * | `layerMemory`, by default | nothing: a restarted node fetches all from its peers               | data that peers hold       |
 * | `layerFileSystem`         | `SIGKILL`, and the loss of power                                   | any size                   |
 * | `layerKeyValueStore`      | what the `KeyValueStore` makes its `set` survive: see there        | up to some thousand keys   |
 *
 * **Example** (A node that keeps what it holds in a directory)
 *
 * ```ts import.meta.vitest check
 * import { Gossip } from "@effect-gossip/core"
 * import { ReplicaStore } from "@effect-gossip/core/replication"
 * import { NodeServices } from "@effect/platform-node"
 * import { Layer } from "effect"
 *
 * const Node = Gossip.layer({ name: "a", seeds: ["10.0.0.1:7946"] }).pipe(
 *   Layer.provide(ReplicaStore.layerFileSystem({ directory: "/var/lib/app/replica" })),
 *   Layer.provide(NodeServices.layer)
 * )
 * ```
 *
 * The durable stores write a log: each commit is one record with a checksum, and now and then a snapshot of all takes the
 * place of the log before it, written beside it while commits go on. What was being written when the process died is left
 * out, as it was never acknowledged, and is reported as a {@link Loss} at the tail. Anything else that cannot be read is
 * damage: the store then does not open, and says which piece is damaged, or, where `onDamage` is `"recover"`, takes what
 * is whole, reports the rest, and sets the damaged piece aside.
 *
 * A store keeps a copy of each record in memory, beside what the replica holds. One directory, or prefix, is one
 * node's alone. Of two processes that write a directory one is told by the failure of its commits; two that write a prefix
 * of a `KeyValueStore` lose what they have acknowledged.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as Path from "effect/Path"
import { KeyValueStore } from "effect/persistence/KeyValueStore"
import type { PlatformError } from "effect/PlatformError"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import { fromText } from "./internal/crdt/bytes.ts"
import * as fileMedium from "./internal/service/fileMedium.ts"
import { type Compaction, type Medium, open as openJournal } from "./internal/service/journal.ts"
import * as keyValueMedium from "./internal/service/keyValueMedium.ts"
import type { Batch } from "./internal/store/batches.ts"

export type {
  /** What is committed together: entries that are put, keys that are removed, and the space's meta, if it changes. */
  Batch
}

// -----------------------------------------------------------------------------
// model
// -----------------------------------------------------------------------------

/** Something that could not be read when a space was opened. */
export const Loss = Schema.Struct({
  /** The file, or the key. */
  piece: Schema.String,
  problem: Schema.String,
  /**
   * Whether it is at the end of what was written, as an unfinished commit is: what was recovered is then what the space
   * held before it.
   */
  isTail: Schema.Boolean
})

/** @since 0.1.0 */
export type Loss = typeof Loss.Type

/** What a store holds of a space. */
export interface Recovered {
  readonly entries: Iterable<readonly [key: Uint8Array, record: Uint8Array]>
  /** Undefined for a space that was never written, or whose meta is lost. */
  readonly meta: Uint8Array | undefined
  /** What could not be read when it was opened. */
  readonly losses: ReadonlyArray<Loss>
  /**
   * Whether this is all that there was at one time. If not, commits are missing before others that are there, and the meta may
   * speak of what is not: until another is committed, in this process or a later one.
   */
  readonly isConsistent: boolean
}

/** A replicated map or CRDT, as it is stored. */
export interface SpaceStore {
  /** What has been committed, in this process and before. */
  readonly load: Effect.Effect<Recovered>
  /**
   * Writes all of a batch, or nothing: when it returns the batch is there to stay. A batch names each key once. One that
   * fails was not written, as far as one can know, and may be tried again. Commits wait for each other.
   */
  readonly commit: (batch: Batch) => Effect.Effect<void, ReplicaStoreError>
}

/** A place for what a node replicates. */
export interface Store {
  /** Whether anything outlives the process. If not, nobody waits for commits. */
  readonly isDurable: boolean
  /** Opens a space until the scope closes. Fails with `StoreDamaged`, or `StoreFailed`. */
  readonly open: (space: string) => Effect.Effect<SpaceStore, ReplicaStoreError, Scope.Scope>
}

// -----------------------------------------------------------------------------
// errors
// -----------------------------------------------------------------------------

/** The store could not be read or written. */
export class StoreFailed extends Schema.TaggedError<StoreFailed>()("StoreFailed", {
  space: Schema.String,
  operation: Schema.Literals(["open", "commit"]),
  cause: Schema.Defect()
}) {
  override get message() {
    const problem = this.cause instanceof Error ? this.cause.message : String(this.cause)
    return `the store of ${this.space} failed to ${this.operation}: ${problem}`
  }
}

/** What is stored was changed, cut off, or is missing in part. Nothing was changed by the attempt to open it. */
export class StoreDamaged extends Schema.TaggedError<StoreDamaged>()("StoreDamaged", {
  space: Schema.String,
  losses: Schema.Array(Loss)
}) {
  override get message() {
    const losses = this.losses.map(({ piece, problem }) => `${piece}: ${problem}`).join("; ")
    return `what is stored of ${this.space} is damaged (${losses}): restore it, or open it with onDamage: "recover" to go on with what is whole`
  }
}

/** Why a store could not do what it was asked. */
export const ReplicaStoreErrorReason = Schema.Union([StoreFailed, StoreDamaged])

/** @since 0.1.0 */
export type ReplicaStoreErrorReason = typeof ReplicaStoreErrorReason.Type

/** The failure of a store. Its message is that of its reason. */
export class ReplicaStoreError extends Schema.TaggedError<ReplicaStoreError>()("ReplicaStoreError", {
  reason: ReplicaStoreErrorReason
}) {
  override get message() {
    return this.reason.message
  }
}

// -----------------------------------------------------------------------------
// service
// -----------------------------------------------------------------------------

const nothing: Recovered = { entries: [], meta: undefined, losses: [], isConsistent: true }

/** Keeps nothing beyond the process. */
export const memory: Store = {
  isDurable: false,
  open: () => Effect.succeed({ load: Effect.succeed(nothing), commit: () => Effect.void })
}

/**
 * Where a node keeps what it replicates. Without one that is in memory alone. One that is provided to the layer of a map or
 * a CRDT is its own, whatever the node's is.
 */
export const ReplicaStore = Context.Reference<Store | undefined>(
  "@effect-gossip/core/replication/ReplicaStore",
  { defaultValue: () => undefined }
)

// -----------------------------------------------------------------------------
// options
// -----------------------------------------------------------------------------

/** What the durable stores have in common. */
export interface Options {
  /**
   * What to do where pieces are damaged or missing, other than at the tail: `fail` with `StoreDamaged`, which is the
   * default, or `recover` what is whole and go on, with a warning in the log. Commits that are lost come back from peers, if
   * any has them.
   */
  readonly onDamage?: "fail" | "recover" | undefined
}

/** Options of {@link layerFileSystem}. */
export interface FileSystemOptions extends Options {
  /** Is made if it is not there. */
  readonly directory: string
  /**
   * Whether each commit is flushed to the disk before it is acknowledged: true by default. Without, what is acknowledged
   * survives `SIGKILL`, and what was acknowledged within the last seconds may be lost with the power.
   */
  readonly isFlushed?: boolean | undefined
}

/** Options of {@link layerKeyValueStore}. */
export interface KeyValueStoreOptions extends Options {
  /** What the keys begin with: `replica/` by default. */
  readonly prefix?: string | undefined
}

/** The defaults of the options. */
export const defaults = {
  onDamage: "fail",
  isFlushed: true,
  prefix: "replica/"
} as const satisfies Partial<FileSystemOptions & KeyValueStoreOptions>

// -----------------------------------------------------------------------------
// layers
// -----------------------------------------------------------------------------

/** Keeps nothing beyond the process. */
export const layerMemory: Layer.Layer<never> = Layer.succeed(ReplicaStore, memory)

/** A log of files: see {@link Compaction}. */
const files: Compaction = { minLog: 1024 * 1024, batchCost: 0 }

/**
 * Keeps a log and a snapshot of each space in files of a directory, by Effect's `FileSystem`. A commit is one write at the
 * end of the log, and one flush.
 */
export const layerFileSystem = (
  options: FileSystemOptions
): Layer.Layer<never, PlatformError, FileSystem.FileSystem | Path.Path> =>
  Layer.effect(
    ReplicaStore,
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const path = yield* Path.Path
      const { directory, isFlushed = defaults.isFlushed } = options
      yield* fs.makeDirectory(directory, { recursive: true })
      return make(options, files, (space) => fileMedium.make(space, { directory, fs, isFlushed, path }))
    })
  )

/** A file each costs about a block of the disk. */
const keyValues: Compaction = { minLog: 256 * 1024, batchCost: 4096 }

/**
 * Keeps each commit under a key of its own in Effect's `KeyValueStore`, and now and then a snapshot in their place.
 *
 * It asks two things of the `KeyValueStore`: what `set` wrote is there once it has returned, and values do not mingle. Whether
 * it writes a value as a whole does not matter, since a torn one is found out. Effect's `layerFileSystem` does not flush:
 * what it wrote survives `SIGKILL`, and not the loss of power. Its `layerSql` keeps what its database does; of MySQL its column
 * is too small.
 *
 * A key that is removed behind the store's back is noticed, unless it is that of the last commit.
 */
export const layerKeyValueStore = (options: KeyValueStoreOptions = {}): Layer.Layer<never, never, KeyValueStore> =>
  Layer.effect(
    ReplicaStore,
    Effect.map(
      KeyValueStore,
      (store) =>
        make(
          options,
          keyValues,
          (space) => Effect.succeed(keyValueMedium.make(space, options.prefix ?? defaults.prefix, store))
        )
    )
  )

// -----------------------------------------------------------------------------
// internals
// -----------------------------------------------------------------------------

const make = <E>(
  { onDamage = defaults.onDamage }: Options,
  compaction: Compaction,
  mediumOf: (space: string) => Effect.Effect<Medium<E>, never, Scope.Scope>
): Store => ({
  isDurable: true,
  open: Effect.fn("ReplicaStore.open")(function*(space) {
    const because = (operation: "open" | "commit") => (cause: unknown) =>
      cause instanceof ReplicaStoreError
        ? cause
        : new ReplicaStoreError({ reason: new StoreFailed({ space, operation, cause }) })
    const medium = yield* mediumOf(space)
    const journal = yield* openJournal<E | ReplicaStoreError>(space, medium, compaction, (losses) =>
      onDamage === "fail"
        ? Effect.fail(new ReplicaStoreError({ reason: new StoreDamaged({ space, losses }) }))
        : Effect.void).pipe(Effect.mapError(because("open")))
    const { losses } = journal
    for (const { isTail, piece, problem } of losses) {
      const text = `${piece}, of what is stored of ${space}: ${problem}`
      // which of the two it was cannot be told
      yield* Effect.logWarning(isTail ? `${text}. A commit was not finished, or the file was cut off since` : text)
    }
    return {
      load: Effect.map(journal.contents, ({ entries, isDamaged, meta }) => ({
        entries: {
          *[Symbol.iterator]() {
            for (const [key, record] of entries) yield [fromText(key), record] as const
          }
        },
        meta,
        losses,
        isConsistent: !isDamaged
      })),
      commit: (batch) => Effect.mapError(journal.commit(batch), because("commit"))
    } satisfies SpaceStore
  })
})
