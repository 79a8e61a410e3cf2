/**
 * Bytes as states are encoded in: whole numbers of variable length, and bytes behind their length.
 *
 * There is one encoding of each value, and the reader takes no other, so that replicas that hold the same have the same
 * bytes and the same hash of them.
 */

/** Most that a state may take, in bytes. */
export const maxStateSize = 1024 * 1024

/** What a {@link Reader} throws at bytes that are no encoding. Whoever reads catches it: nothing else is to. */
export class Malformed {
  readonly problem: string
  constructor(problem: string) {
    this.problem = problem
  }
}

const encoder = new TextEncoder()
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })

export const toUtf8 = (text: string): Uint8Array => encoder.encode(text)

/** The text of these bytes, which have no other encoding; undefined where they are none. */
export const fromUtf8 = (bytes: Uint8Array): string | undefined => {
  try {
    return decoder.decode(bytes)
  } catch {
    return undefined
  }
}

/** Bytes as a text of as many characters, by which they can be told apart and put in order. */
export const toText = (bytes: Uint8Array): string => {
  if (bytes.length <= maxArguments) return textOf(bytes)
  let text = ""
  for (let at = 0; at < bytes.length; at += maxArguments) text += textOf(bytes.subarray(at, at + maxArguments))
  return text
}

/** A call takes only so many. */
const maxArguments = 4096

// three times as fast as to spread them
const textOf = (bytes: Uint8Array): string => String.fromCharCode.apply(undefined, bytes as unknown as Array<number>)

/** The bytes of a text by {@link toText}. */
export const fromText = (text: string): Uint8Array => {
  const bytes = new Uint8Array(text.length)
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i)
  return bytes
}

export class Writer {
  private bytes = new Uint8Array(256)
  private size = 0

  private room(size: number): void {
    if (this.size + size <= this.bytes.length) return
    const grown = new Uint8Array(Math.max(this.bytes.length * 2, this.size + size))
    grown.set(this.bytes.subarray(0, this.size))
    this.bytes = grown
  }

  /** A whole number of up to 53 bits, the low seven first: LEB128. */
  number(value: number): void {
    this.room(8)
    let rest = value
    for (; rest >= 128; rest = Math.floor(rest / 128)) this.bytes[this.size++] = rest % 128 + 128
    this.bytes[this.size++] = rest
  }

  /** Bytes as {@link toText} has them, behind their length. */
  text(text: string): void {
    this.number(text.length)
    this.room(text.length)
    for (let i = 0; i < text.length; i++) this.bytes[this.size++] = text.charCodeAt(i)
  }

  /** UTF-8, behind its length. */
  string(text: string): void {
    const bytes = toUtf8(text)
    this.number(bytes.length)
    this.room(bytes.length)
    this.bytes.set(bytes, this.size)
    this.size += bytes.length
  }

  /** What was written. */
  done(): Uint8Array {
    return this.bytes.slice(0, this.size)
  }
}

export class Reader {
  private readonly bytes: Uint8Array
  private at = 0

  constructor(bytes: Uint8Array) {
    this.bytes = bytes
  }

  /** A whole number of at most 53 bits in its shortest form. */
  number(): number {
    let value = 0
    for (let factor = 1; this.at < this.bytes.length && factor <= 2 ** 49; factor *= 128) {
      const byte = this.bytes[this.at++]!
      value += (byte & 0x7f) * factor
      if (byte >= 0x80) continue
      if (byte === 0 && factor > 1 || value > Number.MAX_SAFE_INTEGER) break
      return value
    }
    throw new Malformed("a whole number in its shortest form")
  }

  private take(): Uint8Array {
    const size = this.number()
    if (size > this.bytes.length - this.at) throw new Malformed("as many bytes as are announced")
    this.at += size
    return this.bytes.subarray(this.at - size, this.at)
  }

  text(): string {
    return toText(this.take())
  }

  string(): string {
    const text = fromUtf8(this.take())
    if (text === undefined) throw new Malformed("UTF-8")
    return text
  }

  end(): void {
    if (this.at < this.bytes.length) throw new Malformed("nothing behind the state")
  }
}
