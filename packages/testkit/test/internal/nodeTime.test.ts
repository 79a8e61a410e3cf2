import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Scheduler from "effect/Scheduler"
import { NodeTime } from "../../src/internal/nodeTime.ts"
import * as Timing from "../../src/internal/timing.ts"
import * as VirtualTime from "../../src/VirtualTime.ts"

const withNode = <A>(
  program: (
    time: NodeTime,
    run: (effect: Effect.Effect<void>) => void
  ) => Effect.Effect<A, never, VirtualTime.VirtualTime>
): A =>
  VirtualTime.runUnsafe(Effect.scoped(Effect.gen(function*() {
    const clock = yield* Clock.Clock
    const time = new NodeTime(yield* Timing.make, clock, yield* Scheduler.Scheduler)
    const context = (yield* Effect.context<never>()).pipe(
      Context.add(Clock.Clock, time as Clock.Clock),
      Context.add(Scheduler.Scheduler, time)
    )
    const run = (effect: Effect.Effect<void>) => void Effect.runForkWith(context)(effect)
    return yield* program(time, run)
  })))

describe("a node's time", () => {
  it("is that of the simulation as long as nothing is wrong with it", () => {
    withNode((time) =>
      Effect.gen(function*() {
        const clock = yield* Clock.Clock
        for (const step of [0, 1, 0.001, 12_345.678]) {
          yield* Effect.sleep(step)
          assert.strictEqual(time.currentTimeMillisUnsafe(), clock.currentTimeMillisUnsafe())
          assert.strictEqual(time.currentTimeNanosUnsafe(), clock.currentTimeNanosUnsafe())
          assert.strictEqual(time.monotonicTimeNanosUnsafe(), clock.monotonicTimeNanosUnsafe())
        }
        assert.strictEqual(time.skew, 0)
      })
    )
  })

  it("goes on with timers first, then with what came meanwhile, each in its order", () => {
    const seen: Array<string> = []
    withNode((time, run) =>
      Effect.gen(function*() {
        const after = (millis: number, what: string) =>
          run(Effect.andThen(Effect.sleep(millis), Effect.sync(() => void seen.push(what))))
        after(20, "late timer")
        after(10, "early timer")
        time.pause()
        const dispatcher = time.makeDispatcher()
        dispatcher.scheduleTask(() => seen.push("packet 1"), 0)
        yield* Effect.sleep(50)
        dispatcher.scheduleTask(() => seen.push("packet 2"), 0)
        yield* Effect.sleep(50)
        assert.deepStrictEqual(seen, [])
        time.resume()
        assert.deepStrictEqual(seen, [])
        yield* Effect.sleep(1)
        assert.deepStrictEqual(seen, ["early timer", "late timer", "packet 1", "packet 2"])
      })
    )
  })

  it("forgets a timer that was cancelled while it stood still", () => {
    let fired = false
    withNode((time) =>
      Effect.gen(function*() {
        const sleeper = yield* Effect.forkChild(
          Effect.andThen(
            time.sleep(Duration.millis(10)),
            Effect.sync(() => {
              fired = true
            })
          ),
          { startImmediately: true }
        )
        time.pause()
        yield* Effect.sleep(20)
        sleeper.interruptUnsafe()
        time.resume()
        yield* Effect.sleep(20)
        assert.isFalse(fired)
      })
    )
  })

  it("never goes back, nor ends a sleep too soon, however its rate changes", () => {
    withNode((time) =>
      Effect.gen(function*() {
        let last = time.monotonicTimeNanosUnsafe()
        for (const rate of [2, 0.3, 1.1, 0.01, 7, 1]) {
          time.setRate(rate)
          assert.isTrue(time.monotonicTimeNanosUnsafe() >= last)
          last = time.monotonicTimeNanosUnsafe()
          for (const millis of [0.001, 0.7, 33.333]) {
            const before = time.monotonicTimeNanosUnsafe()
            yield* time.sleep(Duration.millis(millis))
            const slept = Number(time.monotonicTimeNanosUnsafe() - before) / 1e6
            assert.isAtLeast(slept, millis - 1e-6)
            assert.isAtMost(slept, millis + 0.002 * rate)
          }
        }
      })
    )
  })

  it("tells the wall clock ahead after a jump, and its skew", () => {
    withNode((time) =>
      Effect.gen(function*() {
        time.jump(-90_000)
        time.setRate(2)
        yield* Effect.sleep("1 second")
        assert.strictEqual(time.skew, -89_000)
        assert.strictEqual(time.currentTimeMillisUnsafe(), (yield* Clock.currentTimeMillis) - 89_000)
      })
    )
  })
})
