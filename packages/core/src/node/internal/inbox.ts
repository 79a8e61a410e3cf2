/**
 * A bounded queue for one taker.
 *
 * Effect's `Queue` can do much more than that, and costs several times as much: a node passes here with every datagram
 * and every timer. What waits lies in a ring that is kept: an array that is made when the node begins to wait has grown
 * old when it is filled, and what it held is then kept by it until the next full garbage collection.
 */
import * as Effect from "effect/Effect"
import type * as Scheduler from "effect/Scheduler"
import { Waitable } from "../../internal/waitable.ts"

interface Putting<A> {
  readonly value: A
  readonly resume: (done: Effect.Effect<void>) => void
}

/** The size of a ring when it is made, and again after a rush. A power of two, as all sizes. */
const ringSize = 16

const makeRing = <A>(size: number): Array<A | undefined> => new Array<A | undefined>(size).fill(undefined)

export class Inbox<A extends object> extends Waitable {
  #ring = makeRing<A>(ringSize)
  #head = 0
  #size = 0
  #peak = 0
  readonly #capacity: number
  readonly #putting = new Set<Putting<A>>()

  constructor(capacity: number, dispatcher: Scheduler.SchedulerDispatcher) {
    super(dispatcher)
    this.#capacity = capacity
  }

  get size(): number {
    return this.#size
  }

  /** Most that ever waited at a time. */
  get peak(): number {
    return this.#peak
  }

  /** Whether it has ended and is empty. */
  get isDone(): boolean {
    return this.hasEnded && this.#size === 0
  }

  /** Takes a value in, or says that there was no room. */
  offer(value: A): boolean {
    if (this.hasEnded || this.#size >= this.#capacity) return false
    this.#push(value)
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

  /** Takes what has waited longest. */
  take(): A | undefined {
    if (this.#size === 0) return undefined
    const value = this.#ring[this.#head]
    this.#ring[this.#head] = undefined
    this.#head = (this.#head + 1) & (this.#ring.length - 1)
    this.#size--
    if (this.#putting.size > 0) this.#letIn()
    else if (this.#size === 0 && this.#ring.length > ringSize) this.#resize(ringSize)
    return value
  }

  // one value has been taken: there is room for one who waits
  #letIn(): void {
    const [first] = this.#putting
    if (first === undefined) return
    this.#putting.delete(first)
    this.#push(first.value)
    first.resume(Effect.void)
  }

  #push(value: A): void {
    if (this.#size === this.#ring.length) this.#resize(2 * this.#size)
    this.#ring[(this.#head + this.#size) & (this.#ring.length - 1)] = value
    this.#size++
    if (this.#size > this.#peak) this.#peak = this.#size
  }

  #resize(length: number): void {
    const ring = this.#ring
    this.#ring = makeRing(length)
    for (let i = 0; i < this.#size; i++) this.#ring[i] = ring[(this.#head + i) & (ring.length - 1)]
    this.#head = 0
  }
}
