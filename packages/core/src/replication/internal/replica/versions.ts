/**
 * What a replica knows of the writes of each life.
 *
 * `known` says up to when *all* writes of a life are known here: each of them is held, or something newer is held under its
 * key, or was and has been forgotten as a death certificate. All rules rest on that, so it is raised only
 *
 * - by a rumor that begins where `known` ends (each rumor says which write of its life came before it): those that come too
 *   early wait, the latest few of them, and are made up for by anti-entropy where they do not fit;
 * - by a session to its end with a peer that knew it, in which nothing was refused.
 *
 * `told` is what others are told: with a durable store what is committed, so that it also holds after a crash.
 */
import { isAfter, later, type Time, timeOf } from "./time.ts"
import { type Life, maxLives, VersionVector } from "./vector.ts"

/** Rumors that came too early: most of one life, and of all. */
const maxWaitingOfLife = 64
const maxWaiting = 4096

interface Range {
  readonly from: Time
  readonly to: Time
}

interface Loose {
  min: Time
  max: Time
}

export class Versions {
  known = new VersionVector()
  told: VersionVector = this.known
  readonly #waiting = new Map<string, Array<Range>>()
  #waitingSize = 0
  /** Writes that are held, and of whose life not all before them is known. */
  readonly #loose = new Map<string, Loose>()
  /** There were more loose ones than are remembered. */
  #isBlind = false

  constructor(isDurable: boolean) {
    if (isDurable) this.told = new VersionVector()
  }

  /** What was known when it was stored, with all that was held. */
  restore(versions: VersionVector): void {
    this.known.merge(versions)
    if (this.told !== this.known) this.told = versions.clone()
  }

  /** All writes of a life that are later than `from` and not later than `to` are held. */
  note(life: Life, from: Time, to: Time): void {
    if (!isAfter(to, from)) return
    if (this.known.covers(life.key, from)) {
      this.known.raise(life, to)
      this.#release(life)
      return
    }
    const ranges = this.#waiting.get(life.key) ?? []
    // rumors of one life come more or less in order: mostly this one continues the last
    const last = ranges.at(-1)
    if (last !== undefined && !isAfter(from, last.to) && !isAfter(last.from, from)) {
      ranges[ranges.length - 1] = { from: last.from, to: timeOf(later(last.to, to)) }
      return
    }
    if (ranges.length >= maxWaitingOfLife || this.#waitingSize >= maxWaiting) return
    this.#waiting.set(life.key, ranges)
    ranges.push({ from: timeOf(from), to: timeOf(to) })
    this.#waitingSize++
  }

  /** A write is held, whatever came before it. */
  loosen(life: Life, time: Time): void {
    if (this.known.covers(life.key, time)) return
    const loose = this.#loose.get(life.key)
    if (loose === undefined) {
      if (this.#loose.size >= maxLives) this.#isBlind = true
      else this.#loose.set(life.key, { min: timeOf(time), max: timeOf(time) })
      return
    }
    if (isAfter(loose.min, time)) loose.min = timeOf(time)
    if (isAfter(time, loose.max)) loose.max = timeOf(time)
  }

  /**
   * The earliest write that is held without all before it; undefined when there is none. What is older than the retention
   * counts no longer: who knew what came before it may be gone.
   */
  loose(oldest: Time): Time | undefined {
    if (this.#isBlind) return { millis: 0, counter: 0 }
    let earliest: Time | undefined
    for (const [key, { max, min }] of this.#loose) {
      if (this.known.covers(key, max) || isAfter(oldest, max)) this.#loose.delete(key)
      else if (earliest === undefined || isAfter(earliest, min)) earliest = min
    }
    return earliest
  }

  /** All that a peer knew until a time is known. */
  adopt(other: VersionVector, latest?: Time): void {
    this.known.merge(other, latest)
    for (const key of [...this.#waiting.keys()]) {
      const life = this.known.life(key)
      if (life !== undefined) this.#release(life)
    }
  }

  #release(life: Life): void {
    const ranges = this.#waiting.get(life.key)
    if (ranges === undefined) return
    let left = ranges
    for (let isRaised = true; isRaised;) {
      isRaised = false
      const next: Array<Range> = []
      for (const range of left) {
        if (!this.known.covers(life.key, range.from)) next.push(range)
        else if (this.known.raise(life, range.to)) isRaised = true
      }
      left = next
    }
    this.#waitingSize -= ranges.length - left.length
    if (left.length === 0) this.#waiting.delete(life.key)
    else this.#waiting.set(life.key, left)
  }
}
