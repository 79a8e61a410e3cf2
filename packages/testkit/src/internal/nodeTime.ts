/**
 * A node's own view of time: its clocks may be wrong, and it may stand still.
 *
 * It is a `Clock` and a `Scheduler` over those of the simulation. Timers are set in true time; what a node that stands
 * still would do waits, and is done when it goes on: first its timers, then what it received, as an event loop does
 * that was stopped.
 */
import type * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Scheduler from "effect/Scheduler"
import type { Timing } from "./timing.ts"

type Resume = (effect: Effect.Effect<void>) => void

export class NodeTime implements Clock.Clock, Scheduler.Scheduler {
  readonly executionMode: Scheduler.Scheduler["executionMode"]
  isPaused = false
  private readonly timing: Timing
  private readonly scheduler: Scheduler.Scheduler
  private dispatcher: Dispatcher | undefined
  private timers: Array<Resume> = []
  private tasks: Array<() => void> = []
  // Of the node's clocks, in milliseconds: local = localStart + (true - trueStart) · rate.
  private rate = 1
  private trueStart = 0
  private localStart = 0
  private readonly wallStart: number
  private offset = 0

  constructor(timing: Timing, clock: Clock.Clock, scheduler: Scheduler.Scheduler) {
    this.timing = timing
    this.scheduler = scheduler
    this.executionMode = scheduler.executionMode
    // a whole number, of which the clock shows the whole milliseconds
    this.wallStart = Math.ceil(clock.currentTimeMillisUnsafe() - timing.now())
  }

  // ---------------------------------------------------------------------------
  // faults
  // ---------------------------------------------------------------------------

  pause(): void {
    this.isPaused = true
  }

  resume(): void {
    if (!this.isPaused) return
    this.isPaused = false
    const dispatcher = this.makeDispatcher()
    // by tasks, so that nothing of the node runs in the stack of whoever lets it go on
    for (const resume of this.timers.splice(0)) dispatcher.scheduleTask(() => resume(Effect.void), 0)
    for (const task of this.tasks.splice(0)) dispatcher.scheduleTask(task, 0)
  }

  /** Sets the wall clock ahead, or back, by milliseconds. */
  jump(by: number): void {
    this.offset += Math.round(by)
  }

  /** The rate at which the clocks run. Sleeps that have begun keep their end. */
  setRate(rate: number): void {
    const now = this.timing.now()
    this.localStart += (now - this.trueStart) * this.rate
    this.trueStart = now
    this.rate = rate
  }

  /** How far the wall clock is ahead of true time, in milliseconds. */
  get skew(): number {
    return this.offset + this.local() - this.timing.now()
  }

  // ---------------------------------------------------------------------------
  // Scheduler
  // ---------------------------------------------------------------------------

  shouldYield(fiber: Parameters<Scheduler.Scheduler["shouldYield"]>[0]): boolean {
    return this.scheduler.shouldYield(fiber)
  }

  makeDispatcher(): Scheduler.SchedulerDispatcher {
    const inner = this.scheduler.makeDispatcher()
    // virtual time has one for all its fibers
    if (this.dispatcher?.inner === inner) return this.dispatcher
    return this.dispatcher = new Dispatcher(this, inner)
  }

  hold(task: () => void): void {
    this.tasks.push(task)
  }

  // ---------------------------------------------------------------------------
  // Clock
  // ---------------------------------------------------------------------------

  private local(): number {
    return this.localStart + (this.timing.now() - this.trueStart) * this.rate
  }

  currentTimeMillisUnsafe(): number {
    return Math.floor(this.wallStart + this.offset + this.local())
  }
  readonly currentTimeMillis = Effect.sync(() => this.currentTimeMillisUnsafe())

  currentTimeNanosUnsafe(): bigint {
    // nanoseconds since 1970 are more than a double holds exactly
    return BigInt(this.wallStart + this.offset) * BigInt(1_000_000) + this.monotonicTimeNanosUnsafe()
  }
  readonly currentTimeNanos = Effect.sync(() => this.currentTimeNanosUnsafe())

  monotonicTimeNanosUnsafe(): bigint {
    return BigInt(Math.round(this.local() * 1_000_000))
  }
  readonly monotonicTimeNanos = Effect.sync(() => this.monotonicTimeNanosUnsafe())

  sleep(duration: Duration.Duration): Effect.Effect<void> {
    const millis = Duration.toMillis(duration) / this.rate
    if (millis <= 0) return Effect.yieldNow
    if (millis > Number.MAX_SAFE_INTEGER / 1000) return Effect.never
    // up to whole microseconds: no sleep ends before the node's own clock says so
    const delay = Math.max(1, Math.ceil(millis * 1000 - 1e-6)) / 1000
    return Effect.callback((resume: Resume) => {
      const timer = this.timing.schedule(delay, () => {
        if (this.isPaused) this.timers.push(resume)
        else resume(Effect.void)
      })
      return Effect.sync(() => timer.cancel())
    })
  }
}

class Dispatcher implements Scheduler.SchedulerDispatcher {
  readonly inner: Scheduler.SchedulerDispatcher
  private readonly time: NodeTime

  constructor(time: NodeTime, inner: Scheduler.SchedulerDispatcher) {
    this.time = time
    this.inner = inner
  }

  scheduleTask(task: () => void, priority: number): void {
    if (this.time.isPaused) this.time.hold(task)
    else this.inner.scheduleTask(task, priority)
  }

  flush(): void {
    this.inner.flush()
  }
}
