/**
 * What is to happen, by its time: a bucket for each moment, and a heap of the moments. In the synchronous setting
 * thousands of things share one moment, and the heap stays small.
 */
export interface Bucket<A> {
  /** In the order in which they were added. */
  readonly inOrder: Array<A>
  /** Whose order is chance. */
  readonly shuffled: Array<A>
}

export class Agenda<A> {
  readonly #buckets = new Map<number, Bucket<A>>()
  readonly #moments: Array<number> = []

  /** The next moment at which something is to happen, or `Infinity`. */
  get next(): number {
    return this.#moments.length === 0 ? Infinity : this.#moments[0]!
  }

  /** The bucket of a moment. */
  at(moment: number): Bucket<A> {
    let bucket = this.#buckets.get(moment)
    if (bucket === undefined) {
      this.#buckets.set(moment, bucket = { inOrder: [], shuffled: [] })
      this.#push(moment)
    }
    return bucket
  }

  /** Takes the bucket of the next moment out. */
  take(): Bucket<A> {
    const moment = this.#moments[0]!
    const bucket = this.#buckets.get(moment)!
    this.#buckets.delete(moment)
    const last = this.#moments.pop()!
    if (this.#moments.length > 0) this.#sift(last)
    return bucket
  }

  #push(moment: number): void {
    const moments = this.#moments
    let index = moments.length
    while (index > 0) {
      const parent = (index - 1) >> 1
      if (moments[parent]! <= moment) break
      moments[index] = moments[parent]!
      index = parent
    }
    moments[index] = moment
  }

  /** Puts a moment in place of the first. */
  #sift(moment: number): void {
    const moments = this.#moments
    const size = moments.length
    let index = 0
    while (true) {
      let child = 2 * index + 1
      if (child >= size) break
      if (child + 1 < size && moments[child + 1]! < moments[child]!) child++
      if (moments[child]! >= moment) break
      moments[index] = moments[child]!
      index = child
    }
    moments[index] = moment
  }
}
