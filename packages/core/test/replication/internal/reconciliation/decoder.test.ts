import { assert, describe, it } from "@effect/vitest"
import { Decoder } from "../../../../src/replication/internal/reconciliation/decoder.ts"
import type { Item } from "../../../../src/replication/internal/reconciliation/items.ts"
import { type Generator, generator } from "../../../support/generator.ts"
import { anItem, prefixOf, slice, someItems } from "./support.ts"

const found = ({ found }: Decoder) => [...found.values()].map(({ high, low, side }) => `${side} ${high}/${low}`).sort()

const named = (side: number, items: ReadonlyArray<Item>) => items.map(({ high, low }) => `${side} ${high}/${low}`)

/** Decodes, symbol by symbol or by so many at once. Returns how many it took. */
const decode = (theirs: ReadonlyArray<Item>, own: ReadonlyArray<Item>, batch = 1) => {
  const decoder = new Decoder()
  let size = 64
  let [their, ours] = [prefixOf(theirs, size), prefixOf(own, size)]
  while (!decoder.isDecoded && !decoder.isInconsistent) {
    if (decoder.size + batch > size) {
      size *= 2
      ;[their, ours] = [prefixOf(theirs, size), prefixOf(own, size)]
    }
    decoder.add(slice(their, decoder.size, decoder.size + batch), ours)
  }
  return decoder
}

const differing = (random: Generator, common: number, theirs: number, own: number) => {
  const shared = someItems(random, common)
  const [onlyTheirs, onlyOwn] = [someItems(random, theirs), someItems(random, own)]
  return { theirs: [...shared, ...onlyTheirs], own: [...onlyOwn, ...shared], onlyTheirs, onlyOwn }
}

const mean = (values: ReadonlyArray<number>) => values.reduce((sum, value) => sum + value, 0) / values.length

describe("the decoder", () => {
  it("finds what either of two sets lacks, and which", () => {
    const random = generator("decode")
    for (let run = 0; run < 200; run++) {
      const { onlyOwn, onlyTheirs, own, theirs } = differing(random, random.int(60), random.int(20), random.int(20))
      const decoder = decode(theirs, own, 1 + random.int(5))
      assert.isFalse(decoder.isInconsistent)
      assert.deepStrictEqual(found(decoder), [...named(1, onlyTheirs), ...named(-1, onlyOwn)].sort())
    }
  })

  it("needs one symbol for equal sets, and for one item", () => {
    const random = generator("one")
    const { own } = differing(random, 0, 0, 100)
    assert.strictEqual(decode(own, own).size, 1)
    assert.strictEqual(decode([...own, anItem(random)], own).size, 1)
    assert.strictEqual(decode([], []).size, 1)
  })

  it("needs less than 1.5 symbols an item from 100 on, and less than 1.4 from 1000, on average", () => {
    const random = generator("overhead")
    const overhead = (count: number, runs: number) =>
      mean(Array.from({ length: runs }, () => {
        const { own, theirs } = differing(random, 0, Math.ceil(count / 2), Math.floor(count / 2))
        return decode(theirs, own).size / count
      }))
    assert.isBelow(overhead(100, 60), 1.5)
    assert.isBelow(overhead(1000, 8), 1.4)
    // few take more: the paper has 1.72 at the worst (§5)
    assert.isBelow(overhead(4, 200), 2)
  }, 60_000)

  it("knows about how much differs before any of it is found", () => {
    const random = generator("estimate")
    const estimates: Array<number> = []
    for (let run = 0; run < 20; run++) {
      const { own, theirs } = differing(random, 100, 1500, 500)
      const decoder = new Decoder()
      decoder.add(slice(prefixOf(theirs, 128), 0, 128), prefixOf(own, 128))
      assert.strictEqual(decoder.found.size, 0)
      estimates.push(decoder.estimate)
    }
    assert.approximately(mean(estimates), 2000, 150)
    // one standard deviation is an eighth
    for (const estimate of estimates) assert.approximately(estimate, 2000, 800)
  })

  it("makes up for what changes between two batches, on either side", () => {
    const random = generator("change")
    for (let run = 0; run < 100; run++) {
      const { own, theirs } = differing(random, 30, random.int(20), random.int(20))
      const decoder = new Decoder()
      for (let at = 0; !decoder.isDecoded; at += 4) {
        decoder.add(slice(prefixOf(theirs, at + 4), at, at + 4), prefixOf(own, at + 4))
        for (let change = at < 40 ? random.int(3) : 0; change > 0; change--) {
          const side = random.int(2) === 0 ? 1 : -1
          const [set, other] = side === 1 ? [theirs, own] : [own, theirs]
          const has = (items: ReadonlyArray<Item>, { high, low }: Item) =>
            items.some((item) => item.high === high && item.low === low)
          if (random.int(2) === 0 && set.length > 0) {
            const [item] = set.splice(random.int(set.length), 1)
            decoder.change(item!.high, item!.low, side, -1)
          } else {
            // as when an entry of the other comes by another way
            const item = other.length > 0 && random.int(2) === 0 ? random.pick(other) : anItem(random)
            if (has(set, item)) continue
            set.push(item)
            decoder.change(item.high, item.low, side, 1)
          }
        }
      }
      const names = (items: ReadonlyArray<Item>) => new Set(items.map(({ high, low }) => `${high}/${low}`))
      const [theirNames, ownNames] = [names(theirs), names(own)]
      assert.isFalse(decoder.isInconsistent)
      assert.deepStrictEqual(
        found(decoder),
        [
          ...[...theirNames].filter((name) => !ownNames.has(name)).map((name) => `1 ${name}`),
          ...[...ownNames].filter((name) => !theirNames.has(name)).map((name) => `-1 ${name}`)
        ].sort()
      )
    }
  })

  it("comes to an end with whatever it is given, and finds no more than there are symbols", () => {
    const random = generator("hostile")
    const own = prefixOf(someItems(random, 20), 512)
    for (let run = 0; run < 300; run++) {
      const decoder = new Decoder()
      const honest = prefixOf(someItems(random, 20 + random.int(40)), 512)
      while (decoder.size < 500 && !decoder.isDecoded && !decoder.isInconsistent) {
        const batch = 1 + random.int(12)
        const symbols = slice(honest, decoder.size, decoder.size + batch)
        const broken = {
          sums: symbols.sums.map((sum) => random.int(8) === 0 ? sum ^ (1 << random.int(32)) : sum),
          checks: symbols.checks.map((check) => random.int(8) === 0 ? check ^ 1 : check),
          counts: symbols.counts.map((count) => random.int(4) === 0 ? count + random.int(5) - 2 : count)
        }
        decoder.add(broken, own)
        assert.isAtMost(decoder.found.size, decoder.size)
      }
    }
  })

  it("calls symbols inconsistent by which an item would be found again and again", () => {
    const [item] = someItems(generator("again"), 1) as [Item]
    const alone = prefixOf([item], 40)
    const none = prefixOf([], 40)
    const decoder = new Decoder()
    // every symbol holds the item, also those that it does not map to
    decoder.add({
      sums: Uint32Array.from({ length: 80 }, (_, i) => i % 2 === 0 ? item.high : item.low),
      checks: new Uint32Array(40).fill(alone.checks[0]!),
      counts: new Int32Array(40).fill(1)
    }, none)
    assert.isTrue(decoder.isInconsistent)
  })
})
