/**
 * A transport inside one process, for tests and for nodes that live together. It keeps to the same limits as a
 * network: datagrams have a largest size and may find no room, payloads are copied, exchanges time out.
 *
 * The nodes of a process share a {@link MemoryNetwork}. How that carries what they send is decided by its
 * {@link Carrier}: at once by default; the simulated network of the testkit is another one, over the same endpoints.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as FiberSet from "effect/FiberSet"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Address from "./Address.ts"
import { PacketBuffer } from "./internal/packetBuffer.ts"
import * as Slot from "./internal/slot.ts"
import {
  AddressInUse,
  Closed,
  defaultMaxDatagramSize,
  defaultMaxExchangeSize,
  type Handler,
  InvalidOption,
  type Packet,
  Refused,
  TimedOut,
  TooLarge,
  Transport,
  TransportError,
  type TransportErrorReason,
  Unreachable
} from "./Transport.ts"

// -----------------------------------------------------------------------------
// model
// -----------------------------------------------------------------------------

/** What a transport in memory is opened with. */
export interface Options {
  /** Where peers reach it. Nothing else of the network may be open there. */
  readonly address: Address.Address
  /** The largest datagram in bytes, 1 or more. Default: {@link defaults}. */
  readonly maxDatagramSize?: number | undefined
  /** The largest request or answer of an exchange in bytes, 1 or more. Default: {@link defaults}. */
  readonly maxExchangeSize?: number | undefined
  /** Datagrams that wait to be pulled, 1 or more; the newest is dropped above it. Default: {@link defaults}. */
  readonly receiveBufferCapacity?: number | undefined
  /** How long an exchange may take before it fails with `TimedOut`. Default: {@link defaults}. */
  readonly streamTimeout?: Duration.Input | undefined
  /** Requests of peers that are handled at a time, 1 or more; those above it are refused. Default: {@link defaults}. */
  readonly maxInboundStreams?: number | undefined
}

/**
 * The defaults of {@link Options}: sizes as every transport has them; 1024 datagrams, as `DatagramSocket`; 10 s, as
 * memberlist's stream timeout; 1024 requests at a time, so that a thousand nodes may join through one seed.
 */
export const defaults: Required<{ readonly [K in Exclude<keyof Options, "address">]: Exclude<Options[K], undefined> }> =
  {
    maxDatagramSize: defaultMaxDatagramSize,
    maxExchangeSize: defaultMaxExchangeSize,
    receiveBufferCapacity: 1024,
    streamTimeout: Duration.seconds(10),
    maxInboundStreams: 1024
  }

/**
 * What became of a datagram that arrived: it waits to be pulled, found the buffer full, found nobody receiving, or
 * found no transport open at its address.
 */
export type Arrival = "Received" | "BufferFull" | "NotReceiving" | "NoSuchAddress"

/** One way of an exchange: the request, or the answer (also that there is none). */
export type Leg = "Request" | "Answer"

/** How an exchange ended. `Abandoned` is an exchange that timed out or was interrupted. */
export type Outcome = "Answered" | "TooLarge" | "Refused" | "Unreachable" | "Closed" | "Broken" | "Abandoned"

/** An exchange on its way. */
export interface Stream {
  /** Counts up from 0 on each network. */
  readonly id: number
  readonly from: Address.Address
  readonly to: Address.Address
  readonly isOpen: () => boolean
  /** Breaks it off: the caller fails with `Unreachable` and the peer's handler is interrupted. */
  readonly breakUnsafe: () => void
}

/**
 * How a network carries what its endpoints send. The functions are called synchronously and must not throw; what they
 * do later is up to them.
 */
export interface Carrier {
  /**
   * A datagram left `packet.from`. It arrives by `deliver`, which may be called at once, later, never, or several times;
   * then with a copy of the payload each, since it belongs to the receiver.
   */
  readonly datagram: (
    packet: Packet,
    to: Address.Address,
    deliver: (packet: Packet, to: Address.Address) => Arrival
  ) => void

  /** An exchange begins. Its legs follow. */
  readonly opened: (stream: Stream) => void

  /** So many bytes of an exchange left, towards `stream.to` or back. They arrive by `arrive`, at most once. */
  readonly leg: (stream: Stream, leg: Leg, bytes: number, arrive: () => void) => void

  /** An exchange is over. What it still carries comes to nothing. */
  readonly closed: (stream: Stream, outcome: Outcome) => void
}

// -----------------------------------------------------------------------------
// service
// -----------------------------------------------------------------------------

/** The network that the transports of one process share. */
export class MemoryNetwork extends Context.Service<MemoryNetwork, {
  /** Opens a transport until the scope closes. Fails with `AddressInUse` or `InvalidOption`. */
  readonly open: (options: Options) => Effect.Effect<Transport["Service"], TransportError, Scope.Scope>

  /** Where transports are open. */
  readonly addresses: () => ReadonlyArray<Address.Address>
}>()("@effect-gossip/core/MemoryTransport/MemoryNetwork") {}

// -----------------------------------------------------------------------------
// constructors
// -----------------------------------------------------------------------------

/** Carries everything at once and loses nothing. */
export const carrierDirect: Carrier = {
  datagram: (packet, to, deliver) => {
    deliver(packet, to)
  },
  opened: () => {},
  leg: (_stream, _leg, _bytes, arrive) => arrive(),
  closed: () => {}
}

/** Makes a network, which carries everything at once unless told otherwise. */
export const makeNetwork = (carrier: Carrier = carrierDirect): MemoryNetwork["Service"] => {
  const hub = new Hub(carrier)
  return MemoryNetwork.of({
    open: (options) => open(hub, options),
    addresses: () => Array.from(hub.endpoints.keys())
  })
}

// -----------------------------------------------------------------------------
// layers
// -----------------------------------------------------------------------------

/** Provides a network that carries everything at once. */
export const layerNetwork: Layer.Layer<MemoryNetwork> = Layer.sync(MemoryNetwork, () => makeNetwork())

/** Provides a transport of the {@link MemoryNetwork}. Fails with `AddressInUse` or `InvalidOption`. */
export const layer = (options: Options): Layer.Layer<Transport, TransportError, MemoryNetwork> =>
  Layer.effect(Transport, MemoryNetwork.use((network) => network.open(options)))

// -----------------------------------------------------------------------------
// internals
// -----------------------------------------------------------------------------

const fail = (reason: TransportErrorReason): Effect.Effect<never, TransportError> =>
  Effect.fail(new TransportError({ reason }))

const closed = Effect.suspend(() => fail(new Closed({})))

// Not `slice`, which on a Node Buffer is a view of the same bytes.
const copy = (bytes: Uint8Array): Uint8Array => new Uint8Array(bytes)

interface Limits {
  readonly maxDatagramSize: number
  readonly maxExchangeSize: number
  readonly receiveBufferCapacity: number
  readonly streamTimeout: Duration.Duration
  readonly maxInboundStreams: number
}

const isAddress = Schema.is(Address.Address)

const limitsOf = (options: Options): Limits | InvalidOption => {
  if (!isAddress(options.address)) {
    return new InvalidOption({
      option: "address",
      problem: `expected host:port, for example 10.0.0.1:7946, received ${String(options.address)}`
    })
  }
  const limits = {
    maxDatagramSize: options.maxDatagramSize ?? defaults.maxDatagramSize,
    maxExchangeSize: options.maxExchangeSize ?? defaults.maxExchangeSize,
    receiveBufferCapacity: options.receiveBufferCapacity ?? defaults.receiveBufferCapacity,
    maxInboundStreams: options.maxInboundStreams ?? defaults.maxInboundStreams
  }
  for (const [option, value] of Object.entries(limits)) {
    if (!Number.isSafeInteger(value) || value < 1) {
      return new InvalidOption({ option, problem: `expected a whole number of 1 or more, received ${value}` })
    }
  }
  const timeout = Duration.fromInput(options.streamTimeout ?? defaults.streamTimeout)
  if (Option.isNone(timeout) || !(Duration.toMillis(timeout.value) > 0)) {
    return new InvalidOption({
      option: "streamTimeout",
      problem: `expected a duration above 0, received ${String(options.streamTimeout)}`
    })
  }
  return { ...limits, streamTimeout: timeout.value }
}

class Hub {
  readonly endpoints = new Map<Address.Address, Endpoint>()
  readonly carrier: Carrier
  streams = 0

  constructor(carrier: Carrier) {
    this.carrier = carrier
  }

  readonly deliver = (packet: Packet, to: Address.Address): Arrival => {
    const endpoint = this.endpoints.get(to)
    if (endpoint === undefined) return "NoSuchAddress"
    if (endpoint.buffer === undefined) return "NotReceiving"
    return endpoint.buffer.offer(packet) ? "Received" : "BufferFull"
  }
}

const open = (hub: Hub, options: Options): Effect.Effect<Transport["Service"], TransportError, Scope.Scope> =>
  Effect.suspend(() => {
    const limits = limitsOf(options)
    if (limits instanceof InvalidOption) return fail(limits)
    const acquire = Effect.suspend(() => {
      if (hub.endpoints.has(options.address)) return fail(new AddressInUse({ address: options.address }))
      return Effect.succeed(new Endpoint(hub, options.address, limits))
    })
    return Effect.map(
      Effect.acquireRelease(acquire, (endpoint) => Effect.sync(() => endpoint.close())),
      (endpoint) => endpoint.transport
    )
  })

/** One open transport. */
class Endpoint {
  readonly transport: Transport["Service"]
  readonly limits: Limits
  /** Where datagrams go, while someone receives. */
  buffer: PacketBuffer | undefined
  /** Starts the handler for a request, while someone serves. */
  handle: ((stream: StreamState, request: Uint8Array) => Fiber.Fiber<Uint8Array>) | undefined
  /** Exchanges of this endpoint, and those of peers it is handling. */
  readonly calls = new Set<StreamState>()
  readonly handling = new Set<StreamState>()
  private isClosed = false
  private readonly hub: Hub
  private readonly address: Address.Address
  private readonly receiving = Slot.make(closed)
  private readonly serving = Slot.make(closed)

  constructor(hub: Hub, address: Address.Address, limits: Limits) {
    this.hub = hub
    this.address = address
    this.limits = limits
    hub.endpoints.set(address, this)
    this.transport = Transport.of({
      address,
      maxDatagramSize: limits.maxDatagramSize,
      maxExchangeSize: limits.maxExchangeSize,
      resolve: (address) => Effect.succeed([address]),
      send: (to, datagram) => Effect.suspend(() => this.send(to, datagram)),
      datagrams: this.receive(),
      exchange: (to, request) => Effect.suspend(() => this.exchange(to, request)),
      serve: (handler) => this.serve(handler)
    })
  }

  close(): void {
    this.isClosed = true
    this.hub.endpoints.delete(this.address)
    this.handle = undefined
    this.buffer?.close()
    this.buffer = undefined
    this.receiving.close()
    this.serving.close()
    for (const stream of Array.from(this.calls)) stream.end("Closed", closed)
    for (const stream of Array.from(this.handling)) stream.refuse()
  }

  private send(to: Address.Address, datagram: Uint8Array): Effect.Effect<void, TransportError> {
    if (this.isClosed) return closed
    const limit = this.limits.maxDatagramSize
    if (datagram.length > limit) return fail(new TooLarge({ what: "datagram", size: datagram.length, limit }))
    this.hub.carrier.datagram({ from: this.address, payload: copy(datagram) }, to, this.hub.deliver)
    return Effect.void
  }

  private receive(): Transport["Service"]["datagrams"] {
    const buffer = Effect.suspend(() => {
      if (this.isClosed) return closed
      return Effect.succeed(this.buffer = new PacketBuffer(this.limits.receiveBufferCapacity, closed))
    })
    const release = (buffer: PacketBuffer) =>
      Effect.sync(() => {
        if (this.buffer === buffer) this.buffer = undefined
        buffer.close()
      })
    return Effect.andThen(this.receiving.hold, Effect.acquireRelease(buffer, release))
  }

  private exchange(to: Address.Address, request: Uint8Array): Effect.Effect<Uint8Array, TransportError> {
    if (this.isClosed) return closed
    const limit = this.limits.maxExchangeSize
    if (request.length > limit) return fail(new TooLarge({ what: "request", size: request.length, limit }))
    const answer = Effect.withFiber((fiber) =>
      Effect.callback<Uint8Array, TransportError>((resume) => {
        // By a task, and not in the stack of the peer's handler: answers that are passed on would nest.
        const settle = (result: Effect.Effect<Uint8Array, TransportError>) =>
          fiber.currentDispatcher.scheduleTask(() => resume(result), 0)
        const stream = new StreamState(this.hub, this, this.address, to, settle)
        const bytes = copy(request)
        this.hub.carrier.leg(stream, "Request", bytes.length, () => stream.request(bytes))
        return Effect.sync(() => stream.end("Abandoned", undefined))
      })
    )
    return Effect.timeoutOrElse(answer, {
      duration: this.limits.streamTimeout,
      orElse: () => fail(new TimedOut({ address: to }))
    })
  }

  private readonly serve: Transport["Service"]["serve"] = Effect.fnUntraced(
    { self: this },
    function*(handler: Handler) {
      yield* this.serving.hold
      const run = yield* FiberSet.makeRuntime<never, Uint8Array, never>()
      // Nor in the caller's stack.
      const handle = (stream: StreamState, request: Uint8Array) =>
        run(
          Effect.andThen(Effect.yieldNow, Effect.suspend(() => handler(endOf(stream), request))).pipe(
            Effect.tapCause((cause) =>
              Cause.hasInterruptsOnly(cause)
                ? Effect.void
                : Effect.logDebug(`a request of ${stream.from} is refused, since its handler died`, cause)
            )
          )
        )
      yield* Effect.acquireRelease(
        Effect.suspend(() => {
          if (this.isClosed) return closed
          this.handle = handle
          return Effect.void
        }),
        () =>
          Effect.sync(() => {
            if (this.handle === handle) this.handle = undefined
          })
      )
    }
  )
}

/** The caller's end of a stream, as TCP has it: a port of its own, at which nobody can be reached. */
const endOf = ({ from, id }: Stream): Address.Address =>
  Address.make({ host: Address.parts(from).host, port: 49_152 + id % 16_384 })

/** One exchange, from the caller's request to what becomes of it. */
class StreamState implements Stream {
  readonly id: number
  readonly from: Address.Address
  readonly to: Address.Address
  private readonly hub: Hub
  private readonly caller: Endpoint
  private readonly settle: (result: Effect.Effect<Uint8Array, TransportError>) => void
  private peer: Endpoint | undefined
  private fiber: Fiber.Fiber<Uint8Array> | undefined
  private open = true
  private replied = false

  constructor(
    hub: Hub,
    caller: Endpoint,
    from: Address.Address,
    to: Address.Address,
    settle: (result: Effect.Effect<Uint8Array, TransportError>) => void
  ) {
    this.id = hub.streams++
    this.from = from
    this.to = to
    this.hub = hub
    this.caller = caller
    this.settle = settle
    caller.calls.add(this)
    hub.carrier.opened(this)
  }

  readonly isOpen = () => this.open

  readonly breakUnsafe = () => this.end("Broken", fail(new Unreachable({ address: this.to })))

  /** The request arrived at the peer. */
  request(bytes: Uint8Array): void {
    if (!this.open || this.peer !== undefined) return
    const peer = this.hub.endpoints.get(this.to)
    if (peer === undefined) return this.reply("Unreachable", 0, fail(new Unreachable({ address: this.to })))
    if (
      peer.handle === undefined || peer.handling.size >= peer.limits.maxInboundStreams ||
      bytes.length > peer.limits.maxExchangeSize
    ) {
      return this.refuse()
    }
    this.peer = peer
    peer.handling.add(this)
    this.fiber = peer.handle(this, bytes)
    this.fiber.addObserver((exit) => this.answer(exit))
  }

  /** The peer closes the stream without an answer. */
  refuse(): void {
    this.reply("Refused", 0, fail(new Refused({ address: this.to })))
  }

  end(outcome: Outcome, result: Effect.Effect<Uint8Array, TransportError> | undefined): void {
    if (!this.open) return
    this.open = false
    this.caller.calls.delete(this)
    this.hub.carrier.closed(this, outcome)
    this.release()
    if (result !== undefined) this.settle(result)
  }

  private answer(exit: Exit.Exit<Uint8Array>): void {
    this.fiber = undefined
    if (!this.open) return
    if (Exit.isFailure(exit)) return this.refuse()
    const size = exit.value.length
    const limit = Math.min(this.caller.limits.maxExchangeSize, this.peer!.limits.maxExchangeSize)
    if (size > limit) return this.reply("TooLarge", 0, fail(new TooLarge({ what: "answer", size, limit })))
    this.reply("Answered", size, Effect.succeed(copy(exit.value)))
  }

  private reply(outcome: Outcome, bytes: number, result: Effect.Effect<Uint8Array, TransportError>): void {
    if (!this.open || this.replied) return
    this.replied = true
    this.release()
    this.hub.carrier.leg(this, "Answer", bytes, () => this.end(outcome, result))
  }

  // The peer has done its part, or is not to do it any more.
  private release(): void {
    this.peer?.handling.delete(this)
    const fiber = this.fiber
    this.fiber = undefined
    fiber?.interruptUnsafe()
  }
}
