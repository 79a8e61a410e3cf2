/** Something that fills and that one taker waits for: the node's mailboxes, and the buffers of streams. */
import * as Effect from "effect/Effect"
import type * as Scheduler from "effect/Scheduler"

export abstract class Waitable {
  readonly #dispatcher: Scheduler.SchedulerDispatcher
  #resume: ((woken: Effect.Effect<void>) => void) | undefined
  #isWaking = false
  #hasEnded = false

  /** @param dispatcher runs the task that wakes the taker: in the stack of who fills it, fibers would nest */
  constructor(dispatcher: Scheduler.SchedulerDispatcher) {
    this.#dispatcher = dispatcher
  }

  /** How much there is to take. */
  abstract get size(): number

  get hasEnded(): boolean {
    return this.#hasEnded
  }

  /** There will be no more; what there is can still be taken. */
  end(): void {
    this.#hasEnded = true
    this.wake()
  }

  /** Waits until there is something to take, it has ended, or is woken. Only one may wait at a time. */
  readonly filled: Effect.Effect<void> = Effect.callback((resume) => {
    if (this.size > 0 || this.#hasEnded) return resume(Effect.void)
    // without a finalizer: a taker that is no more is not resumed, and the next takes its place
    this.#resume = resume
  })

  /** Wakes who waits, if there is anybody. */
  wake(): void {
    if (this.#isWaking || this.#resume === undefined) return
    this.#isWaking = true
    this.#dispatcher.scheduleTask(this.#awaken, 0)
  }

  readonly #awaken = (): void => {
    this.#isWaking = false
    const resume = this.#resume
    this.#resume = undefined
    resume?.(Effect.void)
  }
}
