/** Bits that flip on the way. */
import type * as Random from "effect/Random"

/** At most so many bits of a datagram flip. */
export const maxFlips = 4

/** Which bits flip: 1 to {@link maxFlips} places, each from 0 to below 1. */
export const draw = (random: Random.Random): ReadonlyArray<number> =>
  Array.from({ length: 1 + Math.floor(random.nextDoubleUnsafe() * maxFlips) }, () => random.nextDoubleUnsafe())

/** A copy in which these bits are flipped, each place once. */
export const flip = (payload: Uint8Array, places: ReadonlyArray<number>): Uint8Array => {
  const copy = new Uint8Array(payload)
  for (const bit of new Set(places.map((place) => Math.floor(place * payload.length * 8)))) {
    copy[bit >>> 3]! ^= 1 << (bit & 7)
  }
  return copy
}
