import { assert, describe, it } from "@effect/vitest"
import {
  packBatch,
  packEntry,
  packMeta,
  packRecord,
  unpackBatch,
  unpackEntry,
  unpackMeta,
  unpackRecord
} from "../../../../src/replication/internal/replica/encoding.ts"
import { lifeOf, VersionVector } from "../../../../src/replication/internal/replica/vector.ts"
import { generator } from "../../../support/generator.ts"

const known = new VersionVector()
const life = lifeOf("nöde", 2 ** 48 - 1)
const time = { millis: 2 ** 48 - 1, counter: 65_535 }

describe("entries", () => {
  it("come back as they were, values and certificates", () => {
    for (const value of [undefined, new Uint8Array(0), Uint8Array.of(1, 2, 3)]) {
      const entry = unpackEntry(packEntry(Uint8Array.of(9), packRecord({ ...time, life, value })))!
      assert.deepStrictEqual([...entry.key], [9])
      const record = unpackRecord(entry.record, known)!
      assert.strictEqual(record.life.key, life.key)
      assert.strictEqual(record.millis, time.millis)
      assert.strictEqual(record.counter, time.counter)
      assert.deepStrictEqual(record.value === undefined ? undefined : [...record.value], value && [...value])
    }
  })
})

describe("batches", () => {
  const writes = [
    { time: { millis: 5, counter: 1 }, key: Uint8Array.of(1), value: Uint8Array.of(7, 8) },
    { time: { millis: 5, counter: 2 }, key: new Uint8Array(0), value: undefined }
  ]
  const batch = { incarnation: 77, previous: { millis: 5, counter: 0 }, writes }

  it("come back as they were", () => {
    const back = unpackBatch(packBatch(batch))!
    assert.strictEqual(back.incarnation, 77)
    assert.deepStrictEqual(back.previous, batch.previous)
    assert.deepStrictEqual(
      back.writes.map(({ key, time, value }) => [[...key], time, value && [...value]]),
      writes.map(({ key, time, value }) => [[...key], time, value && [...value]])
    )
  })

  it("are none when cut off, empty, or when their times do not rise", () => {
    const bytes = packBatch(batch)
    for (let size = 0; size < bytes.length; size++) {
      const cut = unpackBatch(bytes.subarray(0, size))
      assert.isTrue(cut === undefined || cut.writes.length < 2)
    }
    assert.isUndefined(unpackBatch(packBatch({ ...batch, previous: { millis: 5, counter: 1 } })))
    assert.isUndefined(unpackBatch(packBatch({ ...batch, writes: [] })))
    assert.isUndefined(unpackBatch(packBatch({ ...batch, writes: writes.toReversed() })))
  })

  it("of noise are refused, or such as can be", () => {
    const random = generator("batches")
    for (let i = 0; i < 2000; i++) {
      const bytes = random.int(2) === 0 ? random.bytes(random.int(60)) : Uint8Array.from(packBatch(batch))
      if (bytes.length > 0) bytes[random.int(bytes.length)] = random.int(256)
      const back = unpackBatch(bytes)
      assert.isTrue(back === undefined || back.writes.length <= bytes.length / 10)
    }
  })
})

describe("meta", () => {
  it("comes back as it was, and is none when cut off", () => {
    const versions = new VersionVector()
    versions.raise(life, time)
    const meta = { isMap: true, purged: { millis: 3, counter: 4 }, clock: time, life, versions }
    const bytes = packMeta(meta)
    const back = unpackMeta(bytes)!
    assert.deepStrictEqual([back.isMap, back.purged, back.clock], [true, meta.purged, meta.clock])
    assert.strictEqual(back.life.key, life.key)
    assert.strictEqual(back.versions.hash, versions.hash)
    for (let size = 0; size < bytes.length - 26; size++) assert.isUndefined(unpackMeta(bytes.subarray(0, size)))
  })
})
