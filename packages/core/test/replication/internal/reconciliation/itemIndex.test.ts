import { assert, describe, it } from "@effect/vitest"
import { ItemIndex } from "../../../../src/replication/internal/reconciliation/itemIndex.ts"
import { check, compare, type Item } from "../../../../src/replication/internal/reconciliation/items.ts"
import { childOf, root } from "../../../../src/replication/internal/reconciliation/merkle.ts"
import { children, nibble, type Path } from "../../../../src/wire/ReconciliationMessage.ts"
import { type Generator, generator } from "../../../support/generator.ts"
import { anItem, columns, prefixOf } from "./support.ts"

interface Held extends Item {
  readonly position: number
  readonly key: string
}

const nameOf = ({ high, low }: Item) => `${high}/${low}`

const byItem = (a: Item, b: Item) => compare(a.high, a.low, b.high, b.low)

/** An index, and the same in an array. */
const run = (random: Generator, steps: number, removing: number, positionOf: (item: Item) => number) => {
  const index = new ItemIndex<string>(7)
  const held: Array<Held> = []
  for (let i = 0; i < steps; i++) {
    if (random.int(100) < removing && held.length > 0) {
      const [item] = held.splice(random.int(held.length), 1)
      assert.isTrue(index.remove(item!))
      assert.isFalse(index.remove(item!))
    } else {
      const item = anItem(random)
      const position = positionOf(item)
      assert.isTrue(index.add(item, position, `key ${i}`))
      assert.isFalse(index.add(item, position, "another"))
      held.push({ ...item, position, key: `key ${i}` })
    }
  }
  return { index, held }
}

const isBelow = (path: Path, { high, low, position }: Held): boolean => {
  for (let i = 0; i < path.depth; i++) {
    if (nibble({ depth: 24, position, high, low }, i) !== nibble(path, i)) return false
  }
  return true
}

const expectRow = (index: ItemIndex<string>, held: ReadonlyArray<Held>, path: Path) => {
  const { kinds, sums } = index.row(path)
  for (let child = 0; child < children; child++) {
    const below = held.filter((item) => isBelow(childOf(path, child), item))
    assert.strictEqual(kinds[child], Math.min(below.length, 2))
    assert.strictEqual(sums[2 * child], below.reduce((sum, { high }) => sum ^ high, 0) >>> 0)
    assert.strictEqual(sums[2 * child + 1], below.reduce((sum, { low }) => sum ^ low, 0) >>> 0)
    const told: Array<string> = []
    index.forEachBelow(childOf(path, child), (high, low) => told.push(nameOf({ high, low })))
    assert.deepStrictEqual(told.sort(), below.map(nameOf).sort())
  }
}

describe("an index of items", () => {
  for (
    const [name, removing, positionOf] of [
      ["that grows", 20, (item: Item) => (item.high ^ 0x5555_5555) >>> 0],
      ["that shrinks again", 50, (item: Item) => (item.high ^ 0x5555_5555) >>> 0],
      ["whose keys are close to each other", 30, (item: Item) => 0xabcd_e000 + (item.high & 0x1f)],
      ["whose keys have one hash", 30, () => 42]
    ] as const
  ) {
    it(`${name} is what its items make it`, () => {
      const random = generator(name)
      const { held, index } = run(random, 2000, removing, positionOf)
      assert.strictEqual(index.size, held.length)
      assert.deepStrictEqual(index.summary, {
        count: held.length,
        high: held.reduce((sum, { high }) => sum ^ high, 0) >>> 0,
        low: held.reduce((sum, { low }) => sum ^ low, 0) >>> 0,
        checked: held.reduce((sum, { high, low }) => sum ^ check(high, low), 0) >>> 0
      })
      for (const { high, key, low } of held) assert.strictEqual(index.get(high, low), key)
      for (let i = 0; i < 100; i++) {
        const { high, low } = anItem(random)
        assert.isFalse(index.has(high, low))
        assert.isUndefined(index.get(high, low))
      }
      const inOrder: Array<string> = []
      index.forEachFrom({ high: 0, low: 0 }, (high, low) => inOrder.push(nameOf({ high, low })) > 0)
      assert.deepStrictEqual(inOrder, held.toSorted(byItem).map(nameOf))
      assert.deepStrictEqual(columns(index.symbols(500)), columns(prefixOf(held, index.symbols(500).size)))
    })

    it(`${name} has a hash tree at every depth`, () => {
      const random = generator(`tree ${name}`)
      const { held, index } = run(random, 600, removing, positionOf)
      expectRow(index, held, root)
      for (let i = 0; i < 20; i++) {
        const item = random.pick(held)
        let path = root
        for (const depth = 1 + random.int(23); path.depth < depth;) {
          path = childOf(path, nibble({ depth: 24, ...item }, path.depth))
          if (random.int(8) === 0) expectRow(index, held, path)
        }
        expectRow(index, held, path)
      }
    })
  }

  it("takes up where it was when all is gone", () => {
    const random = generator("gone")
    const { held, index } = run(random, 5000, 0, (item) => item.low)
    for (const item of held) index.remove(item)
    assert.deepStrictEqual(index.summary, { count: 0, high: 0, low: 0, checked: 0 })
    assert.deepStrictEqual(columns(index.symbols(1)), columns(prefixOf([], index.symbols(1).size)))
    for (const item of held) index.add(item, item.position, item.key)
    expectRow(index, held, root)
  })

  it("keeps its coded symbols up with what changes", () => {
    const random = generator("symbols")
    const { held, index } = run(random, 300, 20, (item) => item.high)
    index.symbols(2000)
    for (let i = 0; i < 200; i++) {
      const item = anItem(random)
      index.add(item, item.high, "")
      held.push({ ...item, position: item.high, key: "" })
      const [removed] = held.splice(random.int(held.length), 1)
      index.remove(removed!)
    }
    const { size } = index.symbols(2000)
    assert.isAtLeast(size, 2000)
    assert.deepStrictEqual(columns(index.symbols(2000)), columns(prefixOf(held, size)))
  })
})

describe("changes", () => {
  const since = (index: ItemIndex<string>, sequence: number) => {
    const changes: Array<string> = []
    index.forEachSince(sequence, (high, low, sign) => changes.push(`${sign} ${nameOf({ high, low })}`))
    return changes.sort()
  }

  it("are told by what they came to", () => {
    const random = generator("changes")
    const index = new ItemIndex<string>(1)
    const [a, b, c] = [anItem(random), anItem(random), anItem(random)]
    index.add(a, 0, "a")
    const { sequence } = index
    assert.deepStrictEqual(since(index, sequence), [])
    index.add(b, 0, "b")
    index.remove(a)
    index.add(c, 0, "c")
    index.remove(c)
    assert.deepStrictEqual(since(index, sequence), [`-1 ${nameOf(a)}`, `1 ${nameOf(b)}`])
    index.add(a, 0, "a")
    assert.deepStrictEqual(since(index, sequence), [`1 ${nameOf(b)}`])
  })

  it("are remembered as far as there is room", () => {
    const random = generator("room")
    const index = new ItemIndex<string>(1, { logCapacity: 10 })
    const items = Array.from({ length: 15 }, () => anItem(random))
    for (const item of items) index.add(item, 0, "")
    assert.isFalse(index.remembers(4))
    assert.isTrue(index.remembers(5))
    assert.isTrue(index.remembers(15))
    assert.isFalse(index.remembers(16))
    assert.deepStrictEqual(since(index, 5), items.slice(5).map((item) => `1 ${nameOf(item)}`).sort())
  })

  it("have the latest items first, of those that are still held", () => {
    const random = generator("recent")
    const index = new ItemIndex<string>(1, { logCapacity: 10 })
    const items = Array.from({ length: 8 }, () => anItem(random))
    const recent = (count: number) => {
      const packed = index.recent(count)
      return Array.from(
        { length: packed.length / 2 },
        (_, i) => items.findIndex((item) => item.high === packed[2 * i] && item.low === packed[2 * i + 1])
      )
    }
    for (const item of items) index.add(item, 0, "")
    assert.deepStrictEqual(recent(3), [7, 6, 5])
    index.remove(items[6]!)
    index.add(items[6]!, 0, "")
    index.remove(items[5]!)
    // the first ones are forgotten
    assert.deepStrictEqual(recent(100), [6, 7, 4, 3, 2, 1])
  })
})
