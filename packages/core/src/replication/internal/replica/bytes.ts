/** Packed lists: writing what has a known size, and reading what anybody may have written. */
import { Malformed } from "../crdt/bytes.ts"
import type { Time } from "./time.ts"

const twoTo32 = 0x1_0000_0000

/** Bytes of a whole number in its packed form. */
export const numberSize = (value: number): number => {
  let size = 1
  for (let rest = value; rest >= 128; rest = Math.floor(rest / 128)) size++
  return size
}

/** Bytes of bytes behind their length. */
export const sizeOf = (bytes: Uint8Array): number => numberSize(bytes.length) + bytes.length

export class Writer {
  readonly #bytes: Uint8Array
  #at = 0

  /** @param size bytes that will be written */
  constructor(size: number) {
    this.#bytes = new Uint8Array(size)
  }

  byte(value: number): this {
    this.#bytes[this.#at++] = value
    return this
  }

  /** A whole number of up to 53 bits: LEB128. */
  number(value: number): this {
    let rest = value
    for (; rest >= 128; rest = Math.floor(rest / 128)) this.byte(rest % 128 + 128)
    return this.byte(rest)
  }

  uint32(value: number): this {
    return this.byte(value >>> 24).byte(value >>> 16).byte(value >>> 8).byte(value)
  }

  time({ counter, millis }: Time): this {
    const high = Math.floor(millis / twoTo32)
    return this.byte(high >>> 8).byte(high).uint32(millis % twoTo32).byte(counter >>> 8).byte(counter)
  }

  raw(bytes: Uint8Array): this {
    this.#bytes.set(bytes, this.#at)
    this.#at += bytes.length
    return this
  }

  /** Bytes behind their length. */
  bytes(bytes: Uint8Array): this {
    return this.number(bytes.length).raw(bytes)
  }

  done(): Uint8Array {
    return this.#at === this.#bytes.length ? this.#bytes : this.#bytes.subarray(0, this.#at)
  }
}

/** Throws `Malformed` at what is none: to be used within {@link attempt}. */
export class Reader {
  readonly #bytes: Uint8Array
  #at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  get isAtEnd(): boolean {
    return this.#at === this.#bytes.length
  }

  byte(): number {
    if (this.#at === this.#bytes.length) throw new Malformed("more bytes")
    return this.#bytes[this.#at++]!
  }

  number(): number {
    let value = 0
    for (let factor = 1; factor <= 2 ** 49; factor *= 128) {
      const byte = this.byte()
      value += (byte & 0x7f) * factor
      if (byte >= 0x80) continue
      if (value > Number.MAX_SAFE_INTEGER) break
      return value
    }
    throw new Malformed("a whole number")
  }

  uint32(): number {
    return this.byte() * 0x100_0000 + (this.byte() << 16) + (this.byte() << 8) + this.byte()
  }

  time(): Time {
    const high = (this.byte() << 8) + this.byte()
    return { millis: high * twoTo32 + this.uint32(), counter: (this.byte() << 8) + this.byte() }
  }

  /** A view of as many bytes. */
  raw(size: number): Uint8Array {
    if (size > this.#bytes.length - this.#at) throw new Malformed("as many bytes as are announced")
    this.#at += size
    return this.#bytes.subarray(this.#at - size, this.#at)
  }

  bytes(): Uint8Array {
    return this.raw(this.number())
  }

  rest(): Uint8Array {
    return this.raw(this.#bytes.length - this.#at)
  }
}

/** What a function reads of bytes; undefined where they are malformed. */
export const attempt = <A>(bytes: Uint8Array, read: (reader: Reader) => A): A | undefined => {
  try {
    return read(new Reader(bytes))
  } catch (error) {
    if (error instanceof Malformed) return undefined
    throw error
  }
}

export const packTime = (time: Time): Uint8Array => new Writer(8).time(time).done()

export const unpackTime = (bytes: Uint8Array): Time => new Reader(bytes).time()
