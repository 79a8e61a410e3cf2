/**
 * A gossip node, as an application composes it.
 *
 * **Example** (A node over a transport)
 *
 * ```ts import.meta.vitest check
 * import { Gossip } from "@effect-gossip/core"
 * import { Swim } from "@effect-gossip/core/membership"
 * import { UdpTransport } from "@effect-gossip/transport-udp"
 * import { Layer } from "effect"
 *
 * const Node = Gossip.layer({ name: "b", seeds: ["10.0.0.1:7946"] }).pipe(
 *   Layer.provide(Swim.layer({ deadRetention: "1 hour" })),
 *   Layer.provide(UdpTransport.layer({ host: "0.0.0.0", port: 7946 }))
 * )
 * ```
 *
 * @since 0.1.0
 */
import * as Config from "effect/Config"
import * as ConfigProvider from "effect/ConfigProvider"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as String from "effect/String"
import { type Address, fromStringOption } from "./Address.ts"
import * as Dissemination from "./dissemination/Dissemination.ts"
import { decode, integer, millis } from "./internal/options.ts"
import * as Membership from "./membership/Membership.ts"
import { MetadataTooLarge } from "./membership/MembershipError.ts"
import * as Node from "./node/Node.ts"
import * as Replica from "./replication/Replica.ts"
import { InvalidOption, type Transport, type TransportError } from "./Transport.ts"
import { ClusterName, NodeId } from "./wire/Message.ts"

// -----------------------------------------------------------------------------
// options
// -----------------------------------------------------------------------------

/** What a node is told. */
export interface Options {
  /** The node's name, which no other live node of the cluster has: 1 to 128 bytes, without white space. */
  readonly name: string
  /**
   * Addresses (`host:port`) of nodes to join through, at most 1000; a node's own is passed over, so that all can be
   * given the same. Host names are looked up at each try. A node whose seeds do not answer runs on, says so, and tries
   * them again; one that is given none waits to be joined.
   */
  readonly seeds?: ReadonlyArray<string> | undefined
  /** The cluster's name, `default` by default: nodes hear only those of their own. */
  readonly cluster?: string | undefined
  /** What the node says of itself, at most 512 bytes; see `Metadata.Service` for typed metadata. */
  readonly metadata?: Uint8Array | undefined
  /** How long closing the layer may take to leave; 0 to 1 h, `5 seconds` by default. */
  readonly leaveTimeout?: Duration.Input | undefined
  /** Changes of members that a slow consumer may have waiting; 1 to 1,000,000, 1024 by default. */
  readonly changesCapacity?: number | undefined
  /** Most messages that wait to be handled; 16 to 1,000,000, 4096 by default. */
  readonly mailboxCapacity?: number | undefined
  /** Most datagrams that wait to be sent; 16 to 1,000,000, 4096 by default. */
  readonly sendCapacity?: number | undefined
  /** Most exchanges that the node has open towards peers at a time; 1 to 10,000, 32 by default. */
  readonly maxExchanges?: number | undefined
  /** When, and how often, the node is restarted after a defect: by default for ever, at most 10 s apart. */
  readonly defectRetryPolicy?: Schedule.Schedule<unknown, unknown> | undefined
}

/** The defaults of {@link Options}, for what need not be given. */
export const defaults = {
  cluster: "default",
  leaveTimeout: "5 seconds",
  changesCapacity: 1024,
  ...Node.defaults
} as const satisfies Partial<Options>

const maxSeeds = 1000

const parseSeeds = (seeds: ReadonlyArray<string>): Effect.Effect<ReadonlyArray<Address>, InvalidOption> =>
  Effect.forEach(seeds, (seed) =>
    Option.match(typeof seed === "string" ? fromStringOption(seed) : Option.none(), {
      onNone: () =>
        Effect.fail(
          new InvalidOption({
            option: "seeds",
            problem: `${JSON.stringify(seed)} is not an address: write a seed as host:port, for example 10.0.0.1:7946`
          })
        ),
      onSome: Effect.succeed
    }))

const check = Effect.fnUntraced(function*(options: Options) {
  const seeds = options.seeds
  if (seeds !== undefined && (seeds.length === 0 || seeds.length > maxSeeds)) {
    return yield* new InvalidOption({
      option: "seeds",
      problem: seeds.length === 0
        ? "it is empty: name at least one node to join, or leave the option out to start a cluster"
        : `${seeds.length} addresses are more than ${maxSeeds}: a few that are likely to be there are enough`
    })
  }
  const capacity = { minimum: 16, maximum: 1_000_000 }
  return {
    node: {
      id: yield* decode("name", NodeId, options.name),
      cluster: yield* decode("cluster", ClusterName, options.cluster ?? defaults.cluster),
      mailboxCapacity: yield* integer(
        "mailboxCapacity",
        options.mailboxCapacity ?? defaults.mailboxCapacity,
        capacity
      ),
      sendCapacity: yield* integer("sendCapacity", options.sendCapacity ?? defaults.sendCapacity, capacity),
      maxExchanges: yield* integer("maxExchanges", options.maxExchanges ?? defaults.maxExchanges, {
        minimum: 1,
        maximum: 10_000
      }),
      defectRetryPolicy: options.defectRetryPolicy ?? defaults.defectRetryPolicy
    },
    membership: {
      seeds: yield* parseSeeds(seeds ?? []),
      metadata: options.metadata ?? new Uint8Array(0),
      leaveTimeout: yield* millis("leaveTimeout", options.leaveTimeout ?? defaults.leaveTimeout, {
        minimum: 0,
        maximum: 60 * 60 * 1000
      }),
      changesCapacity: yield* integer("changesCapacity", options.changesCapacity ?? defaults.changesCapacity, {
        minimum: 1,
        maximum: 1_000_000
      })
    }
  }
})

// -----------------------------------------------------------------------------
// layers
// -----------------------------------------------------------------------------

/**
 * What a node offers: itself, its members, news, which applications hold as topics, and replicas, which they hold as maps and
 * CRDTs.
 */
export type Services = Node.Node | Membership.Membership | Dissemination.Dissemination | Replica.Replica

/**
 * A node with its membership, its dissemination and its replicas, over a transport. It leaves when the layer's scope closes.
 *
 * Layers that are provided to it, beside the transport's, swap its parts: which protocol knows the members (`Swim.layer` and
 * others; the default is Swim), how news spreads (`PushThenPull.layer` and others; the default is that), whom it is told
 * (`PeerSelection`) and how long it is held (`DisseminationOptions`), where what is replicated is kept (`ReplicaStore`), and how
 * (`ReplicaOptions`, `AntiEntropy`). Fails with a {@link GossipError} when an option is wrong.
 */
export const layer = (options: Options): Layer.Layer<Services, GossipError | TransportError, Transport> =>
  Layer.unwrap(
    Effect.map(
      Effect.mapError(check(options), (reason) => new GossipError({ reason })),
      ({ membership, node }) =>
        leaving(membership.leaveTimeout).pipe(
          Layer.provideMerge(Replica.layer),
          Layer.provideMerge(Dissemination.layer),
          Layer.provideMerge(
            Layer.effect(
              Membership.Membership,
              Effect.mapError(
                // it has left by then, or has had its time
                Membership.make({ ...membership, leaveTimeout: 0 }),
                (reason) => new GossipError({ reason })
              )
            )
          ),
          Layer.provideMerge(Node.layer(node))
        )
    )
  )

// While it leaves a node still spreads news: what was published last may be with nobody else.
const leaving = (timeout: number): Layer.Layer<never, never, Membership.Membership> =>
  Layer.effectDiscard(Effect.gen(function*() {
    const membership = yield* Membership.Membership
    yield* Effect.addFinalizer(() => Effect.ignore(Effect.timeoutOption(membership.leave, timeout)))
  }))

/** {@link layer} with options from `Config`, for instance `Gossip.config`. */
export const layerConfig = (
  options: Config.Wrap<Options>
): Layer.Layer<
  Services,
  GossipError | TransportError | Config.ConfigError,
  Transport
> => Layer.unwrap(Effect.map(Config.unwrap(options), layer))

const describe = (nameOf: (option: string) => string, name: Config.Config<string> = Config.String(nameOf("name"))) =>
  Config.all({
    name,
    seeds: Config.Array(Schema.String, nameOf("seeds")).pipe(
      Config.map((seeds) => seeds.map((seed) => seed.trim())),
      Config.withDefault(undefined)
    ),
    cluster: Config.String(nameOf("cluster")).pipe(Config.withDefault(defaults.cluster)),
    leaveTimeout: Config.Duration(nameOf("leaveTimeout")).pipe(Config.withDefault(defaults.leaveTimeout)),
    changesCapacity: Config.Int(nameOf("changesCapacity")).pipe(Config.withDefault(defaults.changesCapacity)),
    mailboxCapacity: Config.Int(nameOf("mailboxCapacity")).pipe(Config.withDefault(defaults.mailboxCapacity)),
    sendCapacity: Config.Int(nameOf("sendCapacity")).pipe(Config.withDefault(defaults.sendCapacity)),
    maxExchanges: Config.Int(nameOf("maxExchanges")).pipe(Config.withDefault(defaults.maxExchanges))
  })

/** Describes those of {@link Options} that text can say, for `Config`: each has the name it has there. */
export const config: Config.Config<Options> = describe((option) => option)

/**
 * {@link layer} with options from the environment: `GOSSIP_NAME`, `GOSSIP_SEEDS` (separated by commas),
 * `GOSSIP_CLUSTER`, `GOSSIP_LEAVE_TIMEOUT` and so on. Options given here win over the environment's.
 */
export const layerFromEnv = (
  options: Partial<Options> = {}
): Layer.Layer<
  Services,
  GossipError | TransportError | Config.ConfigError,
  Transport
> =>
  Layer.unwrap(
    // the environment is read when the layer is built
    Effect.suspend(() =>
      // whole names of variables, so that an error says which one is wrong; what is given need not be there
      describe(
        (option) => `GOSSIP_${String.camelToSnake(option).toUpperCase()}`,
        options.name === undefined ? undefined : Config.succeed(options.name)
      ).parse(ConfigProvider.fromEnv())
    ).pipe(
      Effect.map((read) =>
        layer({ ...read, ...Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) })
      )
    )
  )

// -----------------------------------------------------------------------------
// errors
// -----------------------------------------------------------------------------

/** Why a node could not be made. */
export const GossipErrorReason = Schema.Union([InvalidOption, MetadataTooLarge])

/** @since 0.1.0 */
export type GossipErrorReason = typeof GossipErrorReason.Type

/** A node could not be made of the options given. Its message is that of its reason. */
export class GossipError extends Schema.TaggedError<GossipError>()("GossipError", {
  reason: GossipErrorReason
}) {
  override get message() {
    return this.reason.message
  }
}
