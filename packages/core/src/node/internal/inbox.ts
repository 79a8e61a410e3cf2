/**
 * A bounded queue for one taker, who takes all that waits at once.
 *
 * Effect's `Queue` can do much more than that, and costs several times as much: a node passes here with every datagram
 * and every timer.
 */
import * as Effect from "effect/Effect"
import type * as Scheduler from "effect/Scheduler"

interface Putting<A> {
  readonly value: A
  readonly resume: (done: Effect.Effect<void>) => void
}

export class Inbox<A> {
  #values: Array<A> = []
  readonly #capacity: number
  readonly #dispatcher: Scheduler.SchedulerDispatcher
  readonly #putting = new Set<Putting<A>>()
  #resume: ((woken: Effect.Effect<void>) => void) | undefined
  #isWaking = false
  #hasEnded = false

  /** @param dispatcher runs the task that wakes the taker: in the stack of who offers, fibers would nest */
  constructor(capacity: number, dispatcher: Scheduler.SchedulerDispatcher) {
    this.#capacity = capacity
    this.#dispatcher = dispatcher
  }

  get size(): number {
    return this.#values.length
  }

  /** Whether it has ended and is empty. */
  get isDone(): boolean {
    return this.#hasEnded && this.#values.length === 0
  }

  /** Takes a value in, or says that there was no room. */
  offer(value: A): boolean {
    if (this.#hasEnded || this.#values.length >= this.#capacity) return false
    this.#values.push(value)
    this.wake()
    return true
  }

  /** Takes a value in when there is room for it. */
  put(value: A): Effect.Effect<void> {
    return Effect.callback((resume) => {
      if (this.offer(value)) return resume(Effect.void)
      const putting = { value, resume }
      this.#putting.add(putting)
      return Effect.sync(() => this.#putting.delete(putting))
    })
  }

  /** Takes no more offers; what waits can still be taken. */
  end(): void {
    this.#hasEnded = true
    this.wake()
  }

  /** Waits until there is something to take, it has ended, or is woken. Only one may wait at a time. */
  readonly filled: Effect.Effect<void> = Effect.callback((resume) => {
    if (this.#values.length > 0 || this.#hasEnded) return resume(Effect.void)
    // without a finalizer: a taker that is no more is not resumed, and the next takes its place
    this.#resume = resume
  })

  /** Takes all that waits. */
  takeAll(): Array<A> {
    const values = this.#values
    this.#values = []
    for (const putting of this.#putting) {
      if (this.#values.length >= this.#capacity) break
      this.#putting.delete(putting)
      this.#values.push(putting.value)
      putting.resume(Effect.void)
    }
    return values
  }

  /** Wakes who waits, though nothing was taken in. */
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
