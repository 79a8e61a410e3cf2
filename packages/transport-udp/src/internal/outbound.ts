/**
 * Streams to peers: one request, one answer, closed.
 */
import type * as Address from "@effect-gossip/core/Address"
import type { Transport, TransportError } from "@effect-gossip/core/Transport"
import { Refused, TimedOut, TooLarge } from "@effect-gossip/core/Transport"
import * as NodeSocket from "@effect/platform-node/NodeSocket"
import * as Effect from "effect/Effect"
import { constVoid } from "effect/Function"
import type * as NetAddress from "effect/net/NetAddress"
import * as Semaphore from "effect/Semaphore"
import * as Socket from "effect/socket/Socket"
import * as Net from "node:net"
import * as addresses from "./addresses.ts"
import * as errors from "./errors.ts"
import * as Frame from "./frame.ts"
import type { Settings } from "./settings.ts"
import type { Shutdown } from "./shutdown.ts"

export const make = Effect.fnUntraced(function*(options: {
  readonly settings: Settings
  readonly reach: addresses.Reach
  readonly shutdown: Shutdown
}) {
  const { reach, settings, shutdown } = options
  const { maxExchangeSize, maxOutboundStreams, streamTimeout } = settings

  const permits = Semaphore.makeUnsafe(maxOutboundStreams)
  // Streams run in fibers of their callers: the transport is closed when the last of them is.
  yield* Effect.addFinalizer(() => permits.take(maxOutboundStreams))

  const exchange: Transport["Service"]["exchange"] = Effect.fnUntraced(function*(to, request) {
    if (request.length > maxExchangeSize) {
      return yield* errors.failure(new TooLarge({ what: "request", size: request.length, limit: maxExchangeSize }))
    }
    const { inet } = yield* Effect.fromResult(reach.route(to))
    return yield* ask(to, inet, request, maxExchangeSize).pipe(
      permits.withPermit,
      Effect.timeoutOrElse({
        duration: streamTimeout,
        orElse: () => Effect.fail(errors.failure(new TimedOut({ address: to })))
      })
    )
  }, shutdown.orClosed)

  return { exchange }
})

const ask = (
  to: Address.Address,
  inet: NetAddress.InetAddress,
  request: Uint8Array,
  limit: number
): Effect.Effect<Uint8Array, TransportError> =>
  Effect.gen(function*() {
    const socket = yield* NodeSocket.fromDuplex(connect(inet))
    const pull = yield* Socket.readerBytes(socket)
    const writer = yield* socket.writer
    // A peer may refuse before it has read all of the request, so the stream is read from the start. It also says
    // why a write failed.
    yield* Effect.forkScoped(Effect.ignore(writer.writeAll([Frame.header(request.length), request])))
    return yield* Frame.read(pull, limit)
  }).pipe(
    Effect.scoped,
    Effect.catchTags({
      SocketError: ({ reason }) => Effect.fail(errors.streamFailure(to, reason, reason._tag !== "SocketOpenError")),
      FrameTooLarge: ({ size }) => Effect.fail(errors.failure(new TooLarge({ what: "answer", size, limit }))),
      FrameOverrun: (cause) => Effect.fail(errors.failure(new Refused({ address: to, cause })))
    })
  )

/**
 * Connects a socket that is destroyed with its scope.
 *
 * `NodeSocket.makeNet` would first write what is pending, which a peer that reads nothing prevents for ever, and it
 * hides the socket's own address.
 */
const connect = Effect.fnUntraced(function*(inet: NetAddress.InetAddress) {
  const conn = yield* Effect.acquireRelease(
    Effect.sync(() => {
      const conn = Net.connect({ host: addresses.toNativeHost(inet), port: inet.port, noDelay: true })
      // Node throws what no listener takes, and an error may come after all others are gone.
      return conn.on("error", constVoid)
    }),
    (conn) => Effect.sync(() => conn.destroy())
  )
  yield* Effect.callback<void, Socket.SocketError>((resume) => {
    const onConnect = () => resume(Effect.void)
    const onError = (cause: Error) => resume(Effect.fail(openError(cause)))
    conn.once("connect", onConnect).once("error", onError)
    return Effect.sync(() => conn.off("connect", onConnect).off("error", onError))
  })
  // Without a listener, TCP can connect a port of the ephemeral range to itself: the request would be its own answer.
  if (conn.localPort === conn.remotePort && conn.localAddress === conn.remoteAddress) {
    return yield* openError(new Error("nothing listens there"))
  }
  return conn
})

const openError = (cause: Error) =>
  new Socket.SocketError({ reason: new Socket.SocketOpenError({ kind: "Unknown", cause }) })
