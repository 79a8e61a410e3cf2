/**
 * The median-counter algorithm: push and pull, and counters that tell when nearly everybody knows.
 *
 * Karp, Schindelhauer, Shenker and Vöcking 2000, "Randomized rumor spreading". Each round every node calls a random peer,
 * and the two tell each other the rumors that they spread, with a counter each. Of one rumor a node is in state
 *
 * - **A**: it does not know it;
 * - **B**: it spreads it. Its counter begins at 1, and rises by one in each round in which more of its partners had one
 *   as high as its own, or higher, than had a lower one or did not have the rumor: the median rule;
 * - **C**: it spreads it for `coolingRounds` more. So does who meets one in this state, or whose counter passes
 *   `counterMax`;
 * - **D**: it has given it up, in any case 4 log2 n rounds after it heard it.
 *
 * Everybody hears it with high probability within O(ln n) rounds, which takes O(n ln ln n) payloads. Since payloads are
 * sent without asking who has them, these are 10 to 15 a node where `PushThenPull` needs 1; and a call is made each round
 * whether or not there is news. It is here to be compared with.
 *
 * @since 0.1.0
 */
import * as Config from "effect/Config"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { integer, millis } from "../internal/options.ts"
import type { InvalidOption } from "../Transport.ts"
import { makeStrategy } from "./internal/medianCounter.ts"
import { Strategy } from "./Strategy.ts"

// -----------------------------------------------------------------------------
// options
// -----------------------------------------------------------------------------

/** How the median-counter algorithm works. */
export interface Options {
  /** The highest counter in state B, 1 to 100; `auto` for ln ln n, rounded up: the paper's O(ln ln n). */
  readonly counterMax: number | "auto"
  /** Rounds in state C, 1 to 100; `auto` for ln ln n, rounded up. */
  readonly coolingRounds: number | "auto"
  /** Time between calls, 10 ms to 1 h. */
  readonly roundInterval: Duration.Input
}

/** What the paper says, at the pace of memberlist's `GossipInterval`. */
export const defaults: Options = { counterMax: "auto", coolingRounds: "auto", roundInterval: "200 millis" }

const hour = 60 * 60 * 1000

const rounds = (option: string, value: number | "auto") =>
  value === "auto" ? Effect.succeed(undefined) : integer(option, value, { minimum: 1, maximum: 100 })

const check = Effect.fnUntraced(function*(options: Options) {
  return {
    counterMax: yield* rounds("counterMax", options.counterMax),
    coolingRounds: yield* rounds("coolingRounds", options.coolingRounds),
    roundInterval: yield* millis("roundInterval", options.roundInterval, { minimum: 10, maximum: hour })
  }
})

// -----------------------------------------------------------------------------
// make
// -----------------------------------------------------------------------------

/** The algorithm with these options; those left out have their {@link defaults}. Fails with `InvalidOption`. */
export const make = (options: Partial<Options> = {}): Effect.Effect<Strategy, InvalidOption> =>
  Effect.map(check({ ...defaults, ...options }), makeStrategy)

// -----------------------------------------------------------------------------
// layers
// -----------------------------------------------------------------------------

/**
 * Has a node, or a topic, use the algorithm with these options; those left out have their {@link defaults}. Fails with
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
  counterMax: Config.Int("counterMax").pipe(Config.withDefault(defaults.counterMax)),
  coolingRounds: Config.Int("coolingRounds").pipe(Config.withDefault(defaults.coolingRounds)),
  roundInterval: Config.Duration("roundInterval").pipe(Config.withDefault(defaults.roundInterval))
})
