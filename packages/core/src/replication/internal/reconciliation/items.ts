/**
 * Items: what two replicas compare instead of their entries. An item is a keyed hash of 64 bits of an entry's key and its
 * version (or, of a CRDT, its state in canonical form), so that replicas with the same items hold the same entries. That
 * two of n entries share one, and the later is not noticed, has a chance of n² / 2^65: 3 · 10^-10 for 100,000.
 *
 * The key of the hash is the cluster's. It keeps those from making items collide who choose keys and values, not those who
 * are members themselves.
 */

/** 64 bits, as two numbers of 32: integers of 64 bits would take ten times as long. */
export interface Item {
  readonly high: number
  readonly low: number
}

/** The key of a hash: two numbers of 32 bits. */
export type HashKey = readonly [low: number, high: number]

const rotate = (x: number, bits: number): number => (x << bits) | (x >>> (32 - bits))

/**
 * HalfSipHash-2-4 with 64 bits of output (Aumasson, Bernstein 2012, and their reference code): SipHash in words of 32 bits.
 */
export const hash = (key: HashKey, bytes: Uint8Array): Item => {
  let v0 = key[0]
  let v1 = key[1] ^ 0xee
  let v2 = 0x6c796765 ^ key[0]
  let v3 = 0x74656462 ^ key[1]
  const rounds = (count: number) => {
    for (let i = 0; i < count; i++) {
      v0 = (v0 + v1) | 0
      v1 = rotate(v1, 5) ^ v0
      v0 = rotate(v0, 16)
      v2 = (v2 + v3) | 0
      v3 = rotate(v3, 8) ^ v2
      v0 = (v0 + v3) | 0
      v3 = rotate(v3, 7) ^ v0
      v2 = (v2 + v1) | 0
      v1 = rotate(v1, 13) ^ v2
      v2 = rotate(v2, 16)
    }
  }
  const absorb = (word: number) => {
    v3 ^= word
    rounds(2)
    v0 ^= word
  }
  const { length } = bytes
  const whole = length & ~3
  for (let i = 0; i < whole; i += 4) {
    absorb(bytes[i]! | (bytes[i + 1]! << 8) | (bytes[i + 2]! << 16) | (bytes[i + 3]! << 24))
  }
  let last = length << 24
  for (let i = whole; i < length; i++) last |= bytes[i]! << (8 * (i - whole))
  absorb(last)
  v2 ^= 0xee
  rounds(4)
  const low = (v1 ^ v3) >>> 0
  v1 ^= 0xdd
  rounds(4)
  return { high: (v1 ^ v3) >>> 0, low }
}

/**
 * What tells an exclusive or of several items from an item: a hash of it that is not linear, of 32 bits (the finisher of
 * MurmurHash3 over both halves).
 */
export const check = (high: number, low: number): number => {
  let h = high ^ 0x9e3779b9
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  h = (h ^ (h >>> 16)) ^ low
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}

/** Orders items. */
export const compare = (aHigh: number, aLow: number, bHigh: number, bLow: number): number =>
  aHigh === bHigh ? aLow - bLow : aHigh - bHigh

/** A number by which items are told apart in a `Map`: two share it with a chance of 2^-53, so look again. */
export const keyOf = (high: number, low: number): number => (high & 0x1fffff) * 0x1_0000_0000 + low

/** A list of items that grows, and is taken from its front. */
export class ItemQueue {
  #items = new Uint32Array(32)
  #start = 0
  #end = 0

  get size(): number {
    return (this.#end - this.#start) / 2
  }

  push(high: number, low: number): void {
    if (this.#end === this.#items.length) {
      const items = new Uint32Array(Math.max(32, 4 * this.size))
      items.set(this.#items.subarray(this.#start, this.#end))
      this.#end -= this.#start
      this.#start = 0
      this.#items = items
    }
    this.#items[this.#end++] = high
    this.#items[this.#end++] = low
  }

  /** The first ones, at most `count`: a view that the next `push` may overwrite. */
  peek(count: number): Uint32Array {
    return this.#items.subarray(this.#start, Math.min(this.#end, this.#start + 2 * count))
  }

  drop(count: number): void {
    this.#start = Math.min(this.#end, this.#start + 2 * count)
  }
}
