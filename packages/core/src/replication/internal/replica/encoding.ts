/**
 * How entries, rumors and what a store keeps of a space are packed.
 *
 * ```text
 *  entry:   key behind its length · record
 *  record:  of a map: flag · time · life · value     of a CRDT: state
 *  batch:   1 · incarnation · time of the write before · writes
 *  write:   time · key behind its length · flag · value behind its length, if any
 *  meta:    1 · kind · purged · clock · life · versions
 * ```
 *
 * Flag 1 is for a value, 0 for a death certificate.
 */
import { Malformed } from "../crdt/bytes.ts"
import { attempt, numberSize, type Reader, sizeOf, Writer } from "./bytes.ts"
import type { Time } from "./time.ts"
import { type Life, readLife, VersionVector } from "./vector.ts"

const empty = new Uint8Array(0)

// -----------------------------------------------------------------------------
// entries
// -----------------------------------------------------------------------------

/** A value or a death certificate of a map, with its version. */
export interface Versioned extends Time {
  readonly life: Life
  readonly value: Uint8Array | undefined
}

export const packRecord = (entry: Versioned): Uint8Array => {
  const value = entry.value ?? empty
  return new Writer(9 + entry.life.bytes.length + value.length)
    .byte(entry.value === undefined ? 0 : 1)
    .time(entry)
    .raw(entry.life.bytes)
    .raw(value)
    .done()
}

const readFlag = (reader: Reader): boolean => {
  const flag = reader.byte()
  if (flag > 1) throw new Malformed("a flag")
  return flag === 1
}

/** The value is a view of the bytes. */
export const unpackRecord = (bytes: Uint8Array, known: VersionVector): Versioned | undefined =>
  attempt(bytes, (reader) => {
    const hasValue = readFlag(reader)
    const { counter, millis } = reader.time()
    const life = readLife(reader, known)
    if (!hasValue && !reader.isAtEnd) throw new Malformed("nothing behind a certificate")
    return { millis, counter, life, value: hasValue ? reader.rest() : undefined }
  })

export const packEntry = (key: Uint8Array, record: Uint8Array): Uint8Array =>
  new Writer(sizeOf(key) + record.length).bytes(key).raw(record).done()

/** Views of the bytes. */
export const unpackEntry = (
  bytes: Uint8Array
): { readonly key: Uint8Array; readonly record: Uint8Array } | undefined =>
  attempt(bytes, (reader) => ({ key: reader.bytes(), record: reader.rest() }))

// -----------------------------------------------------------------------------
// batches
// -----------------------------------------------------------------------------

/** One write of a life: of a map a value, or nothing for a delete, of a CRDT a delta. */
export interface BatchedWrite {
  readonly time: Time
  readonly key: Uint8Array
  readonly value: Uint8Array | undefined
}

/** Consecutive writes of one life. */
export interface Batch {
  readonly incarnation: number
  /** The time of the write before them; zero for none. */
  readonly previous: Time
  readonly writes: ReadonlyArray<BatchedWrite>
}

/** Bytes of a batch without its writes, at most. */
export const batchHeadSize = 1 + 7 + 8

export const writeSize = ({ key, value }: BatchedWrite): number =>
  8 + sizeOf(key) + 1 + (value === undefined ? 0 : sizeOf(value))

export const packBatch = ({ incarnation, previous, writes }: Batch): Uint8Array => {
  let size = 1 + numberSize(incarnation) + 8
  for (const write of writes) size += writeSize(write)
  const writer = new Writer(size).byte(1).number(incarnation).time(previous)
  for (const { key, time, value } of writes) {
    writer.time(time).bytes(key).byte(value === undefined ? 0 : 1)
    if (value !== undefined) writer.bytes(value)
  }
  return writer.done()
}

/** Views of the bytes. Undefined for what is no batch: times that do not rise, for one. */
export const unpackBatch = (bytes: Uint8Array): Batch | undefined =>
  attempt(bytes, (reader) => {
    if (reader.byte() !== 1) throw new Malformed("a known version")
    const incarnation = reader.number()
    const previous = reader.time()
    const writes: Array<BatchedWrite> = []
    let last = previous
    while (!reader.isAtEnd) {
      const time = reader.time()
      if (time.millis < last.millis || time.millis === last.millis && time.counter <= last.counter) {
        throw new Malformed("rising times")
      }
      last = time
      const key = reader.bytes()
      writes.push({ time, key, value: readFlag(reader) ? reader.bytes() : undefined })
    }
    if (writes.length === 0 || incarnation > 0xffff_ffff_ffff) throw new Malformed("a batch")
    return { incarnation, previous, writes }
  })

// -----------------------------------------------------------------------------
// meta
// -----------------------------------------------------------------------------

/** What is kept of a space besides its entries. */
export interface Meta {
  readonly isMap: boolean
  readonly purged: Time
  /** That of the node's clock. */
  readonly clock: Time
  /** The life that wrote it. */
  readonly life: Life
  readonly versions: VersionVector
}

export const packMeta = ({ clock, isMap, life, purged, versions }: Meta): Uint8Array => {
  const packed = versions.pack()
  return new Writer(18 + life.bytes.length + packed.length)
    .byte(1)
    .byte(isMap ? 1 : 0)
    .time(purged)
    .time(clock)
    .raw(life.bytes)
    .raw(packed)
    .done()
}

export const unpackMeta = (bytes: Uint8Array): Meta | undefined =>
  attempt(bytes, (reader) => {
    if (reader.byte() !== 1) throw new Malformed("a known version")
    const isMap = readFlag(reader)
    const purged = reader.time()
    const clock = reader.time()
    const life = readLife(reader)
    const versions = VersionVector.unpack(reader.rest())
    if (versions === undefined) throw new Malformed("versions")
    return { isMap, purged, clock, life, versions }
  })
