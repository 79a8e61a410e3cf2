import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import { endWithNode, Outlets, toStream } from "../../src/internal/outlets.ts"
import { Waitable } from "../../src/internal/waitable.ts"

class Numbers extends Waitable {
  #held: Array<number> = []

  get size(): number {
    return this.#held.length
  }

  add(number: number): void {
    this.#held.push(number)
    this.wake()
  }

  take(): ReadonlyArray<number> {
    return this.#held.splice(0)
  }
}

const setup = () => {
  const outlets = new Outlets<number, Numbers, string>()
  const open = outlets.open((dispatcher) => new Numbers(dispatcher))
  const add = (number: number) => outlets.all.forEach((outlet) => outlet.add(number))
  const even = toStream(open, (numbers) => Effect.succeed(numbers.filter((number) => number % 2 === 0)))
  return { add, even, outlets }
}

const collect = <E>(stream: Stream.Stream<number, E>) =>
  Effect.forkChild(Effect.exit(Stream.runCollect(stream)), { startImmediately: true })

describe("outlets", () => {
  it.effect("give each stream all that comes while it is open, and pass over what reads as nothing", () =>
    Effect.gen(function*() {
      const { add, even, outlets } = setup()
      const first = yield* collect(Stream.take(even, 2))
      add(1)
      yield* Effect.yieldNow
      add(2)
      yield* Effect.yieldNow
      const second = yield* collect(Stream.take(even, 1))
      add(4)
      assert.deepStrictEqual(yield* Effect.flatten(Fiber.join(first)), [2, 4])
      assert.deepStrictEqual(yield* Effect.flatten(Fiber.join(second)), [4])
      assert.strictEqual(outlets.all.size, 0)
    }))

  it.effect("end the streams with what they hold: quietly, or with an error, the first time it is said", () =>
    Effect.gen(function*() {
      const quiet = setup()
      const ended = yield* collect(quiet.even)
      quiet.add(2)
      quiet.outlets.end()
      quiet.outlets.end({ error: "too late" })
      assert.deepStrictEqual(yield* Effect.flatten(Fiber.join(ended)), [2])
      assert.deepStrictEqual(yield* Stream.runCollect(quiet.even), [])

      const broken = setup()
      const heard: Array<number> = []
      const failed = yield* Effect.forkChild(
        Effect.flip(Stream.runForEach(broken.even, (number) => Effect.sync(() => heard.push(number)))),
        { startImmediately: true }
      )
      broken.add(2)
      broken.outlets.end({ error: "broken" })
      assert.strictEqual(yield* Fiber.join(failed), "broken")
      assert.deepStrictEqual(heard, [2])
    }))

  it.effect("end with their node: with its error, unless it was stopped", () =>
    Effect.gen(function*() {
      for (const [tag, expected] of [["Stopped", "[]"], ["GaveUp", "GaveUp"]] as const) {
        const { even, outlets } = setup()
        const failure = yield* Deferred.make<never, { readonly reason: { readonly _tag: string } }>()
        yield* endWithNode(Deferred.await(failure), outlets, ({ reason }) => reason._tag)
        const ending = yield* collect(even)
        yield* Deferred.fail(failure, { reason: { _tag: tag } })
        const ended = yield* Effect.match(Effect.flatten(Fiber.join(ending)), {
          onFailure: (error) => error,
          onSuccess: (numbers) => JSON.stringify(numbers)
        })
        assert.strictEqual(ended, expected)
      }
    }))
})
