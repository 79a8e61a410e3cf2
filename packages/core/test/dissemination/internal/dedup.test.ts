import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import { Dedup } from "../../../src/dissemination/internal/dedup.ts"
import { between } from "../../support/arbitraries.ts"

describe("Dedup", () => {
  it("knows what it has heard for as long as the window", () => {
    const dedup = new Dedup(1000, 100, 0)
    dedup.add(1, 0)
    dedup.add(2, 2999)
    dedup.add(3, 3000)
    assert.isTrue(dedup.has(1) && dedup.has(2) && dedup.has(3))
    dedup.add(4, 6000)
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

  it("refuses what it may have forgotten though the time that copies were on their way is not in their ages", () => {
    const dedup = new Dedup(300_000, 1000, 0)
    const late = (id: number) => id * 7 % 900
    for (let id = 0; id < 5000; id++) {
      const now = 10 * id
      assert.isFalse(dedup.isTooOld(now, now))
      dedup.add(id, now)
      if (id % 100 > 0) continue
      for (let again = 0; again < id; again++) {
        const isNews = !dedup.has(again) && !dedup.isTooOld(Math.min(now, 10 * again + late(again)), now)
        assert.isFalse(isNews, `${again} at ${now}`)
      }
    }
    // nor at the end of the window
    const slow = new Dedup(5000, 1000, 0)
    slow.add(1, 5999)
    slow.add(2, 7001)
    slow.add(3, 12_100)
    assert.isTrue(slow.has(1) || slow.isTooOld(7050, 12_049))
    assert.isTrue(slow.has(2))
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
