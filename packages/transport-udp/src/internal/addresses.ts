/**
 * Between `Address`, which the protocols speak, and what sockets and the name service speak.
 */
import * as Address from "@effect-gossip/core/Address"
import { type TransportError, UnknownHost } from "@effect-gossip/core/Transport"
import * as NodeAddressResolver from "@effect/platform-node/NodeAddressResolver"
import * as NodeDns from "@effect/platform-node/NodeDns"
import * as Arr from "effect/Array"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as AddressResolver from "effect/net/AddressResolver"
import * as Dns from "effect/net/Dns"
import * as Host from "effect/net/Host"
import * as NetAddress from "effect/net/NetAddress"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Os from "node:os"
import * as errors from "./errors.ts"

// -----------------------------------------------------------------------------
// formats
// -----------------------------------------------------------------------------

/** The `Address` of a socket address. `None` for port 0, which no `Address` has. */
export const fromInet = (inet: NetAddress.InetAddress): Option.Option<Address.Address> =>
  inet.port === 0
    ? Option.none()
    // Canonical by construction, so it is not parsed again: this runs for each datagram.
    : Option.some(NetAddress.formatInet(NetAddress.toCanonical(inet)) as Address.Address)

/**
 * The `Address` of a host and port as Node reports them. `None` for port 0, for what is no address, and for a zone
 * whose interface is gone.
 */
export const fromNative = (host: string, port: number): Option.Option<Address.Address> => {
  try {
    return fromInet(NetAddress.inetAddressFromNativeUnsafe(host, port, host.includes("%") ? scopeIds() : undefined))
  } catch {
    return Option.none()
  }
}

/** The socket address of an `Address`, IPv4-mapped IPv6 ones as IPv4. `None` for a host name. */
export const toInet = (address: Address.Address): Option.Option<NetAddress.InetAddress> => {
  const { host, port } = Address.parts(address)
  return Option.map(Result.getSuccess(NetAddress.inetAddressFromHostString(host, port)), NetAddress.toCanonical)
}

/** The host of a socket address as Node takes it: a zone by its interface's name where the system wants that. */
export const toNativeHost = (inet: NetAddress.InetAddress): string =>
  NetAddress.isInetAddressV6(inet) && inet.scopeId !== 0
    ? NetAddress.formatNativeHost(inet, scopeIds(), process.platform)
    : NetAddress.formatHost(inet)

type Interfaces = ReturnType<typeof Os.networkInterfaces>

const interfaces = (): Interfaces => {
  try {
    return Os.networkInterfaces()
  } catch {
    // Some sandboxes forbid listing them.
    return {}
  }
}

const scopeIds = (): ReadonlyMap<string, number> => NetAddress.scopeIdsFromInterfaces(Object.entries(interfaces()))

// -----------------------------------------------------------------------------
// names
// -----------------------------------------------------------------------------

/** Looks host names up. */
export interface Names {
  /** The addresses of a host, in the order of the name service. Fails with `UnknownHost`. */
  readonly lookup: (
    host: Host.Host,
    port: number
  ) => Effect.Effect<Arr.NonEmptyReadonlyArray<NetAddress.InetAddress>, TransportError>
}

/** Asks the `Dns` of the context when there is one, and the operating system otherwise. */
export const makeNames = Effect.gen(function*() {
  const given = yield* Effect.serviceOption(Dns.Dns)
  const dns = Option.match(given, { onNone: () => NodeDns.layer, onSome: Layer.succeed(Dns.Dns) })
  const context = yield* Layer.build(Layer.provide(NodeAddressResolver.layer, dns))
  const resolver = Context.get(context, AddressResolver.AddressResolver)

  const lookup: Names["lookup"] = (host, port) =>
    resolver.resolve({ host, port }).pipe(
      Effect.map(Arr.map(NetAddress.toCanonical)),
      Effect.mapError((cause) => unknownHost(Host.formatHost(host), cause))
    )

  return { lookup } satisfies Names
})

const unknownHost = (host: string, cause: unknown): TransportError => errors.failure(new UnknownHost({ host, cause }))

// -----------------------------------------------------------------------------
// reach
// -----------------------------------------------------------------------------

/** Which addresses the sockets of a transport can reach, and what to call them. */
export interface Reach {
  /** Where datagrams and streams to an address go, or why they cannot. */
  readonly route: (address: Address.Address) => Result.Result<Route, TransportError>
  /** All usable addresses of a seed. */
  readonly resolve: (
    address: Address.Address
  ) => Effect.Effect<Arr.NonEmptyReadonlyArray<Address.Address>, TransportError>
}

export interface Route {
  /** The destination of a stream. */
  readonly inet: NetAddress.InetAddress
  /** The destination of a datagram, in the family of the UDP socket. */
  readonly datagram: NetAddress.InetAddress
}

/**
 * Routes kept at most. Peers are written to again and again, and parsing an address costs more than sending a
 * datagram; a cluster above this size parses again.
 */
const maxRoutes = 8192

/** What a transport bound to `local` reaches. */
export const makeReach = (local: NetAddress.InetAddress, names: Names): Reach => {
  const family = NetAddress.familyOf(local)
  // A socket bound to `::` speaks IPv4 as well, by IPv4-mapped addresses.
  const dual = family === "IPv6" && NetAddress.isUnspecified(local.address)
  const reaches = (inet: NetAddress.InetAddress) => dual || NetAddress.isFamily(inet, family)
  const routes = new Map<Address.Address, Route>()

  const parse = (address: Address.Address): Result.Result<Route, TransportError> => {
    const inet = Option.getOrUndefined(toInet(address))
    // A name in a message of a peer would let it make this node query the name service at will.
    if (inet === undefined) return refuse(address, "a host name has to be resolved first")
    if (!NetAddress.isUnicast(inet.address)) return refuse(address, "it is not the address of one host")
    if (!reaches(inet)) return refuse(address, `this transport is bound to an ${family} address`)
    const mapped = dual && NetAddress.isInetAddressV4(inet)
    return Result.succeed({
      inet,
      datagram: mapped ? NetAddress.inetAddressUnsafe(NetAddress.toIpv4Mapped(inet.address), inet.port) : inet
    })
  }

  return {
    route: (address) => {
      const known = routes.get(address)
      if (known !== undefined) return Result.succeed(known)
      const route = parse(address)
      if (Result.isSuccess(route)) {
        if (routes.size >= maxRoutes) routes.clear()
        routes.set(address, route.success)
      }
      return route
    },
    resolve: Effect.fnUntraced(function*(address) {
      if (Option.isSome(toInet(address))) return Arr.of(address)
      const { host, port } = Address.parts(address)
      const parsed = yield* Effect.mapError(Effect.fromResult(Host.hostFromString(host)), (e) => unknownHost(host, e))
      const found = yield* names.lookup(parsed, port)
      const usable = Arr.dedupe(Arr.flatMap(found, (inet) => reaches(inet) ? Option.toArray(fromInet(inet)) : []))
      return Arr.isReadonlyArrayNonEmpty(usable)
        ? usable
        : yield* Effect.fail(unknownHost(host, new Error(`${host} has no ${family} address`)))
    })
  }
}

const refuse = (address: string, why: string) => Result.fail(errors.unreachable(address, new Error(why)))

// -----------------------------------------------------------------------------
// this machine
// -----------------------------------------------------------------------------

/**
 * The address to advertise for one that was bound: itself, or an address of this machine when it is `0.0.0.0` or
 * `::`. That is the first of an interface that is not internal; link-local ones are taken last, and never IPv6 ones,
 * whose zone means nothing elsewhere. For `::` IPv6 is preferred. A machine without any has its loopback address.
 */
export const advertisable = (bound: NetAddress.IpAddress, available = interfaces()): NetAddress.IpAddress => {
  if (!NetAddress.isUnspecified(bound)) return bound
  const ipv4: Array<NetAddress.IpAddress> = []
  const ipv6: Array<NetAddress.IpAddress> = []
  const last: Array<NetAddress.IpAddress> = []
  for (const addresses of Object.values(available)) {
    for (const { address, internal } of addresses ?? []) {
      const ip = Option.getOrUndefined(Result.getSuccess(NetAddress.ipFromString(address)))
      if (internal || ip === undefined || !NetAddress.isUnicast(ip)) continue
      if (NetAddress.isIpv4Address(ip)) (NetAddress.isLinkLocal(ip) ? last : ipv4).push(ip)
      else if (!NetAddress.isLinkLocal(ip)) ipv6.push(ip)
    }
  }
  return NetAddress.isIpv4Address(bound)
    ? ipv4[0] ?? last[0] ?? NetAddress.ipv4Loopback
    : ipv6[0] ?? ipv4[0] ?? last[0] ?? NetAddress.ipv6Loopback
}
