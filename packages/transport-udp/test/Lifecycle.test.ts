import type * as Address from "@effect-gossip/core/Address"
import type { TransportError } from "@effect-gossip/core/Transport"
import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Metric from "effect/Metric"
import * as Scope from "effect/Scope"
import { bytes, connect, eventually, freeAddress, listen, open, portOf, tagOf } from "./utils.ts"

/** Sockets and timers Node has open, by kind. */
const resources = () => {
  const counts: Record<string, number> = {}
  for (const name of process.getActiveResourcesInfo()) {
    // Others are the test runner's own.
    if (/^(TCP|UDP|Timeout|Immediate|GetAddrInfo|QueryReq)/.test(name)) counts[name] = (counts[name] ?? 0) + 1
  }
  return counts
}

/** Runs an effect, and fails unless sockets, timers and fibers are then as they were. */
const leavesNothing = Effect.fnUntraced(function*<A, E, R>(effect: Effect.Effect<A, E, R>) {
  let fibers = 0
  const before = resources()
  const result = yield* Effect.forkChild(effect).pipe(
    Effect.flatMap(Fiber.join),
    Effect.provideService(Metric.FiberRuntimeMetrics, {
      recordFiberStart: () => void fibers++,
      recordFiberEnd: () => void fibers--
    })
  )
  yield* eventually("no fiber left", () => fibers, (left) => left === 0)
  yield* eventually(
    `no resource beyond ${JSON.stringify(before)}`,
    resources,
    (now) => Object.entries(now).every(([kind, count]) => count <= (before[kind] ?? 0))
  )
  return result
})

/** Opens a transport in a scope of its own. */
const openIn = Effect.fnUntraced(function*(options?: Parameters<typeof open>[0]) {
  const scope = yield* Scope.make()
  const transport = yield* Scope.provide(open(options), scope)
  return { transport, close: Scope.close(scope, Exit.void) }
})

/** Binds the port of an address that was closed a moment ago. */
const rebind = (address: Address.Address) => Effect.scoped(open({ port: portOf(address) }))

describe("closing", () => {
  it.live("leaves no socket, fiber or timer", () =>
    leavesNothing(Effect.gen(function*() {
      const { close, transport } = yield* openIn()
      yield* close
      yield* rebind(transport.address)
    })))

  it.live("after use leaves no socket, fiber or timer", () =>
    leavesNothing(Effect.scoped(Effect.gen(function*() {
      const [a, b] = [yield* open(), yield* open()]
      const receiver = yield* b.datagrams
      yield* b.serve((_from, request) => Effect.succeed(request))
      for (let i = 0; i < 20; i++) {
        yield* a.send(b.address, bytes(i))
        yield* a.exchange(b.address, bytes(i))
      }
      yield* receiver.pull
    }))))

  it.live("ends all that is under way with Closed, in whatever scope it is, and leaves nothing", () =>
    leavesNothing(Effect.scoped(Effect.gen(function*() {
      const { close, transport } = yield* openIn({ maxOutboundStreams: 2 })
      const silent = yield* listen((socket) => socket.resume())
      const fork = <A, R>(effect: Effect.Effect<A, TransportError, R>) =>
        Effect.forkChild(tagOf(Effect.asVoid(effect)), { startImmediately: true })

      const handling = yield* Deferred.make<void>()
      let interrupted = false
      yield* transport.serve(() =>
        Deferred.succeed(handling, void 0).pipe(
          Effect.andThen(Effect.never),
          Effect.onInterrupt(() => Effect.sync(() => interrupted = true))
        )
      )
      const receiver = yield* transport.datagrams
      const half = yield* connect(transport.address)
      half.socket.write(bytes(0, 0, 0, 9, 1))
      const whole = yield* connect(transport.address)
      whole.socket.write(bytes(0, 0, 0, 1, 1))
      yield* Deferred.await(handling)

      const pending = [
        yield* fork(receiver.pull),
        yield* fork(Effect.scoped(transport.datagrams)),
        yield* fork(Effect.scoped(transport.serve(() => Effect.never))),
        yield* fork(transport.exchange(silent.address, bytes(1))),
        yield* fork(transport.exchange(silent.address, bytes(2))),
        // This one waits for one of the two.
        yield* fork(transport.exchange(silent.address, bytes(3)))
      ]
      yield* Effect.sleep("20 millis")
      for (const fiber of pending) assert.isUndefined(fiber.pollUnsafe())

      yield* close
      for (const fiber of pending) assert.strictEqual(yield* Fiber.join(fiber), "Closed")
      assert.isTrue(interrupted)
      yield* half.ended
      yield* whole.ended
      assert.strictEqual(whole.received().length, 0)
      yield* eventually("closed streams", () => silent.open.size, (size) => size === 0)
      yield* rebind(transport.address)
    }))))

  it.live("makes all that is asked for afterwards fail with Closed", () =>
    Effect.gen(function*() {
      const { close, transport } = yield* openIn()
      yield* close
      assert.strictEqual(yield* tagOf(transport.send(transport.address, bytes(1))), "Closed")
      assert.strictEqual(yield* tagOf(transport.exchange(transport.address, bytes(1))), "Closed")
      assert.strictEqual(yield* tagOf(Effect.scoped(transport.datagrams)), "Closed")
      assert.strictEqual(yield* tagOf(Effect.scoped(transport.serve(() => Effect.never))), "Closed")
    }))

  it.live("twice, or after the socket of a peer is gone, does no harm", () =>
    Effect.gen(function*() {
      const { close, transport } = yield* openIn()
      const peer = yield* connect(transport.address)
      peer.socket.destroy()
      yield* close
      yield* close
      yield* rebind(transport.address)
    }))

  it.live("while a peer reads nothing does not wait for it", () =>
    leavesNothing(Effect.scoped(Effect.gen(function*() {
      const { close, transport } = yield* openIn({ maxExchangeSize: 64 * 1024 * 1024 })
      yield* transport.serve(() => Effect.succeed(new Uint8Array(64 * 1024 * 1024)))
      const peer = yield* connect(transport.address)
      peer.socket.pause()
      peer.socket.write(bytes(0, 0, 0, 0))
      yield* Effect.sleep("50 millis")
      yield* Effect.timeout(close, "1 second")
      yield* rebind(transport.address)
    }))))

  it.live("frees the port at once, again and again", () =>
    leavesNothing(Effect.gen(function*() {
      const address = yield* freeAddress
      for (let i = 0; i < 50; i++) {
        yield* Effect.scoped(Effect.gen(function*() {
          const transport = yield* open({ port: portOf(address) })
          yield* transport.serve((_from, request) => Effect.succeed(request))
          yield* transport.exchange(address, bytes(i))
        }))
      }
    })))
})

describe("interrupting", () => {
  it.live("the construction at any moment leaves nothing, and the port free", () =>
    leavesNothing(Effect.gen(function*() {
      const address = yield* freeAddress
      for (const host of ["127.0.0.1", "localhost"]) {
        for (let moments = 0; moments < 20; moments++) {
          const opening = yield* Effect.forkChild(
            Effect.scoped(Effect.andThen(open({ host, port: portOf(address) }), Effect.never)),
            { startImmediately: true }
          )
          for (let i = 0; i < moments; i++) yield* Effect.yieldNow
          yield* Fiber.interrupt(opening)
          yield* rebind(address)
        }
      }
    })))

  it.live("an exchange at any moment leaves nothing", () =>
    leavesNothing(Effect.scoped(Effect.gen(function*() {
      const [a, b] = [yield* open(), yield* open()]
      yield* b.serve((_from, request) => Effect.as(Effect.yieldNow, request))
      for (let moments = 0; moments < 30; moments++) {
        const asking = yield* Effect.forkChild(a.exchange(b.address, bytes(1)), { startImmediately: true })
        for (let i = 0; i < moments; i++) yield* Effect.yieldNow
        yield* Fiber.interrupt(asking)
      }
      assert.deepStrictEqual(yield* a.exchange(b.address, bytes(1)), bytes(1))
    }))))
})
