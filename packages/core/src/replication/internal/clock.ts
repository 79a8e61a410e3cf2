/** The arithmetic of hybrid logical clocks: see `HybridLogicalClock.ts`. */

/** When something happened: Unix time in milliseconds, and how much had happened within it that was known of. */
export interface Time {
  readonly millis: number
  readonly counter: number
}

/** The latest time that a timestamp can have: 2^48 - 1 milliseconds of Unix time. */
export const maxMillis = 0xffff_ffff_ffff

/** The highest counter: 2^16 - 1. */
export const maxCounter = 0xffff

/** Milliseconds that a timestamp may be ahead of the wall clock. */
export const defaultMaxClockSkew = 60_000

const wholeMillis = (now: number): number => Math.min(Math.max(Math.floor(now), 0), maxMillis)

/** Milliseconds that a time is ahead of the wall clock's. */
export const ahead = (time: Time, now: number): number => time.millis - wholeMillis(now)

// Figure 5 for both cases: the last of what is known decides, unless the wall clock is past it.
export const next = (last: Time, now: number): Time => {
  const millis = wholeMillis(now)
  if (millis > last.millis) return { millis, counter: 0 }
  if (last.counter < maxCounter) return { millis: last.millis, counter: last.counter + 1 }
  if (last.millis === maxMillis) throw new RangeError("no timestamp is left")
  return { millis: last.millis + 1, counter: 0 }
}

const sign = (difference: number) => difference < 0 ? -1 : difference > 0 ? 1 : 0

/** Orders times. */
export const compareTimes = (a: Time, b: Time): -1 | 0 | 1 =>
  a.millis === b.millis ? sign(a.counter - b.counter) : sign(a.millis - b.millis)
