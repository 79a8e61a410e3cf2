import { assert, describe, it } from "@effect/vitest"
import { check, compare, hash, ItemQueue, keyOf } from "../../../../src/replication/internal/reconciliation/items.ts"
import { generator } from "../../../support/generator.ts"

const hex = (words: ReadonlyArray<number>) =>
  words.flatMap((word) => [word, word >>> 8, word >>> 16, word >>> 24])
    .map((byte) => (byte & 0xff).toString(16).padStart(2, "0")).join("")

describe("hash", () => {
  it("is HalfSipHash-2-4 of 64 bits, by the vectors of its reference implementation", () => {
    const vectors = new Map([
      [0, "218d1f59b9b83cc8"],
      [1, "be552412f8387315"],
      [2, "064f39ef7c50eb57"],
      [3, "ce0f1a45f7060679"],
      [4, "d5e78a175be52ea1"],
      [7, "ff202728b07bc684"],
      [8, "edfee820bce4858c"],
      [63, "2ea63c71bf326087"]
    ])
    for (const [length, expected] of vectors) {
      const { high, low } = hash([0x03020100, 0x07060504], Uint8Array.from({ length }, (_, index) => index))
      assert.strictEqual(hex([low, high]), expected, `${length} bytes`)
    }
  })

  it("is another for another key, another byte and another length", () => {
    const bytes = Uint8Array.of(1, 2, 3, 4)
    const hashes = [
      hash([1, 2], bytes),
      hash([1, 3], bytes),
      hash([2, 2], bytes),
      hash([1, 2], Uint8Array.of(1, 2, 3, 5)),
      hash([1, 2], Uint8Array.of(1, 2, 3, 4, 0)),
      hash([1, 2], Uint8Array.of(1, 2, 3))
    ]
    assert.strictEqual(new Set(hashes.map(({ high, low }) => `${high}/${low}`)).size, hashes.length)
  })
})

describe("check", () => {
  it("of an exclusive or is not the exclusive or of the checks", () => {
    const random = generator("check")
    for (let i = 0; i < 1000; i++) {
      const [a, b, c, d] = [0, 0, 0, 0].map(() => random.int(0x1_0000_0000)) as [number, number, number, number]
      assert.notStrictEqual(check((a ^ c) >>> 0, (b ^ d) >>> 0), (check(a, b) ^ check(c, d)) >>> 0)
    }
  })

  it("changes in half of its bits with any bit of an item", () => {
    const random = generator("bits")
    for (let bit = 0; bit < 64; bit++) {
      let changed = 0
      for (let i = 0; i < 200; i++) {
        const [high, low] = [random.int(0x1_0000_0000), random.int(0x1_0000_0000)]
        const [otherHigh, otherLow] = bit < 32 ? [high, (low ^ (1 << bit)) >>> 0] : [(high ^ (1 << bit)) >>> 0, low]
        for (let rest = check(high, low) ^ check(otherHigh, otherLow); rest !== 0; rest &= rest - 1) changed++
      }
      assert.approximately(changed / 200, 16, 1.5, `bit ${bit}`)
    }
  })
})

describe("compare", () => {
  it("orders by the higher half first, as numbers without sign", () => {
    assert.isBelow(compare(1, 0xffff_ffff, 2, 0), 0)
    assert.isAbove(compare(0xffff_ffff, 0, 1, 0), 0)
    assert.isBelow(compare(7, 1, 7, 0x8000_0000), 0)
    assert.strictEqual(compare(7, 7, 7, 7), 0)
  })
})

describe("keyOf", () => {
  it("is a whole number that JavaScript has", () => {
    assert.strictEqual(keyOf(0xffff_ffff, 0xffff_ffff), Number.MAX_SAFE_INTEGER)
    assert.notStrictEqual(keyOf(1, 0), keyOf(0, 1))
  })
})

describe("a queue of items", () => {
  it("gives what was put in, in that order, whatever is taken meanwhile", () => {
    const random = generator("queue")
    const queue = new ItemQueue()
    const model: Array<number> = []
    for (let i = 0; i < 5000; i++) {
      if (random.int(5) < 3) {
        queue.push(i, i + 1)
        model.push(i)
      } else {
        const count = random.int(8)
        assert.deepStrictEqual([...queue.peek(count)], model.slice(0, count).flatMap((n) => [n, n + 1]))
        queue.drop(count)
        model.splice(0, count)
      }
      assert.strictEqual(queue.size, model.length)
    }
  })
})
