/** Items, and sets of them, for tests. */
import type { Item } from "../../../../src/replication/internal/reconciliation/items.ts"
import { Prefix } from "../../../../src/replication/internal/reconciliation/symbols.ts"
import type { Symbols } from "../../../../src/wire/ReconciliationMessage.ts"
import type { Generator } from "../../../support/generator.ts"

const twoTo32 = 0x1_0000_0000

export const anItem = (random: Generator): Item => ({ high: random.int(twoTo32), low: random.int(twoTo32) })

export const someItems = (random: Generator, count: number): Array<Item> =>
  Array.from({ length: count }, () => anItem(random))

/** The first `size` coded symbols of items. */
export const prefixOf = (items: Iterable<Item>, size: number): Prefix => {
  const prefix = new Prefix()
  prefix.grow(size, (f) => {
    for (const { high, low } of items) f(high, low)
  })
  return prefix
}

/** Symbols from an index up to another. */
export const slice = ({ checks, counts, sums }: Symbols, start: number, end: number): Symbols => ({
  sums: sums.subarray(2 * start, 2 * end),
  checks: checks.subarray(start, end),
  counts: counts.subarray(start, end)
})

export const columns = ({ checks, counts, size, sums }: Prefix) => ({
  sums: [...sums.subarray(0, 2 * size)],
  checks: [...checks.subarray(0, size)],
  counts: [...counts.subarray(0, size)]
})
