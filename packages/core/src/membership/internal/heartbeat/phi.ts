/**
 * The φ accrual failure detector (Hayashibara, Défago, Yared, Katayama 2004): how surprising it is that a member has not
 * been heard of for so long, judged by how often it was heard of before.
 *
 * φ = -log10 of the probability that a heartbeat comes later than now. Heartbeats that come by gossip come irregularly, so
 * that Cassandra, and this, take the intervals for exponentially distributed (and not for normally, as the paper and
 * Pekko, whose heartbeats come directly): φ = elapsed / (mean · ln 10). It needs no logarithm, and is the same on every
 * engine. φ = 8 is a silence of 18.4 mean intervals.
 */

/** Samples that the prior counts for, as in chitchat: the mean moves off it smoothly. */
const priorWeight = 5

/** What is expected of the intervals in a cluster of the present size, in milliseconds. */
export interface Expected {
  /** What the mean is before there are samples, and at most: those of a cluster that was larger would make nobody late. */
  readonly prior: number
  /** What the mean is at least: without it, samples of a cluster that was smaller would make everyone late. */
  readonly floor: number
}

/** The last arrivals of a member's heartbeats: Cassandra's `ArrivalWindow`. */
export class ArrivalWindow {
  readonly #capacity: number
  #intervals: Array<number> = []
  #next = 0
  #sum = 0
  #last: number

  /** @param last when the member was last heard of, whoever heard it */
  constructor(capacity: number, last: number) {
    this.#capacity = capacity
    this.#last = last
  }

  /** How many intervals there are. */
  get size(): number {
    return this.#intervals.length
  }

  /**
   * A heartbeat has arrived. A longer interval than `longest` counts as that (Cassandra leaves it out; but in a cluster
   * that makes all intervals long no sample would be left).
   */
  arrived(now: number, longest: number): void {
    const interval = Math.min(longest, Math.max(0, now - this.#last))
    this.#last = Math.max(this.#last, now)
    if (this.#intervals.length < this.#capacity) {
      this.#intervals.push(interval)
      this.#sum += interval
      return
    }
    this.#sum += interval - this.#intervals[this.#next]!
    this.#intervals[this.#next] = interval
    this.#next = (this.#next + 1) % this.#capacity
    // what rounding left over does not add up
    if (this.#next === 0) this.#sum = this.#intervals.reduce((sum, each) => sum + each, 0)
  }

  /** Forgets the samples: the member is back, or gone, and its next life has a rhythm of its own. */
  restart(last: number): void {
    this.#intervals = []
    this.#next = 0
    this.#sum = 0
    this.#last = last
  }

  /** The mean interval. */
  mean({ floor, prior }: Expected): number {
    const mean = (this.#sum + priorWeight * prior) / (this.#intervals.length + priorWeight)
    return Math.max(floor, Math.min(prior, mean))
  }

  /** How surprising the silence is: 0 when the member was heard of just now, and higher from then on. */
  phi(now: number, expected: Expected): number {
    return Math.max(0, now - this.#last) / (this.mean(expected) * Math.LN10)
  }
}

/** The silence, in multiples of the mean interval, at which φ reaches a threshold. */
export const silenceAt = (threshold: number): number => threshold * Math.LN10
