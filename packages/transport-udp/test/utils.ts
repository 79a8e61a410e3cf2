/**
 * Real sockets for the tests, all on loopback, all on ports the system picks, all closed with the test's scope.
 */
import * as Address from "@effect-gossip/core/Address"
import type { Packet, Receiver, Transport, TransportError, TransportErrorReason } from "@effect-gossip/core/Transport"
import { UdpTransport } from "@effect-gossip/transport-udp"
import { it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { constVoid } from "effect/Function"
import * as Metric from "effect/Metric"
import type * as Scope from "effect/Scope"
import * as Dgram from "node:dgram"
import * as Net from "node:net"
import * as Os from "node:os"
import * as metrics from "../src/internal/metrics.ts"

export type Service = Transport["Service"]

export const hasLoopback6 = Object.values(Os.networkInterfaces()).flat().some((entry) => entry?.address === "::1")

/** A test that needs `::1`. */
export const live6: typeof it.live.skip = hasLoopback6
  ? it.live
  : (name, self, options) => it.live.skip(`${name} (skipped: this machine has no ::1)`, self, options)

export const open = (options: Partial<UdpTransport.Options> = {}) =>
  UdpTransport.make({ host: "127.0.0.1", port: 0, ...options })

export const bytes = (...values: ReadonlyArray<number>) => Uint8Array.from(values)

export const filled = (size: number, seed = 1) => {
  const all = new Uint8Array(size)
  for (let i = 0; i < size; i++) all[i] = (i * 31 + seed) & 0xff
  return all
}

export const portOf = (address: Address.Address) => Address.parts(address).port

export const reasonOf = <A, R>(
  effect: Effect.Effect<A, TransportError, R>
): Effect.Effect<TransportErrorReason, A, R> => Effect.map(Effect.flip(effect), (error) => error.reason)

export const tagOf = <A, R>(effect: Effect.Effect<A, TransportError, R>) =>
  Effect.map(reasonOf(effect), (reason) => reason._tag)

/** Pulls until `count` packets are there. */
export const take = Effect.fnUntraced(function*(receiver: Receiver, count: number) {
  const packets: Array<Packet> = []
  while (packets.length < count) packets.push(...(yield* receiver.pull))
  return packets
})

/** Waits until a condition holds, for 5 seconds at least. */
export const eventually = <A>(what: string, sample: () => A, holds: (a: A) => boolean) =>
  eventuallyEffect(what, Effect.sync(sample), holds)

const eventuallyEffect = Effect.fnUntraced(
  function*<A>(what: string, sample: Effect.Effect<A>, holds: (a: A) => boolean) {
    for (let i = 0;; i++) {
      const now = yield* sample
      if (holds(now)) return
      if (i === 500) return yield* Effect.die(new Error(`${what} does not come about: ${JSON.stringify(now)}`))
      yield* Effect.sleep("10 millis")
    }
  }
)

/** Inbound streams refused for a reason so far. */
export const refused = (reason: metrics.StreamRefusal) =>
  Effect.map(Metric.value(metrics.streamRefused(reason)), (state) => state.count)

/** Waits until so many inbound streams were refused for a reason. */
export const untilRefused = (reason: metrics.StreamRefusal, count: number) =>
  eventuallyEffect(`${count} streams refused for ${reason}`, refused(reason), (now) => now === count)

/** Gives a test counters of its own. */
export const withMetrics = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.provideService(effect, Metric.MetricRegistry, new Map())

// -----------------------------------------------------------------------------
// plain sockets
// -----------------------------------------------------------------------------

export interface Client {
  readonly socket: Net.Socket
  readonly received: () => Uint8Array
  /** When the peer ended or reset the stream. */
  readonly ended: Effect.Effect<void>
  readonly hasEnded: () => boolean
}

/** Connects to a transport without speaking its protocol. */
export const connect = (to: Address.Address): Effect.Effect<Client, Error, Scope.Scope> =>
  Effect.gen(function*() {
    const { host, port } = Address.parts(to)
    const socket = yield* Effect.acquireRelease(
      Effect.sync(() => Net.connect({ host, port }).on("error", constVoid)),
      (socket) => Effect.sync(() => socket.destroy())
    )
    const pieces: Array<Uint8Array> = []
    let ended = false
    const waiting = new Set<() => void>()
    const end = () => {
      ended = true
      waiting.forEach((resume) => resume())
    }
    socket.on("end", end).on("close", end)
    socket.on("data", (piece) => pieces.push(piece))
    yield* Effect.callback<void, Error>((resume) => {
      // A peer that resets the stream at once can do so before it counts as connected.
      const onError = (error: Error & { code?: string }) =>
        resume(error.code === "ECONNRESET" ? Effect.void : Effect.fail(error))
      socket.once("connect", () => resume(Effect.void)).once("error", onError)
    })
    return {
      socket,
      received: () => new Uint8Array(Buffer.concat(pieces)),
      hasEnded: () => ended,
      ended: Effect.callback<void>((resume) => {
        if (ended) return resume(Effect.void)
        waiting.add(() => resume(Effect.void))
      })
    }
  })

/** A TCP server that is not a transport. */
export const listen = (onStream: (socket: Net.Socket) => void, options: { host?: string; port?: number } = {}) =>
  Effect.acquireRelease(
    Effect.callback<{ server: Net.Server; open: Set<Net.Socket>; address: Address.Address }, Error>((resume) => {
      const open = new Set<Net.Socket>()
      const server = Net.createServer((socket) => {
        open.add(socket)
        socket.on("error", constVoid).on("close", () => open.delete(socket))
        onStream(socket)
      })
      const host = options.host ?? "127.0.0.1"
      server.once("error", (error) => resume(Effect.fail(error)))
      server.listen({ host, port: options.port ?? 0 }, () => {
        const { port } = server.address() as Net.AddressInfo
        resume(Effect.succeed({ server, open, address: Address.make({ host, port }) }))
      })
    }),
    ({ open, server }) =>
      Effect.callback<void>((resume) => {
        open.forEach((socket) => socket.destroy())
        server.close(() => resume(Effect.void))
      })
  )

/** A UDP socket that is not a transport. */
export const udp = (options: { host?: string; port?: number } = {}) =>
  Effect.acquireRelease(
    Effect.callback<Dgram.Socket, Error>((resume) => {
      const host = options.host ?? "127.0.0.1"
      const socket = Dgram.createSocket(host.includes(":") ? "udp6" : "udp4")
      socket.once("error", (error) => resume(Effect.fail(error)))
      socket.bind({ address: host, port: options.port ?? 0 }, () => resume(Effect.succeed(socket)))
    }),
    (socket) => Effect.callback<void>((resume) => void socket.close(() => resume(Effect.void)))
  )

/** An address of this machine where nothing listens, neither UDP nor TCP. */
export const freeAddress = Effect.scoped(Effect.map(open(), (transport) => transport.address))
