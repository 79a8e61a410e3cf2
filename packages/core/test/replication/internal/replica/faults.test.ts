import { assert, describe, it } from "@effect/vitest"
import { during } from "../../../planted/plant.ts"
import { bugs } from "./bugs.ts"
import { search } from "./search.ts"

const seeds = 1000

describe("replicas under faults", () => {
  it(`neither bring back what was deleted, nor lose a write, nor call one stable too early: ${seeds} seeds`, () => {
    assert.deepStrictEqual(search(0, seeds), undefined)
  }, 300_000)
})

describe("the search", () => {
  for (const { finds, from = 0, name, plant } of bugs) {
    it(`finds that ${name}`, () => {
      const found = during(plant, () => search(from, seeds))
      assert.match(found?.problems[0] ?? "nothing", finds)
    }, 60_000)
  }
})
