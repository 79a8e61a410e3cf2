/**
 * Heartbeat: each node counts up a heartbeat that gossip carries to all, and who is not heard of for too long is dead.
 *
 * The gossip of versioned state of Cassandra and ScuttleButt (van Renesse, Dumitriu, Gough, Thomas 2008): each second a
 * node tells another by a digest how much it knows of whom (SYN), hears what the other knows better and worse (ACK), and
 * tells what that one lacks (ACK2). The φ accrual failure detector (Hayashibara, Défago, Yared, Katayama 2004) watches the
 * heartbeats as they come, and each node judges by its own: there is no suspicion, no vote, and no verdict of others.
 *
 * `PhiDetector` exposes φ, and `KeyValues` what nodes say by key.
 *
 * Where Cassandra leaves off: a digest that a datagram cannot hold is cut and goes round, so that no message grows with
 * the cluster, and the detector knows how long a round takes; a node that was wrongly declared dead is told so, and
 * refutes it under a higher incarnation; nobody tells of those it has not itself heard of lately, and whoever was
 * forgotten is not taken back, so that the departed do not return.
 *
 * @since 0.1.0
 */
import * as Config from "effect/Config"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { integer, millis } from "../internal/options.ts"
import { InvalidOption } from "../Transport.ts"
import {
  type Config as Checked,
  defaultConfig,
  roundsPerTurn,
  spreadRounds,
  usualDatagram
} from "./internal/heartbeat/config.ts"
import { makeProtocol } from "./internal/heartbeat/machine.ts"
import { silenceAt } from "./internal/heartbeat/phi.ts"
import { MembershipProtocol } from "./MembershipProtocol.ts"

// -----------------------------------------------------------------------------
// options
// -----------------------------------------------------------------------------

/** How Heartbeat works. All nodes of a cluster should have the same. */
export interface Options {
  /** Time between heartbeats, and rounds of gossip; 10 ms to 1 h. */
  readonly gossipInterval: Duration.Input
  /**
   * φ at which a member is dead; 1 to 16. One more makes a silence ten times less likely to be chance, and detection
   * slower by 2.3 intervals.
   */
  readonly phiThreshold: number
  /** Intervals between a member's heartbeats that are remembered, 10 to 10,000. */
  readonly sampleWindow: number
  /**
   * What an interval between heartbeats is taken for before there are samples, and counts for at most; `gossipInterval` to
   * 1 h. Both grow with the rounds that a cut digest takes to go round.
   */
  readonly maxInterval: Duration.Input
  /** Time between tries of a dead member or an absent seed over a stream, 100 ms to 24 h. */
  readonly reconnectInterval: Duration.Input
  /** How long the dead and the left are remembered, listed and (the dead) tried; 1 s to 365 d. */
  readonly deadRetention: Duration.Input
  /** Most members known, the dead included; 1 to 1,000,000. When it is reached the longest dead go first. */
  readonly maxMembers: number
}

/**
 * Cassandra's: a round each second (`Gossiper.intervalInMillis`), φ of 8 (`phi_convict_threshold`), 1000 samples
 * (`FailureDetector.SAMPLE_SIZE`), and 2 s for the first interval and the longest (`INITIAL_VALUE`, `MAX_INTERVAL`). The
 * prior counts for 5 samples and the dead are remembered for 24 h, as in chitchat; `reconnectInterval` and `maxMembers` are
 * `Swim`'s.
 */
export const defaults: Options = {
  ...defaultConfig,
  gossipInterval: "1 second",
  maxInterval: "2 seconds",
  reconnectInterval: "30 seconds",
  deadRetention: "24 hours"
}

const hour = 60 * 60 * 1000
const day = 24 * hour

const check = Effect.fnUntraced(function*(options: Options) {
  const { phiThreshold } = options
  if (!(phiThreshold >= 1 && phiThreshold <= 16)) {
    return yield* new InvalidOption({ option: "phiThreshold", problem: `${phiThreshold} is not between 1 and 16` })
  }
  const checked: Checked = {
    gossipInterval: yield* millis("gossipInterval", options.gossipInterval, { minimum: 10, maximum: hour }),
    phiThreshold,
    sampleWindow: yield* integer("sampleWindow", options.sampleWindow, { minimum: 10, maximum: 10_000 }),
    maxInterval: yield* millis("maxInterval", options.maxInterval, { minimum: 10, maximum: hour }),
    reconnectInterval: yield* millis("reconnectInterval", options.reconnectInterval, { minimum: 100, maximum: day }),
    deadRetention: yield* millis("deadRetention", options.deadRetention, { minimum: 1000, maximum: 365 * day }),
    maxMembers: yield* integer("maxMembers", options.maxMembers, { minimum: 1, maximum: 1_000_000 })
  }
  if (checked.maxInterval < checked.gossipInterval) {
    return yield* new InvalidOption({
      option: "maxInterval",
      problem: `${checked.maxInterval} ms is shorter than gossipInterval (${checked.gossipInterval} ms)`
    })
  }
  return checked
})

// -----------------------------------------------------------------------------
// bounds
// -----------------------------------------------------------------------------

/** Within which time Heartbeat is sure, or all but sure, to have come over a fault, when no further one comes. */
export interface Bounds {
  /**
   * A node that is gone is dead to all others: its last heartbeat has spread, and φ has reached its threshold at each,
   * which takes `phiThreshold · ln 10 · mean`, where the mean is at most `maxInterval`; and a round, until it is looked at.
   * All of it is as many times longer as a digest takes datagrams: more than one from 62 nodes on.
   */
  readonly detection: Duration.Duration
  /**
   * All who are there see each other again, after whatever partition or restart: the dead and absent seeds were tried
   * often enough (one at random each `reconnectInterval`; four times is what it nearly always takes; by datagrams it is
   * mostly a matter of seconds), and what was dead to others has refuted.
   */
  readonly healing: Duration.Duration
}

/** What the parameters imply for a cluster of so many nodes, with datagrams of 1400 bytes. Fails with `InvalidOption`. */
export const bounds = (nodes: number, options: Partial<Options> = {}): Effect.Effect<Bounds, InvalidOption> =>
  Effect.map(check({ ...defaults, ...options }), (config) => {
    const { gossipInterval, maxInterval, phiThreshold, reconnectInterval } = config
    const rounds = roundsPerTurn(nodes, usualDatagram)
    const detection = rounds * (silenceAt(phiThreshold) * maxInterval + spreadRounds(nodes) * gossipInterval) +
      gossipInterval
    return {
      detection: Duration.millis(Math.ceil(detection)),
      healing: Duration.millis(Math.ceil(detection + 4 * reconnectInterval))
    }
  })

// -----------------------------------------------------------------------------
// layers
// -----------------------------------------------------------------------------

/**
 * Has a node use Heartbeat with these options; those left out have their {@link defaults}. Fails with `InvalidOption`.
 *
 * **Example** (A node that counts heartbeats)
 *
 * ```ts import.meta.vitest check
 * import { Gossip } from "@effect-gossip/core"
 * import { Heartbeat, PhiDetector } from "@effect-gossip/core/membership"
 * import { Layer } from "effect"
 *
 * const Node = PhiDetector.layer.pipe(
 *   Layer.provideMerge(Gossip.layer({ name: "b", seeds: ["10.0.0.1:7946"] })),
 *   Layer.provide(Heartbeat.layer({ phiThreshold: 10 }))
 * )
 * ```
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
  gossipInterval: Config.Duration("gossipInterval").pipe(Config.withDefault(defaults.gossipInterval)),
  phiThreshold: Config.Number("phiThreshold").pipe(Config.withDefault(defaults.phiThreshold)),
  sampleWindow: Config.Int("sampleWindow").pipe(Config.withDefault(defaults.sampleWindow)),
  maxInterval: Config.Duration("maxInterval").pipe(Config.withDefault(defaults.maxInterval)),
  reconnectInterval: Config.Duration("reconnectInterval").pipe(Config.withDefault(defaults.reconnectInterval)),
  deadRetention: Config.Duration("deadRetention").pipe(Config.withDefault(defaults.deadRetention)),
  maxMembers: Config.Int("maxMembers").pipe(Config.withDefault(defaults.maxMembers))
})
