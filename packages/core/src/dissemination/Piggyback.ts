/**
 * Rumors that ride on datagrams, each a limited number of times: what memberlist does with user messages, and Swim with
 * claims.
 *
 * A rumor fills up the datagrams that leave a node anyway, whatever for, and those of gossip: `gossipNodes` peers each
 * `gossipInterval`, while there is something to tell. The one sent least goes first, and after
 * `retransmitMultiplier · ceil(log10(n + 1))` times a rumor goes no more. Nobody says what it knows already, so each is told
 * a rumor some eight times in a cluster of tens, and one in some thousands is not told at all: anti-entropy makes up for
 * it.
 *
 * It costs no datagrams of its own where others leave often enough (`gossipNodes: 0`), and suits what is small and rare.
 *
 * @since 0.1.0
 */
import * as Config from "effect/Config"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import { decode, integer, millis } from "../internal/options.ts"
import type { InvalidOption } from "../Transport.ts"
import { makeStrategy } from "./internal/piggyback.ts"
import { Strategy } from "./Strategy.ts"

// -----------------------------------------------------------------------------
// options
// -----------------------------------------------------------------------------

/** How rumors ride. */
export interface Options {
  /** Time between rounds of gossip, while there is something to tell; 10 ms to 1 h. */
  readonly gossipInterval: Duration.Input
  /**
   * Peers told in a round of gossip, 0 to 100. With 0 a rumor rides on what else is sent and on nothing more: in a cluster
   * at rest with Swim on some four datagrams a second. One that fits no datagram then waits for anti-entropy.
   */
  readonly gossipNodes: number
  /** Each rumor is sent `retransmitMultiplier · ceil(log10(n + 1))` times; 1 to 100. */
  readonly retransmitMultiplier: number
  /** Whether peers are told as soon as a rumor is heard, and not only in the next round as with memberlist. */
  readonly eager: boolean
}

/** memberlist's `DefaultLANConfig`, but eager. */
export const defaults: Options = {
  gossipInterval: "200 millis",
  gossipNodes: 3,
  retransmitMultiplier: 4,
  eager: true
}

const hour = 60 * 60 * 1000

const check = Effect.fnUntraced(function*(options: Options) {
  return {
    gossipInterval: yield* millis("gossipInterval", options.gossipInterval, { minimum: 10, maximum: hour }),
    gossipNodes: yield* integer("gossipNodes", options.gossipNodes, { minimum: 0, maximum: 100 }),
    retransmitMultiplier: yield* integer("retransmitMultiplier", options.retransmitMultiplier, {
      minimum: 1,
      maximum: 100
    }),
    eager: yield* decode("eager", Schema.Boolean, options.eager)
  }
})

// -----------------------------------------------------------------------------
// make
// -----------------------------------------------------------------------------

/** Piggybacking with these options; those left out have their {@link defaults}. Fails with `InvalidOption`. */
export const make = (options: Partial<Options> = {}): Effect.Effect<Strategy, InvalidOption> =>
  Effect.map(check({ ...defaults, ...options }), makeStrategy)

// -----------------------------------------------------------------------------
// layers
// -----------------------------------------------------------------------------

/**
 * Has a node, or a topic, pass rumors on this way with these options; those left out have their {@link defaults}. Fails
 * with `InvalidOption`.
 */
export const layer = (options: Partial<Options> = {}): Layer.Layer<never, InvalidOption> =>
  Layer.effect(Strategy, make(options))

/** {@link layer} with options read from `Config`. */
export const layerConfig = (
  options: Config.Wrap<Partial<Options>> = config
): Layer.Layer<never, InvalidOption | Config.ConfigError> => Layer.unwrap(Effect.map(Config.unwrap(options), layer))

/** Describes {@link Options} for `Config`: each has the name it has there, and its default. */
export const config: Config.Config<Options> = Config.all({
  gossipInterval: Config.Duration("gossipInterval").pipe(Config.withDefault(defaults.gossipInterval)),
  gossipNodes: Config.Int("gossipNodes").pipe(Config.withDefault(defaults.gossipNodes)),
  retransmitMultiplier: Config.Int("retransmitMultiplier").pipe(Config.withDefault(defaults.retransmitMultiplier)),
  eager: Config.Boolean("eager").pipe(Config.withDefault(defaults.eager))
})
