/**
 * A network that behaves as badly as it is told to: latency, loss, duplication, reordering, corruption, bandwidth and
 * MTU per link, partitions, crashed addresses, streams that break. All it decides at random it draws from a seed.
 *
 * It carries what the endpoints of a `MemoryNetwork` send, so that limits, buffers and handlers are those of the
 * transport in memory. Under {@link VirtualTime} deliveries are timers of its loop; under any other `Clock` (Effect's
 * `TestClock`, or the real one) they are fibers that sleep, which is slower.
 *
 * @since 0.1.0
 */
import type { Address } from "@effect-gossip/core/Address"
import * as MemoryTransport from "@effect-gossip/core/MemoryTransport"
import { Transport, type TransportError } from "@effect-gossip/core/Transport"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Formatter from "effect/Formatter"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Links from "./internal/network/links.ts"
import { Network } from "./internal/network/network.ts"
import * as Pairs from "./internal/network/pairs.ts"
import { MutableCounters } from "./internal/network/stations.ts"
import * as Timing from "./internal/timing.ts"
import * as Latency from "./Latency.ts"

// -----------------------------------------------------------------------------
// model
// -----------------------------------------------------------------------------

/** How a link behaves. Probabilities are from 0 to 1; the size of a datagram is that of its payload. */
export interface Link {
  /** How long a datagram, or one way of an exchange, takes, once it has been sent. */
  readonly latency: Latency.Input
  /** How likely a datagram is lost. */
  readonly loss: number
  /** How likely a datagram arrives twice; the second takes a latency of its own. */
  readonly duplication: number
  /** How likely a datagram is held up, and how much longer it then takes. Later ones may overtake it. */
  readonly reordering: { readonly probability: number; readonly delay: Latency.Input }
  /**
   * How likely a datagram arrives with 1 to 4 of its bits flipped, anywhere in it. If it arrives twice, both have the
   * same bits flipped. Streams have checksums that see to this.
   */
  readonly corruption: number
  /**
   * How many bytes each direction of the link sends in a second, above 0; `undefined` or `Infinity` is no limit. Sending
   * takes its time on top of the latency, and what is sent later waits. Datagrams wait behind at most half a `queue` of
   * what exchanges send; exchanges wait behind all.
   */
  readonly bandwidth: number | undefined
  /**
   * How many bytes may wait on a link of limited bandwidth, 0 or more, counting those that are being sent; a datagram
   * that finds less room is lost. An idle link takes any, and exchanges wait for room instead.
   */
  readonly queue: number
  /** The largest datagram that passes, in bytes, 1 or more; `undefined` or `Infinity` is no limit. Larger ones are lost. */
  readonly mtu: number | undefined
  /** How likely one way of an exchange breaks the stream instead of arriving. */
  readonly streamLoss: number
}

/** What a simulated network is made with. */
export interface Options {
  /** All randomness of the network comes from it. Default: {@link defaults}. */
  readonly seed?: string | number | undefined
  /** How links behave that were not told otherwise. Default: {@link defaults}. */
  readonly link?: Partial<Link> | undefined
  /**
   * What a cut does to a stream across it: `break` fails the exchange at once (one that starts later, after the
   * link's latency); `stall` carries nothing any more, so that it times out. Default: {@link defaults}.
   */
  readonly cutStreams?: "break" | "stall" | undefined
}

/**
 * The defaults of {@link Options}: seed 0; 1 ms on every link, nothing lost or limited; cuts break streams. The queue of
 * a link whose bandwidth is limited holds 64 KiB: the most that a TCP connection has under way without window scaling,
 * so that one alone does not overflow it; at 10 Mbit/s that is a wait of 52 ms.
 */
export const defaults: { readonly seed: string | number; readonly link: Link; readonly cutStreams: "break" | "stall" } =
  {
    seed: 0,
    link: {
      latency: Latency.constant("1 millis"),
      loss: 0,
      duplication: 0,
      reordering: { probability: 0, delay: Latency.constant("10 millis") },
      corruption: 0,
      bandwidth: undefined,
      queue: 65_536,
      mtu: undefined,
      streamLoss: 0
    },
    cutStreams: "break"
  }

/** One address, or several. */
export type Group = Address | Iterable<Address>

/** A partition that is in force until it is healed. */
export interface Partition {
  /** Ends this partition. Others stay. */
  readonly heal: Effect.Effect<void>
}

/** How some links behave, until it is taken back. */
export interface LinkSetting {
  /** Takes this setting back. Others stay, and those it covered up count again. */
  readonly reset: Effect.Effect<void>
}

/** Why a datagram did not arrive: `TooBig` for the link's MTU, `LinkFull` for its queue; and the receiver's reasons. */
export type DropReason =
  | "Loss"
  | "Partition"
  | "Crash"
  | "TooBig"
  | "LinkFull"
  | Exclude<MemoryTransport.Arrival, "Received">

/** What happened, and when: milliseconds since the network was made. Datagrams and streams count up from 0. */
export type Event =
  & { readonly at: number }
  & (
    | {
      readonly _tag: "DatagramSent"
      readonly id: number
      readonly from: Address
      readonly to: Address
      /** Only to be looked at. */
      readonly payload: Uint8Array
    }
    | {
      readonly _tag: "DatagramCorrupted"
      readonly id: number
      readonly from: Address
      readonly to: Address
      /** What arrives instead. Only to be looked at. */
      readonly payload: Uint8Array
    }
    | { readonly _tag: "DatagramDuplicated"; readonly id: number; readonly from: Address; readonly to: Address }
    | { readonly _tag: "DatagramDelivered"; readonly id: number; readonly from: Address; readonly to: Address }
    | {
      readonly _tag: "DatagramDropped"
      readonly id: number
      readonly from: Address
      readonly to: Address
      readonly reason: DropReason
    }
    | { readonly _tag: "StreamOpened"; readonly id: number; readonly from: Address; readonly to: Address }
    | {
      readonly _tag: "StreamLeg"
      readonly id: number
      readonly from: Address
      readonly to: Address
      readonly leg: MemoryTransport.Leg
      readonly bytes: number
    }
    | {
      readonly _tag: "StreamClosed"
      readonly id: number
      readonly from: Address
      readonly to: Address
      readonly outcome: MemoryTransport.Outcome
    }
    | { readonly _tag: "Note"; readonly text: string }
  )

/** What one address, or all together, sent and received. */
export interface Counters {
  readonly datagramsSent: number
  /** Payload bytes. */
  readonly datagramBytesSent: number
  readonly datagramsReceived: number
  /** Payload bytes. */
  readonly datagramBytesReceived: number
  /** Exchanges begun. */
  readonly exchanges: number
  /** Bytes of requests and answers sent. */
  readonly exchangeBytesSent: number
}

/** The counters of all addresses together, and what became of datagrams. */
export interface Totals extends Counters {
  readonly datagramsDuplicated: number
  readonly datagramsCorrupted: number
  readonly datagramsDropped: Readonly<Record<DropReason, number>>
}

// -----------------------------------------------------------------------------
// service
// -----------------------------------------------------------------------------

/** The network of a simulation. */
export class SimulatedNetwork extends Context.Service<SimulatedNetwork, {
  /** Opens a transport until the scope closes. Fails with `AddressInUse` or `InvalidOption`. */
  readonly open: (options: MemoryTransport.Options) => Effect.Effect<Transport["Service"], TransportError, Scope.Scope>

  /** Sets how all links behave where no setting says otherwise. What is left out is as in {@link defaults}. */
  readonly setDefaultLink: (link: Partial<Link>) => Effect.Effect<void, SimulatedNetworkError>

  /**
   * Sets how links behave that lead from the first group to the second, and back, until it is taken back. `others` are
   * all that are not in the first group. Of settings for one link the latest counts; what it leaves out is as it would
   * be without it.
   */
  readonly setLink: (
    from: Group | "all",
    to: Group | "others" | "all",
    link: Partial<Link>
  ) => Effect.Effect<LinkSetting, SimulatedNetworkError>

  /** Like `setLink`, but one way only. */
  readonly setLinkOneWay: (
    from: Group | "all",
    to: Group | "others" | "all",
    link: Partial<Link>
  ) => Effect.Effect<LinkSetting, SimulatedNetworkError>

  /** Forgets all settings made by `setLink` and `setLinkOneWay`. */
  readonly resetLinks: Effect.Effect<void>

  /**
   * Cuts a group off from another, or from everyone else, both ways. Datagrams under way across the cut are lost, and
   * streams across it break.
   */
  readonly partition: (group: Group, from?: Group | "others") => Effect.Effect<Partition>

  /** Carries nothing from the first group to the second, or to everyone else; but still what comes back. */
  readonly partitionOneWay: (from: Group, to?: Group | "others") => Effect.Effect<Partition>

  /**
   * Makes an address as if its machine had lost power: nothing goes in or out, and its streams break. The node's own
   * fibers go on; whoever simulates a crash stops them as well.
   */
  readonly crash: (address: Address) => Effect.Effect<void>

  /** Ends what `crash` did. */
  readonly restore: (address: Address) => Effect.Effect<void>

  /**
   * Breaks the streams that are open between two groups, or between a group and all there are (its own members too), and
   * returns how many they were. Default: all. Later ones are as if nothing had been.
   */
  readonly breakStreams: (group?: Group | "all", from?: Group | "others" | "all") => Effect.Effect<number>

  /** Ends all partitions and crashes. Links keep their settings. */
  readonly heal: Effect.Effect<void>

  /** Where transports are open. */
  readonly addresses: () => ReadonlyArray<Address>

  /** Milliseconds since the network was made. */
  readonly now: () => number

  /** Whether a datagram sent now would not be cut off. */
  readonly isConnected: (from: Address, to: Address) => boolean

  /** The counters of all addresses together. */
  readonly totals: () => Totals

  /** The counters of one address. They go on when a transport is opened there anew. */
  readonly countersOf: (address: Address) => Counters

  /**
   * Sixteen hexadecimal digits that stand for everything that happened so far: every datagram with its content, every
   * leg of a stream, what became of them, and when. Equal for two runs that were the same.
   */
  readonly traceHash: () => string

  /** Calls a function with every event until the scope closes. It must not throw. */
  readonly observe: (observer: (event: Event) => void) => Effect.Effect<void, never, Scope.Scope>

  /** Puts an event of the test's own into the trace and its hash. */
  readonly note: (text: string) => Effect.Effect<void>
}>()("@effect-gossip/testkit/SimulatedNetwork") {}

// -----------------------------------------------------------------------------
// constructors
// -----------------------------------------------------------------------------

/** Makes a network. Fails with `InvalidLink`. */
export const make: (
  options?: Options
) => Effect.Effect<SimulatedNetwork["Service"], SimulatedNetworkError, Scope.Scope> = Effect.fnUntraced(
  function*(options) {
    const link = yield* orInvalid(Links.compileAll({ ...defaults.link, ...options?.link }))
    const timing = yield* Timing.make
    return serviceOf(
      new Network(String(options?.seed ?? defaults.seed), link, options?.cutStreams ?? defaults.cutStreams, timing)
    )
  }
)

// -----------------------------------------------------------------------------
// layers
// -----------------------------------------------------------------------------

/**
 * Provides a network. Build it upon {@link VirtualTime} for speed; else it uses the `Clock`. Fails with `InvalidLink`.
 */
export const layer = (options?: Options): Layer.Layer<SimulatedNetwork, SimulatedNetworkError> =>
  Layer.effect(SimulatedNetwork, make(options))

/** Provides a transport of the {@link SimulatedNetwork}. Fails with `AddressInUse` or `InvalidOption`. */
export const layerTransport = (
  options: MemoryTransport.Options
): Layer.Layer<Transport, TransportError, SimulatedNetwork> =>
  Layer.effect(Transport, SimulatedNetwork.use((network) => network.open(options)))

// -----------------------------------------------------------------------------
// errors
// -----------------------------------------------------------------------------

/** A link cannot behave so. Nothing was changed. */
export class InvalidLink extends Schema.TaggedError<InvalidLink>()("InvalidLink", {
  option: Schema.String,
  problem: Schema.String
}) {
  override get message() {
    return `link option ${this.option}: ${this.problem}`
  }
}

/** Why a simulated network failed. */
export const SimulatedNetworkErrorReason = Schema.Union([InvalidLink])

/** @since 0.1.0 */
export type SimulatedNetworkErrorReason = typeof SimulatedNetworkErrorReason.Type

/** The failure of a simulated network. Its message is that of its reason. */
export class SimulatedNetworkError extends Schema.TaggedError<SimulatedNetworkError>()("SimulatedNetworkError", {
  reason: SimulatedNetworkErrorReason
}) {
  override get message() {
    return this.reason.message
  }
}

// -----------------------------------------------------------------------------
// internals
// -----------------------------------------------------------------------------

const orInvalid = <A>(result: Result.Result<A, Links.Wrong>): Effect.Effect<A, SimulatedNetworkError> =>
  Effect.fromResult(
    Result.mapError(result, (wrong) => new SimulatedNetworkError({ reason: new InvalidLink(wrong) }))
  )

const toSet = (group: Group): ReadonlySet<Address> => new Set(typeof group === "string" ? [group] : group)

const pairsOf = (from: Group | "all", to: Group | "others" | "all", isTwoWay: boolean): Pairs.Pairs => ({
  from: from === "all" ? "all" : toSet(from),
  to: to === "all" ? "all" : to === "others" ? "others" : toSet(to),
  isTwoWay
})

const serviceOf = (network: Network): SimulatedNetwork["Service"] => {
  const { cuts, links, stations, trace } = network

  const partition = (name: string, pairs: Pairs.Pairs): Partition => {
    const text = `${name}: ${Pairs.format(pairs)}`
    trace.note(text)
    cuts.add(pairs)
    network.breakCutStreams()
    return {
      heal: Effect.sync(() => {
        trace.note(`healed ${text}`)
        cuts.remove(pairs)
      })
    }
  }

  const setLink = (name: string, pairs: Pairs.Pairs, options: Partial<Link>) =>
    Effect.map(orInvalid(Links.compile(options)), (link): LinkSetting => {
      const setting: Links.Setting = { pairs, link }
      const text = `${name}: ${Pairs.format(pairs)} ${Formatter.format(options)}`
      trace.note(text)
      links.add(setting)
      return {
        reset: Effect.sync(() => {
          if (!links.has(setting)) return
          trace.note(`reset ${text}`)
          links.remove(setting)
        })
      }
    })

  const { addresses, open } = MemoryTransport.makeNetwork(network)
  return SimulatedNetwork.of({
    open,
    addresses,
    now: () => trace.at(),
    setDefaultLink: (options) =>
      Effect.map(Effect.suspend(() => orInvalid(Links.compileAll({ ...defaults.link, ...options }))), (link) => {
        trace.note(`default link: ${Formatter.format(options)}`)
        links.setBase(link)
      }),
    setLink: (from, to, options) => Effect.suspend(() => setLink("link", pairsOf(from, to, true), options)),
    setLinkOneWay: (from, to, options) =>
      Effect.suspend(() => setLink("one-way link", pairsOf(from, to, false), options)),
    resetLinks: Effect.sync(() => {
      trace.note("links reset")
      links.reset()
    }),
    partition: (group, from = "others") => Effect.sync(() => partition("partition", pairsOf(group, from, true))),
    partitionOneWay: (from, to = "others") =>
      Effect.sync(() => partition("one-way partition", pairsOf(from, to, false))),
    crash: (address) =>
      Effect.sync(() => {
        trace.note(`crash: ${address}`)
        cuts.crash(address)
        network.breakCutStreams()
      }),
    restore: (address) =>
      Effect.sync(() => {
        trace.note(`restore: ${address}`)
        cuts.restore(address)
      }),
    breakStreams: (group = "all", from = "all") =>
      Effect.sync(() => {
        const pairs = pairsOf(group, from, true)
        trace.note(`break streams: ${Pairs.format(pairs)}`)
        return network.breakStreams(pairs)
      }),
    heal: Effect.sync(() => {
      trace.note("heal")
      cuts.clear()
    }),
    isConnected: (from, to) => cuts.between(from, to) === undefined,
    totals: () => network.totals(),
    countersOf: (address) => ({ ...(stations.get(address)?.counters ?? new MutableCounters()) }),
    traceHash: () => trace.hash.toString(),
    observe: (observer) =>
      Effect.acquireRelease(
        Effect.sync(() => trace.observe(observer)),
        () => Effect.sync(() => trace.ignore(observer))
      ),
    note: (text) => Effect.sync(() => trace.note(text))
  })
}
