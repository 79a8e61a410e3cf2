import { assert, describe, it } from "@effect/vitest"
import { compare, type Item } from "../../../../src/replication/internal/reconciliation/items.ts"
import { ItemTable } from "../../../../src/replication/internal/reconciliation/itemTable.ts"
import { type Generator, generator } from "../../../support/generator.ts"
import { anItem } from "./support.ts"

const byItem = (a: Item, b: Item) => compare(a.high, a.low, b.high, b.low)

/** A table, and the same in an array. */
const run = (random: Generator, steps: number, draw: (random: Generator) => Item, most: number) => {
  const slots = { highs: new Uint32Array(steps), lows: new Uint32Array(steps) }
  const table = new ItemTable(() => slots)
  const model: Array<Item & { readonly slot: number }> = []
  for (let slot = 0; slot < steps; slot++) {
    const item = draw(random)
    const held = model.find((other) => byItem(other, item) === 0)
    assert.strictEqual(table.find(item.high, item.low), held?.slot ?? -1)
    if (held === undefined && model.length < most) {
      slots.highs[slot] = item.high
      slots.lows[slot] = item.low
      table.add(slot)
      model.push({ ...item, slot })
    }
    if (model.length > 0 && random.int(100) < 45) {
      const [removed] = model.splice(random.int(model.length), 1)
      table.remove(removed!.slot)
    }
    assert.strictEqual(table.size, model.length)
  }
  return { table, model }
}

const slotsFrom = (table: ItemTable, { high, low }: Item, count = Infinity) => {
  const slots: Array<number> = []
  table.forEachFrom(high, low, (slot) => {
    slots.push(slot)
    return slots.length < count
  })
  return slots
}

describe("a table of items", () => {
  for (
    const [name, draw] of [
      ["spread evenly", anItem],
      ["of few values", (random: Generator) => ({ high: random.int(30) * 0x0800_0000, low: random.int(30) })],
      ["at its end", (random: Generator) => ({ high: 0xffff_ffff - random.int(3), low: random.int(200) })]
    ] as const
  ) {
    it(`has all that was added and not removed, in order, when they are ${name}`, () => {
      const random = generator(name)
      const { model, table } = run(random, 3000, draw, 400)
      model.sort(byItem)
      assert.isAbove(model.length, 20)
      for (const { high, low, slot } of model) assert.strictEqual(table.find(high, low), slot)
      assert.deepStrictEqual(slotsFrom(table, { high: 0, low: 0 }), model.map(({ slot }) => slot))
      for (let i = 0; i < 200; i++) {
        const from = random.int(2) === 0 ? draw(random) : random.pick(model)
        const expected = model.filter((item) => byItem(item, from) >= 0).map(({ slot }) => slot)
        assert.deepStrictEqual(slotsFrom(table, from), expected)
        assert.deepStrictEqual(slotsFrom(table, from, 3), expected.slice(0, 3))
      }
    })
  }

  it("can be emptied and filled again", () => {
    const random = generator("again")
    const { model, table } = run(random, 1000, anItem, 1000)
    for (const { slot } of model) table.remove(slot)
    assert.deepStrictEqual(slotsFrom(table, { high: 0, low: 0 }), [])
    for (const { slot } of model) table.add(slot)
    assert.strictEqual(slotsFrom(table, { high: 0, low: 0 }).length, model.length)
  })
})
