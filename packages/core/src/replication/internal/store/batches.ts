/**
 * What a frame's payload says: entries that were put and keys that were removed, and the space's meta.
 *
 * ```text
 * meta 1 | [length meta] | count (length key | length record)* | count (length key)*
 * ```
 *
 * The first byte is 0 where there is no meta, 1 where there is, and 2 where entries may be missing that it speaks of.
 */
import { fromText, Malformed, toText } from "../crdt/bytes.ts"

/** What is committed together. */
export interface Batch {
  readonly puts: ReadonlyArray<readonly [key: Uint8Array, record: Uint8Array]>
  readonly removes: ReadonlyArray<Uint8Array>
  /** Undefined when it stays as it was. */
  readonly meta: Uint8Array | undefined
}

/** A batch, as it is written. */
export interface Written extends Batch {
  /** Whether entries may be missing that the meta speaks of: they were damaged. */
  readonly isDamaged?: boolean
}

// varint lengths: of at most 32 bits, which no payload exceeds
const sizeOf = (value: number): number => {
  let size = 1
  for (let rest = value; rest >= 128; rest = Math.floor(rest / 128)) size++
  return size
}

const lengthOf = (bytes: Uint8Array): number => sizeOf(bytes.length) + bytes.length

export const encode = ({ isDamaged = false, meta, puts, removes }: Written): Uint8Array => {
  let size = 1 + sizeOf(puts.length) + sizeOf(removes.length)
  if (meta !== undefined) size += lengthOf(meta)
  for (const [key, record] of puts) size += lengthOf(key) + lengthOf(record)
  for (const key of removes) size += lengthOf(key)
  const bytes = new Uint8Array(size)
  let at = 0
  const number = (value: number) => {
    let rest = value
    for (; rest >= 128; rest = Math.floor(rest / 128)) bytes[at++] = rest % 128 + 128
    bytes[at++] = rest
  }
  const put = (value: Uint8Array) => {
    number(value.length)
    bytes.set(value, at)
    at += value.length
  }
  bytes[at++] = meta === undefined ? 0 : isDamaged ? 2 : 1
  if (meta !== undefined) put(meta)
  number(puts.length)
  for (const [key, record] of puts) {
    put(key)
    put(record)
  }
  number(removes.length)
  for (const key of removes) put(key)
  return bytes
}

/** Throws {@link Malformed}, which a whole frame never gives rise to. */
export const decode = (bytes: Uint8Array): Written => {
  let at = 0
  const number = (): number => {
    let value = 0
    for (let factor = 1; at < bytes.length && factor <= 2 ** 35; factor *= 128) {
      const byte = bytes[at++]!
      value += (byte & 0x7f) * factor
      if (byte < 0x80) return value
    }
    throw new Malformed("a length")
  }
  const take = (): Uint8Array => {
    const size = number()
    if (size > bytes.length - at) throw new Malformed("as many bytes as are announced")
    at += size
    // of its own: a view would keep all that it was read from
    return bytes.slice(at - size, at)
  }
  const kind = bytes[at++]
  const meta = kind === 1 || kind === 2 ? take() : undefined
  const puts: Array<readonly [Uint8Array, Uint8Array]> = []
  for (let left = number(); left > 0; left--) puts.push([take(), take()])
  const removes: Array<Uint8Array> = []
  for (let left = number(); left > 0; left--) removes.push(take())
  if (at !== bytes.length) throw new Malformed("nothing behind it")
  return { puts, removes, meta, isDamaged: kind === 2 }
}

/** All that a space holds. Keys are texts as `toText` has them. */
export class Contents {
  readonly entries = new Map<string, Uint8Array>()
  meta: Uint8Array | undefined
  /** Whether entries may be missing that the meta speaks of, until there is another. */
  isDamaged = false
  /** About how many bytes a snapshot takes. */
  bytes = 0

  apply({ isDamaged = false, meta, puts, removes }: Written): void {
    for (const [key, record] of puts) {
      const text = toText(key)
      this.#remove(text)
      this.entries.set(text, record)
      this.bytes += text.length + record.length + overhead
    }
    for (const key of removes) this.#remove(toText(key))
    if (meta === undefined) return
    this.meta = meta
    this.isDamaged = isDamaged
  }

  #remove(key: string): void {
    const record = this.entries.get(key)
    if (record === undefined) return
    this.entries.delete(key)
    this.bytes -= key.length + record.length + overhead
  }

  /** What there is now, which does not change any more. */
  snapshot(): Contents {
    const copy = new Contents()
    for (const [key, record] of this.entries) copy.entries.set(key, record)
    copy.meta = this.meta
    copy.isDamaged = this.isDamaged
    copy.bytes = this.bytes
    return copy
  }

  /** All there is, in batches of about so many bytes. */
  *parts(size: number): Generator<Written, void> {
    const { isDamaged } = this
    let puts: Array<readonly [Uint8Array, Uint8Array]> = []
    let meta = this.meta
    let bytes = 0
    for (const [text, record] of this.entries) {
      if (bytes > 0 && bytes + text.length + record.length > size) {
        yield { puts, removes: [], meta, isDamaged }
        puts = []
        meta = undefined
        bytes = 0
      }
      puts.push([fromText(text), record])
      bytes += text.length + record.length + overhead
    }
    yield { puts, removes: [], meta, isDamaged }
  }
}

const overhead = 8
