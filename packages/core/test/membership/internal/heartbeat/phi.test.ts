import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import { ArrivalWindow, silenceAt } from "../../../../src/membership/internal/heartbeat/phi.ts"
import { between } from "../../../support/arbitraries.ts"

const expected = { prior: 2000, floor: 1000 }

/** A window that has heard of a member each `interval`, and the time of the last arrival. */
const regular = (interval: number, count: number, capacity = 1000) => {
  const window = new ArrivalWindow(capacity, 0)
  for (let i = 1; i <= count; i++) window.arrived(i * interval, expected.prior)
  return { window, last: count * interval }
}

const intervals = Arbitrary.array(Arbitrary.schema(between(0, 10_000)), { maxLength: 50 })

describe("phi", () => {
  it("is 1 when a silence as long had a chance of one in ten, and 8 after 18.4 mean intervals", () => {
    const { last, window } = regular(1000, 1000)
    const mean = window.mean(expected)
    // the prior of 2 s still counts for 5 of 1005
    assert.approximately(mean, 1005, 1)
    assert.approximately(window.phi(last + mean * Math.LN10, expected), 1, 1e-9)
    assert.approximately(window.phi(last + 18.42 * mean, expected), 8, 0.001)
    assert.approximately(silenceAt(8), 18.42, 0.001)
  })

  it("takes no mean for longer than what is expected at most, whatever was sampled in a larger cluster", () => {
    const window = new ArrivalWindow(1000, 0)
    for (let i = 1; i <= 100; i++) window.arrived(i * 16_000, 16_000)
    assert.strictEqual(window.mean({ prior: 16_000, floor: 8000 }), 16_000)
    assert.strictEqual(window.mean(expected), expected.prior)
  })

  it.prop(
    "never falls while nothing is heard, and starts at 0",
    { intervals, silence: Arbitrary.array(Arbitrary.schema(between(0, 100_000)), { minLength: 1, maxLength: 20 }) },
    ({ intervals, silence }) => {
      const window = new ArrivalWindow(10, 0)
      let now = 0
      for (const interval of intervals) window.arrived(now += interval, expected.prior)
      let before = window.phi(now, expected)
      assert.strictEqual(before, 0)
      for (const more of silence) {
        const phi = window.phi(now += more, expected)
        assert.isAtLeast(phi, before)
        before = phi
      }
    }
  )

  it.prop(
    "reaches a threshold within the longest interval times threshold · ln 10, whatever was heard before",
    { intervals },
    ({ intervals }) => {
      const window = new ArrivalWindow(10, 0)
      let now = 0
      for (const interval of intervals) window.arrived(now += interval, expected.prior)
      assert.isAtLeast(window.phi(now + silenceAt(8) * expected.prior + 1e-6, expected), 8)
      assert.isBelow(window.phi(now + silenceAt(8) * expected.floor - 1e-6, expected), 8)
    }
  )

  it("goes by the prior before there are samples, and moves off it bit by bit", () => {
    const means = [0, 1, 5, 50].map((count) => regular(1000, count).window.mean(expected))
    assert.deepStrictEqual(means.slice(0, 3), [2000, 11_000 / 6, 1500])
    assert.approximately(means[3]!, 1091, 1)
  })

  it("remembers so many samples and no more", () => {
    const { last, window } = regular(2000, 100, 10)
    assert.strictEqual(window.size, 10)
    let now = last
    for (let i = 0; i < 10; i++) window.arrived(now += 1000, expected.prior)
    assert.strictEqual(window.size, 10)
    assert.approximately(window.mean(expected), 20_000 / 15, 1e-9)
  })

  it("counts a long silence that was survived as no longer than the longest interval", () => {
    const window = new ArrivalWindow(1000, 0)
    window.arrived(3_600_000, expected.prior)
    assert.strictEqual(window.mean(expected), 2000)
  })

  it("is not deceived by a cluster that was smaller: the mean has a floor that grows with it", () => {
    const { last, window } = regular(1000, 1000)
    assert.isBelow(window.phi(last + 40_000, { prior: 8000, floor: 4000 }), 8)
    assert.isAbove(window.phi(last + 40_000, expected), 8)
  })

  it("forgets its samples when a member's life ends", () => {
    const { last, window } = regular(1000, 1000)
    window.restart(last)
    assert.strictEqual(window.size, 0)
    assert.strictEqual(window.mean(expected), 2000)
  })
})
