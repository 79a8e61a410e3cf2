/**
 * Rumor mongering: who has heard a rumor tells it to one peer after another, and loses interest when too many know it.
 *
 * Demers et al. 1987 §1.4, with its variations. Whoever knows a rumor is susceptible, infective (it is hot) or removed.
 *
 * - **mode**: who is infective pushes the rumor to a peer each round; or everybody asks a peer each round for what is
 *   hot there (pull); or both in one contact (pushPull). Pull leaves out the fewest, and costs a message a round and node
 *   whether or not there is news.
 * - **interest**: with feedback only a contact counts that was unnecessary, blind all do.
 * - **stop**: after `k` unnecessary contacts in a row (counter), or after each with chance 1/k (coin).
 * - **connectionLimit** and **hunting**: so many contacts are accepted in a round, and one that is refused is tried
 *   elsewhere so many times.
 *
 * What the paper leaves open and its tables imply: who hears a rumor in a round tells it from the next on (but see
 * `eager`); one who hears it twice in a round says to both that it was news; a useful contact sets the counter back to 0;
 * and in pull a node answers all who ask, counts once a round at most, and asks on when it has lost interest itself.
 *
 * It is not certain to reach everybody: what it leaves out (the residue) falls exponentially with `k` and with the
 * messages sent. Anti-entropy of recent rumors, which a node does besides, makes up for it: see docs/epidemics.md for
 * figures, and for which to choose.
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
import { makeStrategy } from "./internal/rumorMongering.ts"
import { Strategy } from "./Strategy.ts"

// -----------------------------------------------------------------------------
// options
// -----------------------------------------------------------------------------

/** When a node loses interest in a rumor. */
export type Stop =
  /** After so many contacts that count, 1 to 100. With feedback they must come one upon another. */
  | { readonly counter: number }
  /** After each contact that counts with a chance of one in so many, 1 to 100. */
  | { readonly coin: number }

/** How rumor mongering works. Nodes that pass on a rumor of a topic that they do not know use their own. */
export interface Options {
  /** Who tells whom; see above. */
  readonly mode: "push" | "pull" | "pushPull"
  /** Which contacts count: those that were unnecessary (feedback), or all (blind). */
  readonly interest: "feedback" | "blind"
  readonly stop: Stop
  /**
   * Most contacts that a node accepts in a round, 1 to 1000, or `Infinity`. With a limit a rumor is offered before it is
   * pushed.
   */
  readonly connectionLimit: number
  /** How many other peers are tried in a round when a contact was refused, 0 to 100. */
  readonly hunting: number
  /** Time between contacts, 10 ms to 1 h. */
  readonly roundInterval: Duration.Input
  /**
   * Whether a rumor is pushed to one peer as soon as it is heard, which is then the first contact; rounds pace the rest.
   * Without it, and where a connection limit is set, all waits for the next round, as in the paper.
   */
  readonly eager: boolean
}

/**
 * The variation that the paper's Table 1 has, with a counter of 4, for a residue of 0.4% without anti-entropy; memberlist's
 * `GossipInterval`.
 */
export const defaults: Options = {
  mode: "push",
  interest: "feedback",
  stop: { counter: 4 },
  connectionLimit: Infinity,
  hunting: 0,
  roundInterval: "200 millis",
  eager: true
}

const hour = 60 * 60 * 1000

const Mode = Schema.Literals(["push", "pull", "pushPull"])
const Interest = Schema.Literals(["feedback", "blind"])

const check = Effect.fnUntraced(function*(options: Options) {
  const stop: { readonly counter?: number; readonly coin?: number } = options.stop
  const [by, k] = stop.coin === undefined ? ["counter", stop.counter] as const : ["coin", stop.coin] as const
  return {
    mode: yield* decode("mode", Mode, options.mode),
    interest: yield* decode("interest", Interest, options.interest),
    stop: by,
    k: yield* integer(`stop.${by}`, k ?? NaN, { minimum: 1, maximum: 100 }),
    connectionLimit: options.connectionLimit === Infinity
      ? Infinity
      : yield* integer("connectionLimit", options.connectionLimit, { minimum: 1, maximum: 1000 }),
    hunting: yield* integer("hunting", options.hunting, { minimum: 0, maximum: 100 }),
    roundInterval: yield* millis("roundInterval", options.roundInterval, { minimum: 10, maximum: hour }),
    eager: yield* decode("eager", Schema.Boolean, options.eager)
  }
})

// -----------------------------------------------------------------------------
// make
// -----------------------------------------------------------------------------

/** Rumor mongering with these options; those left out have their {@link defaults}. Fails with `InvalidOption`. */
export const make = (options: Partial<Options> = {}): Effect.Effect<Strategy, InvalidOption> =>
  Effect.map(check({ ...defaults, ...options }), makeStrategy)

// -----------------------------------------------------------------------------
// layers
// -----------------------------------------------------------------------------

/**
 * Has a node, or a topic, use rumor mongering with these options; those left out have their {@link defaults}. Fails with
 * `InvalidOption`.
 */
export const layer = (options: Partial<Options> = {}): Layer.Layer<never, InvalidOption> =>
  Layer.effect(Strategy, make(options))

/** {@link layer} with options read from `Config`. */
export const layerConfig = (
  options: Config.Wrap<Partial<Options>> = config
): Layer.Layer<never, InvalidOption | Config.ConfigError> => Layer.unwrap(Effect.map(Config.unwrap(options), layer))

/**
 * Describes {@link Options} for `Config`: each has the name it has there, and its default. `stop` is `counter` or `coin`,
 * and `k` its number.
 */
export const config: Config.Config<Options> = Config.all({
  mode: Config.Literals(["push", "pull", "pushPull"], "mode").pipe(Config.withDefault(defaults.mode)),
  interest: Config.Literals(["feedback", "blind"], "interest").pipe(Config.withDefault(defaults.interest)),
  stop: Config.all({
    by: Config.Literals(["counter", "coin"], "stop").pipe(Config.withDefault("counter")),
    k: Config.Int("k").pipe(Config.withDefault(4))
  }).pipe(Config.map(({ by, k }): Stop => by === "counter" ? { counter: k } : { coin: k })),
  connectionLimit: Config.Int("connectionLimit").pipe(Config.withDefault(defaults.connectionLimit)),
  hunting: Config.Int("hunting").pipe(Config.withDefault(defaults.hunting)),
  roundInterval: Config.Duration("roundInterval").pipe(Config.withDefault(defaults.roundInterval)),
  eager: Config.Boolean("eager").pipe(Config.withDefault(defaults.eager))
})
