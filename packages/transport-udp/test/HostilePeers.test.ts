import type { Handler } from "@effect-gossip/core/Transport"
import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import { bytes, connect, eventually, filled, open, refused, type Service, untilRefused, withMetrics } from "./utils.ts"

/** Fails the test when a peer is still there after 5 seconds. */
const soon = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.timeout(effect, "5 seconds")

/** A transport that answers with its request, and how many requests reached its handler. */
const victim = Effect.fnUntraced(function*(options: Parameters<typeof open>[0], handler?: Handler) {
  const transport = yield* open(options)
  let requests = 0
  yield* transport.serve((from, request) => {
    requests++
    return handler === undefined ? Effect.succeed(request) : handler(from, request)
  })
  return { transport, requests: () => requests }
})

/** The transport still does its work. */
const works = Effect.fnUntraced(function*(transport: Service) {
  const friend = yield* open()
  // It may take a moment until the last of the peers are gone.
  const answer = yield* Effect.retry(friend.exchange(transport.address, bytes(1, 2)), {
    times: 100,
    schedule: Schedule.spaced("50 millis")
  })
  assert.deepStrictEqual(answer, bytes(1, 2))
})

const millis = Effect.fnUntraced(function*<A, E, R>(effect: Effect.Effect<A, E, R>) {
  const start = performance.now()
  yield* effect
  return performance.now() - start
})

describe("a peer", () => {
  it.live("that announces 4 GiB is cut at once", () =>
    Effect.gen(function*() {
      const { requests, transport } = yield* victim({})
      const peer = yield* connect(transport.address)
      peer.socket.write(bytes(255, 255, 255, 255))
      yield* soon(peer.ended)
      assert.strictEqual(peer.received().length, 0)
      assert.strictEqual(yield* refused("tooLarge"), 1)
      assert.strictEqual(requests(), 0)
      yield* works(transport)
    }).pipe(withMetrics))

  it.live("that announces one byte above the limit is cut at once", () =>
    Effect.gen(function*() {
      const { transport } = yield* victim({ maxExchangeSize: 255 })
      const peer = yield* connect(transport.address)
      peer.socket.write(bytes(0, 0, 1, 0))
      yield* soon(peer.ended)
      assert.strictEqual(yield* refused("tooLarge"), 1)
    }).pipe(withMetrics))

  it.live("that sends half a frame and stalls is cut after the timeout", () =>
    Effect.gen(function*() {
      const { requests, transport } = yield* victim({ streamTimeout: "100 millis" })
      const peer = yield* connect(transport.address)
      peer.socket.write(bytes(0, 0, 0, 9, 1, 2, 3))
      const took = yield* millis(soon(peer.ended))
      assert.isAtLeast(took, 50)
      assert.strictEqual(yield* refused("timeout"), 1)
      assert.strictEqual(requests(), 0)
      yield* works(transport)
    }).pipe(withMetrics))

  it.live("that connects and says nothing is cut after the timeout", () =>
    Effect.gen(function*() {
      const { transport } = yield* victim({ streamTimeout: "100 millis" })
      const peer = yield* connect(transport.address)
      yield* soon(peer.ended)
      assert.strictEqual(yield* refused("timeout"), 1)
    }).pipe(withMetrics))

  it.live("that sends a byte now and then gains no time by it", () =>
    Effect.gen(function*() {
      const { transport } = yield* victim({ streamTimeout: "200 millis" })
      const peer = yield* connect(transport.address)
      peer.socket.write(bytes(0, 0, 4, 0))
      const timer = setInterval(() => peer.socket.write(bytes(1)), 10)
      yield* Effect.addFinalizer(() => Effect.sync(() => clearInterval(timer)))
      yield* soon(peer.ended)
      assert.strictEqual(yield* refused("timeout"), 1)
    }).pipe(withMetrics))

  it.live("that speaks another protocol is cut at once", () =>
    Effect.gen(function*() {
      const { requests, transport } = yield* victim({})
      const peer = yield* connect(transport.address)
      peer.socket.write("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
      yield* soon(peer.ended)
      assert.strictEqual(requests(), 0)
      yield* works(transport)
    }))

  it.live("that sends more than it announced is cut, before and while its request is handled", () =>
    Effect.gen(function*() {
      const handling = yield* Deferred.make<void>()
      const { transport } = yield* victim(
        {},
        () => Effect.andThen(Deferred.succeed(handling, void 0), Effect.never)
      )
      const hasty = yield* connect(transport.address)
      hasty.socket.write(bytes(0, 0, 0, 1, 7, 8))
      yield* soon(hasty.ended)
      const patient = yield* connect(transport.address)
      patient.socket.write(bytes(0, 0, 0, 1, 7))
      yield* soon(Deferred.await(handling))
      patient.socket.write(bytes(8))
      yield* soon(patient.ended)
      assert.strictEqual(yield* refused("malformed"), 2)
    }).pipe(withMetrics))

  it.live("that closes its half before it has the answer gets none, and the handler is interrupted", () =>
    Effect.gen(function*() {
      const interrupted = yield* Deferred.make<void>()
      const { transport } = yield* victim(
        {},
        () => Effect.onInterrupt(Effect.never, () => Deferred.succeed(interrupted, void 0))
      )
      const peer = yield* connect(transport.address)
      peer.socket.end(bytes(0, 0, 0, 1, 7))
      yield* soon(Deferred.await(interrupted))
      yield* soon(peer.ended)
      assert.strictEqual(peer.received().length, 0)
    }))

  it.live("that never reads its answer is cut after the timeout", () =>
    Effect.gen(function*() {
      const size = 64 * 1024 * 1024
      const { transport } = yield* victim(
        { streamTimeout: "200 millis", maxExchangeSize: size },
        () => Effect.succeed(new Uint8Array(size))
      )
      const peer = yield* connect(transport.address)
      peer.socket.pause()
      peer.socket.write(bytes(0, 0, 0, 0))
      yield* untilRefused("timeout", 1)
      peer.socket.resume()
      yield* soon(peer.ended)
      assert.isBelow(peer.received().length, size)
    }).pipe(withMetrics))

  it.live("that opens 200 streams keeps 128 of them, and the others are closed at once", () =>
    Effect.gen(function*() {
      const { transport } = yield* victim({})
      const peers = yield* Effect.all(Array.from({ length: 200 }, () => connect(transport.address)), {
        concurrency: "unbounded"
      })
      const ended = () => peers.filter((peer) => peer.hasEnded()).length
      yield* eventually("72 closed streams", ended, (count) => count === 72)
      yield* Effect.sleep("50 millis")
      assert.strictEqual(ended(), 72)
      assert.strictEqual(yield* refused("capacity"), 72)
      // Those that were kept are real ones.
      const kept = peers.find((peer) => !peer.hasEnded())!
      kept.socket.write(bytes(0, 0, 0, 1, 7))
      yield* soon(kept.ended)
      assert.deepStrictEqual(kept.received(), bytes(0, 0, 0, 1, 7))
      // And there is room again for others once they go.
      for (const peer of peers) peer.socket.destroy()
      yield* works(transport)
    }).pipe(withMetrics))

  it.live("that opens streams while nothing is served has them closed at once", () =>
    Effect.gen(function*() {
      const transport = yield* open()
      const peers = yield* Effect.all(Array.from({ length: 50 }, () => connect(transport.address)), {
        concurrency: "unbounded"
      })
      for (const peer of peers) yield* soon(peer.ended)
      yield* untilRefused("unserved", 50)
    }).pipe(withMetrics))

  it.live("that connects and disconnects again and again does no harm", () =>
    Effect.gen(function*() {
      const { transport } = yield* victim({ maxInboundStreams: 4 })
      for (let i = 0; i < 100; i++) {
        const peer = yield* connect(transport.address)
        if (i % 3 === 0) peer.socket.write(bytes(0, 0))
        if (i % 2 === 0) peer.socket.destroy()
        else peer.socket.resetAndDestroy()
      }
      yield* works(transport)
    }))

  it.live("that sends random bytes, in random pieces, does no harm", () =>
    Effect.gen(function*() {
      const { transport } = yield* victim({ streamTimeout: "100 millis", maxExchangeSize: 4096 })
      let seed = 12_345
      const random = (bound: number) => (seed = (seed * 1_103_515_245 + 12_345) & 0x7fff_ffff) % bound
      for (let i = 0; i < 60; i++) {
        const peer = yield* connect(transport.address)
        for (let j = random(6); j >= 0 && !peer.socket.destroyed; j--) {
          // Half of them announce a size that is allowed.
          if (i % 2 === 0) peer.socket.write(bytes(0, 0, random(16), random(256)))
          peer.socket.write(filled(random(300), seed))
          yield* Effect.yieldNow
        }
        peer.socket.end()
      }
      yield* works(transport)
    }))
})
