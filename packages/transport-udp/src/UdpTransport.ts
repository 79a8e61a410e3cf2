/**
 * The transport of a real network, on Node: datagrams over UDP, and exchanges over TCP on the same port number, which
 * carry what is too large for a datagram or has to arrive.
 *
 * **Example** (A node on all interfaces)
 *
 * ```ts import.meta.vitest
 * import { UdpTransport } from "@effect-gossip/transport-udp"
 *
 * const Network = UdpTransport.layer({ host: "0.0.0.0", port: 7946 })
 * ```
 *
 * Everything a peer can make it hold is bounded: `receiveBufferCapacity` datagrams, and `maxInboundStreams` streams
 * of at most `maxExchangeSize` bytes for at most `streamTimeout`.
 *
 * Bytes are neither encrypted nor authenticated, and the sender of a datagram can be forged: that is for the layers
 * above.
 *
 * @since 0.1.0
 */
import * as Address from "@effect-gossip/core/Address"
import { defaultMaxDatagramSize, defaultMaxExchangeSize, Transport } from "@effect-gossip/core/Transport"
import type { TransportError } from "@effect-gossip/core/Transport"
import * as Config from "effect/Config"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Host from "effect/net/Host"
import * as NetAddress from "effect/net/NetAddress"
import type * as Scope from "effect/Scope"
import * as addresses from "./internal/addresses.ts"
import * as Bind from "./internal/bind.ts"
import * as Datagrams from "./internal/datagrams.ts"
import * as Inbound from "./internal/inbound.ts"
import * as Outbound from "./internal/outbound.ts"
import * as Settings from "./internal/settings.ts"
import * as Shutdown from "./internal/shutdown.ts"

// -----------------------------------------------------------------------------
// options
// -----------------------------------------------------------------------------

/**
 * Options of the transport. One that is not usable fails the layer with `InvalidOption`.
 */
export interface Options {
  /**
   * The address to bind, or a name of it: `0.0.0.0` for all interfaces over IPv4, `::` for all of them over IPv6 and
   * IPv4. Of a name with several addresses the first IPv4 one is taken, or else the first.
   */
  readonly host: string

  /** The port to bind, for UDP and TCP alike, 0 to 65,535. For 0 the system picks one that is free for both. */
  readonly port: number

  /**
   * The address peers reach this node at, as `host` or `host:port`, where it is not the one bound: in a container, or
   * behind NAT. The port is the bound one by default. A name is looked up once, when the layer is built.
   *
   * By default it is the address bound; for `0.0.0.0` and `::` it is the first address of an interface that is not
   * internal, or else the loopback address. State it on a machine with several networks.
   */
  readonly advertise?: string | undefined

  /** The largest datagram to send, in bytes, 1 to 65,507. Larger ones are received all the same. */
  readonly maxDatagramSize?: number | undefined

  /** The largest request or answer of an exchange, in bytes, 1 to 4,294,967,295. */
  readonly maxExchangeSize?: number | undefined

  /** Datagrams kept until they are pulled, 1 to 1,048,576. Those that arrive beyond are dropped and counted. */
  readonly receiveBufferCapacity?: number | undefined

  /**
   * The kernel's buffer for arriving datagrams, in bytes, up to 1 GiB. A kernel that allows less gives what it allows;
   * 0 leaves it as it is.
   */
  readonly kernelReceiveBufferSize?: number | undefined

  /** The kernel's buffer for departing datagrams, in bytes, up to 1 GiB, under the same terms. */
  readonly kernelSendBufferSize?: number | undefined

  /** How long a stream may take from its start to its end, on either side, 1 millisecond to 24 days. */
  readonly streamTimeout?: Duration.Input | undefined

  /** Streams of peers open at a time, 1 to 65,535. Those beyond are closed at once and counted. */
  readonly maxInboundStreams?: number | undefined

  /** Streams to peers open at a time, 1 to 65,535. Exchanges beyond wait, within `streamTimeout`. */
  readonly maxOutboundStreams?: number | undefined
}

/**
 * What an option is when it is left out.
 *
 * - `maxDatagramSize`: 1400 bytes, as memberlist's `UDPBufferSize`.
 * - `maxExchangeSize`: 4 MiB.
 * - `receiveBufferCapacity`: 1024 datagrams, as Effect's `DatagramSocket`.
 * - `kernelReceiveBufferSize`: 2 MiB, as memberlist.
 * - `kernelSendBufferSize`: 0, the system's own.
 * - `streamTimeout`: 10 seconds, as memberlist's `TCPTimeout` on a LAN.
 * - `maxInboundStreams`: 128, as memberlist's limit of push-pulls at a time.
 * - `maxOutboundStreams`: 128.
 */
export const defaults = {
  maxDatagramSize: defaultMaxDatagramSize,
  maxExchangeSize: defaultMaxExchangeSize,
  receiveBufferCapacity: 1024,
  kernelReceiveBufferSize: 2 * 1024 * 1024,
  kernelSendBufferSize: 0,
  streamTimeout: "10 seconds",
  maxInboundStreams: 128,
  maxOutboundStreams: 128
} as const satisfies Omit<Options, "host" | "port" | "advertise">

// -----------------------------------------------------------------------------
// constructors
// -----------------------------------------------------------------------------

/**
 * Opens the transport's sockets, which the scope closes, with all their streams.
 *
 * Fails with `AddressInUse`, `AddressNotAvailable`, `PermissionDenied`, `UnknownHost` or `InvalidOption`, and then
 * nothing is open.
 *
 * Names are looked up by the `Dns` service of the context when there is one, and by the operating system otherwise.
 * `send` and `exchange` take numeric addresses only, so that a peer cannot make this node look names up; `resolve` is
 * for names. The `from` of a served request is the stream's end, whose port does not listen.
 */
export const make = Effect.fnUntraced(
  function*(options: Options): Effect.fn.Return<Transport["Service"], TransportError, Scope.Scope> {
    const settings = yield* Effect.fromResult(Settings.check({
      host: options.host,
      port: options.port,
      advertise: options.advertise,
      maxDatagramSize: options.maxDatagramSize ?? defaults.maxDatagramSize,
      maxExchangeSize: options.maxExchangeSize ?? defaults.maxExchangeSize,
      receiveBufferCapacity: options.receiveBufferCapacity ?? defaults.receiveBufferCapacity,
      kernelReceiveBufferSize: options.kernelReceiveBufferSize ?? defaults.kernelReceiveBufferSize,
      kernelSendBufferSize: options.kernelSendBufferSize ?? defaults.kernelSendBufferSize,
      streamTimeout: options.streamTimeout ?? defaults.streamTimeout,
      maxInboundStreams: options.maxInboundStreams ?? defaults.maxInboundStreams,
      maxOutboundStreams: options.maxOutboundStreams ?? defaults.maxOutboundStreams
    }))

    const names = yield* addresses.makeNames
    const ip = yield* lookup(names, settings.host, "IPv4")
    const advertised = settings.advertise === undefined
      ? addresses.advertisable(ip)
      : yield* lookup(names, settings.advertise.host, NetAddress.familyOf(ip))

    const bound = yield* Bind.bind(ip, settings.port)
    const address = Address.make({
      host: NetAddress.formatIp(advertised),
      port: settings.advertise?.port ?? bound.address.port
    })

    const reach = addresses.makeReach(bound.address, names)
    const shutdown = Shutdown.make()
    const { datagrams, send } = yield* Datagrams.make({ socket: bound.socket, settings, reach, shutdown })
    const { serve } = yield* Inbound.make({ server: bound.server, settings, shutdown })
    const { exchange } = yield* Outbound.make({ settings, reach, shutdown })
    // The first to run when the scope closes: whoever uses the transport learns it before its sockets go.
    yield* Effect.addFinalizer(() => shutdown.begin)
    yield* Effect.logDebug(`UDP transport bound to ${NetAddress.formatInet(bound.address)}, advertising ${address}`)

    return Transport.of({
      address,
      maxDatagramSize: settings.maxDatagramSize,
      maxExchangeSize: settings.maxExchangeSize,
      resolve: reach.resolve,
      send,
      datagrams,
      exchange,
      serve
    })
  }
)

const lookup = (
  names: addresses.Names,
  host: Host.Host,
  preferred: NetAddress.IpFamily
): Effect.Effect<NetAddress.IpAddress, TransportError> =>
  NetAddress.isIpAddress(host) ? Effect.succeed(host) : Effect.map(
    names.lookup(host, 0),
    (found) => (found.find((inet) => NetAddress.isFamily(inet, preferred)) ?? found[0]).address
  )

// -----------------------------------------------------------------------------
// layers
// -----------------------------------------------------------------------------

/** Provides a `Transport` on a UDP socket and a TCP server. See {@link make} for its failures. */
export const layer = (options: Options): Layer.Layer<Transport, TransportError> =>
  Layer.effect(Transport, make(options))

/**
 * Like {@link layer}, with options read from configuration.
 *
 * **Example** (The port from the environment)
 *
 * ```ts import.meta.vitest
 * import { UdpTransport } from "@effect-gossip/transport-udp"
 * import { Config } from "effect"
 *
 * const Network = UdpTransport.layerConfig({
 *   host: Config.String("GOSSIP_HOST").pipe(Config.withDefault("0.0.0.0")),
 *   port: Config.Port("GOSSIP_PORT").pipe(Config.withDefault(7946))
 * })
 * ```
 */
export const layerConfig = (
  options: Config.Wrap<Options>
): Layer.Layer<Transport, TransportError | Config.ConfigError> =>
  Layer.effect(Transport, Effect.flatMap(Config.unwrap(options), make))
