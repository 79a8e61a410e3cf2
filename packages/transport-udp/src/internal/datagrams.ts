/**
 * The datagram half of the transport.
 *
 * One reader of the `DatagramSocket` lives as long as the transport, so that the port is held and sends go out
 * whether or not anyone receives. A `Receiver` is a turn at that reader.
 */
import type * as Address from "@effect-gossip/core/Address"
import type { Packet, Transport, TransportError } from "@effect-gossip/core/Transport"
import { TooLarge } from "@effect-gossip/core/Transport"
import * as NodeDatagramSocket from "@effect/platform-node/NodeDatagramSocket"
import type { NonEmptyReadonlyArray } from "effect/Array"
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Latch from "effect/Latch"
import * as Metric from "effect/Metric"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Semaphore from "effect/Semaphore"
import type * as DatagramSocket from "effect/socket/DatagramSocket"
import type * as Dgram from "node:dgram"
import * as addresses from "./addresses.ts"
import * as errors from "./errors.ts"
import * as metrics from "./metrics.ts"
import type { Settings } from "./settings.ts"
import type { Shutdown } from "./shutdown.ts"

/**
 * Sends between two turns of the event loop. Node sends at once and reads only between turns, 32 datagrams at a time,
 * so that a burst without a pause overflows the kernel's buffer of a receiver in the same process.
 */
const sendsPerTurn = 16

export const make = Effect.fnUntraced(function*(options: {
  readonly socket: Dgram.Socket
  readonly settings: Settings
  readonly reach: addresses.Reach
  readonly shutdown: Shutdown
}) {
  const { reach, settings, shutdown, socket } = options
  yield* sizeBuffer(socket, "receive", settings.kernelReceiveBufferSize)
  yield* sizeBuffer(socket, "send", settings.kernelSendBufferSize)

  const context = yield* Effect.context<never>()
  const datagramSocket = yield* NodeDatagramSocket.fromSocket(Effect.succeed(socket), {
    receiveBuffer: { capacity: settings.receiveBufferCapacity },
    onError: () => metrics.socketErrors.updateUnsafe(1, context)
  })
  const reader = yield* Effect.mapError(datagramSocket.reader, errors.closed)
  const writer = yield* datagramSocket.writer

  let sends = 0
  const send: Transport["Service"]["send"] = (to, datagram) =>
    Effect.suspend(() => {
      // A write without an open reader would wait for ever.
      if (shutdown.begun()) return Effect.fail(errors.closed())
      if (datagram.length > settings.maxDatagramSize) return tooLarge(datagram.length, settings.maxDatagramSize)
      const route = reach.route(to)
      if (Result.isFailure(route)) return Effect.fail(route.failure)
      const write = Effect.catch(
        writer.write({ payload: datagram, address: route.success.datagram }),
        (error) => sendFailure(to, datagram, error)
      )
      sends = (sends + 1) % sendsPerTurn
      return sends === 0 ? Effect.andThen(write, Effect.yieldNow) : write
    })

  const turn = Semaphore.makeUnsafe(1)
  const datagrams: Transport["Service"]["datagrams"] = Effect.gen(function*() {
    yield* shutdown.orClosed(turn.takeScoped(1))
    yield* discard(reader)
    const before = reader.dropped()
    const handover = new Handover()
    yield* Effect.forkScoped(handover.run(reader))
    yield* Effect.addFinalizer(() => Effect.sync(() => handover.end()))
    return { pull: handover.pull, dropped: () => reader.dropped() - before }
  })

  return { send, datagrams }
})

type Packets = NonEmptyReadonlyArray<Packet>
type Outcome = Effect.Effect<Packets, TransportError>

/**
 * Hands what a reader gives to those who pull, who are told when there will be no more. A race of the two for each pull would
 * do the same, and cost more than all else that is done with a datagram: it takes two fibers.
 */
class Handover {
  readonly #wanted = Latch.makeUnsafe()
  readonly #waiting = new Set<(outcome: Outcome) => void>()
  /** What was read for one who has gone meanwhile. */
  #left: Packets | undefined
  #ended: Outcome | undefined

  readonly pull: Outcome = Effect.callback((resume) => {
    if (this.#left !== undefined) {
      const left = this.#left
      this.#left = undefined
      return resume(Effect.succeed(left))
    }
    if (this.#ended !== undefined) return resume(this.#ended)
    this.#waiting.add(resume)
    this.#wanted.openUnsafe()
    return Effect.sync(() => this.#waiting.delete(resume))
  })

  /** Reads only when somebody waits: what arrives meanwhile stays in the reader's buffer, which is bounded. */
  readonly run = Effect.fnUntraced(function*(this: Handover, reader: DatagramSocket.Reader) {
    while (true) {
      yield* this.#wanted.await
      const received = yield* reader.pull
      const packets = Arr.flatMap(received, toPacket)
      if (packets.length < received.length) {
        yield* Metric.update(metrics.datagramsUnanswerable, received.length - packets.length)
      }
      if (Arr.isReadonlyArrayNonEmpty(packets)) this.#give(packets)
    }
  }, Effect.catch(() => Effect.sync(() => this.end())))

  #give(packets: Packets): void {
    const [first] = this.#waiting
    if (first === undefined) this.#left = packets
    else {
      this.#waiting.delete(first)
      first(Effect.succeed(packets))
    }
    // who has just been given something may already wait for more
    if (this.#waiting.size === 0) this.#wanted.closeUnsafe()
  }

  /** Nothing more will be read. */
  end(): void {
    this.#ended ??= Effect.fail(errors.closed())
    for (const resume of this.#waiting) resume(this.#ended)
    this.#waiting.clear()
  }
}

const tooLarge = (size: number, limit: number) =>
  Effect.fail(errors.failure(new TooLarge({ what: "datagram", size, limit })))

const sendFailure = (
  to: Address.Address,
  datagram: Uint8Array,
  error: DatagramSocket.DatagramSocketError
): Effect.Effect<never, TransportError> => {
  const reason = error.reason
  if (reason._tag !== "DatagramSocketWriteError") return Effect.fail(errors.closed(error))
  // The way to the peer, or the system, takes less than `maxDatagramSize`; how much, nobody tells.
  if (reason.kind === "MessageTooLarge") return tooLarge(datagram.length, datagram.length - 1)
  return Effect.fail(errors.unreachable(to, reason.cause))
}

const noPackets: ReadonlyArray<Packet> = []

const toPacket = (datagram: DatagramSocket.Datagram): ReadonlyArray<Packet> => {
  const from = sourceOf(datagram)
  if (Option.isNone(from)) return noPackets
  // Node's Buffer is a Uint8Array whose `slice` does not copy: nobody downstream should have to know.
  const { buffer, byteLength, byteOffset } = datagram.payload
  return [{ from: from.value, payload: new Uint8Array(buffer, byteOffset, byteLength) }]
}

const sourceOf = (datagram: DatagramSocket.Datagram): Option.Option<Address.Address> => {
  try {
    return addresses.fromInet(datagram.address)
  } catch {
    // A zone whose interface came up after the socket did.
    return Option.none()
  }
}

/** Drops what arrived while nobody received. */
const discard = Effect.fnUntraced(function*(reader: DatagramSocket.Reader) {
  const pulling = yield* Effect.forkChild(reader.pull, { startImmediately: true })
  if (pulling.pollUnsafe() === undefined) yield* Fiber.interrupt(pulling)
})

/** Asks the kernel for a buffer of `size` bytes, or for half as often as it refuses. It never fails. */
const sizeBuffer = (socket: Dgram.Socket, which: "receive" | "send", size: number) =>
  Effect.suspend(() => {
    if (size === 0) return Effect.void
    const granted = grant(socket, which, size)
    return granted >= size
      ? Effect.void
      : Effect.logDebug(
        `the kernel grants a UDP ${which} buffer of ${granted} bytes, not ${size}: bursts may overflow it ` +
          "(net.core.rmem_max and net.core.wmem_max raise it on Linux)"
      )
  })

/** Below this, asking is not worth it: every system gives as much unasked. */
const smallestBuffer = 65_536

const grant = (socket: Dgram.Socket, which: "receive" | "send", size: number): number => {
  try {
    for (let asked = size; asked === size || asked >= smallestBuffer; asked = Math.floor(asked / 2)) {
      try {
        if (which === "receive") socket.setRecvBufferSize(asked)
        else socket.setSendBufferSize(asked)
        break
      } catch {
        // Some systems refuse what others cut to their limit.
      }
    }
    const granted = which === "receive" ? socket.getRecvBufferSize() : socket.getSendBufferSize()
    // Linux reports twice what it grants, as room for its own bookkeeping.
    return process.platform === "linux" ? granted / 2 : granted
  } catch {
    return 0
  }
}
