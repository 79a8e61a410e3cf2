/**
 * The disk of one simulated node: a `KeyValueStore` that outlives the node's processes, is slow or fails when told to,
 * and loses or keeps what is being written when a process ends. All it decides at random it draws from a seed.
 *
 * A write that has succeeded is on the disk, and no crash takes it away. One that is under way when its process ends is
 * done or lost, never half; so is `clear`, however many entries it removes. Whatever a process still tries afterwards
 * fails and changes nothing.
 *
 * **Example** (A process that comes back to what it wrote)
 *
 * ```ts import.meta.vitest
 * import { SimulatedDisk, VirtualTime } from "@effect-gossip/testkit"
 * import { Effect } from "effect"
 * import { KeyValueStore } from "effect/persistence"
 *
 * const program = Effect.gen(function*() {
 *   const disk = yield* SimulatedDisk.make({ seed: 1 })
 *   const start = Effect.gen(function*() {
 *     const store = yield* KeyValueStore.KeyValueStore
 *     const starts = Number((yield* store.get("starts")) ?? 0) + 1
 *     yield* store.set("starts", String(starts))
 *     return starts
 *   }).pipe(Effect.provide(disk.layer))
 *   yield* start
 *   return yield* start
 * })
 *
 * VirtualTime.runUnsafe(Effect.scoped(program)) // => 2
 * ```
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Base64 from "effect/encoding/Base64"
import * as Layer from "effect/Layer"
import * as KeyValueStore from "effect/persistence/KeyValueStore"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as SplitRandom from "./internal/splitRandom.ts"
import * as Timing from "./internal/timing.ts"
import * as Latency from "./Latency.ts"

// -----------------------------------------------------------------------------
// model
// -----------------------------------------------------------------------------

/** What a disk is made with. */
export interface Options {
  /** All randomness of the disk comes from it. Default: {@link defaults}. */
  readonly seed?: string | number | undefined
  /** What errors call it; another name draws otherwise from the same seed. Default: {@link defaults}. */
  readonly name?: string | undefined
}

/** How a disk misbehaves. Probabilities are from 0 to 1. */
export interface Faults {
  /** How likely a write (`set`, `remove`, `clear`) fails; it is then not done. */
  readonly writeFailures: number
  /** How likely a read (`get`, `size`, `keys`) fails. */
  readonly readFailures: number
  /** How long each read and write takes. Those that overlap take effect in the order in which they end. */
  readonly latency: Latency.Input
  /** Whether no space is left: `set` fails, while what removes succeeds. */
  readonly full: boolean
}

/** The defaults of {@link Options} and {@link Faults}: seed 0; a disk that takes no time and never fails. */
export const defaults: { readonly seed: string | number; readonly name: string; readonly faults: Faults } = {
  seed: 0,
  name: "disk",
  faults: { writeFailures: 0, readFailures: 0, latency: 0, full: false }
}

/** What a disk has done so far. */
export interface Counters {
  /** Reads that began. */
  readonly reads: number
  /** Writes that began. */
  readonly writes: number
  /** Reads that failed, other than by the end of their process. */
  readonly failedReads: number
  /** Writes that failed, other than by the end of their process. */
  readonly failedWrites: number
  /** Writes that were under way when their process ended, and are lost. */
  readonly lostWrites: number
  /** Writes that were under way when their process ended, and are done. */
  readonly savedWrites: number
}

/** The disk of a node. */
export interface SimulatedDisk {
  /**
   * Gives the disk to a process, which lives as long as the scope: when that closes, what it has under way fails with a
   * `KeyValueStoreError`, as does all it tries later.
   */
  readonly open: Effect.Effect<Context.Context<KeyValueStore.KeyValueStore>, never, Scope.Scope>

  /** Provides the store to a process: {@link SimulatedDisk.open} as a layer. Each time it is built is another process. */
  readonly layer: Layer.Layer<KeyValueStore.KeyValueStore>

  /** What is on the disk now, for a test to look at; faults do not apply and nothing is counted. */
  readonly entries: () => ReadonlyMap<string, string | Uint8Array>

  /** Sets how the disk misbehaves from now on. What is left out is as in {@link defaults}. Fails with `InvalidFaults`. */
  readonly setFaults: (faults: Partial<Faults>) => Effect.Effect<void, SimulatedDiskError>

  /** Like `setFaults`, at once; throws what that fails with. */
  readonly setFaultsUnsafe: (faults: Partial<Faults>) => void

  /** Ends all faults. */
  readonly resetFaults: Effect.Effect<void>

  /** Ends all processes that have the disk, as closing their scopes does. */
  readonly crash: Effect.Effect<void>

  /** Like `crash`, at once. */
  readonly crashUnsafe: () => void

  /** Loses everything, as a new disk in its place. What is under way goes on. */
  readonly wipe: Effect.Effect<void>

  /** Like `wipe`, at once. */
  readonly wipeUnsafe: () => void

  readonly counters: () => Counters
}

// -----------------------------------------------------------------------------
// constructors
// -----------------------------------------------------------------------------

/**
 * Makes an empty disk. It keeps the time of the `Clock` (or of `VirtualTime`) it is made with, not that of the nodes that
 * use it, whose clocks may be wrong.
 */
export const make = (options?: Options): Effect.Effect<SimulatedDisk, never, Scope.Scope> =>
  Effect.map(Timing.make, (timing) => {
    const name = options?.name ?? defaults.name
    return new Disk(name, `${options?.seed ?? defaults.seed}/${name}`, timing)
  })

// -----------------------------------------------------------------------------
// layers
// -----------------------------------------------------------------------------

/** Provides a store on an empty disk of its own, which lasts as long as the layer. */
export const layer = (options?: Options): Layer.Layer<KeyValueStore.KeyValueStore> =>
  Layer.effectContext(Effect.flatMap(make(options), (disk) => disk.open))

// -----------------------------------------------------------------------------
// errors
// -----------------------------------------------------------------------------

/** A disk cannot misbehave so. Nothing was changed. */
export class InvalidFaults extends Schema.TaggedError<InvalidFaults>()("InvalidFaults", {
  option: Schema.String,
  problem: Schema.String
}) {
  override get message() {
    return `disk fault ${this.option}: ${this.problem}`
  }
}

/** Why a simulated disk could not be told something. What reads and writes fail with is a `KeyValueStoreError`. */
export const SimulatedDiskErrorReason = Schema.Union([InvalidFaults])

/** @since 0.1.0 */
export type SimulatedDiskErrorReason = typeof SimulatedDiskErrorReason.Type

/** The failure of a simulated disk. Its message is that of its reason. */
export class SimulatedDiskError extends Schema.TaggedError<SimulatedDiskError>()("SimulatedDiskError", {
  reason: SimulatedDiskErrorReason
}) {
  override get message() {
    return this.reason.message
  }
}

// -----------------------------------------------------------------------------
// internals: faults
// -----------------------------------------------------------------------------

interface CompiledFaults {
  readonly writeFailures: number
  readonly readFailures: number
  readonly latency: Latency.Sampler
  readonly full: boolean
}

const compile = (options: Partial<Faults>): Result.Result<CompiledFaults, SimulatedDiskError> => {
  const faults = { ...defaults.faults, ...options }
  const invalid = (option: keyof Faults, problem: string) =>
    Result.fail(new SimulatedDiskError({ reason: new InvalidFaults({ option, problem }) }))
  for (const option of ["writeFailures", "readFailures"] as const) {
    const value = faults[option]
    if (!(value >= 0 && value <= 1)) return invalid(option, `expected a probability from 0 to 1, received ${value}`)
  }
  const latency = Latency.sampler(faults.latency)
  if (Result.isFailure(latency)) return invalid("latency", latency.failure)
  return Result.succeed({ ...faults, latency: latency.success })
}

const noFaults = Result.getOrThrow(compile({}))

// -----------------------------------------------------------------------------
// internals: the disk
// -----------------------------------------------------------------------------

type Value = string | Uint8Array

interface Operation<A> {
  readonly kind: "read" | "write"
  readonly method: string
  readonly key?: string | undefined
  /** Whether it takes space. */
  readonly grows?: boolean
  readonly run: () => A
}

/** A process that has the disk. */
interface Process {
  isAlive: boolean
  /** Ends what is under way, in the order in which it began. */
  readonly pending: Set<() => void>
}

class Disk implements SimulatedDisk {
  private readonly values = new Map<string, Value>()
  private readonly processes = new Set<Process>()
  private readonly counts = { reads: 0, writes: 0, failedReads: 0, failedWrites: 0, lostWrites: 0, savedWrites: 0 }
  private faults = noFaults
  private readonly name: string
  private readonly timing: Timing.Timing
  // One stream for each decision, so that one that is added leaves the others as they were.
  private readonly readFailures
  private readonly writeFailures
  private readonly readLatency
  private readonly writeLatency
  private readonly crashes

  constructor(name: string, seed: string, timing: Timing.Timing) {
    this.name = name
    this.timing = timing
    this.readFailures = SplitRandom.make(`${seed}/readFailures`)
    this.writeFailures = SplitRandom.make(`${seed}/writeFailures`)
    this.readLatency = SplitRandom.make(`${seed}/readLatency`)
    this.writeLatency = SplitRandom.make(`${seed}/writeLatency`)
    this.crashes = SplitRandom.make(`${seed}/crashes`)
  }

  // ---------------------------------------------------------------------------
  // service
  // ---------------------------------------------------------------------------

  readonly open = Effect.acquireRelease(
    Effect.sync((): Process => {
      const process = { isAlive: true, pending: new Set<() => void>() }
      this.processes.add(process)
      return process
    }),
    (process) => Effect.sync(() => this.end(process))
  ).pipe(
    Effect.map((process) => Context.make(KeyValueStore.KeyValueStore, this.storeOf(process)))
  )

  readonly layer = Layer.fresh(Layer.effectContext(this.open))

  readonly entries = () => new Map(Array.from(this.values, ([key, value]) => [key, copy(value)]))

  readonly setFaults = (faults: Partial<Faults>) =>
    Effect.suspend(() => Effect.fromResult(Result.map(compile(faults), (compiled) => void (this.faults = compiled))))

  readonly setFaultsUnsafe = (faults: Partial<Faults>) => {
    this.faults = Result.getOrThrow(compile(faults))
  }

  readonly resetFaults = Effect.sync(() => void (this.faults = noFaults))

  readonly crashUnsafe = () => {
    for (const process of Array.from(this.processes)) this.end(process)
  }

  readonly crash = Effect.sync(() => this.crashUnsafe())

  readonly wipeUnsafe = () => this.values.clear()

  readonly wipe = Effect.sync(() => this.wipeUnsafe())

  readonly counters = () => ({ ...this.counts })

  // ---------------------------------------------------------------------------
  // store
  // ---------------------------------------------------------------------------

  private storeOf(process: Process): KeyValueStore.KeyValueStore {
    const read = <A>(method: string, key: string | undefined, run: () => A) =>
      this.operate(process, { kind: "read", method, key, run })
    const write = (method: string, key: string | undefined, run: () => void) =>
      this.operate(process, { kind: "write", method, key, run })
    return KeyValueStore.make({
      get: (key) => read("get", key, () => toText(this.values.get(key))),
      getUint8Array: (key) => read("getUint8Array", key, () => toBytes(this.values.get(key))),
      set: (key, value) =>
        Effect.suspend(() => {
          // as it is now, whatever its owner does to it while it is being written
          const written = copy(value)
          return this.operate(process, {
            kind: "write",
            method: "set",
            key,
            grows: true,
            run: () => void this.values.set(key, written)
          })
        }),
      remove: (key) => write("remove", key, () => void this.values.delete(key)),
      clear: write("clear", undefined, () => this.values.clear()),
      clearPrefix: (prefix) =>
        write("clearPrefix", undefined, () => {
          for (const key of this.values.keys()) if (key.startsWith(prefix)) this.values.delete(key)
        }),
      has: (key) => read("has", key, () => this.values.has(key)),
      size: read("size", undefined, () => this.values.size),
      keys: read("keys", undefined, () => Array.from(this.values.keys()))
    })
  }

  private operate<A>(process: Process, operation: Operation<A>): Effect.Effect<A, KeyValueStore.KeyValueStoreError> {
    return Effect.suspend(() => {
      if (!process.isAlive) return Effect.fail(this.error(operation, hasEnded))
      const isRead = operation.kind === "read"
      this.counts[isRead ? "reads" : "writes"]++
      // Drawn whether it is needed or not: one that fails leaves the latencies of others as they were.
      const latency = this.faults.latency(isRead ? this.readLatency : this.writeLatency)
      const problem = this.problemOf(operation)
      const settle = (): Effect.Effect<A, KeyValueStore.KeyValueStoreError> => {
        if (problem === undefined) return Effect.succeed(operation.run())
        this.counts[isRead ? "failedReads" : "failedWrites"]++
        return Effect.fail(this.error(operation, problem))
      }
      if (latency === 0) return settle()
      // No finalizer: what was handed to a disk is done, whether anyone still waits for it or not.
      return Effect.callback((resume) => {
        const timer = this.timing.schedule(latency, () => {
          process.pending.delete(end)
          resume(settle())
        })
        const end = () => {
          timer.cancel()
          if (!isRead && problem === undefined) this.decide(operation)
          resume(Effect.fail(this.error(operation, hasEnded)))
        }
        process.pending.add(end)
      })
    })
  }

  private problemOf({ grows, kind }: Operation<unknown>): string | undefined {
    const { full, readFailures, writeFailures } = this.faults
    const fails = kind === "read"
      ? readFailures > 0 && this.readFailures.nextDoubleUnsafe() < readFailures
      : writeFailures > 0 && this.writeFailures.nextDoubleUnsafe() < writeFailures
    if (fails) return `${this.name} failed`
    return full && grows === true ? `no space is left on ${this.name}` : undefined
  }

  // What becomes of a write whose process has ended before it.
  private decide(write: Operation<unknown>): void {
    if (this.crashes.nextDoubleUnsafe() < 0.5) {
      this.counts.lostWrites++
    } else {
      this.counts.savedWrites++
      write.run()
    }
  }

  private end(process: Process): void {
    if (!process.isAlive) return
    process.isAlive = false
    this.processes.delete(process)
    for (const end of process.pending) end()
    process.pending.clear()
  }

  private error({ key, method }: Operation<unknown>, problem: string): KeyValueStore.KeyValueStoreError {
    return new KeyValueStore.KeyValueStoreError({
      method,
      ...(key === undefined ? undefined : { key }),
      message: `Unable to ${method}${key === undefined ? "" : ` item with key ${key}`}: ${problem}`
    })
  }
}

const hasEnded = "the process that had the disk has ended, as in a crash"

const encoder = new TextEncoder()

// Not `slice`, which on a Node Buffer is a view of the same bytes.
const copy = (value: Value): Value => typeof value === "string" ? value : new Uint8Array(value)

// Text as bytes and bytes as text are what Effect's own store in memory makes of them.
const toText = (value: Value | undefined): string | undefined =>
  value === undefined || typeof value === "string" ? value : Base64.encode(value)

const toBytes = (value: Value | undefined): Uint8Array | undefined =>
  typeof value === "string" ? encoder.encode(value) : value && new Uint8Array(value)
