import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import * as Random from "effect/Random"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as TestClock from "effect/testing/TestClock"
import * as VirtualTime from "../src/VirtualTime.ts"

/** The reason of the `VirtualTimeError` a program dies with. */
const reasonOf = <A, E>(exit: Exit.Exit<A, E>): VirtualTime.VirtualTimeErrorReason => {
  if (Exit.isSuccess(exit)) throw new Error("expected a failure, but it succeeded")
  const error = Cause.squash(exit.cause)
  if (!(error instanceof VirtualTime.VirtualTimeError)) throw error
  return error.reason
}

/** Counts up every second for ever. */
const counter = Effect.gen(function*() {
  const count = { seconds: 0 }
  yield* Effect.forkScoped(
    Effect.forever(Effect.andThen(Effect.sleep("1 second"), Effect.sync(() => count.seconds++)))
  )
  return count
})

/** Sleeps of these lengths at the same time, in the order they end. */
const endings = Effect.fnUntraced(function*(sleeps: ReadonlyArray<number>) {
  const ended: Array<number> = []
  yield* Effect.forEach(
    sleeps,
    (millis, i) => Effect.andThen(Effect.sleep(millis), Effect.sync(() => ended.push(i))),
    { concurrency: "unbounded" }
  )
  return ended
})

describe("VirtualTime.run", () => {
  it("jumps through sleeps", () => {
    const program = Effect.gen(function*() {
      const start = yield* Clock.currentTimeMillis
      yield* Effect.sleep("3 hours")
      return (yield* Clock.currentTimeMillis) - start
    })
    assert.deepStrictEqual(VirtualTime.run(program), Exit.succeed(Duration.toMillis("3 hours")))
  })

  it("runs wholly before it returns, and leaves nothing to the host", () => {
    let steps = 0
    const step = Effect.sync(() => steps++)
    const program = Effect.all([
      Effect.repeat(Effect.andThen(Effect.yieldNow, step), Schedule.recurs(9)),
      Effect.repeat(step, { times: 9, schedule: Schedule.spaced("1 minute") })
    ], { concurrency: 2 })
    assert.isTrue(Exit.isSuccess(VirtualTime.run(program)))
    assert.strictEqual(steps, 20)
  })

  it("returns failures, defects and interruptions as they are", () => {
    assert.deepStrictEqual(VirtualTime.run(Effect.fail("no")), Exit.fail("no"))
    assert.deepStrictEqual(VirtualTime.run(Effect.delay(Effect.die("oh"), "1 second")), Exit.die("oh"))
    const exit = VirtualTime.run(Effect.interrupt)
    assert.isTrue(Exit.isFailure(exit) && Cause.hasInterruptsOnly(exit.cause))
  })

  it("starts the clock at the epoch it is told, and at a recent date otherwise", () => {
    const now = Clock.currentTimeMillis
    assert.strictEqual(VirtualTime.runUnsafe(now), 1_767_225_600_000)
    assert.strictEqual(VirtualTime.runUnsafe(now, { epoch: 1234 }), 1234)
  })

  it("tells wall time and elapsed time from one source", () => {
    const read = Effect.all([Clock.currentTimeMillis, Clock.currentTimeNanos, Clock.monotonicTimeNanos])
    const [first, second] = VirtualTime.runUnsafe(Effect.gen(function*() {
      const first = yield* read
      yield* Effect.sleep("1500 micros")
      return [first, yield* read] as const
    }))
    assert.deepStrictEqual(second[0] - first[0], 1)
    assert.deepStrictEqual(second[1] - first[1], 1_500_000n)
    assert.deepStrictEqual(second[2] - first[2], 1_500_000n)
    assert.strictEqual(first[1], BigInt(first[0]) * 1_000_000n)
  })

  it("draws the same random numbers for the same seed", () => {
    const draws = Effect.all([Random.next, Random.nextInt, Random.next])
    const first = VirtualTime.runUnsafe(draws, { seed: 1 })
    assert.deepStrictEqual(VirtualTime.runUnsafe(draws, { seed: 1 }), first)
    assert.notDeepEqual(VirtualTime.runUnsafe(draws, { seed: 2 }), first)
  })

  it("says that a program is stuck when nobody can go on", () => {
    const reason = reasonOf(VirtualTime.run(Effect.andThen(Effect.sleep("2 seconds"), Effect.never)))
    assert.deepInclude(reason, { _tag: "Stuck", elapsed: 2000 })
    assert.include(reason.message, "2 s after the start")
  })

  it("says that a program waits for a promise", () => {
    const reason = reasonOf(VirtualTime.run(Effect.promise(() => Promise.resolve(1))))
    assert.strictEqual(reason._tag, "HostAccess")
    assert.include(reason.message, "Promise")
  })

  it("runs the finalizers of a program that is stuck", () => {
    const log: Array<string> = []
    const program = Effect.never.pipe(
      Effect.ensuring(Effect.andThen(Effect.sleep("1 second"), Effect.sync(() => log.push("released"))))
    )
    assert.strictEqual(reasonOf(VirtualTime.run(program))._tag, "Stuck")
    assert.deepStrictEqual(log, ["released"])
  })

  it("ends a program that waits for ever while others go on", () => {
    const program = Effect.scoped(Effect.andThen(counter, Effect.never))
    assert.deepInclude(reasonOf(VirtualTime.run(program)), { _tag: "NotFinished", atMost: 86_400_000 })
    assert.deepInclude(reasonOf(VirtualTime.run(program, { atMost: "5 seconds" })), { atMost: 5000 })
  })

  it("finishes a program that takes exactly as long as it may", () => {
    assert.isTrue(Exit.isSuccess(VirtualTime.run(Effect.sleep("5 seconds"), { atMost: "5 seconds" })))
  })

  it.each([
    ["yields", Effect.forever(Effect.yieldNow)],
    ["sleeps for nothing", Effect.forever(Effect.sleep(0))],
    ["moves time by nothing", Effect.forever(VirtualTime.adjust(0))],
    ["forks", Effect.forever(Effect.forkDetach(Effect.void))],
    [
      "schedules",
      VirtualTime.VirtualTime.use((time) => {
        const again = (): void => void time.scheduleUnsafe(0, again)
        return Effect.andThen(Effect.sync(again), Effect.never)
      })
    ]
  ])("ends a loop that %s without end", (_, program: Effect.Effect<void, never, VirtualTime.VirtualTime>) => {
    const reason = reasonOf(VirtualTime.run(Effect.andThen(Effect.sleep("1 second"), program), {
      maxTasksPerInstant: 10_000
    }))
    assert.deepInclude(reason, { _tag: "Livelock", elapsed: 1000, limit: 10_000 })
  })

  it("does not take much work at many instants for a loop", () => {
    const program = Effect.gen(function*() {
      for (let i = 0; i < 100; i++) {
        for (let k = 0; k < 90; k++) yield* Effect.yieldNow
        yield* Effect.sleep(1)
      }
    })
    assert.isTrue(Exit.isSuccess(VirtualTime.run(program, { maxTasksPerInstant: 100 })))
  })

  it("can be nested, and used by a program on the host", () => {
    const inner = Effect.sync(() => VirtualTime.runUnsafe(Effect.as(Effect.sleep("1 hour"), "inner")))
    const program = Effect.gen(function*() {
      const start = yield* Clock.currentTimeMillis
      const result = yield* inner
      yield* Effect.sleep("1 second")
      return [result, (yield* Clock.currentTimeMillis) - start]
    })
    assert.deepStrictEqual(VirtualTime.runUnsafe(program), ["inner", 1000])
  })

  it("throws for options that make no sense", () => {
    for (const options of [{ epoch: NaN }, { epoch: 0.5 }, { maxTasksPerInstant: 0 }, { atMost: Infinity }]) {
      assert.throws(() => VirtualTime.run(Effect.void, options), Object.keys(options)[0]!)
    }
  })

  it("refuses to leave virtual time when there is no other", () => {
    assert.deepInclude(reasonOf(VirtualTime.run(TestClock.withLive(Clock.currentTimeMillis))), {
      argument: "withLive"
    })
  })
})

describe("VirtualTime sleeps", () => {
  it.prop(
    "end in the order of their times, and together in the order they began",
    { sleeps: Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 10 }))) },
    ({ sleeps }) => {
      const expected = sleeps.map((millis, i) => ({ millis, i })).sort((a, b) => a.millis - b.millis || a.i - b.i)
      assert.deepStrictEqual(VirtualTime.runUnsafe(endings(sleeps)), expected.map(({ i }) => i))
    }
  )

  it("take time however short they are", () => {
    const program = Effect.gen(function*() {
      yield* Effect.sleep("1 nano")
      return yield* VirtualTime.elapsed
    })
    assert.deepStrictEqual(VirtualTime.runUnsafe(program), Duration.micros(1n))
  })

  it("of nothing let others run first", () => {
    const log: Array<string> = []
    VirtualTime.runUnsafe(Effect.gen(function*() {
      yield* Effect.forkChild(Effect.sync(() => log.push("other")))
      yield* Effect.sleep(0)
      log.push("self")
    }))
    assert.deepStrictEqual(log, ["other", "self"])
  })

  it("without end never end", () => {
    assert.strictEqual(reasonOf(VirtualTime.run(Effect.sleep(Infinity)))._tag, "Stuck")
  })

  it("that are interrupted leave no timer", () => {
    const program = Effect.gen(function*() {
      const time = yield* VirtualTime.VirtualTime
      const fibers = yield* Effect.forEach(Array.from({ length: 1000 }), () => Effect.forkChild(Effect.sleep("1 day")))
      yield* Effect.yieldNow
      const before = time.counters().pendingTimers
      yield* Fiber.interruptAll(fibers)
      return [before, time.counters().pendingTimers]
    })
    assert.deepStrictEqual(VirtualTime.runUnsafe(program), [1000, 0])
  })

  it("bound timeouts", () => {
    const program = Effect.timeoutOption(Effect.never, "30 seconds")
    assert.isTrue(VirtualTime.runUnsafe(Effect.map(program, (option) => option._tag === "None")))
  })
})

/** What a host program and a program inside must see alike. */
const moving = (
  register: (
    name: string,
    program: Effect.Effect<void, VirtualTime.VirtualTimeError | Duration.Duration, VirtualTime.VirtualTime>
  ) => void
): void => {
  register(
    "adjust runs all that is due on the way and at the end",
    Effect.gen(function*() {
      const count = yield* counter
      yield* VirtualTime.adjust("999 millis")
      assert.strictEqual(count.seconds, 0)
      yield* VirtualTime.adjust("1 millis")
      assert.strictEqual(count.seconds, 1)
      yield* VirtualTime.adjust("1 hour")
      assert.strictEqual(count.seconds, 3601)
    }).pipe(Effect.scoped)
  )

  register(
    "adjust returns when all that follows at its last instant has been done",
    Effect.gen(function*() {
      const queue = yield* Queue.unbounded<number>()
      const seen: Array<number> = []
      yield* Effect.forkChild(Effect.forever(Effect.map(Queue.take(queue), (n) => seen.push(n))))
      yield* Effect.forkChild(Effect.delay(Effect.forEach([1, 2, 3], (n) => Queue.offer(queue, n)), "1 second"))
      yield* VirtualTime.adjust("1 second")
      assert.deepStrictEqual(seen, [1, 2, 3])
    })
  )

  register(
    "setTime goes to a time of the wall clock, but not back",
    Effect.gen(function*() {
      const count = yield* counter
      const start = yield* Clock.currentTimeMillis
      yield* VirtualTime.setTime(start + 90_500)
      assert.strictEqual(yield* Clock.currentTimeMillis, start + 90_500)
      assert.strictEqual(count.seconds, 90)
      const exit = yield* Effect.exit(VirtualTime.setTime(start))
      assert.deepInclude(reasonOf(exit), { _tag: "InvalidArgument", argument: "timestamp" })
    }).pipe(Effect.scoped)
  )

  register(
    "flush runs what is ready while time stands still",
    Effect.gen(function*() {
      const start = yield* Clock.currentTimeMillis
      let isDone = false
      yield* Effect.forkChild(
        Effect.andThen(Effect.repeat(Effect.yieldNow, Schedule.recurs(10)), Effect.sync(() => (isDone = true)))
      )
      yield* VirtualTime.flush
      assert.isTrue(isDone)
      assert.strictEqual(yield* Clock.currentTimeMillis, start)
    })
  )

  register(
    "runUntil stops at the first instant where the condition holds",
    Effect.gen(function*() {
      const count = yield* counter
      yield* VirtualTime.adjust("500 millis")
      const took = yield* VirtualTime.runUntil(() => count.seconds === 90, { atMost: "5 minutes" })
      assert.deepStrictEqual(took, Duration.millis(89_500))
      assert.strictEqual(count.seconds, 90)
    }).pipe(Effect.scoped)
  )

  register(
    "runUntil takes an effect for a condition",
    Effect.gen(function*() {
      const count = yield* counter
      const took = yield* VirtualTime.runUntil(Effect.sync(() => count.seconds === 90), { atMost: "5 minutes" })
      assert.deepStrictEqual(took, Duration.millis(90_000))
      const failed = yield* Effect.flip(VirtualTime.runUntil(Effect.fail("no"), { atMost: "5 minutes" }))
      assert.strictEqual(failed, "no")
    }).pipe(Effect.scoped)
  )

  register(
    "runUntil looks every so often when it is told to",
    Effect.gen(function*() {
      const count = yield* counter
      const took = yield* VirtualTime.runUntil(() => count.seconds >= 9, { atMost: "5 minutes", every: "4 seconds" })
      assert.deepStrictEqual(took, Duration.seconds(12))
    }).pipe(Effect.scoped)
  )

  register(
    "runUntil returns at once when the condition holds already",
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* VirtualTime.runUntil(() => true, { atMost: "1 second" }), Duration.zero)
    })
  )

  register(
    "runUntil fails when the condition does not hold in time",
    Effect.gen(function*() {
      const count = yield* counter
      const error = yield* Effect.flip(VirtualTime.runUntil(() => count.seconds > 60, { atMost: "1 minute" }))
      assert.deepInclude(error.reason, { _tag: "NotReached", atMost: 60_000, elapsed: 60_000 })
      assert.include(error.message, "60 s")
      assert.strictEqual(count.seconds, 60)
    }).pipe(Effect.scoped)
  )

  register(
    "runUntil dies with what its condition throws, and others go on",
    Effect.gen(function*() {
      const other = yield* Effect.forkChild(VirtualTime.runUntil(() => false, { atMost: "2 seconds" }))
      const throwing = VirtualTime.runUntil(() => {
        throw new Error("as the test wants")
      }, { atMost: "1 second" })
      const exit = yield* Effect.exit(throwing)
      assert.isTrue(Exit.isFailure(exit) && Cause.hasDies(exit.cause))
      yield* VirtualTime.adjust("2 seconds")
      assert.isTrue(Exit.isFailure(yield* Fiber.await(other)))
    })
  )

  register(
    "several may wait at the same time",
    Effect.gen(function*() {
      const log: Array<string> = []
      const count = yield* counter
      yield* Effect.all([
        Effect.andThen(VirtualTime.adjust("3 seconds"), Effect.sync(() => log.push(`three ${count.seconds}`))),
        Effect.andThen(VirtualTime.adjust("1 second"), Effect.sync(() => log.push(`one ${count.seconds}`))),
        VirtualTime.runUntil(() => count.seconds === 2, { atMost: "1 minute" }).pipe(
          Effect.andThen(Effect.sync(() => log.push(`two ${count.seconds}`)))
        )
      ], { concurrency: "unbounded" })
      assert.deepStrictEqual(log, ["one 1", "two 2", "three 3"])
    }).pipe(Effect.scoped)
  )

  register(
    "those who wait for nothing but time go on in its order",
    Effect.gen(function*() {
      const log: Array<number> = []
      const waiting = (seconds: number) =>
        Effect.andThen(VirtualTime.adjust(`${seconds} seconds`), Effect.sync(() => log.push(seconds)))
      yield* Effect.forEach([3, 1, 2], waiting, { concurrency: "unbounded" })
      assert.deepStrictEqual(log, [1, 2, 3])
    })
  )

  register(
    "runUntil does not see what holds only in the midst of an instant",
    Effect.gen(function*() {
      const time = yield* VirtualTime.VirtualTime
      let holds = false
      time.scheduleUnsafe(1000, () => (holds = true))
      time.scheduleUnsafe(1000, () => (holds = false))
      time.scheduleUnsafe(2000, () => (holds = true))
      assert.deepStrictEqual(yield* VirtualTime.runUntil(() => holds, { atMost: "1 minute" }), Duration.seconds(2))
    })
  )

  register(
    "scheduled tasks run at their time unless they are cancelled",
    Effect.gen(function*() {
      const time = yield* VirtualTime.VirtualTime
      const log: Array<string> = []
      const note = (text: string) => () => void log.push(`${text} ${time.elapsedUnsafe()}`)
      time.scheduleUnsafe(2.5, note("b"))
      time.scheduleUnsafe(1, note("a"))
      const cancelled = time.scheduleUnsafe(2, note("never"))
      time.scheduleUnsafe(0, note("now"))
      assert.isTrue(cancelled.isPending)
      cancelled.cancel()
      assert.isFalse(cancelled.isPending)
      yield* VirtualTime.adjust("1 second")
      assert.deepStrictEqual(log, ["now 0", "a 1", "b 2.5"])
      for (const delay of [-1, NaN, Infinity]) assert.throws(() => time.scheduleUnsafe(delay, () => {}), "delay")
    })
  )

  register(
    "counters tell what was done",
    Effect.gen(function*() {
      const time = yield* VirtualTime.VirtualTime
      yield* counter
      yield* VirtualTime.adjust("10 seconds")
      const counters = time.counters()
      assert.isAtLeast(counters.tasks, 1)
      assert.strictEqual(counters.timers, 10)
      assert.strictEqual(counters.pendingTimers, 1)
    }).pipe(Effect.scoped)
  )

  register(
    "arguments that make no sense are defects",
    Effect.gen(function*() {
      for (const duration of [-1, Infinity]) {
        assert.deepInclude(reasonOf(yield* Effect.exit(VirtualTime.adjust(duration))), { argument: "duration" })
      }
      const every = yield* Effect.exit(VirtualTime.runUntil(() => true, { atMost: 1, every: 0 }))
      assert.deepInclude(reasonOf(every), { argument: "every" })
    })
  )

  register(
    "TestClock's functions move virtual time",
    Effect.gen(function*() {
      const count = yield* counter
      yield* TestClock.adjust("10 seconds")
      assert.strictEqual(count.seconds, 10)
      yield* TestClock.setTime((yield* Clock.currentTimeMillis) + 5000)
      assert.strictEqual(count.seconds, 15)
    }).pipe(Effect.scoped)
  )
}

describe("VirtualTime moved from the inside", () => {
  moving((name, program) => it(name, () => VirtualTime.runUnsafe(program)))
})

describe("VirtualTime moved from the host", () => {
  moving((name, program) => it.effect(name, () => Effect.provide(program, VirtualTime.layer())))

  it.live("gives a live test the same", () =>
    Effect.gen(function*() {
      const count = yield* counter
      yield* VirtualTime.adjust("1 hour")
      assert.strictEqual(count.seconds, 3600)
    }).pipe(Effect.provide(VirtualTime.layer())))

  it.effect("moves only fibers that live in it", () =>
    Effect.gen(function*() {
      const time = yield* VirtualTime.make()
      const start = yield* Clock.currentTimeMillis
      let isDone = false
      yield* Effect.forkChild(Effect.andThen(Effect.sleep("1 second"), Effect.sync(() => (isDone = true))))
      yield* time.adjust("1 hour")
      assert.isFalse(isDone)
      assert.strictEqual(yield* Clock.currentTimeMillis, start)
      yield* TestClock.adjust("1 second")
      assert.isTrue(isDone)
    }))

  it.effect("runs what a host fiber wakes without being moved", () =>
    Effect.gen(function*() {
      const question = yield* Deferred.make<number>()
      const answer = yield* Deferred.make<number>()
      const time = yield* VirtualTime.make()
      yield* Effect.gen(function*() {
        const n = yield* Deferred.await(question)
        yield* Effect.yieldNow
        yield* Deferred.succeed(answer, n + 1)
      }).pipe(
        Effect.forkChild,
        Effect.provideService(Clock.Clock, time.clock),
        Effect.provide(Layer.succeed(VirtualTime.VirtualTime, time))
      )
      yield* Deferred.succeed(question, 1)
      assert.strictEqual(yield* Deferred.await(answer), 2)
    }))

  it.effect("reports a loop to whoever moves it", () =>
    Effect.gen(function*() {
      yield* Effect.forkScoped(Effect.andThen(Effect.sleep("1 second"), Effect.forever(Effect.yieldNow)))
      const exit = yield* Effect.exit(VirtualTime.adjust("1 minute"))
      assert.deepInclude(reasonOf(exit), { _tag: "Livelock", elapsed: 1000 })
    }).pipe(Effect.scoped, Effect.provide(VirtualTime.layer({ maxTasksPerInstant: 5000 }))))

  it.effect("lets a test back to the host's clock", () =>
    Effect.gen(function*() {
      const virtual = yield* Clock.currentTimeMillis
      const live = yield* TestClock.withLive(Clock.currentTimeMillis)
      assert.strictEqual(virtual, VirtualTime.defaults.epoch)
      assert.isAbove(live, 1_577_836_800_000)
    }).pipe(Effect.provide(VirtualTime.layer())))
})
