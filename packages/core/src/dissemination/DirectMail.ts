/**
 * Direct mail: the origin sends a rumor to every member that it knows, once.
 *
 * Demers et al. 1987 §1.2. Nothing spreads faster or with fewer messages, as long as a node can send to all and all are
 * known to it; what is lost on the way stays lost, but for anti-entropy of recent rumors, which a node does besides.
 *
 * @since 0.1.0
 */
import * as Config from "effect/Config"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { integer, millis } from "../internal/options.ts"
import type { InvalidOption } from "../Transport.ts"
import { defaultConfig, makeStrategy } from "./internal/directMail.ts"
import { Strategy } from "./Strategy.ts"

// -----------------------------------------------------------------------------
// options
// -----------------------------------------------------------------------------

/** How direct mail works. */
export interface Options {
  /** How many members are told at a time, so that no queue on the way overflows; 1 to 100,000. */
  readonly burst: number
  /** Time until the next are told; 1 ms to 1 h. */
  readonly roundInterval: Duration.Input
}

/** The defaults of {@link Options}: 512 members each 10 ms. */
export const defaults: Options = defaultConfig

const check = Effect.fnUntraced(function*(options: Options) {
  return {
    burst: yield* integer("burst", options.burst, { minimum: 1, maximum: 100_000 }),
    roundInterval: yield* millis("roundInterval", options.roundInterval, { minimum: 1, maximum: 60 * 60 * 1000 })
  }
})

// -----------------------------------------------------------------------------
// make
// -----------------------------------------------------------------------------

/** Direct mail with these options; those left out have their {@link defaults}. Fails with `InvalidOption`. */
export const make = (options: Partial<Options> = {}): Effect.Effect<Strategy, InvalidOption> =>
  Effect.map(check({ ...defaults, ...options }), makeStrategy)

// -----------------------------------------------------------------------------
// layers
// -----------------------------------------------------------------------------

/**
 * Has a node, or a topic, use direct mail with these options; those left out have their {@link defaults}. Fails with
 * `InvalidOption`.
 */
export const layer = (options: Partial<Options> = {}): Layer.Layer<never, InvalidOption> =>
  Layer.effect(Strategy, make(options))

/** {@link layer} with options read from `Config`. */
export const layerConfig = (
  options: Config.Wrap<Partial<Options>> = config
): Layer.Layer<never, InvalidOption | Config.ConfigError> => Layer.unwrap(Effect.map(Config.unwrap(options), layer))

/** Describes {@link Options} for `Config`: each has the name it has there, and its default. */
export const config: Config.Config<Options> = Config.all({
  burst: Config.Int("burst").pipe(Config.withDefault(defaults.burst)),
  roundInterval: Config.Duration("roundInterval").pipe(Config.withDefault(defaults.roundInterval))
})
