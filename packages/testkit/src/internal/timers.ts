/**
 * The pending timers of virtual time: a heap ordered by due time, and by the order they were set when due together.
 *
 * The keys lie in arrays of numbers of their own, so that finding a place does not touch the timers themselves. A
 * cancelled timer stays until it comes up or half of the heap is cancelled, which is then swept: cancelling is O(1)
 * amortized, and what is left behind is bounded by what is pending.
 */
import * as Effect from "effect/Effect"
import * as Effectable from "effect/Effectable"

/**
 * What a timer calls when it is due. It is passed what `resume` of an `Effect.callback` wants, so that a sleep needs
 * no closure of its own.
 */
export type Task<A> = (argument: A) => void

/** A timer that has been set. As an effect it cancels itself, so that a sleep needs no finalizer of its own. */
export class Timer<A> extends Effectable.Class<void> {
  /** Undefined once it has fired or was cancelled. */
  task: Task<A> | undefined
  private readonly heap: TimerHeap<A>

  constructor(heap: TimerHeap<A>, task: Task<A>) {
    super()
    this.heap = heap
    this.task = task
  }

  asEffect(): Effect.Effect<void> {
    this.cancel()
    return Effect.void
  }

  get isPending(): boolean {
    return this.task !== undefined
  }

  cancel(): void {
    if (this.task === undefined) return
    this.task = undefined
    this.heap.onCancel()
  }
}

// Children of a place: four rather than two make the heap half as deep, and lie side by side.
const arity = 4

// A heap smaller than this is not worth sweeping.
const minSweep = 64

export class TimerHeap<A> {
  private times = new Float64Array(256)
  private sequences = new Float64Array(256)
  private readonly timers: Array<Timer<A>> = []
  private cancelled = 0
  private sequence = 0

  /** Timers that are set and have neither fired nor been cancelled. */
  get size(): number {
    return this.timers.length - this.cancelled
  }

  /** The time of the next timer, or `Infinity`. */
  nextTime(): number {
    while (this.timers.length > 0) {
      if (this.timers[0]!.task !== undefined) return this.times[0]!
      this.removeFirst()
      this.cancelled--
    }
    return Infinity
  }

  add(time: number, task: Task<A>): Timer<A> {
    const timer = new Timer(this, task)
    const size = this.timers.length
    if (size === this.times.length) this.grow()
    this.timers.push(timer)
    this.siftUp(timer, time, this.sequence++, size)
    return timer
  }

  /** Takes the task of the next timer out. `nextTime` must have found one. */
  shift(): Task<A> {
    const timer = this.timers[0]!
    const task = timer.task!
    timer.task = undefined
    this.removeFirst()
    return task
  }

  onCancel(): void {
    this.cancelled++
    if (this.cancelled * 2 > this.timers.length && this.timers.length >= minSweep) this.sweep()
  }

  private removeFirst(): void {
    const last = this.timers.pop()!
    const size = this.timers.length
    if (size > 0) this.siftDown(last, this.times[size]!, this.sequences[size]!, 0)
  }

  private siftUp(timer: Timer<A>, time: number, sequence: number, from: number): void {
    const { sequences, timers, times } = this
    let index = from
    while (index > 0) {
      const parent = (index - 1) >> 2
      // What is added is the latest of its time, and stays behind the others.
      if (times[parent]! <= time) break
      times[index] = times[parent]!
      sequences[index] = sequences[parent]!
      timers[index] = timers[parent]!
      index = parent
    }
    times[index] = time
    sequences[index] = sequence
    timers[index] = timer
  }

  private siftDown(timer: Timer<A>, time: number, sequence: number, from: number): void {
    const { sequences, timers, times } = this
    const size = timers.length
    let index = from
    while (true) {
      const first = index * arity + 1
      if (first >= size) break
      const end = first + arity < size ? first + arity : size
      let least = first
      let leastTime = times[first]!
      for (let child = first + 1; child < end; child++) {
        const childTime = times[child]!
        if (childTime < leastTime || (childTime === leastTime && sequences[child]! < sequences[least]!)) {
          least = child
          leastTime = childTime
        }
      }
      if (leastTime > time || (leastTime === time && sequences[least]! > sequence)) break
      times[index] = leastTime
      sequences[index] = sequences[least]!
      timers[index] = timers[least]!
      index = least
    }
    times[index] = time
    sequences[index] = sequence
    timers[index] = timer
  }

  private sweep(): void {
    const { sequences, timers, times } = this
    let size = 0
    for (let i = 0; i < timers.length; i++) {
      const timer = timers[i]!
      if (timer.task === undefined) continue
      times[size] = times[i]!
      sequences[size] = sequences[i]!
      timers[size++] = timer
    }
    timers.length = size
    this.cancelled = 0
    const lastParent = size < 2 ? -1 : ((size - 2) / arity) | 0
    for (let i = lastParent; i >= 0; i--) this.siftDown(timers[i]!, times[i]!, sequences[i]!, i)
  }

  private grow(): void {
    const size = this.times.length * 2
    const times = new Float64Array(size)
    const sequences = new Float64Array(size)
    times.set(this.times)
    sequences.set(this.sequences)
    this.times = times
    this.sequences = sequences
  }
}
