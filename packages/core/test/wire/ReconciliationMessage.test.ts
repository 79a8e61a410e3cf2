import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import {
  CodedSymbols,
  CompareReplicas,
  expectedCount,
  forEachEntry,
  maxDepth,
  maxEntries,
  maxRows,
  maxRowSize,
  nibble,
  packEntries,
  packItems,
  packRows,
  packSymbols,
  PageCompared,
  type Path,
  type Row,
  type Symbols,
  unpackItems,
  unpackRows,
  unpackSymbols
} from "../../src/wire/ReconciliationMessage.ts"
import { type Generator, generator } from "../support/generator.ts"

const word = (random: Generator) => random.pick([0, 1, 0x7fff_ffff, 0xffff_ffff, random.int(0x1_0000_0000)])

const entriesOf = (bytes: Uint8Array) => {
  const entries: Array<Array<number>> = []
  return { isWhole: forEachEntry(bytes, (entry) => entries.push([...entry])), entries }
}

describe("items", () => {
  it("come back as they were, 8 bytes each, the most significant first", () => {
    assert.deepStrictEqual([...packItems(Uint32Array.of(0x01020304, 0x05060708))], [1, 2, 3, 4, 5, 6, 7, 8])
    const random = generator("items")
    for (let i = 0; i < 100; i++) {
      const items = Uint32Array.from({ length: 2 * random.int(20) }, () => word(random))
      assert.deepStrictEqual(unpackItems(packItems(items)), items)
    }
  })

  it("in a message are whole", () => {
    const accepts = Schema.is(PageCompared)
    assert.isTrue(accepts({ _tag: "PageCompared", wants: new Uint8Array(16), to: new Uint8Array(8) }))
    assert.isFalse(accepts({ _tag: "PageCompared", wants: new Uint8Array(15) }))
    assert.isFalse(accepts({ _tag: "PageCompared", to: new Uint8Array(16) }))
  })
})

describe("entries", () => {
  it("are at most maxEntries in a message, however short", () => {
    const most = new Uint8Array(maxEntries)
    assert.strictEqual(entriesOf(most).isWhole, true)
    const { entries, isWhole } = entriesOf(new Uint8Array(maxEntries + 1))
    assert.deepStrictEqual([isWhole, entries.length], [false, maxEntries])
  })

  it("come back as they were", () => {
    const random = generator("entries")
    for (let i = 0; i < 100; i++) {
      const entries = Array.from(
        { length: random.int(8) },
        () => random.bytes(random.pick([0, 1, 127, 128, 200, 20_000]))
      )
      assert.deepStrictEqual(entriesOf(packEntries(entries)), {
        isWhole: true,
        entries: entries.map((entry) => [...entry])
      })
    }
  })

  it("that are cut off are told as far as they are whole", () => {
    const bytes = packEntries([Uint8Array.of(1, 2), Uint8Array.of(3, 4, 5)])
    assert.deepStrictEqual(entriesOf(bytes.subarray(0, 6)), { isWhole: false, entries: [[1, 2]] })
    assert.deepStrictEqual(entriesOf(Uint8Array.of(1, 7, 255, 255, 255, 255, 255, 255, 255)), {
      isWhole: false,
      entries: [[7]]
    })
  })
})

const aPath = (random: Generator, depth: number): Path => {
  const words = [0, 0, 0]
  for (let i = 0; i < depth; i++) words[i >>> 3]! |= random.int(16) << (28 - 4 * (i & 7))
  return { depth, position: words[0]! >>> 0, high: words[1]! >>> 0, low: words[2]! >>> 0 }
}

const aRow = (random: Generator, depth: number): Row => {
  const kinds = Uint8Array.from({ length: 16 }, () => random.int(depth === maxDepth - 1 ? 2 : 3))
  return {
    path: aPath(random, depth),
    kinds,
    sums: Uint32Array.from({ length: 32 }, (_, i) => kinds[i >>> 1] === 0 ? 0 : word(random))
  }
}

describe("rows", () => {
  it("come back as they were, at any depth, in at most 145 bytes", () => {
    assert.strictEqual(maxRowSize, 145)
    const random = generator("rows")
    for (let depth = 0; depth < maxDepth; depth++) {
      const rows = Array.from({ length: 10 }, () => aRow(random, depth))
      const bytes = packRows(rows)
      assert.isAtMost(bytes.length, 10 * maxRowSize)
      assert.deepStrictEqual(unpackRows(bytes), rows)
    }
  })

  it("with bits beyond their depth, below the deepest or of no kind are none", () => {
    const row = aRow(generator("row"), 3)
    const bytes = packRows([row])
    assert.isDefined(unpackRows(bytes))
    const spoiled = (index: number, byte: number) => {
      const copy = Uint8Array.from(bytes)
      copy[index] = byte
      return unpackRows(copy)
    }
    assert.isUndefined(spoiled(2, bytes[2]! | 1))
    assert.isUndefined(spoiled(0, 24))
    assert.isUndefined(spoiled(3, 0xff))
    const deepest = packRows([aRow(generator("deep"), 23)])
    deepest[13]! |= 2
    deepest[13]! &= 0xfe
    assert.isUndefined(unpackRows(deepest))
  })

  it("that are cut off are none", () => {
    const random = generator("cut")
    const rows = [aRow(random, 5), aRow(random, 2)]
    const bytes = packRows(rows)
    const first = packRows(rows.slice(0, 1)).length
    for (let size = 1; size < bytes.length; size++) {
      if (size !== first) assert.isUndefined(unpackRows(bytes.subarray(0, size)), `${size}`)
    }
  })

  it("are read up to a limit, since short ones take many times their size", () => {
    const short = Uint8Array.from([0, 0, 0, 0, 0])
    const many = new Uint8Array((maxRows + 1) * short.length)
    assert.isUndefined(unpackRows(many))
    assert.strictEqual(unpackRows(many.subarray(short.length))?.length, maxRows)
  })

  it("of noise are none, or such as can be", () => {
    const random = generator("noise")
    let none = 0
    for (let i = 0; i < 3000; i++) {
      const rows = unpackRows(random.bytes(random.int(60)))
      if (rows === undefined) none++
      for (const { kinds, path, sums } of rows ?? []) {
        assert.isBelow(path.depth, maxDepth)
        assert.strictEqual(nibble(path, path.depth), 0)
        kinds.forEach((kind, child) => {
          if (kind === 0) assert.strictEqual(sums[2 * child]! + sums[2 * child + 1]!, 0)
        })
      }
    }
    assert.isAbove(none, 1500)
  })
})

const someSymbols = (random: Generator, size: number, total: number): Symbols => ({
  sums: Uint32Array.from({ length: 2 * size }, () => word(random)),
  checks: Uint32Array.from({ length: size }, () => word(random)),
  counts: Int32Array.from({ length: size }, () => random.int(total + 1))
})

describe("coded symbols", () => {
  it("come back as they were, from any index on", () => {
    const random = generator("symbols")
    for (let i = 0; i < 200; i++) {
      const [size, total] = [random.int(20), random.pick([0, 1, 100, 100_000, 0x7fff_ffff])]
      const symbols = someSymbols(random, size, total)
      const start = random.int(size + 1)
      const bytes = packSymbols(symbols, start, size, total)
      const unpacked = unpackSymbols(bytes, start, total)
      assert.deepStrictEqual(unpacked?.sums, symbols.sums.slice(2 * start))
      assert.deepStrictEqual(unpacked?.checks, symbols.checks.slice(start))
      assert.deepStrictEqual(unpacked?.counts, symbols.counts.slice(start))
    }
  })

  it("take 13 bytes where as many items map to them as is to be expected, and 14 where not quite", () => {
    const [size, total] = [200, 100_000]
    const symbols = {
      ...someSymbols(generator("size"), size, total),
      counts: Int32Array.from({ length: size }, (_, i) => expectedCount(total, i))
    }
    assert.strictEqual(packSymbols(symbols, 0, size, total).length, 13 * size)
    const others = { ...symbols, counts: symbols.counts.map((count) => count - 300) }
    assert.strictEqual(packSymbols(others, 0, size, total).length, 14 * size)
  })

  it("that are cut off, or that count what cannot be, are none", () => {
    const symbols = someSymbols(generator("cut"), 1, 10)
    const bytes = packSymbols(symbols, 0, 1, 10)
    for (let size = 1; size < bytes.length; size++) assert.isUndefined(unpackSymbols(bytes.subarray(0, size), 0, 10))
    const counts = (count: number) =>
      unpackSymbols(packSymbols({ ...symbols, counts: Int32Array.of(count) }, 0, 1, 10), 0, 10)
    assert.isDefined(counts(10))
    assert.isDefined(counts(0))
    assert.isUndefined(counts(11))
    assert.isUndefined(counts(-1))
  })
})

describe("messages", () => {
  it("are refused with numbers out of range and sums of another size", () => {
    const accepts = Schema.is(CompareReplicas)
    const message = { _tag: "CompareReplicas", count: 1, sum: new Uint8Array(12), strategy: 3 }
    assert.isTrue(accepts(message))
    assert.isFalse(accepts({ ...message, strategy: 4 }))
    assert.isFalse(accepts({ ...message, count: -1 }))
    assert.isFalse(accepts({ ...message, count: 2 ** 31 }))
    assert.isFalse(accepts({ ...message, sum: new Uint8Array(8) }))
    assert.isFalse(
      Schema.is(CodedSymbols)({ _tag: "CodedSymbols", count: 1, symbols: new Uint8Array(0), sequence: 2 ** 48 })
    )
  })
})
