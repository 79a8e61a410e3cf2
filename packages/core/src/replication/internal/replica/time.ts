/** Times of hybrid logical clocks, as replicas compare and pack them. */
import { maxMillis, type Time } from "../clock.ts"

export type { Time }

/** Before all writes. */
export const zero: Time = { millis: 0, counter: 0 }

/** After all writes. */
export const never: Time = { millis: Infinity, counter: 0 }

export const isAfter = (a: Time, b: Time): boolean =>
  a.millis === b.millis ? a.counter > b.counter : a.millis > b.millis

export const later = (a: Time, b: Time): Time => isAfter(b, a) ? b : a

export const earlier = (a: Time, b: Time): Time => isAfter(a, b) ? b : a

export const isZero = (time: Time): boolean => time.millis === 0 && time.counter === 0

/** Just a time, of something that has one. */
export const timeOf = ({ counter, millis }: Time): Time => ({ millis, counter })

/** The first time of a moment of the wall clock. */
export const atMillis = (millis: number): Time => ({
  millis: Math.min(Math.max(0, Math.floor(millis)), maxMillis),
  counter: 0
})
