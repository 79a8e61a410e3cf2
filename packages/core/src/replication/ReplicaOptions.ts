/**
 * How a node keeps what it replicates: for how long deletes are remembered, and how far a clock may be wrong.
 *
 * **Example** (A cluster whose nodes may be away for a week)
 *
 * ```ts import.meta.vitest check
 * import { Gossip } from "@effect-gossip/core"
 * import { ReplicaOptions } from "@effect-gossip/core/replication"
 * import { Layer } from "effect"
 *
 * const Node = Gossip.layer({ name: "a", seeds: ["10.0.0.1:7946"] }).pipe(
 *   Layer.provide(ReplicaOptions.layer({ retention: "7 days" }))
 * )
 * ```
 *
 * @since 0.1.0
 */
import * as Config from "effect/Config"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { integer, millis } from "../internal/options.ts"
import type { InvalidOption } from "../Transport.ts"
import { defaults as machineDefaults } from "./ReplicaMachine.ts"

// -----------------------------------------------------------------------------
// options
// -----------------------------------------------------------------------------

/** How a node keeps what it replicates. All nodes of a cluster should have the same. */
export interface Options {
  /**
   * How long a delete is remembered when a member that is away may not have it, and for how long such a member counts. One
   * that comes back later drops what was deleted meanwhile. 1 s to 365 days, 24 hours by default.
   */
  readonly retention: Duration.Input
  /**
   * How far ahead of this node's wall clock a write of another may be; what is further ahead is refused until it is not, and
   * told by name. 1 ms to 1 h, 1 minute by default.
   */
  readonly maxClockSkew: Duration.Input
  /**
   * Time between the reports of a node by which it becomes known who has what, while somebody waits for a write to be
   * everywhere or deletes are remembered. 10 ms to 1 min, 250 ms by default.
   */
  readonly stabilityInterval: Duration.Input
  /** For how long writes wait for each other, to spread together; the first goes at once. 0 to 1 s, 20 ms by default. */
  readonly batchInterval: Duration.Input
  /** Most bytes of a question or answer when nodes compare; 16 KiB to 4 MiB, and no more than exchanges carry. 512 KiB by default. */
  readonly maxChunk: number
}

/** The defaults of {@link Options}. */
export const defaults: Options = {
  retention: machineDefaults.retention,
  maxClockSkew: machineDefaults.maxClockSkew,
  stabilityInterval: machineDefaults.stabilityInterval,
  batchInterval: machineDefaults.batchInterval,
  maxChunk: machineDefaults.maxChunk
}

/** {@link Options} that were checked, with times in milliseconds. */
export interface Checked {
  readonly retention: number
  readonly maxClockSkew: number
  readonly stabilityInterval: number
  readonly batchInterval: number
  readonly maxChunk: number
}

const hour = 3600 * 1000
const kibibyte = 1024

const check = Effect.fnUntraced(function*(options: Options): Effect.fn.Return<Checked, InvalidOption> {
  return {
    retention: yield* millis("retention", options.retention, { minimum: 1000, maximum: 365 * 24 * hour }),
    maxClockSkew: yield* millis("maxClockSkew", options.maxClockSkew, { minimum: 1, maximum: hour }),
    stabilityInterval: yield* millis("stabilityInterval", options.stabilityInterval, { minimum: 10, maximum: 60_000 }),
    batchInterval: yield* millis("batchInterval", options.batchInterval, { minimum: 0, maximum: 1000 }),
    maxChunk: yield* integer("maxChunk", options.maxChunk, { minimum: 16 * kibibyte, maximum: 4 * kibibyte * kibibyte })
  }
})

const checkedDefaults: Checked = {
  retention: machineDefaults.retention,
  maxClockSkew: machineDefaults.maxClockSkew,
  stabilityInterval: machineDefaults.stabilityInterval,
  batchInterval: machineDefaults.batchInterval,
  maxChunk: machineDefaults.maxChunk
}

/** What a node's replica is told. */
export const ReplicaOptions = Context.Reference<Checked>(
  "@effect-gossip/core/replication/ReplicaOptions",
  { defaultValue: () => checkedDefaults }
)

// -----------------------------------------------------------------------------
// layers
// -----------------------------------------------------------------------------

/** Has a node replicate with these options; those left out have their {@link defaults}. Fails with `InvalidOption`. */
export const layer = (options: Partial<Options> = {}): Layer.Layer<never, InvalidOption> =>
  Layer.effect(ReplicaOptions, check({ ...defaults, ...options }))

/** {@link layer} with options read from `Config`. */
export const layerConfig = (
  options: Config.Wrap<Partial<Options>> = config
): Layer.Layer<never, InvalidOption | Config.ConfigError> => Layer.unwrap(Effect.map(Config.unwrap(options), layer))

const duration = (name: "retention" | "maxClockSkew" | "stabilityInterval" | "batchInterval") =>
  Config.Duration(name).pipe(Config.withDefault(Duration.fromInputUnsafe(defaults[name])))

/** Describes {@link Options} for `Config`: each has the name it has there, and its default. */
export const config: Config.Config<Options> = Config.all({
  retention: duration("retention"),
  maxClockSkew: duration("maxClockSkew"),
  stabilityInterval: duration("stabilityInterval"),
  batchInterval: duration("batchInterval"),
  maxChunk: Config.Int("maxChunk").pipe(Config.withDefault(defaults.maxChunk))
})
