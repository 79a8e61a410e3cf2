/**
 * Version vectors: for each life of a node, up to when all of its writes are known.
 *
 * A vector has at most {@link maxLives} lives. When there are more, those that wrote nothing for longer than the retention
 * are folded into a `floor`: of a life that is not named, all is taken for known up to it. A write that is older than the
 * floor and whose life is not named is then treated like one of a node that was away for longer than the retention.
 */
import { fnv1a, mix } from "../../../internal/hash.ts"
import { maxNodeIdSize } from "../../../wire/internal/fields.ts"
import { fromUtf8, Malformed, toUtf8 } from "../crdt/bytes.ts"
import { attempt, numberSize, type Reader, sizeOf, Writer } from "./bytes.ts"
import { earlier, isAfter, isZero, later, never, type Time, timeOf, zero } from "./time.ts"

/** Most lives in a vector. */
export const maxLives = 4096

const maxIncarnation = 0xffff_ffff_ffff
const printable = /^[^\s\p{C}]+$/u

/** One life of a node. */
export interface Life {
  readonly key: string
  readonly node: string
  readonly incarnation: number
  readonly hash: number
  /** Packed. */
  readonly bytes: Uint8Array
}

export const keyOf = (node: string, incarnation: number): string => `${incarnation} ${node}`

export const lifeOf = (node: string, incarnation: number): Life => {
  const name = toUtf8(node)
  const key = keyOf(node, incarnation)
  return {
    key,
    node,
    incarnation,
    hash: fnv1a(key),
    bytes: new Writer(sizeOf(name) + numberSize(incarnation)).bytes(name).number(incarnation).done()
  }
}

/** Reads a packed life; one that the vector names already is not made anew. */
export const readLife = (reader: Reader, known?: VersionVector): Life => {
  const name = reader.bytes()
  const node = name.length <= maxNodeIdSize ? fromUtf8(name) : undefined
  const incarnation = reader.number()
  if (node === undefined || incarnation > maxIncarnation) throw new Malformed("a life of a node")
  const life = known?.life(keyOf(node, incarnation))
  if (life !== undefined) return life
  if (!printable.test(node)) throw new Malformed("the name of a node")
  return lifeOf(node, incarnation)
}

interface Row extends Time {
  readonly life: Life
  millis: number
  counter: number
}

const hashOf = ({ counter, life, millis }: Row): number => mix(mix(life.hash, millis), counter)

export class VersionVector {
  #rows = new Map<string, Row>()
  #hash = 0
  #floor: Time = zero

  get size(): number {
    return this.#rows.size
  }

  get floor(): Time {
    return this.#floor
  }

  /** The same for the same vectors. */
  get hash(): number {
    return mix(mix(this.#hash, this.#floor.millis), this.#floor.counter)
  }

  life(key: string): Life | undefined {
    return this.#rows.get(key)?.life
  }

  get(key: string): Time {
    return this.#rows.get(key) ?? this.#floor
  }

  /** Whether the writes of a life are known up to a time. */
  covers(key: string, time: Time): boolean {
    return !isAfter(time, this.get(key))
  }

  /** The lives that are named, with their times. */
  rows(): IterableIterator<Time & { readonly life: Life }> {
    return this.#rows.values()
  }

  /** More is known of a life. False when that is not new, or there is no room for another life. */
  raise(life: Life, time: Time): boolean {
    if (!isAfter(time, this.get(life.key))) return false
    const row = this.#rows.get(life.key)
    if (row === undefined) {
      if (this.#rows.size >= maxLives) return false
      const added = { life, millis: time.millis, counter: time.counter }
      this.#rows.set(life.key, added)
      this.#hash = (this.#hash + hashOf(added)) >>> 0
      return true
    }
    this.#hash = (this.#hash - hashOf(row)) >>> 0
    row.millis = time.millis
    row.counter = time.counter
    this.#hash = (this.#hash + hashOf(row)) >>> 0
    return true
  }

  /** All that is known to either is known, but for what is later than a time, if one is given. */
  merge(other: VersionVector, latest: Time = never): void {
    if (!isAfter(other.#floor, latest)) this.raiseFloor(other.#floor)
    for (const row of other.#rows.values()) if (!isAfter(row, latest)) this.raise(row.life, row)
  }

  raiseFloor(floor: Time): void {
    if (!isAfter(floor, this.#floor)) return
    this.#floor = timeOf(floor)
    for (const [key, row] of this.#rows) {
      if (isAfter(row, floor)) continue
      this.#rows.delete(key)
      this.#hash = (this.#hash - hashOf(row)) >>> 0
    }
  }

  /** Makes room when there is little: folds the lives that wrote nothing since, the oldest half of all at most. */
  fold(since: Time): void {
    if (this.#rows.size < maxLives) return
    const times = [...this.#rows.values()].sort((a, b) => isAfter(a, b) ? 1 : isAfter(b, a) ? -1 : 0)
    this.raiseFloor(earlier(times[maxLives / 2]!, since))
  }

  /** Whether all that the other knows of the time until then is known here. */
  holds(other: VersionVector, until: Time): boolean {
    if (isZero(until)) return true
    if (isAfter(earlier(other.#floor, until), this.#floor)) return false
    for (const row of other.#rows.values()) {
      if (isAfter(earlier(row, until), this.get(row.life.key))) return false
    }
    return true
  }

  clone(): VersionVector {
    const copy = new VersionVector()
    copy.merge(this)
    return copy
  }

  pack(): Uint8Array {
    return packRows(this.#rows.values(), this.#floor)
  }

  /** Undefined for bytes that are none. */
  static unpack(bytes: Uint8Array, known?: VersionVector): VersionVector | undefined {
    const vector = new VersionVector()
    const isWhole = attempt(bytes, (reader) => {
      vector.raiseFloor(reader.time())
      while (!reader.isAtEnd) {
        if (vector.size >= maxLives) throw new Malformed("fewer lives")
        const life = readLife(reader, known)
        vector.raise(life, reader.time())
      }
      return true
    })
    return isWhole === true ? vector : undefined
  }
}

/** Packs some times of lives, and a floor. */
export const packRows = (rows: Iterable<Time & { readonly life: Life }>, floor: Time = zero): Uint8Array => {
  let size = 8
  const all = [...rows]
  for (const { life } of all) size += life.bytes.length + 8
  const writer = new Writer(size).time(floor)
  for (const row of all) writer.raw(row.life.bytes).time(row)
  return writer.done()
}

/** The latest of the vector's times, of lives and floor. */
export const latest = (vector: VersionVector): Time => {
  let time = vector.floor
  for (const row of vector.rows()) time = later(time, row)
  return timeOf(time)
}
