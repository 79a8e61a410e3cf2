import type { InvalidOption } from "@effect-gossip/core/Transport"
import * as Duration from "effect/Duration"
import type * as Layer from "effect/Layer"
import type { Link } from "../../SimulatedNetwork.ts"

/** How soon all nodes must know what happened, in virtual time, on a network that loses nothing. */
export interface Bounds {
  /** That nodes have joined, from when they were started or told to. */
  readonly joined: Duration.Input
  /** That members have crashed, or cannot be reached: they are `Dead` to all. */
  readonly crashed: Duration.Input
  /** That a member has left: it is `Left` to all. */
  readonly left: Duration.Input
  /** A member's new metadata. */
  readonly updated: Duration.Input
  /** That a member was restarted before anyone missed it, or came back after it was dead. */
  readonly restarted: Duration.Input
  /** Each other, from when a partition has healed or the loss has ended. */
  readonly healed: Duration.Input
}

/** What the suite must know of a membership protocol. */
export interface Options {
  /** Has a node use the protocol, such as `Swim.layer(…)`. */
  readonly protocol: Layer.Layer<never, InvalidOption>

  /**
   * How many nodes the clusters have, 4 or more; every test runs with each of these sizes. Default: {@link defaults}.
   * The work grows with the square of a size.
   */
  readonly nodes?: ReadonlyArray<number> | undefined

  /** How soon all must know what, for all sizes or by the size. Default: {@link defaults}. */
  readonly bounds?: Partial<Bounds> | ((nodes: number) => Partial<Bounds>) | undefined

  /**
   * Whether nodes that reach no majority of the cluster declare those dead whom they do not reach. Where they do not,
   * it is checked that they never do, and that a majority does. Default: {@link defaults}.
   */
  readonly minorityDeclaresDeath?: boolean | undefined

  /** How long a partition must last to be longer than any timeout of the protocol. Default: {@link defaults}. */
  readonly outage?: Duration.Input | undefined

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
 * The defaults of {@link Options}: 5 nodes; bounds that a probe or heartbeat a second keeps to, among up to some 50 nodes;
 * a minority declares death; partitions of 3 minutes; a calm network, and one that delays, duplicates and reorders;
 * losses of 10% and 20%; seed 0; a minute a test.
 */
export const defaults: { readonly [K in Exclude<keyof Options, "protocol">]-?: Exclude<Options[K], undefined> } & {
  readonly bounds: Bounds
} = {
  nodes: [5],
  bounds: {
    joined: "5 seconds",
    crashed: "30 seconds",
    left: "3 seconds",
    updated: "3 seconds",
    restarted: "10 seconds",
    healed: "2 minutes"
  },
  minorityDeclaresDeath: true,
  outage: "3 minutes",
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
  return {
    joined: of("joined"),
    crashed: of("crashed"),
    left: of("left"),
    updated: of("updated"),
    restarted: of("restarted"),
    healed: of("healed")
  }
}
