/**
 * Time that runs only when told to, and then as fast as the machine can: fibers run until none is ready, then the
 * clock jumps to the next timer.
 *
 * Virtual time is a `Clock` and a `Scheduler` that belong together. Everything between two instants runs
 * synchronously, in an order that depends on the program alone: no timer, promise or event of the host takes part.
 * Two runs of one program are therefore the same run, as long as the program asks nothing of its host.
 *
 * There are two ways to use it. {@link run} runs a whole program inside virtual time, to its end. {@link layer}
 * provides virtual time to a test that itself runs on the host (`it.effect`), which then moves it with {@link adjust},
 * {@link setTime} and {@link runUntil}. Both work the same inside: a program written for one runs in the other.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Predicate from "effect/Predicate"
import * as Random from "effect/Random"
import * as Scheduler from "effect/Scheduler"
import * as Schema from "effect/Schema"
import type * as TestClock from "effect/testing/TestClock"
import * as Tracer from "effect/Tracer"
import { Engine, type Waiter } from "./internal/engine.ts"
import { guarded, HostGuard, type Question } from "./internal/hostGuard.ts"
import * as SeededTracer from "./internal/seededTracer.ts"
import * as SplitRandom from "./internal/splitRandom.ts"

// -----------------------------------------------------------------------------
// model
// -----------------------------------------------------------------------------

/** How virtual time starts, and what it takes for an endless loop. */
export interface Options {
  /** The wall clock at the start, in milliseconds since 1970. Default: {@link defaults}. */
  readonly epoch?: number | undefined
  /**
   * How many tasks may run and timers fire without time moving on. Above it, virtual time gives up with `Livelock`: a
   * loop that never sleeps would otherwise never return. Default: {@link defaults}.
   */
  readonly maxTasksPerInstant?: number | undefined
}

/** The options of {@link run}. */
export interface RunOptions extends Options {
  /** How far time may go, so that a program that waits for ever ends with `NotFinished`. Default: {@link defaults}. */
  readonly atMost?: Duration.Input | undefined
  /** Seeds the program's `Random`. Default: {@link defaults}. */
  readonly seed?: string | number | undefined
  /**
   * What becomes of a program that asks its host for the time, for chance, for a timer or to settle a promise: it fails
   * with `HostAccess`, or is allowed to, which it should be only for what does not change the run, such as measuring
   * how long that takes. Default: {@link defaults}.
   */
  readonly hostAccess?: "fail" | "allow" | undefined
}

/**
 * The defaults of {@link Options} and {@link RunOptions}: the wall clock starts at 2026-01-01T00:00:00Z, as it would in
 * production (a clock near 0 hides mistakes with unset times); a million tasks may run at one instant; a run takes
 * at most 24 hours of virtual time; the seed is 0; asking the host fails.
 */
export const defaults: {
  readonly epoch: number
  readonly maxTasksPerInstant: number
  readonly atMost: Duration.Duration
  readonly seed: string | number
  readonly hostAccess: "fail" | "allow"
} = {
  epoch: 1_767_225_600_000,
  maxTasksPerInstant: 1_000_000,
  atMost: Duration.hours(24),
  seed: 0,
  hostAccess: "fail"
}

/** What virtual time has done so far. */
export interface Counters {
  /** Tasks of fibers that ran. */
  readonly tasks: number
  /** Timers that fired: ends of sleeps and what was scheduled. */
  readonly timers: number
  /** Timers that are set and have neither fired nor been cancelled. */
  readonly pendingTimers: number
}

/** A task that waits for its time. */
export interface Timer {
  readonly isPending: boolean
  /** Forgets the task. Does nothing when it has run. */
  cancel(): void
}

// -----------------------------------------------------------------------------
// service
// -----------------------------------------------------------------------------

/** Virtual time as a test holds it. An argument that makes no sense is a defect (`InvalidArgument`). */
export class VirtualTime extends Context.Service<VirtualTime, {
  /**
   * Tells virtual time; sleeps on it end when it has moved far enough. Time is whole microseconds. It takes what Effect's
   * `TestClock` takes, so that a test written with `TestClock.adjust` runs in virtual time as it is.
   */
  readonly clock: TestClock.TestClock

  /** Runs fibers inside virtual time. */
  readonly scheduler: Scheduler.Scheduler

  /**
   * Moves time on by a duration, and runs all that is ready and due on the way and at its end. The calling fiber goes on
   * when all else of that instant has been done. Fibers that move time together move it once, not one after the other.
   */
  readonly adjust: (duration: Duration.Input) => Effect.Effect<void>

  /** Moves time on to a wall-clock time in milliseconds since 1970. Dies when that has passed. */
  readonly setTime: (timestamp: number) => Effect.Effect<void>

  /** Runs all that is ready at this instant; time stands still. */
  readonly flush: Effect.Effect<void>

  /**
   * Moves time on until a condition holds, and returns how long that took. The condition is looked at after each
   * instant at which anything happened (or every `every`), when nothing more is ready to run. Fails with `NotReached`
   * after `atMost`.
   */
  readonly runUntil: <E = never, R = never>(
    condition: (() => boolean) | Effect.Effect<boolean, E, R>,
    options: { readonly atMost: Duration.Input; readonly every?: Duration.Input | undefined }
  ) => Effect.Effect<Duration.Duration, VirtualTimeError | E, R>

  /** Runs a task after a delay in milliseconds (a multiple of 0.001). It must not throw. */
  readonly scheduleUnsafe: (delay: number, task: () => void) => Timer

  /** Virtual time since the start, in milliseconds. */
  readonly elapsedUnsafe: () => number

  readonly counters: () => Counters

  /**
   * Eight hexadecimal digits that stand for when each timer fired and how much ran in between. Equal for two runs that
   * were the same.
   */
  readonly traceHash: () => string
}>()("@effect-gossip/testkit/VirtualTime") {}

// -----------------------------------------------------------------------------
// constructors
// -----------------------------------------------------------------------------

/**
 * Makes a virtual time for a program on the host: what becomes ready while time stands still (a host fiber completed
 * a `Deferred`, say) is run by the scheduler of the fiber that made it.
 */
export const make: (options?: Options) => Effect.Effect<VirtualTime["Service"]> = Effect.fnUntraced(function*(options) {
  const scheduler = yield* Scheduler.Scheduler
  const clock = yield* Clock.Clock
  return fromEngine(makeEngine(options, scheduler.makeDispatcher()), options, clock)
})

// -----------------------------------------------------------------------------
// layers
// -----------------------------------------------------------------------------

/** Provides virtual time, and with it the `Clock` and the `Scheduler` of all that is built upon it. */
export const layer = (options?: Options): Layer.Layer<VirtualTime> =>
  Layer.effectContext(Effect.map(make(options), contextOf))

// -----------------------------------------------------------------------------
// running
// -----------------------------------------------------------------------------

/**
 * Runs a program to its end inside virtual time, synchronously, and returns how it ended. Whenever nothing is ready,
 * time jumps to the next timer. `Clock`, `Scheduler`, a seeded `Random` and a `Tracer` with seeded identifiers are
 * provided.
 *
 * Dies with a `VirtualTimeError` when the program can never end (`Stuck`: it waits for something of the host, such as a
 * socket, or for what nobody will do), takes longer than `atMost` (`NotFinished`), loops without time moving on
 * (`Livelock`), or asks its host for what differs from run to run (`HostAccess`: `Date.now`, `Math.random`, `setTimeout`,
 * a promise; even if the program catches it). The program is then interrupted, so that its finalizers run.
 *
 * **Example** (An hour in no time)
 *
 * ```ts import.meta.vitest
 * import { VirtualTime } from "@effect-gossip/testkit"
 * import { Clock, Effect, Exit } from "effect"
 *
 * const program = Effect.gen(function*() {
 *   const start = yield* Clock.currentTimeMillis
 *   yield* Effect.sleep("1 hour")
 *   return (yield* Clock.currentTimeMillis) - start
 * })
 *
 * VirtualTime.run(program) // => Exit.succeed(3_600_000)
 * ```
 */
export const run = <A, E>(effect: Effect.Effect<A, E, VirtualTime>, options?: RunOptions): Exit.Exit<A, E> => {
  const toError = (question: Question) => new VirtualTimeError({ reason: new HostAccess(question) })
  const guard = new HostGuard(
    (options?.hostAccess ?? defaults.hostAccess) === "fail" ? toError : undefined,
    String(options?.seed ?? defaults.seed)
  )
  return guarded(guard, () => runGuarded(guard, effect, options))
}

const runGuarded = <A, E>(
  guard: HostGuard,
  effect: Effect.Effect<A, E, VirtualTime>,
  options: RunOptions | undefined
): Exit.Exit<A, E> => {
  const engine = makeEngine(options, undefined)
  const limit = toMicros("atMost", options?.atMost ?? defaults.atMost)
  const seed = String(options?.seed ?? defaults.seed)
  const context = contextOf(fromEngine(engine, options, undefined)).pipe(
    Context.add(Random.Random, SplitRandom.make(seed)),
    Context.add(Tracer.Tracer, SeededTracer.make(seed))
  )
  let fiber: Fiber.Fiber<A, E> | undefined
  const isDone = () => fiber !== undefined && fiber.pollUnsafe() !== undefined
  // Started by a task, not here, so that all of the program runs inside the loop.
  engine.makeDispatcher().scheduleTask(() => {
    fiber = Effect.runForkWith(context)(effect)
  }, 0)
  let defect: unknown
  try {
    const stopped = engine.drive(() => guard.first !== undefined || isDone(), limit)
    if (guard.first === undefined && stopped === "Done") return fiber!.pollUnsafe()!
    defect = guard.first ?? new VirtualTimeError({
      reason: stopped === "Idle"
        ? new Stuck({ elapsed: engine.now / 1000 })
        : new NotFinished({ atMost: limit / 1000 })
    })
  } catch (thrown) {
    defect = guard.first ?? thrown
  }
  try {
    fiber?.interruptUnsafe()
    engine.drive(isDone, engine.now + limit)
  } catch {
    // What stopped the program is what its author must see, not that its finalizers could not run either.
  }
  return Exit.die(defect)
}

/** Like {@link run}, but returns the program's value and throws its failure. */
export const runUnsafe = <A, E>(effect: Effect.Effect<A, E, VirtualTime>, options?: RunOptions): A => {
  const exit = run(effect, options)
  if (Exit.isSuccess(exit)) return exit.value
  throw Cause.squash(exit.cause)
}

// -----------------------------------------------------------------------------
// accessors
// -----------------------------------------------------------------------------

/** Moves time on by a duration, and runs all that is due on the way and at its end. */
export const adjust = (duration: Duration.Input): Effect.Effect<void, never, VirtualTime> =>
  VirtualTime.use((time) => time.adjust(duration))

/** Moves time on to a wall-clock time in milliseconds since 1970. Dies when that has passed. */
export const setTime = (timestamp: number): Effect.Effect<void, never, VirtualTime> =>
  VirtualTime.use((time) => time.setTime(timestamp))

/** Runs all that is ready at this instant; time stands still. */
export const flush: Effect.Effect<void, never, VirtualTime> = VirtualTime.use((time) => time.flush)

/** Moves time on until a condition holds, and returns how long that took. Fails with `NotReached` after `atMost`. */
export const runUntil = <E = never, R = never>(
  condition: (() => boolean) | Effect.Effect<boolean, E, R>,
  options: { readonly atMost: Duration.Input; readonly every?: Duration.Input | undefined }
): Effect.Effect<Duration.Duration, VirtualTimeError | E, R | VirtualTime> =>
  VirtualTime.use((time) => time.runUntil(condition, options))

/** Virtual time since the start. */
export const elapsed: Effect.Effect<Duration.Duration, never, VirtualTime> = VirtualTime.useSync((time) =>
  Duration.millis(time.elapsedUnsafe())
)

// -----------------------------------------------------------------------------
// errors
// -----------------------------------------------------------------------------

const at = (millis: number): string => `${millis / 1000} s after the start of virtual time`

/** The program is not finished, nothing is ready to run, and no timer is set. Times in milliseconds. */
export class Stuck extends Schema.TaggedError<Stuck>()("Stuck", {
  elapsed: Schema.Finite
}) {
  override get message() {
    return `the program is stuck ${at(this.elapsed)}: it has not finished, no fiber is ready and no timer is set. ` +
      "It waits for something of the host (a socket, a file, an event), which never happens inside virtual time, " +
      "or for something nobody is left to do (a Deferred, a Queue, a lock)"
  }
}

/** The program ran past `atMost`, in milliseconds. */
export class NotFinished extends Schema.TaggedError<NotFinished>()("NotFinished", {
  atMost: Schema.Finite
}) {
  override get message() {
    return `the program has not finished after ${this.atMost / 1000} s of virtual time: ` +
      "it waits for what never happens while other fibers keep time going, or needs a larger `atMost`"
  }
}

/** The condition of `runUntil` did not hold within `atMost`, in milliseconds. */
export class NotReached extends Schema.TaggedError<NotReached>()("NotReached", {
  atMost: Schema.Finite,
  elapsed: Schema.Finite
}) {
  override get message() {
    return `the condition did not hold within ${this.atMost / 1000} s of virtual time (${at(this.elapsed)})`
  }
}

/** Too many tasks ran without time moving on. */
export class Livelock extends Schema.TaggedError<Livelock>()("Livelock", {
  elapsed: Schema.Finite,
  limit: Schema.Finite
}) {
  override get message() {
    return `more than ${this.limit} tasks ran ${at(this.elapsed)} without time moving on: a loop that never sleeps, ` +
      "or sleeps for nothing (raise `maxTasksPerInstant` if the work is real)"
  }
}

/** The program asked its host for what differs from run to run; `instead` is what gives it the same each time. */
export class HostAccess extends Schema.TaggedError<HostAccess>()("HostAccess", {
  api: Schema.String,
  instead: Schema.String
}) {
  override get message() {
    return `the program used ${this.api}, which a run in virtual time cannot repeat: use ${this.instead} ` +
      "(or set `hostAccess: \"allow\"`, if the run does not depend on it)"
  }
}

/** An argument makes no sense. */
export class InvalidArgument extends Schema.TaggedError<InvalidArgument>()("InvalidArgument", {
  argument: Schema.String,
  problem: Schema.String
}) {
  override get message() {
    return `${this.argument}: ${this.problem}`
  }
}

/** Why virtual time failed. */
export const VirtualTimeErrorReason = Schema.Union([
  Stuck,
  NotFinished,
  NotReached,
  Livelock,
  HostAccess,
  InvalidArgument
])

/** @since 0.1.0 */
export type VirtualTimeErrorReason = typeof VirtualTimeErrorReason.Type

/** The failure of virtual time. Its message is that of its reason. */
export class VirtualTimeError extends Schema.TaggedError<VirtualTimeError>()("VirtualTimeError", {
  reason: VirtualTimeErrorReason
}) {
  override get message() {
    return this.reason.message
  }
}

// -----------------------------------------------------------------------------
// internals
// -----------------------------------------------------------------------------

const invalid = (argument: string, problem: string): VirtualTimeError =>
  new VirtualTimeError({ reason: new InvalidArgument({ argument, problem }) })

const toMicros = (argument: string, input: Duration.Input): number => {
  const micros = Math.round(Duration.toMillis(Duration.fromInputUnsafe(input)) * 1000)
  if (!Number.isSafeInteger(micros) || micros < 0) {
    throw invalid(argument, `expected a finite duration of 0 or more, received ${String(input)}`)
  }
  return micros
}

const makeEngine = (options: Options | undefined, host: Scheduler.SchedulerDispatcher | undefined): Engine => {
  const epoch = options?.epoch ?? defaults.epoch
  // The largest time a Date can hold.
  if (!Number.isSafeInteger(epoch) || Math.abs(epoch) > 8.64e15) {
    throw invalid("epoch", `expected a whole number of milliseconds since 1970, received ${epoch}`)
  }
  const maxTasksPerInstant = options?.maxTasksPerInstant ?? defaults.maxTasksPerInstant
  if (!(maxTasksPerInstant >= 1)) {
    throw invalid("maxTasksPerInstant", `expected 1 or more, received ${maxTasksPerInstant}`)
  }
  return new Engine({
    maxTasksPerInstant,
    onLivelock: (engine) =>
      new VirtualTimeError({ reason: new Livelock({ elapsed: engine.now / 1000, limit: maxTasksPerInstant }) }),
    host
  })
}

const contextOf = (time: VirtualTime["Service"]): Context.Context<VirtualTime> =>
  Context.make(VirtualTime, time).pipe(
    Context.add(Clock.Clock, time.clock),
    Context.add(Scheduler.Scheduler, time.scheduler)
  )

class VirtualClock implements TestClock.TestClock {
  readonly adjust: VirtualTime["Service"]["adjust"]
  readonly setTime: VirtualTime["Service"]["setTime"]
  private readonly engine: Engine
  private readonly epoch: number
  private readonly host: Clock.Clock | undefined

  constructor(engine: Engine, epoch: number, host: Clock.Clock | undefined) {
    this.engine = engine
    this.epoch = epoch
    this.host = host
    this.adjust = (duration) => Effect.suspend(() => advance(engine, toMicros("duration", duration)))
    this.setTime = (timestamp) =>
      Effect.suspend(() => {
        const micros = Math.round((timestamp - epoch) * 1000) - engine.now
        if (Number.isSafeInteger(micros) && micros >= 0) return advance(engine, micros)
        throw invalid("timestamp", `expected ${this.currentTimeMillisUnsafe()} or later, received ${timestamp}`)
      })
  }

  currentTimeMillisUnsafe(): number {
    return this.epoch + Math.floor(this.engine.now / 1000)
  }
  readonly currentTimeMillis = Effect.sync(() => this.currentTimeMillisUnsafe())

  currentTimeNanosUnsafe(): bigint {
    return BigInt(this.epoch) * BigInt(1_000_000) + this.monotonicTimeNanosUnsafe()
  }
  readonly currentTimeNanos = Effect.sync(() => this.currentTimeNanosUnsafe())

  monotonicTimeNanosUnsafe(): bigint {
    return BigInt(this.engine.now) * BigInt(1000)
  }
  readonly monotonicTimeNanos = Effect.sync(() => this.monotonicTimeNanosUnsafe())

  sleep(duration: Duration.Duration): Effect.Effect<void> {
    const millis = Duration.toMillis(duration)
    if (millis <= 0) return Effect.yieldNow
    if (millis > Number.MAX_SAFE_INTEGER / 1000) return Effect.never
    // A sleep that is not zero takes time, however short it is.
    const micros = Math.max(1, Math.round(millis * 1000))
    return Effect.callback((resume) => this.engine.schedule(micros, resume))
  }

  withLive<A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> {
    const host = this.host
    if (host === undefined) return Effect.die(invalid("withLive", "a program in `VirtualTime.run` has no other clock"))
    return Predicate.hasProperty(host, "withLive")
      ? (host as TestClock.TestClock).withLive(effect)
      : Effect.provideService(effect, Clock.Clock, host)
  }
}

const waitUntil = (engine: Engine, time: number, condition: (() => boolean) | undefined): Effect.Effect<boolean> =>
  Effect.callback<boolean>((resume) => {
    const waiter: Waiter = {
      time,
      condition,
      resume: (reached) => resume(Effect.succeed(reached)),
      fail: (defect) => resume(Effect.die(defect))
    }
    engine.addWaiter(waiter)
    return Effect.sync(() => engine.removeWaiter(waiter))
  })

const advance = (engine: Engine, micros: number): Effect.Effect<void> =>
  Effect.asVoid(waitUntil(engine, engine.now + micros, undefined))

const runUntilOf = (engine: Engine): VirtualTime["Service"]["runUntil"] =>
  Effect.fnUntraced(function*<E, R>(
    condition: (() => boolean) | Effect.Effect<boolean, E, R>,
    options: { readonly atMost: Duration.Input; readonly every?: Duration.Input | undefined }
  ) {
    const atMost = toMicros("atMost", options.atMost)
    const every = options.every === undefined ? undefined : toMicros("every", options.every)
    if (every === 0) throw invalid("every", "expected a duration above 0")
    const start = engine.now
    const deadline = start + atMost
    const taken = () => Duration.millis((engine.now - start) / 1000)
    if (every === undefined && !Effect.isEffect(condition)) {
      // The loop itself looks after each instant, without waking this fiber.
      if (yield* waitUntil(engine, deadline, condition)) return taken()
    } else {
      const check = Effect.isEffect(condition) ? condition : Effect.sync(condition)
      yield* waitUntil(engine, start, undefined)
      while (true) {
        if (yield* check) return taken()
        if (engine.now >= deadline) break
        const from = engine.now
        if (every === undefined) yield* waitUntil(engine, deadline, () => engine.now > from)
        else yield* waitUntil(engine, Math.min(from + every, deadline), undefined)
      }
    }
    return yield* new VirtualTimeError({
      reason: new NotReached({ atMost: atMost / 1000, elapsed: engine.now / 1000 })
    })
  })

const fromEngine = (
  engine: Engine,
  options: Options | undefined,
  host: Clock.Clock | undefined
): VirtualTime["Service"] => {
  const clock = new VirtualClock(engine, options?.epoch ?? defaults.epoch, host)
  return VirtualTime.of({
    clock,
    scheduler: engine,
    adjust: clock.adjust,
    setTime: clock.setTime,
    flush: Effect.suspend(() => advance(engine, 0)),
    runUntil: runUntilOf(engine),
    scheduleUnsafe: (delay, task) => {
      const micros = Math.round(delay * 1000)
      if (!Number.isSafeInteger(micros) || micros < 0) {
        throw invalid("delay", `expected milliseconds, 0 or more, received ${delay}`)
      }
      return engine.schedule(micros, task)
    },
    elapsedUnsafe: () => engine.now / 1000,
    traceHash: () => (engine.trace >>> 0).toString(16).padStart(8, "0"),
    counters: () => ({ tasks: engine.tasks, timers: engine.timersFired, pendingTimers: engine.timers.size })
  })
}
