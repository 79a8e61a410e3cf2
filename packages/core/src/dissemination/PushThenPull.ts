/**
 * Push-then-pull: payloads are pushed while few know the rumor, and asked for afterwards, so that hardly any goes to one
 * who has it. The default.
 *
 * Mercier, Hayez and Matos, "Optimal epidemic dissemination" (2017, arXiv 1709.00198): with n + o(n) payloads, and in as
 * many rounds as any epidemic needs but for a constant factor, all know it.
 *
 * - **Push**: who publishes pushes the rumor to some peers, and they to some others, while at most n / ln n are likely to
 *   know it, by the hops that it has taken: few enough that what two nodes push seldom goes to the same peer. In a small
 *   cluster who publishes pushes it to all.
 * - **Pull**: who hears it then tells `ceil(ln n) + extra` different peers that it has it; who lacks it asks one of them. One
 *   of those who are told is the successor in the order of names, so that without losses nobody is left out. The paper
 *   has every node ask a random one each round: so does `pull: "always"`.
 *
 * A rumor is passed on in the step in which it comes; rounds make up for what was lost, and anti-entropy of recent rumors,
 * which a node does besides, for the rest.
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
import { defaultConfig, makeStrategy } from "./internal/pushThenPull.ts"
import { Strategy } from "./Strategy.ts"

// -----------------------------------------------------------------------------
// options
// -----------------------------------------------------------------------------

/** How push-then-pull works. All nodes of a cluster should have the same. */
export interface Options {
  /**
   * Up to how many peers the origin pushes a rumor to all of them, 0 to 1000: nothing is faster, and no payload is sent
   * twice. What was lost is made up for in the next round.
   */
  readonly direct: number
  /** How many peers the origin pushes a rumor to where there are more, 1 to 1000. */
  readonly originFanOut: number
  /** How many peers those push it to who hear it while few know it, 0 to 100. */
  readonly fanOut: number
  /**
   * How many peers are told of a rumor besides `ceil(ln n)`, 0 to 100. Chance leaves out one node in e^`extra` rumors at
   * most; with their predecessor, who tells them too, losses must add to it.
   */
  readonly extra: number
  /**
   * - `announced`: who lacks a rumor asks who has told of it. Without news nothing is sent.
   * - `always`: every node asks one peer each round for what it lacks, as in the paper; for clusters where there is always
   *   news.
   */
  readonly pull: "announced" | "always"
  /** Time between rounds, 10 ms to 1 h. */
  readonly roundInterval: Duration.Input
  /**
   * Whether a rumor is passed on as soon as it is heard. Without it all waits for rounds, as in the paper: each who knows it
   * pushes it to one peer a round.
   */
  readonly eager: boolean
}

/** The defaults of {@link Options}. */
export const defaults: Options = defaultConfig

const hour = 60 * 60 * 1000
const Pull = Schema.Literals(["announced", "always"])

const check = Effect.fnUntraced(function*(options: Options) {
  return {
    direct: yield* integer("direct", options.direct, { minimum: 0, maximum: 1000 }),
    originFanOut: yield* integer("originFanOut", options.originFanOut, { minimum: 1, maximum: 1000 }),
    fanOut: yield* integer("fanOut", options.fanOut, { minimum: 0, maximum: 100 }),
    extra: yield* integer("extra", options.extra, { minimum: 0, maximum: 100 }),
    pull: yield* decode("pull", Pull, options.pull),
    roundInterval: yield* millis("roundInterval", options.roundInterval, { minimum: 10, maximum: hour }),
    eager: yield* decode("eager", Schema.Boolean, options.eager)
  }
})

// -----------------------------------------------------------------------------
// make
// -----------------------------------------------------------------------------

/** Push-then-pull with these options; those left out have their {@link defaults}. Fails with `InvalidOption`. */
export const make = (options: Partial<Options> = {}): Effect.Effect<Strategy, InvalidOption> =>
  Effect.map(check({ ...defaults, ...options }), makeStrategy)

// -----------------------------------------------------------------------------
// layers
// -----------------------------------------------------------------------------

/**
 * Has a node, or a topic, use push-then-pull with these options; those left out have their {@link defaults}. Fails with
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
  direct: Config.Int("direct").pipe(Config.withDefault(defaults.direct)),
  originFanOut: Config.Int("originFanOut").pipe(Config.withDefault(defaults.originFanOut)),
  fanOut: Config.Int("fanOut").pipe(Config.withDefault(defaults.fanOut)),
  extra: Config.Int("extra").pipe(Config.withDefault(defaults.extra)),
  pull: Config.Literals(["announced", "always"], "pull").pipe(Config.withDefault(defaults.pull)),
  roundInterval: Config.Duration("roundInterval").pipe(Config.withDefault(defaults.roundInterval)),
  eager: Config.Boolean("eager").pipe(Config.withDefault(defaults.eager))
})
