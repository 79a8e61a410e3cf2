/**
 * What is delivered, handed to any number of streams that never hold up the node: each has a buffer of its own, and when
 * that is full its oldest goes.
 */
import type { NonEmptyReadonlyArray } from "effect/Array"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import type * as Scheduler from "effect/Scheduler"
import type * as Scope from "effect/Scope"

/** Most that a stream takes at a time: what it has taken is out of reach for what comes after it. */
const chunkSize = 64

interface Sized {
  readonly payload: Uint8Array
}

class Buffer<A extends Sized> {
  readonly #limits: Limits
  readonly #dispatcher: Scheduler.SchedulerDispatcher
  #resume: ((filled: Effect.Effect<void>) => void) | undefined
  #isWaking = false
  #hasEnded = false
  #held: Array<A | undefined> = []
  /** Those before it are gone. */
  #first = 0
  #bytes = 0

  /** @param dispatcher runs the task that wakes the consumer, who must not run in the stack of the node's loop */
  constructor(limits: Limits, dispatcher: Scheduler.SchedulerDispatcher) {
    this.#limits = limits
    this.#dispatcher = dispatcher
  }

  /** Waits until there is something to take, or it has ended. */
  readonly filled: Effect.Effect<void> = Effect.callback((resume) => {
    if (this.size > 0 || this.#hasEnded) return resume(Effect.void)
    // without a finalizer: a consumer that is no more is not resumed
    this.#resume = resume
  })

  /** There will be no more. */
  end(): void {
    this.#hasEnded = true
    this.#wake()
  }

  #wake(): void {
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

  get size(): number {
    return this.#held.length - this.#first
  }

  /** Returns how many of the oldest had to go. */
  add(value: A): number {
    this.#held.push(value)
    this.#bytes += value.payload.length
    let dropped = 0
    while (this.size > this.#limits.capacity || this.#bytes > this.#limits.maxBytes && this.size > 1) {
      this.#shift()
      dropped++
    }
    this.#compact()
    this.#wake()
    return dropped
  }

  take(): ReadonlyArray<A> {
    const taken: Array<A> = []
    while (this.size > 0 && taken.length < chunkSize) taken.push(this.#shift())
    this.#compact()
    return taken
  }

  #shift(): A {
    const value = this.#held[this.#first]!
    this.#held[this.#first++] = undefined
    this.#bytes -= value.payload.length
    return value
  }

  // seldom enough to cost each value a constant
  #compact(): void {
    if (2 * this.#first < this.#held.length) return
    this.#held = this.#held.slice(this.#first)
    this.#first = 0
  }
}

/** What a buffer may hold at most. One value it holds whatever its size. */
export interface Limits {
  readonly capacity: number
  /** Bytes of payloads. */
  readonly maxBytes: number
}

export class Buffers<A extends Sized, E> {
  readonly #buffers = new Set<Buffer<A>>()
  readonly #limits: Limits
  readonly #onDrop: () => void
  #end: Effect.Effect<never, E | Cause.Done> | undefined

  /** @param onDrop called for each value that had to go before it was taken */
  constructor(limits: Limits, onDrop: () => void) {
    this.#limits = limits
    this.#onDrop = onDrop
  }

  publish(value: A): void {
    for (const buffer of this.#buffers) {
      for (let dropped = buffer.add(value); dropped > 0; dropped--) this.#onDrop()
    }
  }

  /** Ends all streams once they have given what they hold: quietly, or with an error. */
  end(error?: { readonly error: E }): void {
    this.#end ??= error === undefined ? Cause.done() : Effect.fail(error.error)
    for (const buffer of this.#buffers) buffer.end()
  }

  /** Opens a buffer, and gives what takes from it as much as there is, once there is something. */
  readonly open: Effect.Effect<
    Effect.Effect<NonEmptyReadonlyArray<A>, E | Cause.Done>,
    never,
    Scope.Scope
  > = Effect.withFiber((fiber) => {
    const buffer = new Buffer<A>(this.#limits, fiber.currentDispatcher)
    const pull: Effect.Effect<NonEmptyReadonlyArray<A>, E | Cause.Done> = Effect.suspend(() => {
      if (buffer.size > 0) return Effect.succeed(buffer.take() as NonEmptyReadonlyArray<A>)
      if (this.#end !== undefined) return this.#end
      return Effect.andThen(buffer.filled, pull)
    })
    return Effect.as(
      Effect.acquireRelease(
        Effect.sync(() => this.#buffers.add(buffer)),
        () => Effect.sync(() => this.#buffers.delete(buffer))
      ),
      pull
    )
  })
}
