import { assert, describe, it } from "@effect/vitest"
import { combine, delayAverageMillis, empty, residue, traffic } from "../../src/dissemination/SpreadReport.ts"

const report = {
  published: 1,
  delivered: 10,
  payloadMessages: 12,
  payloadBytes: 1200,
  redundant: 3,
  controlMessages: 7,
  controlBytes: 70,
  delaySumMillis: 90,
  delayMaxMillis: 20,
  hopsMax: 4
}

describe("SpreadReport", () => {
  it("of many is what they have counted together, and the most that any has met", () => {
    assert.deepStrictEqual(combine([report, empty, { ...report, delayMaxMillis: 5, hopsMax: 9 }]), {
      published: 2,
      delivered: 20,
      payloadMessages: 24,
      payloadBytes: 2400,
      redundant: 6,
      controlMessages: 14,
      controlBytes: 140,
      delaySumMillis: 180,
      delayMaxMillis: 20,
      hopsMax: 9
    })
    assert.deepStrictEqual(combine([]), empty)
  })

  it("says what share was not reached, and what it took", () => {
    assert.strictEqual(residue(report, 20), 0.5)
    assert.strictEqual(traffic(report, 20), 0.6)
    assert.strictEqual(delayAverageMillis(report), 10)
  })

  it("says nothing of what was not published", () => {
    assert.deepStrictEqual([residue(empty, 20), traffic(empty, 20), delayAverageMillis(empty)], [0, 0, 0])
  })
})
