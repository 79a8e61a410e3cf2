/**
 * A network that behaves as badly as it is told to: latency, loss, duplication and reordering per link, partitions,
 * crashed addresses, streams that break. All it decides at random it draws from a seed.
 *
 * It carries what the endpoints of a `MemoryNetwork` send, so that limits, buffers and handlers are those of the
 * transport in memory. Under {@link VirtualTime} deliveries are timers of its loop; under any other `Clock` (Effect's
 * `TestClock`, or the real one) they are fibers that sleep, which is slower.
 *
 * @since 0.1.0
 */
import type { Address } from "@effect-gossip/core/Address"
import * as MemoryTransport from "@effect-gossip/core/MemoryTransport"
import { type Packet, Transport, type TransportError } from "@effect-gossip/core/Transport"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import * as Formatter from "effect/Formatter"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Random from "effect/Random"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import { type Cut, Cuts } from "./internal/cuts.ts"
import * as Links from "./internal/links.ts"
import type { CompiledLink } from "./internal/links.ts"
import * as SplitRandom from "./internal/splitRandom.ts"
import { TraceHash } from "./internal/traceHash.ts"
import * as Latency from "./Latency.ts"
import { VirtualTime } from "./VirtualTime.ts"

// -----------------------------------------------------------------------------
// model
// -----------------------------------------------------------------------------

/** How a link behaves. Probabilities are from 0 to 1. */
export interface Link {
  /** How long a datagram, or one way of an exchange, takes. */
  readonly latency: Latency.Input
  /** How likely a datagram is lost. */
  readonly loss: number
  /** How likely a datagram arrives twice; the second takes a latency of its own. */
  readonly duplication: number
  /** How likely a datagram is held up, and how much longer it then takes. Later ones may overtake it. */
  readonly reordering: { readonly probability: number; readonly delay: Latency.Input }
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

/** The defaults of {@link Options}: seed 0; 1 ms on every link, nothing lost; cuts break streams. */
export const defaults: { readonly seed: string | number; readonly link: Link; readonly cutStreams: "break" | "stall" } =
  {
    seed: 0,
    link: {
      latency: Latency.constant("1 millis"),
      loss: 0,
      duplication: 0,
      reordering: { probability: 0, delay: Latency.constant("10 millis") },
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

/** Why a datagram did not arrive, beside the reasons its receiver has. */
export type DropReason = "Loss" | "Partition" | "Crash" | Exclude<MemoryTransport.Arrival, "Received">

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
  readonly datagramsDropped: Readonly<Record<DropReason, number>>
}

// -----------------------------------------------------------------------------
// service
// -----------------------------------------------------------------------------

/** The network of a simulation. */
export class SimulatedNetwork extends Context.Service<SimulatedNetwork, {
  /** Opens a transport until the scope closes. Fails with `AddressInUse` or `InvalidOption`. */
  readonly open: (options: MemoryTransport.Options) => Effect.Effect<Transport["Service"], TransportError, Scope.Scope>

  /** Sets how all links behave that were not set by `setLink`. What is left out is as in {@link defaults}. */
  readonly setDefaultLink: (link: Partial<Link>) => Effect.Effect<void, SimulatedNetworkError>

  /**
   * Sets how links behave that lead from the first group to the second, and back. What is left out is as on the
   * default link. The latest setting for a link counts.
   */
  readonly setLink: (from: Group, to: Group, link: Partial<Link>) => Effect.Effect<void, SimulatedNetworkError>

  /** Like `setLink`, but one way only. */
  readonly setLinkOneWay: (from: Group, to: Group, link: Partial<Link>) => Effect.Effect<void, SimulatedNetworkError>

  /** Forgets all settings made by `setLink` and `setLinkOneWay`. */
  readonly resetLinks: Effect.Effect<void>

  /**
   * Cuts a group off from another, or from everyone else, both ways. Datagrams under way across the cut are lost, and
   * streams across it break.
   */
  readonly partition: (group: Group, from?: Group) => Effect.Effect<Partition>

  /** Carries nothing from the first group to the second, or to everyone else; but still what comes back. */
  readonly partitionOneWay: (from: Group, to?: Group) => Effect.Effect<Partition>

  /**
   * Makes an address as if its machine had lost power: nothing goes in or out, and its streams break. The node's own
   * fibers go on; whoever simulates a crash stops them as well.
   */
  readonly crash: (address: Address) => Effect.Effect<void>

  /** Ends what `crash` did. */
  readonly restore: (address: Address) => Effect.Effect<void>

  /** Ends all partitions and crashes. Links keep their settings. */
  readonly heal: Effect.Effect<void>

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
    const link = yield* compile({ ...defaults.link, ...options?.link })
    const timing = yield* timingOf
    return new Simulation(
      String(options?.seed ?? defaults.seed),
      link,
      options?.cutStreams ?? defaults.cutStreams,
      timing
    ).service
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
// internals: settings
// -----------------------------------------------------------------------------

// How groups are written in the trace.
const list = (group: ReadonlySet<Address> | undefined): string =>
  group === undefined ? "*" : Array.from(group).join(" ")

const toSet = (group: Group): ReadonlySet<Address> => new Set(typeof group === "string" ? [group] : group)

const compile = (link: Link): Effect.Effect<CompiledLink, SimulatedNetworkError> =>
  Effect.fromResult(
    Result.mapError(Links.compile(link), (wrong) => new SimulatedNetworkError({ reason: new InvalidLink(wrong) }))
  )

// -----------------------------------------------------------------------------
// internals: time
// -----------------------------------------------------------------------------

interface Timing {
  /** Milliseconds since some start. */
  readonly now: () => number
  readonly schedule: (delay: number, task: () => void) => void
}

const timingOf: Effect.Effect<Timing, never, Scope.Scope> = Effect.gen(function*() {
  const virtualTime = yield* Effect.serviceOption(VirtualTime)
  if (Option.isSome(virtualTime)) {
    return { now: virtualTime.value.elapsedUnsafe, schedule: virtualTime.value.scheduleUnsafe }
  }
  const clock = yield* Clock.Clock
  const start = clock.monotonicTimeNanosUnsafe()
  const run = yield* FiberSet.makeRuntime<never>()
  return {
    now: () => Number(clock.monotonicTimeNanosUnsafe() - start) / 1e6,
    schedule: (delay, task) => {
      const wait = delay === 0 ? Effect.yieldNow : Effect.sleep(delay)
      run(Effect.andThen(wait, Effect.sync(task)))
    }
  }
})

// -----------------------------------------------------------------------------
// internals: counting
// -----------------------------------------------------------------------------

class MutableCounters implements Counters {
  datagramsSent = 0
  datagramBytesSent = 0
  datagramsReceived = 0
  datagramBytesReceived = 0
  exchanges = 0
  exchangeBytesSent = 0
}

/** What the network keeps of an address: its counters, and a random stream for each of its decisions, so that one that
 * is added (a loss, say) leaves the others as they were. */
class Station {
  readonly counters = new MutableCounters()
  readonly hash: number
  readonly latency: Random.Random
  readonly loss: Random.Random
  readonly duplication: Random.Random
  readonly reordering: Random.Random
  readonly streams: Random.Random

  constructor(seed: string, address: Address) {
    this.hash = SplitRandom.hashString(address, 0)
    this.latency = SplitRandom.make(`${seed}/${address}/latency`)
    this.loss = SplitRandom.make(`${seed}/${address}/loss`)
    this.duplication = SplitRandom.make(`${seed}/${address}/duplication`)
    this.reordering = SplitRandom.make(`${seed}/${address}/reordering`)
    this.streams = SplitRandom.make(`${seed}/${address}/streams`)
  }
}

// The codes under which events enter the hash.
const sent = 1
const duplicated = 2
const delivered = 3
const opened = 4
const note = 5
const legs: Readonly<Record<MemoryTransport.Leg, number>> = { Request: 10, Answer: 11 }
const drops: Readonly<Record<DropReason, number>> = {
  Loss: 20,
  Partition: 21,
  Crash: 22,
  BufferFull: 23,
  NotReceiving: 24,
  NoSuchAddress: 25
}
const outcomes: Readonly<Record<MemoryTransport.Outcome, number>> = {
  Answered: 30,
  TooLarge: 31,
  Refused: 32,
  Unreachable: 33,
  Closed: 34,
  Broken: 35,
  Abandoned: 36
}

// -----------------------------------------------------------------------------
// internals: the network
// -----------------------------------------------------------------------------

class Simulation implements MemoryTransport.Carrier {
  readonly service: SimulatedNetwork["Service"]
  private readonly stations = new Map<Address, Station>()
  private readonly streams = new Set<MemoryTransport.Stream>()
  private readonly observers: Array<(event: Event) => void> = []
  private readonly hash = new TraceHash()
  private readonly total = new MutableCounters()
  private readonly dropped: Record<DropReason, number> = {
    Loss: 0,
    Partition: 0,
    Crash: 0,
    BufferFull: 0,
    NotReceiving: 0,
    NoSuchAddress: 0
  }
  private duplicates = 0
  private datagrams = 0
  private readonly cuts = new Cuts()
  private readonly links: Links.Links
  private readonly seed: string
  private readonly cutStreams: "break" | "stall"
  private readonly timing: Timing
  private readonly start: number

  constructor(seed: string, link: CompiledLink, cutStreams: "break" | "stall", timing: Timing) {
    this.seed = seed
    this.links = new Links.Links(link)
    this.cutStreams = cutStreams
    this.timing = timing
    this.start = timing.now()
    this.service = this.makeService(MemoryTransport.makeNetwork(this))
  }

  // ---------------------------------------------------------------------------
  // datagrams
  // ---------------------------------------------------------------------------

  datagram(packet: Packet, to: Address, deliver: (packet: Packet, to: Address) => MemoryTransport.Arrival): void {
    const id = this.datagrams++
    const from = packet.from
    const size = packet.payload.length
    const station = this.stationOf(from)
    station.counters.datagramsSent++
    station.counters.datagramBytesSent += size
    this.total.datagramsSent++
    this.total.datagramBytesSent += size
    this.record(sent, id, station.hash, to)
    this.hash.bytes(packet.payload)
    if (this.observers.length > 0) {
      this.emit({ _tag: "DatagramSent", at: this.at(), id, from, to, payload: packet.payload })
    }
    const link = this.links.get(from, to)
    // Drawn whether it is needed or not: a datagram that is lost leaves the latencies of others as they were.
    const latency = link.latency(station.latency)
    const isLost = link.loss > 0 && station.loss.nextDoubleUnsafe() < link.loss
    const isHeldUp = link.reordering > 0 && station.reordering.nextDoubleUnsafe() < link.reordering
    const isDuplicated = link.duplication > 0 && station.duplication.nextDoubleUnsafe() < link.duplication
    const delay = isHeldUp ? latency + link.delay(station.reordering) : latency
    const cut = this.cuts.between(from, to)
    if (cut !== undefined) return this.drop(id, station, from, to, cut)
    if (isDuplicated) {
      this.duplicates++
      this.record(duplicated, id, station.hash, to)
      if (this.observers.length > 0) this.emit({ _tag: "DatagramDuplicated", at: this.at(), id, from, to })
      const copy: Packet = { from, payload: packet.payload.slice() }
      this.carry(id, station, copy, to, link.latency(station.duplication), deliver)
    }
    if (isLost) return this.drop(id, station, from, to, "Loss")
    this.carry(id, station, packet, to, delay, deliver)
  }

  private carry(
    id: number,
    station: Station,
    packet: Packet,
    to: Address,
    delay: number,
    deliver: (packet: Packet, to: Address) => MemoryTransport.Arrival
  ): void {
    this.timing.schedule(delay, () => this.arrive(id, station, packet, to, deliver))
  }

  private arrive(
    id: number,
    station: Station,
    packet: Packet,
    to: Address,
    deliver: (packet: Packet, to: Address) => MemoryTransport.Arrival
  ): void {
    const from = packet.from
    const cut = this.cuts.between(from, to)
    if (cut !== undefined) return this.drop(id, station, from, to, cut)
    const size = packet.payload.length
    const arrival = deliver(packet, to)
    if (arrival !== "Received") return this.drop(id, station, from, to, arrival)
    const receiver = this.stationOf(to)
    receiver.counters.datagramsReceived++
    receiver.counters.datagramBytesReceived += size
    this.total.datagramsReceived++
    this.total.datagramBytesReceived += size
    this.record(delivered, id, station.hash, to)
    if (this.observers.length > 0) this.emit({ _tag: "DatagramDelivered", at: this.at(), id, from, to })
  }

  private drop(id: number, station: Station, from: Address, to: Address, reason: DropReason): void {
    this.dropped[reason]++
    this.record(drops[reason], id, station.hash, to)
    if (this.observers.length > 0) this.emit({ _tag: "DatagramDropped", at: this.at(), id, from, to, reason })
  }

  // ---------------------------------------------------------------------------
  // streams
  // ---------------------------------------------------------------------------

  opened(stream: MemoryTransport.Stream): void {
    this.streams.add(stream)
    const station = this.stationOf(stream.from)
    station.counters.exchanges++
    this.total.exchanges++
    this.record(opened, stream.id, station.hash, stream.to)
    if (this.observers.length > 0) {
      this.emit({ _tag: "StreamOpened", at: this.at(), id: stream.id, from: stream.from, to: stream.to })
    }
  }

  leg(stream: MemoryTransport.Stream, leg: MemoryTransport.Leg, bytes: number, arrive: () => void): void {
    const [from, to] = leg === "Request" ? [stream.from, stream.to] : [stream.to, stream.from]
    const station = this.stationOf(from)
    station.counters.exchangeBytesSent += bytes
    this.total.exchangeBytesSent += bytes
    this.record(legs[leg], stream.id, station.hash, to)
    this.hash.int(bytes)
    if (this.observers.length > 0) {
      this.emit({ _tag: "StreamLeg", at: this.at(), id: stream.id, from: stream.from, to: stream.to, leg, bytes })
    }
    const link = this.links.get(from, to)
    const latency = link.latency(station.streams)
    const isLost = link.streamLoss > 0 && station.streams.nextDoubleUnsafe() < link.streamLoss
    this.timing.schedule(latency, () => {
      if (!stream.isOpen()) return
      if (isLost) stream.breakUnsafe()
      else if (!this.isCut(stream)) arrive()
      else if (this.cutStreams === "break") stream.breakUnsafe()
    })
  }

  closed(stream: MemoryTransport.Stream, outcome: MemoryTransport.Outcome): void {
    this.streams.delete(stream)
    this.record(outcomes[outcome], stream.id, this.stationOf(stream.from).hash, stream.to)
    if (this.observers.length > 0) {
      this.emit({ _tag: "StreamClosed", at: this.at(), id: stream.id, from: stream.from, to: stream.to, outcome })
    }
  }

  // A stream needs both directions: what is not acknowledged is not delivered.
  private isCut(stream: MemoryTransport.Stream): boolean {
    return this.cuts.between(stream.from, stream.to) !== undefined ||
      this.cuts.between(stream.to, stream.from) !== undefined
  }

  private breakStreams(): void {
    if (this.cutStreams === "stall") return
    for (const stream of Array.from(this.streams)) {
      if (this.isCut(stream)) stream.breakUnsafe()
    }
  }

  // ---------------------------------------------------------------------------
  // trace
  // ---------------------------------------------------------------------------

  private at(): number {
    return this.timing.now() - this.start
  }

  private record(code: number, id: number, from: number, to: Address): void {
    const hash = this.hash
    hash.int(code)
    hash.millis(this.at())
    hash.int(id)
    hash.int(from)
    const station = this.stations.get(to)
    hash.int(station === undefined ? SplitRandom.hashString(to, 0) : station.hash)
  }

  private emit(event: Event): void {
    for (const observer of this.observers) observer(event)
  }

  private note(text: string): void {
    this.hash.int(note)
    this.hash.millis(this.at())
    this.hash.text(text)
    if (this.observers.length > 0) this.emit({ _tag: "Note", at: this.at(), text })
  }

  private stationOf(address: Address): Station {
    let station = this.stations.get(address)
    if (station === undefined) this.stations.set(address, station = new Station(this.seed, address))
    return station
  }

  // ---------------------------------------------------------------------------
  // service
  // ---------------------------------------------------------------------------

  private cut(cut: Cut, what: string): Effect.Effect<Partition> {
    return Effect.sync(() => {
      this.note(`${what}: ${list(cut.from)} | ${list(cut.to)}`)
      this.cuts.add(cut)
      this.breakStreams()
      return {
        heal: Effect.sync(() => {
          this.note(`healed ${what}: ${list(cut.from)} | ${list(cut.to)}`)
          this.cuts.remove(cut)
        })
      }
    })
  }

  private setLink(from: Group, to: Group, options: Partial<Link>, isTwoWay: boolean) {
    return Effect.suspend(() =>
      Effect.map(compile({ ...this.links.baseOptions, ...options }), (link) => {
        const left = toSet(from)
        const right = toSet(to)
        this.note(`${isTwoWay ? "link" : "one-way link"}: ${list(left)} | ${list(right)} ${Formatter.format(options)}`)
        this.links.set({ from: left, to: right, link })
        if (isTwoWay) this.links.set({ from: right, to: left, link })
      })
    )
  }

  private makeService(network: MemoryTransport.MemoryNetwork["Service"]): SimulatedNetwork["Service"] {
    return SimulatedNetwork.of({
      open: network.open,
      setDefaultLink: (options) =>
        Effect.map(Effect.suspend(() => compile({ ...defaults.link, ...options })), (link) => {
          this.note(`default link: ${Formatter.format(options)}`)
          this.links.setBase(link)
        }),
      setLink: (from, to, options) => this.setLink(from, to, options, true),
      setLinkOneWay: (from, to, options) => this.setLink(from, to, options, false),
      resetLinks: Effect.sync(() => {
        this.note("links reset")
        this.links.reset()
      }),
      partition: (group, from) =>
        this.cut({ from: toSet(group), to: from === undefined ? undefined : toSet(from), isTwoWay: true }, "partition"),
      partitionOneWay: (from, to) =>
        this.cut(
          { from: toSet(from), to: to === undefined ? undefined : toSet(to), isTwoWay: false },
          "one-way partition"
        ),
      crash: (address) =>
        Effect.sync(() => {
          this.note(`crash: ${address}`)
          this.cuts.crash(address)
          this.breakStreams()
        }),
      restore: (address) =>
        Effect.sync(() => {
          this.note(`restore: ${address}`)
          this.cuts.restore(address)
        }),
      heal: Effect.sync(() => {
        this.note("heal")
        this.cuts.clear()
      }),
      isConnected: (from, to) => this.cuts.between(from, to) === undefined,
      totals: () => ({
        ...this.total,
        datagramsDuplicated: this.duplicates,
        datagramsDropped: { ...this.dropped }
      }),
      countersOf: (address) => ({ ...(this.stations.get(address)?.counters ?? new MutableCounters()) }),
      traceHash: () => this.hash.toString(),
      observe: (observer) =>
        Effect.acquireRelease(
          Effect.sync(() => {
            this.observers.push(observer)
          }),
          () => Effect.sync(() => void this.observers.splice(this.observers.indexOf(observer), 1))
        ),
      note: (text) => Effect.sync(() => this.note(text))
    })
  }
}
