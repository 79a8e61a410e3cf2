/**
 * Opens what a transport listens on: a UDP socket and a TCP server on the same address and port.
 */
import type { TransportError } from "@effect-gossip/core/Transport"
import * as NodeSocketServer from "@effect/platform-node/NodeSocketServer"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { constVoid } from "effect/Function"
import * as NetAddress from "effect/net/NetAddress"
import * as Scope from "effect/Scope"
import type * as SocketServer from "effect/socket/SocketServer"
import * as Dgram from "node:dgram"
import * as errors from "./errors.ts"

export interface Bound {
  readonly server: SocketServer.SocketServer["Service"]
  readonly socket: Dgram.Socket
  readonly address: NetAddress.InetAddress
}

/** Ports tried when any will do. One is nearly always enough: a port with free TCP is rarely taken for UDP alone. */
const attempts = 16

/**
 * Binds both sockets to an address. For port 0 the system picks the port of the TCP server, which more programs
 * compete for, and the UDP socket follows.
 */
export const bind = (
  ip: NetAddress.IpAddress,
  port: number
): Effect.Effect<Bound, TransportError, Scope.Scope> =>
  samePort(port, {
    first: (port) => listen(ip, port),
    portOf: (server) => portOf(server.address),
    second: (port) => bindDatagrams(ip, port),
    attempts
  }).pipe(
    Effect.map(([server, socket]) => ({
      server,
      socket,
      address: NetAddress.inetAddressUnsafe(ip, portOf(server.address))
    }))
  )

/**
 * Opens two resources on one port. For port 0 the first picks it, and both are tried again, on another one, when it
 * is in use for the second.
 */
export const samePort = <A, B>(port: number, options: {
  readonly first: (port: number) => Effect.Effect<A, TransportError, Scope.Scope>
  readonly portOf: (first: A) => number
  readonly second: (port: number) => Effect.Effect<B, TransportError, Scope.Scope>
  readonly attempts: number
}): Effect.Effect<readonly [A, B], TransportError, Scope.Scope> =>
  Effect.gen(function*() {
    const scope = yield* Scope.fork(yield* Effect.scope)
    return yield* Effect.gen(function*() {
      const first = yield* options.first(port)
      const second = yield* options.second(options.portOf(first))
      return [first, second] as const
    }).pipe(
      Scope.provide(scope),
      // The first must have let go of its port before another attempt, and before the failure is reported.
      Effect.onError(() => Scope.close(scope, Exit.void))
    )
  }).pipe(
    Effect.retry({
      times: options.attempts - 1,
      while: (error) => port === 0 && error.reason._tag === "AddressInUse"
    })
  )

const portOf = (address: NetAddress.SocketAddress): number => NetAddress.isInetAddress(address) ? address.port : 0

const describe = (ip: NetAddress.IpAddress, port: number, protocol: "tcp" | "udp") =>
  `${NetAddress.formatUrlHost(ip)}:${port}/${protocol}`

const listen = (ip: NetAddress.IpAddress, port: number) =>
  NodeSocketServer.make({
    host: NetAddress.formatIp(ip),
    port,
    // The port is this process's own, also in a worker of Node's cluster module, which shares them otherwise.
    exclusive: true,
    noDelay: true
  }).pipe(
    Effect.mapError((error) => errors.openFailure(describe(ip, port, "tcp"), error.reason.cause)),
    // Listening on a numeric address takes no time, and an interruption in its middle needs no thought this way.
    Effect.uninterruptible
  )

const bindDatagrams = (ip: NetAddress.IpAddress, port: number) =>
  Effect.acquireRelease(
    Effect.callback<Dgram.Socket, TransportError>((resume) => {
      const socket = Dgram.createSocket({
        type: NetAddress.isIpv4Address(ip) ? "udp4" : "udp6",
        lookup: numericLookup
      })
      // Node throws what no listener takes, and nobody else listens until the socket is adopted.
      socket.on("error", constVoid)
      const fail = (cause: unknown) => {
        close(socket)
        resume(Effect.fail(errors.openFailure(describe(ip, port, "udp"), cause)))
      }
      socket.once("error", fail)
      try {
        socket.bind({ address: NetAddress.formatIp(ip), port, exclusive: true }, () => {
          socket.off("error", fail)
          resume(Effect.succeed(socket))
        })
      } catch (cause) {
        fail(cause)
      }
    }),
    (socket) => Effect.sync(() => close(socket))
  )

const close = (socket: Dgram.Socket) => {
  try {
    socket.close()
  } catch {
    // It is closed already, by the reader that adopted it.
  }
}

// Every destination is numeric by the time it gets here. Node's own look-up would add a turn of the event loop to
// each send.
const numericLookup: NonNullable<Dgram.SocketOptions["lookup"]> = (hostname, options, callback) =>
  // dgram passes the family's number where its types say options.
  callback(null, hostname, (options as unknown) === 6 ? 6 : 4)
