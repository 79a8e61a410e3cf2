/**
 * Swim: a probe a second finds the dead, and gossip tells the rest.
 *
 * SWIM (Das, Gupta, Motivala 2002) as hashicorp/memberlist has it: probing in a shuffled round-robin order, directly
 * and then through others; suspicion before death; claims spread by gossip of their own besides riding on probes; and
 * whole tables exchanged on joining and now and then.
 *
 * Where memberlist leaves off: probes show a hash of the member table, and tables that stay different are synced at
 * once; the dead and the seeds are tried again, so that partitions heal by themselves; and a name claimed by two
 * addresses is reported, never swapped.
 *
 * @since 0.1.0
 */
import * as Config from "effect/Config"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { integer, millis } from "../internal/options.ts"
import { InvalidOption } from "../Transport.ts"
import { type Config as Checked, defaultConfig, spreadTime } from "./internal/swim/config.ts"
import { makeProtocol } from "./internal/swim/machine.ts"
import { suspicionTimeout } from "./internal/swim/suspicion.ts"
import { MembershipProtocol } from "./MembershipProtocol.ts"

// -----------------------------------------------------------------------------
// options
// -----------------------------------------------------------------------------

/** How Swim works. All nodes of a cluster should have the same. */
export interface Options {
  /** Time between probes, 10 ms to 1 h. Each probe period ends with a verdict. */
  readonly probeInterval: Duration.Input
  /** How long to wait for a direct ack before others are asked to probe: shorter than `probeInterval`. */
  readonly probeTimeout: Duration.Input
  /** How many others are asked to probe, 0 to 100 (SWIM's k, memberlist's `IndirectChecks`). */
  readonly indirectProbes: number
  /** A suspect has `suspicionMultiplier · max(1, log10 n) · probeInterval` to refute; 1 to 1000. */
  readonly suspicionMultiplier: number
  /** Time between rounds of gossip, while there is something to say; 10 ms to 1 h. */
  readonly gossipInterval: Duration.Input
  /** Members told in a round of gossip, 1 to 100. */
  readonly gossipNodes: number
  /** How long the dead are still told, so that they can refute; 0 to 24 h. */
  readonly gossipToTheDead: Duration.Input
  /** Each claim is sent `retransmitMultiplier · ceil(log10(n + 1))` times; 1 to 100. */
  readonly retransmitMultiplier: number
  /** Time between comparisons of whole tables with a random member, 100 ms to 24 h; longer past 32 members. */
  readonly syncInterval: Duration.Input
  /** Time between tries of a dead member or an absent seed, 100 ms to 24 h. */
  readonly reconnectInterval: Duration.Input
  /** How long the dead and the left are remembered, listed and (the dead) tried; 1 s to 365 d. */
  readonly deadRetention: Duration.Input
  /** Most members known, the dead included; 1 to 1,000,000. When it is reached the longest dead go first. */
  readonly maxMembers: number
}

/**
 * memberlist's LAN defaults (`DefaultLANConfig`), with serf's `ReconnectInterval` and `TombstoneTimeout`; `maxMembers`
 * is 16,384.
 */
export const defaults: Options = {
  ...defaultConfig,
  probeInterval: "1 second",
  probeTimeout: "500 millis",
  gossipInterval: "200 millis",
  gossipToTheDead: "30 seconds",
  syncInterval: "30 seconds",
  reconnectInterval: "30 seconds",
  deadRetention: "24 hours"
}

const hour = 60 * 60 * 1000
const day = 24 * hour

const check = Effect.fnUntraced(function*(options: Options) {
  const checked: Checked = {
    probeInterval: yield* millis("probeInterval", options.probeInterval, { minimum: 10, maximum: hour }),
    probeTimeout: yield* millis("probeTimeout", options.probeTimeout, { minimum: 1, maximum: hour }),
    indirectProbes: yield* integer("indirectProbes", options.indirectProbes, { minimum: 0, maximum: 100 }),
    suspicionMultiplier: yield* integer("suspicionMultiplier", options.suspicionMultiplier, {
      minimum: 1,
      maximum: 1000
    }),
    gossipInterval: yield* millis("gossipInterval", options.gossipInterval, { minimum: 10, maximum: hour }),
    gossipNodes: yield* integer("gossipNodes", options.gossipNodes, { minimum: 1, maximum: 100 }),
    gossipToTheDead: yield* millis("gossipToTheDead", options.gossipToTheDead, { minimum: 0, maximum: day }),
    retransmitMultiplier: yield* integer("retransmitMultiplier", options.retransmitMultiplier, {
      minimum: 1,
      maximum: 100
    }),
    syncInterval: yield* millis("syncInterval", options.syncInterval, { minimum: 100, maximum: day }),
    reconnectInterval: yield* millis("reconnectInterval", options.reconnectInterval, { minimum: 100, maximum: day }),
    deadRetention: yield* millis("deadRetention", options.deadRetention, { minimum: 1000, maximum: 365 * day }),
    maxMembers: yield* integer("maxMembers", options.maxMembers, { minimum: 1, maximum: 1_000_000 })
  }
  if (checked.probeTimeout >= checked.probeInterval) {
    return yield* new InvalidOption({
      option: "probeTimeout",
      problem: `${checked.probeTimeout} ms is not shorter than probeInterval (${checked.probeInterval} ms)`
    })
  }
  return checked
})

// -----------------------------------------------------------------------------
// bounds
// -----------------------------------------------------------------------------

/** Within which time Swim is sure, or all but sure, to have come over a fault, when no further one comes. */
export interface Bounds {
  /**
   * A node that is gone is dead to all others: it was probed (each probes all others within 2n - 1 periods: SWIM §4.3),
   * the probe has failed, the suspicion was not refuted, and the death was spread. A lost message can make it longer.
   */
  readonly detection: Duration.Duration
  /**
   * All who are there see each other again, after whatever partition or restart: the dead and absent seeds were tried
   * often enough (one at random each `reconnectInterval`; four times is what it nearly always takes), and what was dead
   * to others has refuted.
   */
  readonly healing: Duration.Duration
}

/** What the parameters imply for a cluster of so many nodes. Fails with `InvalidOption`. */
export const bounds = (nodes: number, options: Partial<Options> = {}): Effect.Effect<Bounds, InvalidOption> =>
  Effect.map(check({ ...defaults, ...options }), (config) => {
    const detection = 2 * nodes * config.probeInterval +
      suspicionTimeout(config.suspicionMultiplier, nodes, config.probeInterval) +
      spreadTime(config, nodes)
    return {
      detection: Duration.millis(Math.ceil(detection)),
      healing: Duration.millis(Math.ceil(detection + 4 * config.reconnectInterval))
    }
  })

// -----------------------------------------------------------------------------
// layers
// -----------------------------------------------------------------------------

/**
 * Has a node use Swim with these options; those left out have their {@link defaults}. Without this layer a node uses
 * Swim with the defaults. Fails with `InvalidOption`.
 */
export const layer = (options: Partial<Options> = {}): Layer.Layer<never, InvalidOption> =>
  Layer.effect(
    MembershipProtocol,
    Effect.map(check({ ...defaults, ...options }), (checked) => (told) => makeProtocol(checked, told))
  )

/** {@link layer} with options read from `Config`. */
export const layerConfig = (
  options: Config.Wrap<Partial<Options>> = config
): Layer.Layer<never, InvalidOption | Config.ConfigError> => Layer.unwrap(Effect.map(Config.unwrap(options), layer))

/** Describes {@link Options} for `Config`: each has the name it has there, and its default. */
export const config: Config.Config<Options> = Config.all({
  probeInterval: Config.Duration("probeInterval").pipe(Config.withDefault(defaults.probeInterval)),
  probeTimeout: Config.Duration("probeTimeout").pipe(Config.withDefault(defaults.probeTimeout)),
  indirectProbes: Config.Int("indirectProbes").pipe(Config.withDefault(defaults.indirectProbes)),
  suspicionMultiplier: Config.Int("suspicionMultiplier").pipe(Config.withDefault(defaults.suspicionMultiplier)),
  gossipInterval: Config.Duration("gossipInterval").pipe(Config.withDefault(defaults.gossipInterval)),
  gossipNodes: Config.Int("gossipNodes").pipe(Config.withDefault(defaults.gossipNodes)),
  gossipToTheDead: Config.Duration("gossipToTheDead").pipe(Config.withDefault(defaults.gossipToTheDead)),
  retransmitMultiplier: Config.Int("retransmitMultiplier").pipe(Config.withDefault(defaults.retransmitMultiplier)),
  syncInterval: Config.Duration("syncInterval").pipe(Config.withDefault(defaults.syncInterval)),
  reconnectInterval: Config.Duration("reconnectInterval").pipe(Config.withDefault(defaults.reconnectInterval)),
  deadRetention: Config.Duration("deadRetention").pipe(Config.withDefault(defaults.deadRetention)),
  maxMembers: Config.Int("maxMembers").pipe(Config.withDefault(defaults.maxMembers))
})
