import { assert, describe, it } from "@effect/vitest"
import { check } from "../../../../src/replication/internal/reconciliation/items.ts"
import { Mapping } from "../../../../src/replication/internal/reconciliation/symbols.ts"
import { generator } from "../../../support/generator.ts"
import { anItem, columns, prefixOf, someItems } from "./support.ts"

const indicesOf = (high: number, low: number, end: number): ReadonlyArray<number> => {
  const mapping = new Mapping()
  const indices: Array<number> = []
  for (mapping.reset(high, low); mapping.index < end; mapping.next()) indices.push(mapping.index)
  return indices
}

describe("a mapping", () => {
  it("goes to the symbol at index i with probability 1 / (1 + i/2)", () => {
    const random = generator("density")
    const count = 40_000
    const end = 400
    const hits = new Array<number>(end).fill(0)
    for (const { high, low } of someItems(random, count)) for (const i of indicesOf(high, low, end)) hits[i]!++
    assert.strictEqual(hits[0], count)
    for (let i = 1; i < end; i++) {
      const chance = 1 / (1 + i / 2)
      const deviation = Math.sqrt(chance * (1 - chance) / count)
      // the inverse of the gaps' distribution is an approximation, which is off by a twentieth at the first indices
      assert.approximately(hits[i]! / count, chance, 5 * deviation + chance * (i < 10 ? 0.05 : 0.01), `index ${i}`)
    }
  })

  it("goes to two symbols independently of each other", () => {
    const random = generator("pairs")
    const count = 40_000
    const both = new Map<string, number>()
    for (const { high, low } of someItems(random, count)) {
      const indices = indicesOf(high, low, 40)
      for (const i of [1, 2, 9]) {
        for (const j of [3, 10, 30]) {
          if (i < j && indices.includes(i) && indices.includes(j)) {
            both.set(`${i} ${j}`, (both.get(`${i} ${j}`) ?? 0) + 1)
          }
        }
      }
    }
    for (const [pair, hits] of both) {
      const [i, j] = pair.split(" ").map(Number) as [number, number]
      const chance = 1 / (1 + i / 2) / (1 + j / 2)
      assert.approximately(hits / count, chance, 5 * Math.sqrt(chance / count) + chance * 0.05, pair)
    }
  })

  it("always goes on, even that of nothing but zeros or ones", () => {
    for (const [high, low] of [[0, 0], [0xffff_ffff, 0xffff_ffff], [0, 1], [1, 0]] as const) {
      const indices = indicesOf(high, low, 100_000)
      assert.isTrue(indices.every((index, i) => i === 0 ? index === 0 : index > indices[i - 1]!), `${high}/${low}`)
    }
  })

  it("is the same on every engine", () => {
    assert.deepStrictEqual(indicesOf(0x01234567, 0x89abcdef, 500), [0, 1, 2, 3, 4, 6, 9, 12, 15, 18, 41, 369, 373])
  })
})

describe("a prefix of coded symbols", () => {
  it("holds in each symbol the items that map to it", () => {
    const items = someItems(generator("cells"), 50)
    const { checks, counts, sums } = prefixOf(items, 60)
    for (let index = 0; index < 60; index++) {
      const mapped = items.filter(({ high, low }) => indicesOf(high, low, 60).includes(index))
      assert.strictEqual(counts[index], mapped.length)
      assert.strictEqual(sums[2 * index], mapped.reduce((sum, { high }) => sum ^ high, 0) >>> 0)
      assert.strictEqual(sums[2 * index + 1], mapped.reduce((sum, { low }) => sum ^ low, 0) >>> 0)
      assert.strictEqual(checks[index], mapped.reduce((sum, { high, low }) => sum ^ check(high, low), 0) >>> 0)
    }
  })

  it("changes with its set to what it would have been made of", () => {
    const random = generator("toggle")
    const items = someItems(random, 100)
    const prefix = prefixOf(items, 200)
    for (let i = 0; i < 300; i++) {
      if (random.int(2) === 0) {
        const item = anItem(random)
        items.push(item)
        prefix.toggle(item.high, item.low, 1)
      } else {
        const [item] = items.splice(random.int(items.length), 1)
        if (item !== undefined) prefix.toggle(item.high, item.low, -1)
      }
    }
    assert.deepStrictEqual(columns(prefix), columns(prefixOf(items, 200)))
  })

  it("is the beginning of any longer one", () => {
    const items = someItems(generator("longer"), 100)
    const longer = columns(prefixOf(items, 300))
    assert.deepStrictEqual(columns(prefixOf(items, 20)), {
      sums: longer.sums.slice(0, 40),
      checks: longer.checks.slice(0, 20),
      counts: longer.counts.slice(0, 20)
    })
  })
})
