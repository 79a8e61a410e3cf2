/**
 * The loop of virtual time: runs what is ready, then what is due at this instant, then those who wait for the end of
 * the instant, then jumps to the next one. It is plain JavaScript, synchronous, and asks nothing of its host.
 *
 * Time is a whole number of microseconds since the start: exact in a double for 285 years, finer than any latency worth
 * simulating, and the same on every machine.
 */
import * as Effect from "effect/Effect"
import type * as Scheduler from "effect/Scheduler"
import { RunQueue } from "./runQueue.ts"
import { type Task, type Timer, TimerHeap } from "./timers.ts"

/** Someone who waits for the end of an instant: that of `time` at the latest, or of the first where `condition` holds. */
export interface Waiter {
  readonly time: number
  readonly condition: (() => boolean) | undefined
  /** `reached` says whether the condition held. */
  readonly resume: (reached: boolean) => void
  readonly fail: (defect: unknown) => void
}

export type Stopped = "Done" | "Idle" | "Limit"

export class Engine implements Scheduler.Scheduler {
  readonly executionMode = "sync"
  now = 0
  running = false
  tasks = 0
  timersFired = 0
  /** Stands for when each timer fired, and for how many tasks had run by then. */
  trace = 0x2545f491
  readonly timers = new TimerHeap<Effect.Effect<void>>()

  private readonly queue = new RunQueue()
  private readonly waiters: Array<Waiter> = []
  private tasksThisInstant = 0
  private pumpRequested = false
  private readonly maxTasksPerInstant: number
  private readonly onLivelock: () => Error
  private readonly host: Scheduler.SchedulerDispatcher | undefined
  private readonly dispatcher: Scheduler.SchedulerDispatcher = {
    scheduleTask: (task, priority) => {
      this.queue.push(task, priority)
      if (!this.running) this.requestPump()
    },
    flush: () => this.drain()
  }

  constructor(options: {
    readonly maxTasksPerInstant: number
    readonly onLivelock: (engine: Engine) => Error
    /** Starts the loop when there is something to do while it is not running. Without one, only `drive` does. */
    readonly host: Scheduler.SchedulerDispatcher | undefined
  }) {
    this.maxTasksPerInstant = options.maxTasksPerInstant
    this.onLivelock = () => options.onLivelock(this)
    this.host = options.host
  }

  // ---------------------------------------------------------------------------
  // Scheduler
  // ---------------------------------------------------------------------------

  shouldYield(fiber: Parameters<Scheduler.Scheduler["shouldYield"]>[0]): boolean {
    return fiber.currentOpCount >= fiber.cache.maxOpsBeforeYield
  }

  makeDispatcher(): Scheduler.SchedulerDispatcher {
    return this.dispatcher
  }

  // ---------------------------------------------------------------------------
  // timers and waiters
  // ---------------------------------------------------------------------------

  schedule(delay: number, task: Task<Effect.Effect<void>>): Timer<Effect.Effect<void>> {
    const timer = this.timers.add(this.now + delay, task)
    if (delay === 0 && !this.running) this.requestPump()
    return timer
  }

  addWaiter(waiter: Waiter): void {
    let index = this.waiters.length
    while (index > 0 && this.waiters[index - 1]!.time > waiter.time) index--
    this.waiters.splice(index, 0, waiter)
    if (!this.running) this.requestPump()
  }

  removeWaiter(waiter: Waiter): void {
    const index = this.waiters.indexOf(waiter)
    if (index >= 0) this.waiters.splice(index, 1)
  }

  // ---------------------------------------------------------------------------
  // the loop
  // ---------------------------------------------------------------------------

  /**
   * Runs as long as someone waits; or, with `done`, until that says so, nothing is left to do, or the next thing to do
   * is later than `limit`. What throws in a task ends the loop and fails those who wait.
   */
  drive(done?: () => boolean, limit: number = Infinity): Stopped {
    if (this.running) throw new Error("virtual time is already running")
    this.running = true
    this.tasksThisInstant = 0
    try {
      while (true) {
        this.drain()
        if (done !== undefined && done()) return "Done"
        const next = this.timers.nextTime()
        if (next > this.now && this.waiters.length > 0 && this.endInstant()) continue
        const waiting = this.waiters.length === 0 ? Infinity : this.waiters[0]!.time
        const free = done !== undefined ? limit : this.waiters.length === 0 ? this.now : Infinity
        const target = next <= waiting ? next : waiting
        if (target > free) return target === Infinity ? "Idle" : "Limit"
        if (target === Infinity) return "Idle"
        if (target > this.now) {
          this.now = target
          this.tasksThisInstant = 0
        }
        if (next <= waiting) this.fire()
      }
    } catch (defect) {
      const waiters = this.waiters.splice(0)
      for (const waiter of waiters) waiter.fail(defect)
      if (waiters.length > 0 && done === undefined) return "Idle"
      throw defect
    } finally {
      this.running = false
    }
  }

  private drain(): void {
    for (let task = this.queue.shift(); task !== undefined; task = this.queue.shift()) {
      this.count()
      this.tasks++
      task()
    }
  }

  private fire(): void {
    this.count()
    this.timersFired++
    const trace = Math.imul(this.trace ^ this.now ^ (this.tasks << 7), 0x9e3779b1)
    this.trace = (trace << 13) | (trace >>> 19)
    this.timers.shift()(Effect.void)
  }

  // Lets those go on who waited for this instant, one at a time: what the first does may change what the next finds.
  private endInstant(): boolean {
    for (const waiter of this.waiters) {
      let reached = false
      try {
        reached = waiter.condition !== undefined && waiter.condition()
      } catch (defect) {
        this.removeWaiter(waiter)
        waiter.fail(defect)
        return true
      }
      if (!reached && waiter.time > this.now) continue
      this.count()
      this.removeWaiter(waiter)
      waiter.resume(reached)
      return true
    }
    return false
  }

  private count(): void {
    if (++this.tasksThisInstant > this.maxTasksPerInstant) throw this.onLivelock()
  }

  private requestPump(): void {
    if (this.host === undefined || this.pumpRequested) return
    this.pumpRequested = true
    this.host.scheduleTask(() => {
      this.pumpRequested = false
      if (!this.running) this.drive()
    }, 0)
  }
}
