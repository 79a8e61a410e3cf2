/**
 * How replicas make certain that they hold the same: every so often each node compares what it holds with a peer's, and what
 * either lacks travels (Demers et al. 1987, §1.3).
 *
 * | mode       | entries travel                                                | a session that differs little |
 * | ---------- | ------------------------------------------------------------- | ----------------------------- |
 * | `push`     | from the node that compares to its peer                       | 1 message                     |
 * | `pull`     | from the peer to the node that compares                       | 2 messages                    |
 * | `pushPull` | both ways: the default                                        | 3 messages                    |
 *
 * What they find out about their differences with is a strategy of `Reconciliation`; `rateless` is the default, whose cost
 * goes with the difference alone. Replicas that are equal exchange a few bytes, whichever it is.
 *
 * With whom is for `PeerSelection` to say, which is provided to `Gossip.layer` as these layers are.
 *
 * **Example** (Comparing by hash trees, every 5 seconds)
 *
 * ```ts import.meta.vitest check
 * import { Gossip } from "@effect-gossip/core"
 * import { AntiEntropy } from "@effect-gossip/core/replication"
 * import { Layer } from "effect"
 *
 * const Node = Gossip.layer({ name: "a", seeds: ["10.0.0.1:7946"] }).pipe(
 *   Layer.provide(AntiEntropy.layer({ strategy: "merkle", interval: "5 seconds" }))
 * )
 * ```
 *
 * @since 0.1.0
 */
import * as Config from "effect/Config"
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { decode, millis } from "../internal/options.ts"
import type { InvalidOption } from "../Transport.ts"
import { Mode, Strategy } from "./Reconciliation.ts"
import { type AntiEntropy as Checked, defaults as machineDefaults } from "./ReplicaMachine.ts"

export type { Checked }

// -----------------------------------------------------------------------------
// options
// -----------------------------------------------------------------------------

/** How a node compares. */
export interface Options {
  /** Which way entries travel, as seen by the node that opens a session. */
  readonly mode: Mode
  /** How the difference is found. A node answers to each, whichever it uses itself. */
  readonly strategy: Strategy
  /** Time between comparisons with a peer; 10 ms to 1 h, 1 second by default. */
  readonly interval: Duration.Input
}

/** The defaults of {@link Options}. */
export const defaults: Options = machineDefaults.antiEntropy

const check = Effect.fnUntraced(function*(options: Options): Effect.fn.Return<Checked, InvalidOption> {
  return {
    mode: yield* decode("mode", Mode, options.mode),
    strategy: yield* decode("strategy", Strategy, options.strategy),
    interval: yield* millis("interval", options.interval, { minimum: 10, maximum: 3600 * 1000 })
  }
})

/** How a node compares what it replicates with its peers. */
export const AntiEntropy = Context.Reference<Checked>(
  "@effect-gossip/core/replication/AntiEntropy",
  { defaultValue: () => machineDefaults.antiEntropy }
)

// -----------------------------------------------------------------------------
// layers
// -----------------------------------------------------------------------------

/** Has a node compare with these options; those left out have their {@link defaults}. Fails with `InvalidOption`. */
export const layer = (options: Partial<Options> = {}): Layer.Layer<never, InvalidOption> =>
  Layer.effect(AntiEntropy, check({ ...defaults, ...options }))

/** What a node has goes to its peer. */
export const layerPush = (options: Partial<Omit<Options, "mode">> = {}) => layer({ ...options, mode: "push" })

/** What a peer has comes to the node. */
export const layerPull = (options: Partial<Omit<Options, "mode">> = {}) => layer({ ...options, mode: "pull" })

/** Both at once. */
export const layerPushPull = (options: Partial<Omit<Options, "mode">> = {}) => layer({ ...options, mode: "pushPull" })

/** {@link layer} with options read from `Config`. */
export const layerConfig = (
  options: Config.Wrap<Partial<Options>> = config
): Layer.Layer<never, InvalidOption | Config.ConfigError> => Layer.unwrap(Effect.map(Config.unwrap(options), layer))

/** Describes {@link Options} for `Config`: each has the name it has there, and its default. */
export const config: Config.Config<Options> = Config.all({
  mode: Config.Literals(["push", "pull", "pushPull"], "mode").pipe(Config.withDefault(defaults.mode)),
  strategy: Config.Literals(["digest", "checksum", "merkle", "rateless"], "strategy").pipe(
    Config.withDefault(defaults.strategy)
  ),
  interval: Config.Duration("interval").pipe(Config.withDefault(defaults.interval))
})
