import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { KeyLocks } from "../../../../src/replication/internal/service/keyLocks.ts"

const begin = <A, E>(effect: Effect.Effect<A, E>) => Effect.forkChild(effect, { startImmediately: true })

describe("KeyLocks", () => {
  it.effect("keeps no key when it is interrupted while it takes many", () =>
    Effect.gen(function*() {
      const keys = Array.from({ length: 3000 }, (_, i) => `${i}`)
      // so many are not taken in one go: whichever step it yields at
      for (let before = 0; before < 8; before++) {
        const locks = new KeyLocks()
        let taking = locks.holdAll(keys)(Effect.never)
        for (let i = 0; i < before; i++) taking = Effect.andThen(Effect.void, taking)
        yield* Fiber.interrupt(yield* begin(taking))
        for (const key of keys) {
          const fiber = yield* begin(locks.hold(key)(Effect.void))
          assert.isDefined(fiber.pollUnsafe(), `${key} is held`)
        }
      }
    }))

  it.effect("hands a key on to whoever waits, in the order they came, however many there are", () =>
    Effect.gen(function*() {
      const locks = new KeyLocks()
      const go = yield* Deferred.make<void>()
      const seen: Array<number> = []
      const first = yield* begin(locks.hold("key")(Deferred.await(go)))
      const fibers = yield* Effect.forEach(
        Array.from({ length: 5000 }, (_, i) => i),
        (i) => begin(locks.hold("key")(Effect.sync(() => void seen.push(i))))
      )
      yield* Fiber.interrupt(fibers[1]!)
      yield* Deferred.succeed(go, undefined)
      yield* Fiber.join(first)
      // one that was not let in yet gives its turn to the next
      yield* Fiber.interrupt(fibers[2]!)
      yield* Effect.forEach(fibers.slice(3), Fiber.join)
      assert.deepStrictEqual(seen.filter((i) => i > 2), fibers.slice(3).map((_, i) => i + 3))
      assert.notInclude(seen, 1)
    }))
})
