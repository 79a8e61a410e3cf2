import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Schema from "effect/Schema"
import { Inbox } from "../../../src/node/internal/inbox.ts"

const make = (capacity: number) =>
  Effect.withFiber((fiber) => Effect.succeed(new Inbox<{ readonly value: number }>(capacity, fiber.currentDispatcher)))

const takeAll = (inbox: Inbox<{ readonly value: number }>): Array<number> => {
  const values: Array<number> = []
  for (let taken = inbox.take(); taken !== undefined; taken = inbox.take()) values.push(taken.value)
  return values
}

const numbers = (from: number, to: number) => Array.from({ length: to - from }, (_, index) => from + index)

describe("Inbox", () => {
  it.effect.prop(
    "gives what it had room for, in order",
    { operations: Schema.Array(Schema.Literals(["Offer", "Offer", "Offer", "Take"])) },
    ({ operations }) =>
      Effect.gen(function*() {
        const inbox = yield* make(40)
        const model: Array<number> = []
        // enough to go round the ring and to make it larger
        const all = Array.from({ length: 8 }, () => operations).flat()
        all.forEach((operation, value) => {
          if (operation === "Take") {
            assert.strictEqual(inbox.take()?.value, model.shift())
          } else {
            assert.strictEqual(inbox.offer({ value }), model.length < 40)
            if (model.length < 40) model.push(value)
          }
          assert.strictEqual(inbox.size, model.length)
        })
        assert.deepStrictEqual(takeAll(inbox), model)
      })
  )

  it.effect("has who puts wait for room, in order, unless interrupted", () =>
    Effect.gen(function*() {
      const inbox = yield* make(2)
      const fibers = yield* Effect.forEach(numbers(0, 5), (value) => Effect.forkChild(inbox.put({ value })))
      yield* Effect.yieldNow
      assert.strictEqual(inbox.size, 2)
      yield* Fiber.interrupt(fibers[3]!)
      assert.isFalse(inbox.offer({ value: 9 }))
      assert.deepStrictEqual(takeAll(inbox), [0, 1, 2, 4])
      yield* Fiber.join(fibers[4]!)
    }))

  it.effect("wakes its taker once for all that came meanwhile, and when asked to", () =>
    Effect.gen(function*() {
      const inbox = yield* make(10)
      const wakes: Array<Array<number>> = []
      yield* Effect.forkChild(Effect.gen(function*() {
        while (true) {
          yield* inbox.filled
          wakes.push(takeAll(inbox))
        }
      }))
      yield* Effect.yieldNow
      inbox.offer({ value: 1 })
      inbox.offer({ value: 2 })
      yield* Effect.yieldNow
      inbox.wake()
      inbox.wake()
      yield* Effect.yieldNow
      yield* Effect.yieldNow
      assert.deepStrictEqual(wakes, [[1, 2], []])
    }))

  it.effect("loses nothing to a taker that is no more", () =>
    Effect.gen(function*() {
      const inbox = yield* make(10)
      const former = yield* Effect.forkChild(inbox.filled)
      yield* Effect.yieldNow
      inbox.offer({ value: 1 })
      yield* Fiber.interrupt(former)
      yield* inbox.filled
      assert.deepStrictEqual(takeAll(inbox), [1])
    }))

  it.effect("that has ended takes nothing in, gives what it has, and then is done", () =>
    Effect.gen(function*() {
      const inbox = yield* make(10)
      inbox.offer({ value: 1 })
      inbox.end()
      assert.isFalse(inbox.offer({ value: 2 }))
      assert.isFalse(inbox.isDone)
      yield* inbox.filled
      assert.deepStrictEqual(takeAll(inbox), [1])
      assert.isTrue(inbox.isDone)
    }))
})
