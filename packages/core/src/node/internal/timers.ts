/**
 * The timers of a node: a binary heap by time, then by the order in which they were set.
 */

interface Timed<A> {
  readonly at: number
  readonly sequence: number
  readonly value: A
}

const before = <A>(a: Timed<A>, b: Timed<A>): boolean => a.at < b.at || a.at === b.at && a.sequence < b.sequence

export class Timers<A> {
  #heap: Array<Timed<A>> = []
  #sequence = 0

  get size(): number {
    return this.#heap.length
  }

  /** When the next timer is due; `Infinity` without one. */
  get next(): number {
    return this.#heap[0]?.at ?? Infinity
  }

  set(at: number, value: A): void {
    const heap = this.#heap
    const added = { at, sequence: this.#sequence++, value }
    let index = heap.length
    heap.push(added)
    while (index > 0) {
      const parent = (index - 1) >>> 1
      if (!before(added, heap[parent]!)) break
      heap[index] = heap[parent]!
      index = parent
    }
    heap[index] = added
  }

  /** Takes the next timer that is due at `now`. */
  take(now: number): A | undefined {
    const heap = this.#heap
    const first = heap[0]
    if (first === undefined || first.at > now) return undefined
    const last = heap.pop()!
    if (heap.length > 0) {
      let index = 0
      while (true) {
        let child = 2 * index + 1
        if (child >= heap.length) break
        if (child + 1 < heap.length && before(heap[child + 1]!, heap[child]!)) child++
        if (!before(heap[child]!, last)) break
        heap[index] = heap[child]!
        index = child
      }
      heap[index] = last
    }
    return first.value
  }

  clear(): void {
    this.#heap = []
  }
}
