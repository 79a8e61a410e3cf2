/**
 * Chance from a seed, for tests that make their own input.
 */
import { fnv1a, mix } from "../../src/internal/hash.ts"
import type { RandomSource } from "../../src/node/Protocol.ts"

export interface Generator extends RandomSource {
  /** A whole number in [0, bound). */
  readonly int: (bound: number) => number
  readonly bytes: (length: number) => Uint8Array
  readonly pick: <A>(values: ReadonlyArray<A>) => A
}

export const generator = (seed: string): Generator => {
  let state = fnv1a(seed)
  const next = () => {
    state = (state + 0x9e3779b9) >>> 0
    return mix(state, 0)
  }
  const int = (bound: number) => Math.floor((next() / 0x1_0000_0000) * bound)
  return {
    nextDoubleUnsafe: () => next() / 0x1_0000_0000,
    int,
    bytes: (length) => Uint8Array.from({ length }, () => next() & 0xff),
    pick: (values) => values[int(values.length)]!
  }
}
