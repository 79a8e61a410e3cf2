import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import { Dedup } from "../../../src/dissemination/internal/dedup.ts"
import { between } from "../../support/arbitraries.ts"

describe("Dedup", () => {
  it("knows what it has heard for as long as the window", () => {
    const dedup = new Dedup(1000, 100, 0)
    dedup.add(1, 0)
    dedup.add(2, 999)
    dedup.add(3, 1000)
    assert.isTrue(dedup.has(1) && dedup.has(2) && dedup.has(3))
    dedup.add(4, 2000)
    assert.isFalse(dedup.has(1))
    assert.isTrue(dedup.has(3))
  })

  it("refuses what is older than the window", () => {
    const dedup = new Dedup(1000, 100, 0)
    assert.isFalse(dedup.isTooOld(0, 999))
    assert.isTrue(dedup.isTooOld(0, 1000))
  })

  it("holds no more than it has room for, and refuses what it may have forgotten for that", () => {
    const dedup = new Dedup(1_000_000, 10, 0)
    for (let id = 0; id < 100; id++) dedup.add(id, id)
    assert.isAtMost(dedup.size, 10)
    assert.isTrue(dedup.has(99) && dedup.has(95))
    assert.isFalse(dedup.has(80))
    assert.isTrue(dedup.isTooOld(80, 100))
    assert.isFalse(dedup.isTooOld(99, 100))
  })

  it.prop(
    "never takes for news what it has heard",
    {
      window: Arbitrary.schema(between(1, 300)),
      capacity: Arbitrary.schema(between(1, 20)),
      steps: Arbitrary.array(
        Arbitrary.all({
          wait: Arbitrary.schema(between(0, 60)),
          id: Arbitrary.schema(between(0, 60)),
          age: Arbitrary.schema(between(0, 400))
        }),
        { maxLength: 200 }
      )
    },
    ({ capacity, steps, window }) => {
      const dedup = new Dedup(window, capacity, 0)
      /** When each was born; an id is that of one rumor alone. */
      const born = new Map<number, number>()
      const heard = new Set<number>()
      let now = 0
      for (const { age, id, wait } of steps) {
        now += wait
        const bornAt = born.get(id) ?? now - age
        born.set(id, bornAt)
        if (dedup.has(id) || dedup.isTooOld(bornAt, now)) continue
        assert.isFalse(heard.has(id), `${id} at ${now}`)
        heard.add(id)
        dedup.add(id, now)
        assert.isAtMost(dedup.size, Math.max(2, capacity))
      }
    },
    { arbitrary: { runs: 500 } }
  )

  it("knows what another knew", () => {
    const dedup = new Dedup(1000, 4, 0)
    for (let id = 0; id < 10; id++) dedup.add(id, id)
    const heir = new Dedup(1000, 4, 10)
    heir.inherit(dedup)
    for (let id = 0; id < 10; id++) {
      assert.strictEqual(heir.has(id), dedup.has(id))
      assert.strictEqual(heir.isTooOld(id, 10), dedup.isTooOld(id, 10))
    }
  })
})
