/* oxlint-disable no-restricted-globals, no-restricted-properties -- what must not be used is what is used here */
import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as DateTime from "effect/DateTime"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Equal from "effect/Equal"
import * as Exit from "effect/Exit"
import * as HashSet from "effect/HashSet"
import * as Logger from "effect/Logger"
import * as MutableHashMap from "effect/MutableHashMap"
import * as Random from "effect/Random"
import * as Scheduler from "effect/Scheduler"
import * as VirtualTime from "../../src/VirtualTime.ts"

/** What a run says that its program used, or `undefined` when it ended otherwise. */
const usedBy = <A, E>(exit: Exit.Exit<A, E>): string | undefined => {
  if (Exit.isSuccess(exit)) return undefined
  const error = Cause.squash(exit.cause)
  return error instanceof VirtualTime.VirtualTimeError && error.reason._tag === "HostAccess"
    ? error.reason.api
    : undefined
}

const run = (use: () => unknown, options?: VirtualTime.RunOptions) => VirtualTime.run(Effect.sync(use), options)

const forbidden: Record<string, () => unknown> = {
  "Date.now": () => Date.now(),
  "new Date()": () => new Date(),
  "Date()": () => Date(),
  "performance.now": () => performance.now(),
  "process.hrtime": () => process.hrtime(),
  "process.hrtime.bigint": () => process.hrtime.bigint(),
  "process.uptime": () => process.uptime(),
  "Math.random": () => Math.random(),
  "crypto.randomUUID": () => crypto.randomUUID(),
  "crypto.getRandomValues": () => crypto.getRandomValues(new Uint8Array(1)),
  setTimeout: () => setTimeout(() => {}, 0),
  setInterval: () => setInterval(() => {}, 1),
  setImmediate: () => setImmediate(() => {}),
  queueMicrotask: () => queueMicrotask(() => {}),
  "process.nextTick": () => process.nextTick(() => {}),
  "AbortSignal.timeout": () => AbortSignal.timeout(1),
  fetch: () => fetch("http://127.0.0.1:1"),
  "Promise.prototype.then": () => Promise.resolve().then(() => {})
}

describe("A run in virtual time fails for", () => {
  it.each(Object.entries(forbidden))("%s", (api, use) => {
    assert.strictEqual(usedBy(run(use)), api)
  })

  it.each<[string, Effect.Effect<unknown, Cause.UnknownError>, string]>([
    ["Effect.promise", Effect.promise(() => Promise.resolve(1)), "Promise.prototype.then"],
    ["Effect.promise of an async function", Effect.promise(async () => 1), "Promise.prototype.then"],
    ["Effect.tryPromise", Effect.tryPromise(() => Promise.resolve(1)), "Promise.prototype.then"],
    [
      "a race that a promise cannot win",
      Effect.race(Effect.promise(async () => 1), Effect.sleep(1)),
      "Promise.prototype.then"
    ],
    ["Effect.runPromise", Effect.sync(() => void Effect.runPromise(Effect.void)), "Promise.prototype.then"],
    ["a fiber of the host", Effect.sync(() => Effect.runFork(Effect.yieldNow)), "setImmediate"],
    ["the host's clock", Effect.provideService(Effect.sleep(1), Clock.Clock, hostClock()), "setTimeout"],
    ["the host's monotonic clock", hostClock().monotonicTimeNanos, "process.hrtime.bigint"],
    ["DateTime.nowUnsafe", Effect.sync(DateTime.nowUnsafe), "Date.now"],
    [
      "the host's scheduler",
      Effect.provideService(
        Effect.forkChild(Effect.void),
        Scheduler.Scheduler,
        new Scheduler.MixedScheduler()
      ),
      "setImmediate"
    ]
  ])("%s", (_, program, api) => {
    assert.strictEqual(usedBy(VirtualTime.run(program)), api)
  })

  it("the order of a HashSet by identity", () => {
    assert.include(usedBy(run(() => Array.from(HashSet.make(() => 1, () => 2)))) ?? "", "hashed by identity")
  })
})

describe("The failure for what a program asked of its host", () => {
  it("says what to use instead, and where it was used", () => {
    const exit = run(function useTheDate() {
      return Date.now()
    })
    assert.isTrue(Exit.isFailure(exit))
    const error = Exit.isFailure(exit) ? Cause.squash(exit.cause) as Error : new Error()
    assert.include(error.message, "Clock.currentTimeMillis")
    assert.include(error.message, "hostAccess")
    assert.include(error.stack ?? "", "useTheDate")
  })

  it("ends the run also when the program catches it", () => {
    const program = Effect.andThen(
      Effect.sync(() => {
        try {
          return Math.random()
        } catch {
          return 0.5
        }
      }),
      Effect.succeed("done")
    )
    assert.strictEqual(usedBy(VirtualTime.run(program)), "Math.random")
    assert.strictEqual(
      usedBy(VirtualTime.run(Effect.ignoreCause(Effect.promise(async () => 1)))),
      "Promise.prototype.then"
    )
  })

  it("ends the run at once, though other fibers could go on", () => {
    let seconds = 0
    const program = Effect.gen(function*() {
      yield* Effect.forkChild(Effect.forever(Effect.andThen(Effect.sleep("1 second"), Effect.sync(() => seconds++))))
      yield* Effect.sleep("10500 millis")
      return yield* Effect.promise(() => new Promise(() => {}))
    })
    assert.strictEqual(usedBy(VirtualTime.run(program)), "Promise.prototype.then")
    assert.strictEqual(seconds, 10)
  })

  it("is that for the first", () => {
    const program = Effect.all([Effect.sync(() => Math.random()), Effect.sync(() => Date.now())], { concurrency: 2 })
    assert.strictEqual(usedBy(VirtualTime.run(program)), "Math.random")
  })

  it("comes when the finalizers of the program have run", () => {
    const log: Array<string> = []
    const release = Effect.andThen(Effect.sleep("1 second"), Effect.sync(() => log.push("released")))
    assert.strictEqual(
      usedBy(VirtualTime.run(Effect.ensuring(Effect.sync(() => Math.random()), release))),
      "Math.random"
    )
    assert.deepStrictEqual(log, ["released"])
  })
})

describe("A run in virtual time lets pass", () => {
  it.each<[string, () => unknown]>([
    ["dates made of numbers", () => [new Date(0).toISOString(), Date.UTC(2026), Date.parse("2026-01-01")]],
    ["instanceof Date", () => assert.instanceOf(new Date(0), Date)],
    ["console.log", () => console.log("as the test wants")]
  ])("%s", (_, use) => {
    assert.isTrue(Exit.isSuccess(run(use)))
  })

  it("everything, when told to", () => {
    for (const [api, use] of Object.entries(forbidden)) {
      if (api === "fetch") continue
      const exit = run(() => {
        const made = use()
        if (api === "setInterval") clearInterval(made as NodeJS.Timeout)
      }, { hostAccess: "allow" })
      assert.isTrue(Exit.isSuccess(exit), api)
    }
  })

  it("logs with spans, at virtual time", () => {
    const lines: Array<string> = []
    const logger = Logger.make(({ date, message }) => lines.push(`${date.toISOString()} ${String(message)}`))
    const program = Effect.gen(function*() {
      yield* Effect.sleep("1 second")
      yield* Effect.log("hello").pipe(Effect.withLogSpan("span"), Effect.withSpan("span"))
    }).pipe(Effect.provide(Logger.layer([logger, Logger.defaultLogger])))
    assert.isTrue(Exit.isSuccess(VirtualTime.run(program)))
    assert.deepStrictEqual(lines, ["2026-01-01T00:00:01.000Z hello"])
  })

  it("spans, whose identifiers come from the seed", () => {
    const ids = Effect.map(Effect.currentSpan, (span) => `${span.traceId} ${span.spanId}`).pipe(
      Effect.withSpan("inner"),
      Effect.zip(Effect.map(Effect.currentSpan, (span) => span.traceId)),
      Effect.withSpan("outer"),
      Effect.orDie
    )
    const [inner, outer] = VirtualTime.runUnsafe(ids, { seed: 1 })
    assert.match(inner, /^[0-9a-f]{32} [0-9a-f]{16}$/)
    assert.isTrue(inner.startsWith(outer))
    assert.deepStrictEqual(VirtualTime.runUnsafe(ids, { seed: 1 }), [inner, outer])
    assert.notStrictEqual(VirtualTime.runUnsafe(ids, { seed: 2 })[0], inner)
  })

  it("Effect.runSync, also of what forks and yields", () => {
    const inner = Effect.gen(function*() {
      const deferred = yield* Deferred.make<number>()
      yield* Effect.forkChild(Deferred.succeed(deferred, 1))
      yield* Effect.yieldNow
      return yield* Deferred.await(deferred)
    })
    assert.deepStrictEqual(run(() => Effect.runSync(inner)), Exit.succeed(1))
  })

  it("identity, where only equality counts or order is that of insertion", () => {
    const program = () => {
      const [f, g] = [() => 1, () => 1]
      assert.isFalse(Equal.equals({ f }, { f: g }))
      return MutableHashMap.has(MutableHashMap.make([{ f }, 1]), { f })
    }
    assert.deepStrictEqual(run(program), Exit.succeed(true))
  })
})

describe("The host's functions", () => {
  const descriptors = () =>
    [[globalThis, "Date"], [Date, "now"], [performance, "now"], [Math, "random"], [crypto, "randomUUID"]].map((
      [owner, name]
    ) => Object.getOwnPropertyDescriptor(owner, name as string)).concat(
      Object.getOwnPropertyDescriptor(globalThis, "setTimeout"),
      Object.getOwnPropertyDescriptor(Promise.prototype, "then"),
      Object.getOwnPropertyDescriptor(process, "hrtime"),
      Object.getOwnPropertyDescriptor(process.hrtime, "bigint")
    )

  it("are as they were when the run has ended, however it did", () => {
    const before = descriptors()
    run(() => 1)
    assert.deepStrictEqual(descriptors(), before)
    run(() => Math.random())
    assert.deepStrictEqual(descriptors(), before)
    assert.throws(() => run(() => 1, { epoch: NaN }))
    assert.deepStrictEqual(descriptors(), before)
  })

  it("stay replaced when a run inside of another ends", () => {
    const inner = Effect.sync(() => VirtualTime.runUnsafe(Random.next))
    assert.strictEqual(usedBy(VirtualTime.run(Effect.andThen(inner, Effect.sync(() => Math.random())))), "Math.random")
  })

  it("are for the innermost run to use or not", () => {
    const inner = (hostAccess: "fail" | "allow") =>
      run(() => usedBy(run(() => Date.now(), { hostAccess })), { hostAccess: hostAccess === "fail" ? "allow" : "fail" })
    assert.deepStrictEqual(inner("allow"), Exit.succeed(undefined))
    assert.deepStrictEqual(inner("fail"), Exit.succeed("Date.now"))
  })

  it("are there for the host while it uses virtual time", async () => {
    const program = Effect.gen(function*() {
      yield* Effect.promise(async () => 1)
      yield* VirtualTime.adjust("1 second")
      return Date.now()
    })
    assert.isAbove(await Effect.runPromise(Effect.provide(program, VirtualTime.layer())), 0)
  })
})

function hostClock(): Clock.Clock {
  return Effect.runSync(Clock.Clock)
}
