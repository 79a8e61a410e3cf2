import * as Address from "@effect-gossip/core/Address"
import { assert } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import type { Register } from "./fixture.ts"
import { areEqual, bytes, numbers, pattern, reasonOf, take, until, within } from "./helpers.ts"

export const datagrams = (test: Register): void => {
  test("a datagram arrives with all its bytes", ({ open }) =>
    Effect.gen(function*() {
      const a = yield* open()
      const b = yield* open()
      const receiver = yield* b.datagrams
      const payload = Uint8Array.from({ length: 256 }, (_, i) => i)
      yield* a.send(b.address, payload)
      const [packet] = yield* take(receiver, 1)
      assert.deepStrictEqual(numbers(packet.payload), numbers(payload))
    }))

  test("the sender of a datagram can be answered", ({ open }) =>
    Effect.gen(function*() {
      const a = yield* open()
      const b = yield* open()
      const atA = yield* a.datagrams
      const atB = yield* b.datagrams
      yield* a.send(b.address, bytes(1))
      const [question] = yield* take(atB, 1)
      assert.isTrue(Option.isSome(Address.fromStringOption(question.from)))
      yield* b.send(question.from, bytes(2))
      const [answer] = yield* take(atA, 1)
      assert.deepStrictEqual(numbers(answer.payload), [2])
    }))

  test("a transport can send to itself", ({ open }) =>
    Effect.gen(function*() {
      const a = yield* open()
      const receiver = yield* a.datagrams
      yield* a.send(a.address, bytes(7))
      const [packet] = yield* take(receiver, 1)
      assert.deepStrictEqual(numbers(packet.payload), [7])
    }))

  test("a datagram may be empty", ({ open }) =>
    Effect.gen(function*() {
      const a = yield* open()
      const b = yield* open()
      const receiver = yield* b.datagrams
      yield* a.send(b.address, new Uint8Array(0))
      const [packet] = yield* take(receiver, 1)
      assert.strictEqual(packet.payload.length, 0)
    }))

  test("a datagram may be as large as maxDatagramSize", ({ open }) =>
    Effect.gen(function*() {
      const a = yield* open()
      const b = yield* open()
      const receiver = yield* b.datagrams
      const payload = pattern(a.maxDatagramSize)
      yield* a.send(b.address, payload)
      const [packet] = yield* take(receiver, 1)
      assert.isTrue(areEqual(packet.payload, payload))
    }))

  test("a datagram of one byte more is too large, and is not sent", ({ open, settle }) =>
    Effect.gen(function*() {
      const a = yield* open({ maxDatagramSize: 100 })
      const b = yield* open()
      const receiver = yield* b.datagrams
      const reason = yield* reasonOf(a.send(b.address, new Uint8Array(101)))
      assert.deepInclude(reason, { _tag: "TooLarge", what: "datagram", size: 101, limit: 100 })
      yield* settle
      yield* a.send(b.address, bytes(1))
      const packets = yield* take(receiver, 1)
      assert.deepStrictEqual(packets.map((packet) => packet.payload.length), [1])
    }))

  test("many datagrams arrive, in whatever order", ({ open }) =>
    Effect.gen(function*() {
      const a = yield* open()
      const b = yield* open()
      const receiver = yield* b.datagrams
      const sending = yield* Effect.forkChild(
        Effect.forEach(Array.from({ length: 200 }, (_, i) => i), (i) =>
          // A burst would overflow the buffers of a kernel, which is no fault of the transport.
          Effect.andThen(a.send(b.address, bytes(i)), i % 10 === 9 ? Effect.sleep("1 millis") : Effect.void))
      )
      const packets = yield* take(receiver, 200)
      yield* Fiber.join(sending)
      const seen = packets.map((packet) => packet.payload[0]!).sort((x, y) => x - y)
      assert.deepStrictEqual(seen, Array.from({ length: 200 }, (_, i) => i))
      assert.strictEqual(receiver.dropped(), 0)
    }))

  test("a pull returns all that has arrived", ({ open, settle }) =>
    Effect.gen(function*() {
      const a = yield* open()
      const b = yield* open()
      const receiver = yield* b.datagrams
      for (let i = 0; i < 3; i++) yield* a.send(b.address, bytes(i))
      yield* settle
      assert.strictEqual((yield* within(receiver.pull)).length, 3)
    }))

  test("only the bytes of a view are sent", ({ open }) =>
    Effect.gen(function*() {
      const a = yield* open()
      const b = yield* open()
      const receiver = yield* b.datagrams
      yield* a.send(b.address, bytes(1, 2, 3, 4, 5).subarray(1, 4))
      const [packet] = yield* take(receiver, 1)
      assert.deepStrictEqual(numbers(packet.payload), [2, 3, 4])
    }))

  test("a payload belongs to its receiver", ({ open }) =>
    Effect.gen(function*() {
      const a = yield* open()
      const b = yield* open()
      const c = yield* open()
      const atB = yield* b.datagrams
      const atC = yield* c.datagrams
      const payload = bytes(1, 2, 3)
      yield* a.send(b.address, payload)
      const [first] = yield* take(atB, 1)
      first.payload.fill(9)
      assert.deepStrictEqual(numbers(payload), [1, 2, 3])
      yield* a.send(c.address, payload)
      yield* a.send(b.address, payload)
      const [second] = yield* take(atB, 1)
      second.payload.fill(9)
      const [third] = yield* take(atC, 1)
      assert.deepStrictEqual(numbers(third.payload), [1, 2, 3])
      assert.deepStrictEqual(numbers(first.payload), [9, 9, 9])
    }))

  test("datagrams above the buffer's capacity are dropped and counted", ({ open }) =>
    Effect.gen(function*() {
      const a = yield* open()
      const b = yield* open({ receiveBufferCapacity: 4 })
      const receiver = yield* b.datagrams
      assert.strictEqual(receiver.dropped(), 0)
      for (let i = 0; i < 10; i++) yield* a.send(b.address, bytes(i))
      yield* until(() => receiver.dropped() === 6)
      assert.strictEqual((yield* within(receiver.pull)).length, 4)
      yield* a.send(b.address, bytes(11))
      const [packet] = yield* take(receiver, 1)
      assert.deepStrictEqual(numbers(packet.payload), [11])
      assert.strictEqual(receiver.dropped(), 6)
    }))

  test("datagrams that arrive while nobody receives are dropped", ({ open, settle }) =>
    Effect.gen(function*() {
      const a = yield* open()
      const b = yield* open()
      yield* a.send(b.address, bytes(1))
      yield* settle
      const receiver = yield* b.datagrams
      yield* a.send(b.address, bytes(2))
      const packets = yield* take(receiver, 1)
      assert.deepStrictEqual(packets.map((packet) => numbers(packet.payload)), [[2]])
    }))

  test("a second receiver waits until the first has closed", ({ open, settle }) =>
    Effect.gen(function*() {
      const a = yield* open()
      const b = yield* open()
      const scope = yield* Scope.make()
      const first = yield* Scope.provide(b.datagrams, scope)
      const opened = yield* Deferred.make<void>()
      const second = yield* Effect.forkScoped(Effect.gen(function*() {
        const receiver = yield* b.datagrams
        yield* Deferred.succeed(opened, undefined)
        return yield* take(receiver, 1)
      }))
      yield* a.send(b.address, bytes(1))
      const [packet] = yield* take(first, 1)
      assert.deepStrictEqual(numbers(packet.payload), [1])
      yield* settle
      assert.isFalse(yield* Deferred.isDone(opened))
      yield* Scope.close(scope, Exit.void)
      yield* within(Deferred.await(opened))
      yield* a.send(b.address, bytes(2))
      const [next] = yield* within(Fiber.join(second))
      assert.deepStrictEqual(numbers(next.payload), [2])
    }))

  test("an interrupted pull takes nothing away", ({ open, settle }) =>
    Effect.gen(function*() {
      const a = yield* open()
      const b = yield* open()
      const receiver = yield* b.datagrams
      const waiting = yield* Effect.forkChild(receiver.pull, { startImmediately: true })
      yield* Fiber.interrupt(waiting)
      yield* a.send(b.address, bytes(1))
      yield* settle
      const [packet] = yield* take(receiver, 1)
      assert.deepStrictEqual(numbers(packet.payload), [1])
    }))

  test("a datagram to where nobody is does no harm", ({ open, settle, unreachable }) =>
    Effect.gen(function*() {
      const a = yield* open()
      const b = yield* open()
      const receiver = yield* b.datagrams
      for (let i = 0; i < 3; i++) {
        // A network may notice, and may not.
        const exit = yield* Effect.exit(reasonOf(a.send(unreachable, bytes(1))))
        if (Exit.isSuccess(exit)) assert.strictEqual(exit.value._tag, "Unreachable")
        yield* settle
      }
      yield* a.send(b.address, bytes(2))
      const [packet] = yield* take(receiver, 1)
      assert.deepStrictEqual(numbers(packet.payload), [2])
    }))
}
