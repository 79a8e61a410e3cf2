/**
 * What is delivered, handed to any number of streams that never hold up the node: each has a buffer of its own, and when
 * that is full its oldest goes.
 */
import type * as Effect from "effect/Effect"
import type * as Scheduler from "effect/Scheduler"
import type * as Scope from "effect/Scope"
import { Outlets, type Pull } from "../../../internal/outlets.ts"
import { Waitable } from "../../../internal/waitable.ts"

/** Most that a stream takes at a time: what it has taken is out of reach for what comes after it. */
const chunkSize = 64

interface Sized {
  readonly payload: Uint8Array
}

class Buffer<A extends Sized> extends Waitable {
  readonly #limits: Limits
  #held: Array<A | undefined> = []
  /** Those before it are gone. */
  #first = 0
  #bytes = 0

  constructor(limits: Limits, dispatcher: Scheduler.SchedulerDispatcher) {
    super(dispatcher)
    this.#limits = limits
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
    this.wake()
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

export class Buffers<A extends Sized, E> extends Outlets<A, Buffer<A>, E> {
  readonly #limits: Limits
  readonly #onDrop: () => void

  /** @param onDrop called for each value that had to go before it was taken */
  constructor(limits: Limits, onDrop: () => void) {
    super()
    this.#limits = limits
    this.#onDrop = onDrop
  }

  publish(value: A): void {
    for (const buffer of this.all) {
      for (let dropped = buffer.add(value); dropped > 0; dropped--) this.#onDrop()
    }
  }

  /** Opens a buffer, and gives what takes from it. */
  readonly opened: Effect.Effect<Pull<A, E>, never, Scope.Scope> = this.open((dispatcher) =>
    new Buffer<A>(this.#limits, dispatcher)
  )
}
