import type { InvalidOption } from "@effect-gossip/core/Transport"
import * as Duration from "effect/Duration"
import type * as Layer from "effect/Layer"
import type { Link } from "../../SimulatedNetwork.ts"

/** How soon all nodes must be told of what was published, in virtual time. */
export interface Bounds {
  /** On a network that loses nothing, to nodes that reach each other. */
  readonly spread: Duration.Input
  /** In spite of losses, and from when a partition has healed. */
  readonly repaired: Duration.Input
}

/** What the suite must know of a strategy. */
export interface Options {
  /** Has a node, or a topic, use the strategy, such as `PushThenPull.layer(…)`. */
  readonly strategy: Layer.Layer<never, InvalidOption>

  /** How many nodes the clusters have, 3 or more; every test runs with each of these sizes. Default: {@link defaults}. */
  readonly nodes?: ReadonlyArray<number> | undefined

  /** How soon all must be told, for all sizes or by the size. Default: {@link defaults}. */
  readonly bounds?: Partial<Bounds> | ((nodes: number) => Partial<Bounds>) | undefined

  /**
   * Whether nodes talk about news when there is none, as whoever only pulls must. Where they do not, it is checked that they
   * never do. Default: {@link defaults}.
   */
  readonly talksWhenIdle?: boolean | undefined

  /** Networks that lose nothing, by name: every test runs on each of them, within the bounds. Default: {@link defaults}. */
  readonly links?: { readonly [name: string]: Partial<Link> } | undefined

  /** How likely datagrams are lost in the tests of loss, 0 to 1; they run with each. Default: {@link defaults}. */
  readonly loss?: ReadonlyArray<number> | undefined

  /** All randomness comes from it, in every test. Default: {@link defaults}. */
  readonly seed?: string | number | undefined

  /** How long one test may take in the machine's time. Default: {@link defaults}. */
  readonly timeout?: Duration.Input | undefined
}

/**
 * The defaults of {@link Options}: 8 nodes; all are told within 10 s, and of what was missed within a minute; who has no news
 * is silent; a calm network, and one that delays, duplicates and reorders; losses of 10% and 20%; seed 0; a minute a test.
 */
export const defaults: { readonly [K in Exclude<keyof Options, "strategy">]-?: Exclude<Options[K], undefined> } & {
  readonly bounds: Bounds
} = {
  nodes: [8],
  bounds: { spread: "10 seconds", repaired: "1 minute" },
  talksWhenIdle: false,
  links: {
    "a calm network": {},
    "a network that duplicates and reorders": {
      latency: { _tag: "Uniform", min: "1 millis", max: "20 millis" },
      duplication: 0.3,
      reordering: { probability: 0.3, delay: { _tag: "Uniform", min: "10 millis", max: "100 millis" } }
    }
  },
  loss: [0.1, 0.2],
  seed: 0,
  timeout: "1 minute"
}

/** The bounds that hold for a cluster's size. */
export const boundsOf = (
  options: Options,
  nodes: number
): { readonly [K in keyof Bounds]: Duration.Duration } => {
  const { bounds } = options
  const given: Partial<Bounds> = typeof bounds === "function" ? bounds(nodes) : bounds ?? {}
  const of = (bound: keyof Bounds) => Duration.fromInputUnsafe(given[bound] ?? defaults.bounds[bound])
  return { spread: of("spread"), repaired: of("repaired") }
}
