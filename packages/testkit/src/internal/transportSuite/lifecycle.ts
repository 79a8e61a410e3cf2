import * as Address from "@effect-gossip/core/Address"
import { assert } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import type { Register } from "./fixture.ts"
import { bytes, numbers, reasonOf, take, within } from "./helpers.ts"

export const lifecycle = (test: Register): void => {
  test("a transport says its address and its limits", ({ open }) =>
    Effect.gen(function*() {
      const a = yield* open({ maxDatagramSize: 500, maxExchangeSize: 5000 })
      const b = yield* open()
      assert.isTrue(Option.isSome(Address.fromStringOption(a.address)))
      assert.strictEqual(a.maxDatagramSize, 500)
      assert.strictEqual(a.maxExchangeSize, 5000)
      assert.isAtLeast(b.maxDatagramSize, 1)
      assert.isAtLeast(b.maxExchangeSize, b.maxDatagramSize)
      assert.notStrictEqual(a.address, b.address)
    }))

  test("an address that needs no look-up resolves to itself", ({ open }) =>
    Effect.gen(function*() {
      const a = yield* open()
      const b = yield* open()
      assert.deepStrictEqual(yield* within(a.resolve(b.address)), [b.address])
    }))

  test("an address that is open cannot be opened again, and stays open", ({ open }) =>
    Effect.gen(function*() {
      const a = yield* open()
      const b = yield* open()
      const reason = yield* reasonOf(Effect.scoped(open({ address: b.address })))
      assert.strictEqual(reason._tag, "AddressInUse")
      yield* b.serve((_, request) => Effect.succeed(request))
      const receiver = yield* b.datagrams
      assert.deepStrictEqual(numbers(yield* within(a.exchange(b.address, bytes(1)))), [1])
      yield* a.send(b.address, bytes(2))
      const [packet] = yield* take(receiver, 1)
      assert.deepStrictEqual(numbers(packet.payload), [2])
    }))

  test("an address can be opened again when its scope has closed", ({ open }) =>
    Effect.gen(function*() {
      const a = yield* open()
      const scope = yield* Scope.make()
      const first = yield* Scope.provide(open(), scope)
      yield* first.serve(() => Effect.succeed(bytes(1))).pipe(Scope.provide(scope))
      yield* within(a.exchange(first.address, bytes(0)))
      yield* within(Scope.close(scope, Exit.void))
      const second = yield* open({ address: first.address })
      assert.strictEqual(second.address, first.address)
      const receiver = yield* second.datagrams
      yield* second.serve(() => Effect.succeed(bytes(2)))
      assert.deepStrictEqual(numbers(yield* within(a.exchange(second.address, bytes(0)))), [2])
      yield* a.send(second.address, bytes(3))
      const [packet] = yield* take(receiver, 1)
      assert.deepStrictEqual(numbers(packet.payload), [3])
    }))

  test("whoever is no longer there cannot be reached", ({ open }) =>
    Effect.gen(function*() {
      const a = yield* open()
      const scope = yield* Scope.make()
      const b = yield* Scope.provide(open(), scope)
      yield* b.serve((_, request) => Effect.succeed(request))
      yield* within(a.exchange(b.address, bytes(0)))
      yield* within(Scope.close(scope, Exit.void))
      assert.strictEqual((yield* reasonOf(a.exchange(b.address, bytes(0))))._tag, "Unreachable")
    }))

  test("a closed transport says that it is closed", ({ open }) =>
    Effect.gen(function*() {
      const a = yield* open()
      const scope = yield* Scope.make()
      const b = yield* Scope.provide(open(), scope)
      yield* within(Scope.close(scope, Exit.void))
      assert.strictEqual((yield* reasonOf(b.send(a.address, bytes(1))))._tag, "Closed")
      assert.strictEqual((yield* reasonOf(b.exchange(a.address, bytes(1))))._tag, "Closed")
      assert.strictEqual((yield* reasonOf(b.datagrams))._tag, "Closed")
      assert.strictEqual((yield* reasonOf(b.serve((_, request) => Effect.succeed(request))))._tag, "Closed")
    }))

  test("all who wait on a transport hear that it closes", ({ open, settle }) =>
    Effect.gen(function*() {
      const a = yield* open()
      const scope = yield* Scope.make()
      const b = yield* Scope.provide(open(), scope)
      const started = yield* Deferred.make<void>()
      yield* a.serve(() => Effect.andThen(Deferred.succeed(started, undefined), Effect.never))
      const receiver = yield* b.datagrams
      yield* b.serve((_, request) => Effect.succeed(request))
      const waiting = [
        yield* Effect.forkChild(reasonOf(receiver.pull)),
        yield* Effect.forkChild(reasonOf(Effect.scoped(b.datagrams))),
        yield* Effect.forkChild(reasonOf(Effect.scoped(b.serve((_, request) => Effect.succeed(request))))),
        yield* Effect.forkChild(reasonOf(b.exchange(a.address, bytes(1))))
      ]
      yield* within(Deferred.await(started))
      yield* settle
      yield* within(Scope.close(scope, Exit.void))
      const reasons = yield* within(Fiber.joinAll(waiting))
      assert.deepStrictEqual(reasons.map((reason) => reason._tag), ["Closed", "Closed", "Closed", "Closed"])
    }))

  test("a transport that closes ends the exchanges it handles", ({ open }) =>
    Effect.gen(function*() {
      const a = yield* open()
      const scope = yield* Scope.make()
      const b = yield* Scope.provide(open(), scope)
      const started = yield* Deferred.make<void>()
      const interrupted = yield* Deferred.make<void>()
      yield* b.serve(() =>
        Effect.andThen(Deferred.succeed(started, undefined), Effect.never).pipe(
          Effect.onInterrupt(() => Deferred.succeed(interrupted, undefined))
        )
      )
      const exchange = yield* Effect.forkChild(reasonOf(a.exchange(b.address, bytes(1))))
      yield* within(Deferred.await(started))
      yield* within(Scope.close(scope, Exit.void))
      yield* within(Deferred.await(interrupted))
      assert.include(["Refused", "Unreachable"], (yield* within(Fiber.join(exchange)))._tag)
    }))
}
