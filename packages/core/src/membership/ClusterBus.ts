/**
 * ClusterBus: members ping each other, and a majority decides who is dead.
 *
 * Redis Cluster's bus (`cluster_legacy.c`): MEET introduces a node, PING and PONG carry what each thinks of some others,
 * a node that does not answer is PFAIL to whoever pinged it, and FAIL to all once a majority of those who vote says the
 * same. So the lesser side of a partition declares nobody dead, and knows that it is the lesser: see `Quorum`.
 *
 * - **PFAIL** is a node's own doubt. It is shown as `Suspect`, is no claim that anyone else takes over, and ends when the
 *   member answers.
 * - **FAIL** is shown as `Dead`. It is broadcast to all at once, by whoever first counts a majority; the member itself
 *   refutes it with a higher incarnation, which is broadcast as well.
 * - **Who votes**: every node unless its option `votes` says otherwise. The electorate are all members that vote, the dead
 *   among them for as long as they are remembered, as in Redis; those who have left are not counted. Of two nodes
 *   neither is ever declared dead, since one is no majority of two: three are the least that survive the loss of one.
 *   A dead voter that is replaced by a node of another name counts until it is forgotten: see `deadRetention`.
 * - **What a restart forgets**: a node knows of its electorate by the first whom it asks, and until a seed (or anyone else)
 *   has answered it declares nobody dead. But when all of a minority are restarted while they are cut off, they know of
 *   each other only, and are a majority of that: they declare each other dead, and have a `Quorum`. Redis's nodes have
 *   their `nodes.conf`; here `minVoters` says how many there have to be.
 *
 * Where Redis leaves off: a ping that is not answered is sent again, since datagrams get lost; MEET is answered with all
 * that is known; whoever speaks of one who is FAIL or has left is told; a node that stood still excuses others for that
 * time; and after a partition the dead and the seeds are tried again. Only an answer is a sign of life: Redis, whose nodes
 * speak over connections, takes whatever a node sends for one, but a datagram may be forged, and who can send but not hear
 * is of no use to the others. There is no delay before a node that reaches a
 * majority again says so (Redis waits 0.5 to 5 s for others to take back its slots).
 *
 * A broadcast is one datagram for each member, and all members ping each other when someone is PFAIL: like Redis Cluster
 * it is made for up to some 1000 nodes.
 *
 * @since 0.1.0
 */
import * as Config from "effect/Config"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { boolean, integer, millis } from "../internal/options.ts"
import type { InvalidOption } from "../Transport.ts"
import { type Config as Checked, defaultConfig, detectionTime } from "./internal/clusterBus/config.ts"
import { makeProtocol } from "./internal/clusterBus/machine.ts"
import { MembershipProtocol } from "./MembershipProtocol.ts"

// -----------------------------------------------------------------------------
// options
// -----------------------------------------------------------------------------

/** How ClusterBus works. All nodes of a cluster should have the same, `votes` apart. */
export interface Options {
  /**
   * How long a member may leave a ping unanswered before it is PFAIL, 200 ms to 1 h: Redis's `cluster-node-timeout`. A
   * member is pinged once nobody has heard of it for half of that; a report of PFAIL counts for twice as long.
   */
  readonly nodeTimeout: Duration.Input
  /** Whether this node counts where a majority decides, as Redis's masters with slots do, and replicas do not. */
  readonly votes: boolean
  /**
   * The least electorate, 1 to 1,000,000: as many are taken to vote even while fewer are known. For clusters of known size:
   * with the number of their voters no minority of them declares anyone dead, nor has a `Quorum`, though all of it be
   * restarted and know nobody else. All nodes should have the same.
   */
  readonly minVoters: number
  /** Time between tries of a dead member or an absent seed, 100 ms to 24 h. */
  readonly reconnectInterval: Duration.Input
  /**
   * How long the dead and the left are remembered, listed, (the dead) tried and counted as voters; 1 s to 365 d. Redis
   * remembers them until `CLUSTER FORGET`.
   */
  readonly deadRetention: Duration.Input
  /** Most members known, the dead included; 1 to 1,000,000. When it is reached the longest dead go first. */
  readonly maxMembers: number
}

/**
 * Redis's `cluster-node-timeout`, with serf's `ReconnectInterval` and `TombstoneTimeout`; `maxMembers` is 16,384.
 *
 * As in Redis, and not to be changed: all members are looked at 10 times a second (more often below a timeout of 2 s);
 * once a second the one of 5 random members is pinged that was silent for longest; a ping or pong tells of a tenth of the
 * members, of 3 at least, and of all that are PFAIL, as far as it fits a datagram.
 */
export const defaults: Options = {
  ...defaultConfig,
  nodeTimeout: "15 seconds",
  reconnectInterval: "30 seconds",
  deadRetention: "24 hours"
}

const hour = 60 * 60 * 1000
const day = 24 * hour

const check = Effect.fnUntraced(function*(options: Options) {
  const checked: Checked = {
    nodeTimeout: yield* millis("nodeTimeout", options.nodeTimeout, { minimum: 200, maximum: hour }),
    votes: yield* boolean("votes", options.votes),
    minVoters: yield* integer("minVoters", options.minVoters, { minimum: 1, maximum: 1_000_000 }),
    reconnectInterval: yield* millis("reconnectInterval", options.reconnectInterval, { minimum: 100, maximum: day }),
    deadRetention: yield* millis("deadRetention", options.deadRetention, { minimum: 1000, maximum: 365 * day }),
    maxMembers: yield* integer("maxMembers", options.maxMembers, { minimum: 1, maximum: 1_000_000 })
  }
  return checked
})

// -----------------------------------------------------------------------------
// bounds
// -----------------------------------------------------------------------------

/** Within which time ClusterBus is sure, or all but sure, to have come over a fault, when no further one comes. */
export interface Bounds {
  /**
   * A node that is gone is FAIL to all others, as long as a majority of those who vote reach each other: its last pong
   * was half a timeout old when it was pinged, it was PFAIL a timeout later, and all who hold it for that have told each
   * other within another half: 2.15 timeouts. Besides what datagrams take to arrive; a lost one can make it longer. From 68
   * nodes on all of a minority that fails at once may not fit two messages, and takes half a timeout more for each 34 of it.
   */
  readonly detection: Duration.Duration
  /**
   * All who are there see each other again, after whatever partition or restart. Whom a node has not given up it pings
   * all the time; the dead and absent seeds were tried often enough (one at random each `reconnectInterval`; four times
   * is what it nearly always takes), and who was FAIL has refuted.
   */
  readonly healing: Duration.Duration
}

/** What the parameters imply for a cluster of so many nodes. Fails with `InvalidOption`. */
export const bounds = (nodes: number, options: Partial<Options> = {}): Effect.Effect<Bounds, InvalidOption> =>
  Effect.map(check({ ...defaults, ...options }), (config) => {
    const detection = detectionTime(config, nodes)
    return {
      detection: Duration.millis(Math.ceil(detection)),
      healing: Duration.millis(Math.ceil(detection + 4 * config.reconnectInterval))
    }
  })

// -----------------------------------------------------------------------------
// layers
// -----------------------------------------------------------------------------

/** Has a node use ClusterBus with these options; those left out have their {@link defaults}. Fails with `InvalidOption`. */
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
  nodeTimeout: Config.Duration("nodeTimeout").pipe(Config.withDefault(defaults.nodeTimeout)),
  votes: Config.Boolean("votes").pipe(Config.withDefault(defaults.votes)),
  minVoters: Config.Int("minVoters").pipe(Config.withDefault(defaults.minVoters)),
  reconnectInterval: Config.Duration("reconnectInterval").pipe(Config.withDefault(defaults.reconnectInterval)),
  deadRetention: Config.Duration("deadRetention").pipe(Config.withDefault(defaults.deadRetention)),
  maxMembers: Config.Int("maxMembers").pipe(Config.withDefault(defaults.maxMembers))
})
