/**
 * Streams that peers open: one request, one answer, closed.
 *
 * A peer keeps its half of the stream open until it has its answer: closing it says that the answer is no longer
 * wanted.
 */
import type * as Address from "@effect-gossip/core/Address"
import type { Handler, Transport } from "@effect-gossip/core/Transport"
import * as NodeSocket from "@effect/platform-node/NodeSocket"
import type { NonEmptyReadonlyArray } from "effect/Array"
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Metric from "effect/Metric"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import * as Socket from "effect/socket/Socket"
import type * as SocketServer from "effect/socket/SocketServer"
import type * as Net from "node:net"
import * as addresses from "./addresses.ts"
import * as Frame from "./frame.ts"
import * as metrics from "./metrics.ts"
import type { Settings } from "./settings.ts"
import type { Shutdown } from "./shutdown.ts"

export const make = Effect.fnUntraced(function*(options: {
  readonly server: SocketServer.SocketServer["Service"]
  readonly settings: Settings
  readonly shutdown: Shutdown
}) {
  const { server, settings, shutdown } = options
  const scope = yield* Effect.scope

  let open = 0
  const limited = (answer: (socket: Socket.Socket, conn: Net.Socket) => Effect.Effect<void, Refusal, Scope.Scope>) =>
    Effect.fnUntraced(function*(socket: Socket.Socket) {
      const conn = yield* netSocket
      if (open >= settings.maxInboundStreams) return yield* refuse(conn, new Refusal({ reason: "capacity" }))
      yield* Effect.acquireUseRelease(
        Effect.suspend(() => Metric.update(metrics.streamsOpen, ++open)),
        () =>
          answer(socket, conn).pipe(
            // One deadline for the whole stream: a peer that sends a byte now and then gains nothing by it.
            Effect.timeoutOrElse({
              duration: settings.streamTimeout,
              orElse: () => Effect.fail(new Refusal({ reason: "timeout" }))
            }),
            Effect.catch((refusal) => refuse(conn, refusal)),
            Effect.scoped
          ),
        () =>
          Effect.suspend(() => {
            // The socket's own release waits until all is written, which a peer that reads nothing prevents for ever.
            conn.destroy()
            return Metric.update(metrics.streamsOpen, --open)
          })
      )
    })

  // Without a handler the server would keep accepted connections waiting for one, without a bound. The last `run`
  // gets the connections, and the one before gets them back when it ends.
  yield* Effect.forkScoped(server.run(limited(() => Effect.fail(new Refusal({ reason: "unserved" })))), {
    startImmediately: true
  })

  const turn = Semaphore.makeUnsafe(1)
  const serve: Transport["Service"]["serve"] = (handler) =>
    Effect.uninterruptibleMask((restore) =>
      Effect.gen(function*() {
        yield* restore(shutdown.orClosed(turn.takeScoped(1)))
        // In the transport's scope, so that its close ends the streams though `serve`'s scope stays open.
        const serving = yield* Effect.forkIn(
          Effect.interruptible(server.run(limited((socket, conn) => answer(socket, conn, handler, settings)))),
          scope,
          { startImmediately: true }
        )
        yield* Effect.addFinalizer(() => Fiber.interrupt(serving))
      })
    )

  return { serve }
})

/** `NodeSocketServer` gives it to every stream it starts, which its type does not say. */
const netSocket = Effect.map(Effect.context<never>(), Context.getUnsafe(NodeSocket.NetSocket))

/** Why a stream is closed without an answer. */
class Refusal extends Data.TaggedError("Refusal")<{
  readonly reason: metrics.StreamRefusal
  readonly cause?: unknown
}> {}

const refusal = (reason: metrics.StreamRefusal) => (cause: unknown) => new Refusal({ reason, cause })

const refuse = (conn: Net.Socket, { cause, reason }: Refusal): Effect.Effect<void> =>
  Effect.suspend(() => {
    const peer = `${conn.remoteAddress}:${conn.remotePort}`
    // A reset frees the stream at once; a close would keep its ports for a minute, for each stream of an attacker.
    if (!conn.destroyed && !conn.writableEnded) conn.resetAndDestroy()
    return Effect.andThen(
      Metric.update(metrics.streamRefused(reason), 1),
      Effect.logDebug(`stream of ${peer} closed without an answer: ${reason}`, ...(cause === undefined ? [] : [cause]))
    )
  })

const answer = Effect.fnUntraced(
  function*(socket: Socket.Socket, conn: Net.Socket, handler: Handler, settings: Settings) {
    const from = addresses.fromNative(conn.remoteAddress ?? "", conn.remotePort ?? 0)
    if (Option.isNone(from)) return yield* new Refusal({ reason: "gone" })
    const pull = yield* Socket.readerBytes(socket)
    const request = yield* Frame.read(pull, settings.maxExchangeSize)
    const reply = yield* Effect.raceFirst(
      run(handler, from.value, request),
      Effect.andThen(pull, Effect.fail(new Frame.FrameOverrun()))
    )
    const fits = reply.length <= settings.maxExchangeSize
    // Of an answer that is too large the length alone goes out: it tells a peer of the same limit why there is none.
    yield* finish(socket, conn, fits ? [Frame.header(reply.length), reply] : [Frame.header(reply.length)])
    if (!fits) return yield* refusal("handler")(`an answer of ${reply.length} bytes is above the limit`)
  },
  Effect.catchTags({
    SocketError: (error) => Effect.fail(refusal("gone")(error)),
    FrameTooLarge: (error) => Effect.fail(refusal("tooLarge")(error)),
    FrameOverrun: (error) => Effect.fail(refusal("malformed")(error))
  })
)

const run = (handler: Handler, from: Address.Address, request: Uint8Array): Effect.Effect<Uint8Array, Refusal> =>
  Effect.matchCauseEffect(Effect.suspend(() => handler(from, request)), {
    onSuccess: Effect.succeed,
    onFailure: (cause) => Effect.fail(refusal("handler")(cause))
  })

/** Writes the last pieces of a stream, and waits until the system has them. */
const finish = Effect.fnUntraced(function*(
  socket: Socket.Socket,
  conn: Net.Socket,
  pieces: NonEmptyReadonlyArray<Uint8Array>
) {
  const writer = yield* socket.writer
  yield* writer.writeAll(pieces)
  // The callback is called with an error, too, when the peer goes away.
  yield* Effect.callback<void>((resume) => {
    conn.end(() => resume(Effect.void))
  })
})
