import * as Address from "@effect-gossip/core/Address"
import { assert } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import type { Register } from "./fixture.ts"
import { areEqual, bytes, numbers, pattern, reasonOf, within } from "./helpers.ts"

const echo = (_from: Address.Address, request: Uint8Array) => Effect.succeed(request)

export const exchanges = (test: Register): void => {
  test("a request gets its answer", ({ open }) =>
    Effect.gen(function*() {
      const a = yield* open()
      const b = yield* open()
      yield* b.serve((from, request) => {
        assert.isTrue(Option.isSome(Address.fromStringOption(from)))
        return Effect.succeed(request.map((byte) => byte + 1))
      })
      assert.deepStrictEqual(numbers(yield* within(a.exchange(b.address, bytes(1, 2, 3)))), [2, 3, 4])
    }))

  test("a transport can ask itself", ({ open }) =>
    Effect.gen(function*() {
      const a = yield* open()
      yield* a.serve(echo)
      assert.deepStrictEqual(numbers(yield* within(a.exchange(a.address, bytes(1, 2, 3)))), [1, 2, 3])
    }))

  test("a request and an answer may be empty", ({ open }) =>
    Effect.gen(function*() {
      const a = yield* open()
      const b = yield* open()
      yield* b.serve((_, request) => Effect.succeed(new Uint8Array(request.length === 0 ? 3 : 0)))
      assert.strictEqual((yield* within(a.exchange(b.address, new Uint8Array(0)))).length, 3)
      assert.strictEqual((yield* within(a.exchange(b.address, bytes(1)))).length, 0)
    }))

  test("a request and an answer may be as large as maxExchangeSize", ({ open }) =>
    Effect.gen(function*() {
      const a = yield* open({ maxExchangeSize: 300_000 })
      const b = yield* open({ maxExchangeSize: 300_000 })
      const question = pattern(300_000, 1)
      const reply = pattern(300_000, 2)
      yield* b.serve((_, request) =>
        areEqual(request, question) ? Effect.succeed(reply) : Effect.die("not the request")
      )
      assert.isTrue(areEqual(yield* within(a.exchange(b.address, question)), reply))
    }))

  test("a request of one byte more is too large", ({ open }) =>
    Effect.gen(function*() {
      const a = yield* open({ maxExchangeSize: 1000 })
      const b = yield* open()
      yield* b.serve(echo)
      const reason = yield* reasonOf(a.exchange(b.address, new Uint8Array(1001)))
      assert.deepInclude(reason, { _tag: "TooLarge", what: "request", size: 1001, limit: 1000 })
    }))

  test("a request above the peer's limit is refused", ({ open }) =>
    Effect.gen(function*() {
      const a = yield* open({ maxExchangeSize: 1001 })
      const b = yield* open({ maxExchangeSize: 1000 })
      yield* b.serve(echo)
      assert.strictEqual((yield* reasonOf(a.exchange(b.address, new Uint8Array(1001))))._tag, "Refused")
      assert.strictEqual((yield* within(a.exchange(b.address, new Uint8Array(1000)))).length, 1000)
    }))

  test("an answer above the limit is too large", ({ open }) =>
    Effect.gen(function*() {
      const a = yield* open({ maxExchangeSize: 1000 })
      const b = yield* open({ maxExchangeSize: 1000 })
      yield* b.serve((_, request) => Effect.succeed(new Uint8Array(request[0] === 1 ? 1001 : 1000)))
      const reason = yield* reasonOf(a.exchange(b.address, bytes(1)))
      assert.deepInclude(reason, { _tag: "TooLarge", what: "answer", size: 1001, limit: 1000 })
      assert.strictEqual((yield* within(a.exchange(b.address, bytes(2)))).length, 1000)
    }))

  test("exchanges at the same time do not mix", ({ open }) =>
    Effect.gen(function*() {
      const a = yield* open()
      const b = yield* open()
      // The later the request, the sooner its answer.
      const serve = (from: Address.Address, request: Uint8Array) =>
        Effect.delay(echo(from, request), 2 * (32 - request[0]!))
      yield* a.serve(serve)
      yield* b.serve(serve)
      const both = yield* Effect.forEach(
        Array.from({ length: 32 }, (_, i) => i),
        (i) =>
          Effect.all([
            a.exchange(b.address, new Uint8Array(1 + 100 * i).fill(i)),
            b.exchange(a.address, new Uint8Array(2 + 100 * i).fill(i))
          ], { concurrency: 2 }),
        { concurrency: "unbounded" }
      ).pipe(within)
      both.forEach(([one, other], i) => {
        assert.isTrue(areEqual(one, new Uint8Array(1 + 100 * i).fill(i)))
        assert.isTrue(areEqual(other, new Uint8Array(2 + 100 * i).fill(i)))
      })
    }))

  test("a request and an answer belong to those who get them", ({ open }) =>
    Effect.gen(function*() {
      const a = yield* open()
      const b = yield* open()
      const reply = bytes(4, 5, 6)
      yield* b.serve((_, request) => Effect.sync(() => (request.fill(9), reply)))
      const question = bytes(1, 2, 3)
      const answer = yield* within(a.exchange(b.address, question))
      answer.fill(9)
      assert.deepStrictEqual(numbers(question), [1, 2, 3])
      assert.deepStrictEqual(numbers(reply), [4, 5, 6])
    }))

  test("a peer that does not serve refuses", ({ open }) =>
    Effect.gen(function*() {
      const a = yield* open()
      const b = yield* open()
      assert.strictEqual((yield* reasonOf(a.exchange(b.address, bytes(1))))._tag, "Refused")
      yield* Effect.scoped(Effect.gen(function*() {
        yield* b.serve(echo)
        yield* within(a.exchange(b.address, bytes(1)))
      }))
      assert.strictEqual((yield* reasonOf(a.exchange(b.address, bytes(1))))._tag, "Refused")
    }))

  test("where nobody is, nobody can be reached", ({ open, unreachable }) =>
    Effect.gen(function*() {
      const a = yield* open()
      assert.strictEqual((yield* reasonOf(a.exchange(unreachable, bytes(1))))._tag, "Unreachable")
    }))

  test("a handler that dies refuses, and the next request is served", ({ open }) =>
    Effect.gen(function*() {
      const a = yield* open()
      const b = yield* open()
      yield* b.serve((from, request) => {
        if (request[0] === 0) throw new Error("thrown, as the test wants")
        return request[0] === 1 ? Effect.die("died, as the test wants") : echo(from, request)
      })
      assert.strictEqual((yield* reasonOf(a.exchange(b.address, bytes(0))))._tag, "Refused")
      assert.strictEqual((yield* reasonOf(a.exchange(b.address, bytes(1))))._tag, "Refused")
      assert.deepStrictEqual(numbers(yield* within(a.exchange(b.address, bytes(2)))), [2])
    }))

  test("a handler that interrupts itself refuses", ({ open }) =>
    Effect.gen(function*() {
      const a = yield* open()
      const b = yield* open()
      yield* b.serve(() => Effect.interrupt)
      assert.strictEqual((yield* reasonOf(a.exchange(b.address, bytes(1))))._tag, "Refused")
    }))

  test("an exchange with a silent peer times out", ({ open }) =>
    Effect.gen(function*() {
      const a = yield* open({ streamTimeout: "300 millis" })
      const b = yield* open()
      yield* b.serve(() => Effect.never)
      assert.strictEqual((yield* reasonOf(a.exchange(b.address, bytes(1))))._tag, "TimedOut")
    }))

  test("an interrupted exchange interrupts the peer's handler", ({ open }) =>
    Effect.gen(function*() {
      const a = yield* open()
      const b = yield* open()
      const started = yield* Deferred.make<void>()
      const interrupted = yield* Deferred.make<void>()
      yield* b.serve(() =>
        Effect.andThen(Deferred.succeed(started, undefined), Effect.never).pipe(
          Effect.onInterrupt(() => Deferred.succeed(interrupted, undefined))
        )
      )
      const exchange = yield* Effect.forkChild(a.exchange(b.address, bytes(1)))
      yield* within(Deferred.await(started))
      yield* Fiber.interrupt(exchange)
      yield* within(Deferred.await(interrupted))
    }))

  test("a second handler waits until the first has closed", ({ open, settle }) =>
    Effect.gen(function*() {
      const a = yield* open()
      const b = yield* open()
      const scope = yield* Scope.make()
      yield* Scope.provide(b.serve(() => Effect.succeed(bytes(1))), scope)
      const serving = yield* Deferred.make<void>()
      yield* Effect.forkScoped(
        Effect.gen(function*() {
          yield* b.serve(() => Effect.succeed(bytes(2)))
          yield* Deferred.succeed(serving, undefined)
          return yield* Effect.never
        }).pipe(Effect.scoped)
      )
      yield* settle
      assert.deepStrictEqual(numbers(yield* within(a.exchange(b.address, bytes(0)))), [1])
      yield* Scope.close(scope, Exit.void)
      yield* within(Deferred.await(serving))
      assert.deepStrictEqual(numbers(yield* within(a.exchange(b.address, bytes(0)))), [2])
    }))

  test("exchanges under way are refused when their handler's scope closes", ({ open }) =>
    Effect.gen(function*() {
      const a = yield* open()
      const b = yield* open()
      const started = yield* Deferred.make<void>()
      const scope = yield* Scope.make()
      const handler = () => Effect.andThen(Deferred.succeed(started, undefined), Effect.never)
      yield* Scope.provide(b.serve(handler), scope)
      const exchange = yield* Effect.forkChild(reasonOf(a.exchange(b.address, bytes(1))))
      yield* within(Deferred.await(started))
      yield* within(Scope.close(scope, Exit.void))
      assert.strictEqual((yield* within(Fiber.join(exchange)))._tag, "Refused")
    }))
}
