/**
 * Random streams that are split by name from one seed, so that a new use of randomness does not shift what others
 * draw. Effect's seeded `Random` keeps 16 KB of state, which is too much for a few streams a node.
 *
 * The generator is sfc32 (Chris Doty-Humphrey, PractRand), its state filled by MurmurHash3's mixing of the name.
 */
import type * as Random from "effect/Random"

const mix = (hash: number): number => {
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return hash ^ (hash >>> 16)
}

/** A 32-bit hash of a text. */
export const hashString = (text: string, seed: number): number => {
  let hash = seed | 0
  for (let i = 0; i < text.length; i++) {
    hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
    hash = (hash << 13) | (hash >>> 19)
  }
  return mix(hash ^ text.length)
}

class Sfc32 implements Random.Random {
  private a: number
  private b: number
  private c: number
  private counter = 1

  constructor(name: string) {
    this.a = hashString(name, 0x9e3779b9)
    this.b = hashString(name, 0x243f6a88)
    this.c = hashString(name, 0xb7e15162)
    for (let i = 0; i < 15; i++) this.next()
  }

  private next(): number {
    const result = (this.a + this.b + this.counter) | 0
    this.counter = (this.counter + 1) | 0
    this.a = this.b ^ (this.b >>> 9)
    this.b = (this.c + (this.c << 3)) | 0
    this.c = ((this.c << 21) | (this.c >>> 11)) + result | 0
    return result >>> 0
  }

  nextDoubleUnsafe(): number {
    const high = this.next() >>> 5
    const low = this.next() >>> 6
    return (high * 0x4000000 + low) / 0x20000000000000
  }

  nextIntUnsafe(): number {
    return Math.floor(this.nextDoubleUnsafe() * (Number.MAX_SAFE_INTEGER - Number.MIN_SAFE_INTEGER + 1)) +
      Number.MIN_SAFE_INTEGER
  }
}

/** The stream of this name. Names that have a seed in common should start with it. */
export const make = (name: string): Random.Random => new Sfc32(name)
