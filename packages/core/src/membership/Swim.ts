/**
 * Swim: a probe a second finds the dead, and gossip tells the rest.
 *
 * SWIM (Das, Gupta, Motivala 2002) as hashicorp/memberlist has it: probing in a shuffled round-robin order, directly
 * and then through others and over a stream; suspicion before death; claims spread by gossip of their own besides riding
 * on probes; and whole tables exchanged on joining and now and then.
 *
 * With Lifeguard (Dadgar, Phillips, Currey 2017), against false alarms of nodes that are slow themselves: a node whose
 * probes fail by its own fault gives others more time (local health, with nacks); a suspicion is long until others
 * confirm it; and a suspect is told with the next probe (the buddy system). Each part can be switched off.
 *
 * Where memberlist leaves off: probes show a hash of the member table, and tables that stay different are synced at
 * once; the dead and the seeds are tried again, so that partitions heal by themselves; a name claimed by two addresses
 * is reported, never swapped; and a node that stood still (stopped, suspended, collecting garbage) notices it and judges
 * nobody by what it has not read yet.
 *
 * @since 0.1.0
 */
import * as Config from "effect/Config"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { boolean, integer, millis } from "../internal/options.ts"
import { InvalidOption } from "../Transport.ts"
import { type Config as Checked, defaultConfig, spreadTime } from "./internal/swim/config.ts"
import { makeProtocol } from "./internal/swim/machine.ts"
import { expectedConfirmations, suspicionTimeout } from "./internal/swim/suspicion.ts"
import { MembershipProtocol } from "./MembershipProtocol.ts"

// -----------------------------------------------------------------------------
// options
// -----------------------------------------------------------------------------

/** How Swim works. All nodes of a cluster should have the same. */
export interface Options {
  /** Time between probes, 10 ms to 1 h. A probe that is not acked in it has failed; see `localHealthMax`. */
  readonly probeInterval: Duration.Input
  /**
   * How long to wait for a direct ack before others are asked to probe: shorter than `probeInterval`, and the shorter, the
   * more time they have.
   */
  readonly probeTimeout: Duration.Input
  /** How many others are asked to probe, 0 to 100 (SWIM's k, memberlist's `IndirectChecks`). */
  readonly indirectProbes: number
  /**
   * Whether one who acks no datagram is probed over a stream as well (memberlist's TCP pings). Who answers there alone is
   * not suspected, and a warning tells of it.
   */
  readonly streamProbe: boolean
  /**
   * A suspect has `suspicionMultiplier · max(1, log10 n) · probeInterval` to refute when `suspicionMultiplier - 2` others
   * have confirmed the suspicion, or where there are not as many; 1 to 1000.
   */
  readonly suspicionMultiplier: number
  /**
   * How many times longer a suspect has when nobody has confirmed it (memberlist's `SuspicionMaxTimeoutMult`): with `c`
   * of `k` confirmations, log(c + 1) / log(k + 1) of what is more is taken off. 1 to 100; 1 for SWIM's fixed time.
   */
  readonly suspicionMaxMultiplier: number
  /**
   * How many `probeInterval`s a node that does as badly as can be waits before a probe has failed (memberlist's
   * `AwarenessMaxMultiplier`, Lifeguard's S + 1); 1 to 100. With 1 local health is off: a node does not notice that it
   * does badly, or that it stood still.
   */
  readonly localHealthMax: number
  /** Whether who is asked to probe says so when it gets no ack either, by which who asked knows that it is heard itself. */
  readonly nacks: boolean
  /** Whether a suspect is told so with each probe of it, to refute at once. */
  readonly buddySystem: boolean
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
 * For a local network: memberlist's `DefaultLANConfig`, with serf's `ReconnectInterval` and `TombstoneTimeout`;
 * `maxMembers` is 16,384.
 */
export const lan: Options = {
  ...defaultConfig,
  probeInterval: "1 second",
  probeTimeout: "500 millis",
  gossipInterval: "200 millis",
  gossipToTheDead: "30 seconds",
  syncInterval: "30 seconds",
  reconnectInterval: "30 seconds",
  deadRetention: "24 hours"
}

/** For nodes far apart: memberlist's `DefaultWANConfig`, and the rest as {@link lan}. */
export const wan: Options = {
  ...lan,
  probeInterval: "5 seconds",
  probeTimeout: "3 seconds",
  suspicionMultiplier: 6,
  gossipInterval: "500 millis",
  gossipNodes: 4,
  gossipToTheDead: "60 seconds",
  syncInterval: "60 seconds"
}

/** For nodes on one machine: memberlist's `DefaultLocalConfig`, and the rest as {@link lan}. */
export const local: Options = {
  ...lan,
  probeTimeout: "200 millis",
  indirectProbes: 1,
  suspicionMultiplier: 3,
  gossipInterval: "100 millis",
  gossipToTheDead: "15 seconds",
  retransmitMultiplier: 2,
  syncInterval: "15 seconds"
}

/** What options are that are left out: {@link lan}. */
export const defaults: Options = lan

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
    suspicionMaxMultiplier: yield* integer("suspicionMaxMultiplier", options.suspicionMaxMultiplier, {
      minimum: 1,
      maximum: 100
    }),
    localHealthMax: yield* integer("localHealthMax", options.localHealthMax, { minimum: 1, maximum: 100 }),
    nacks: yield* boolean("nacks", options.nacks),
    buddySystem: yield* boolean("buddySystem", options.buddySystem),
    streamProbe: yield* boolean("streamProbe", options.streamProbe),
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
   * A node that is gone is dead to all others, at worst: it was probed (each probes all others within 2n - 1 periods:
   * SWIM §4.3), the probe has failed, the suspicion was not refuted, and the death was spread; where all that time
   * whoever probes is in the worst local health, and nobody else confirms the suspicion. When a few of many fail at a
   * time it takes far less: some 2 periods and the shortest suspicion. A lost message can make it longer.
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
    const { localHealthMax, probeInterval, suspicionMaxMultiplier, suspicionMultiplier } = config
    const shortest = suspicionTimeout(suspicionMultiplier, nodes, probeInterval)
    const suspicion = expectedConfirmations(suspicionMultiplier, nodes) === 0
      ? shortest
      : shortest * suspicionMaxMultiplier
    const detection = 2 * nodes * probeInterval * localHealthMax + suspicion + spreadTime(config, nodes)
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
  suspicionMaxMultiplier: Config.Int("suspicionMaxMultiplier").pipe(
    Config.withDefault(defaults.suspicionMaxMultiplier)
  ),
  localHealthMax: Config.Int("localHealthMax").pipe(Config.withDefault(defaults.localHealthMax)),
  nacks: Config.Boolean("nacks").pipe(Config.withDefault(defaults.nacks)),
  buddySystem: Config.Boolean("buddySystem").pipe(Config.withDefault(defaults.buddySystem)),
  streamProbe: Config.Boolean("streamProbe").pipe(Config.withDefault(defaults.streamProbe)),
  gossipInterval: Config.Duration("gossipInterval").pipe(Config.withDefault(defaults.gossipInterval)),
  gossipNodes: Config.Int("gossipNodes").pipe(Config.withDefault(defaults.gossipNodes)),
  gossipToTheDead: Config.Duration("gossipToTheDead").pipe(Config.withDefault(defaults.gossipToTheDead)),
  retransmitMultiplier: Config.Int("retransmitMultiplier").pipe(Config.withDefault(defaults.retransmitMultiplier)),
  syncInterval: Config.Duration("syncInterval").pipe(Config.withDefault(defaults.syncInterval)),
  reconnectInterval: Config.Duration("reconnectInterval").pipe(Config.withDefault(defaults.reconnectInterval)),
  deadRetention: Config.Duration("deadRetention").pipe(Config.withDefault(defaults.deadRetention)),
  maxMembers: Config.Int("maxMembers").pipe(Config.withDefault(defaults.maxMembers))
})
