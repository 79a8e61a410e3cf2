import * as Address from "@effect-gossip/core/Address"
import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import { Line, Lines, minLimit } from "../../../src/internal/network/lines.ts"

const addressOf = (index: number) => Address.make({ host: `10.0.${index >> 8}.${index & 0xff}`, port: 1 })

const between = (minimum: number, maximum: number) => Schema.Int.check(Schema.isBetween({ minimum, maximum }))

describe("a line", () => {
  it("sends one datagram after the other, and is idle again then", () => {
    const line = new Line()
    assert.strictEqual(line.datagram(5, 100, 1000, 1000), 105)
    assert.strictEqual(line.datagram(5, 50, 1000, 1000), 155)
    assert.isFalse(line.isIdle(154))
    assert.isTrue(line.isIdle(155))
    assert.strictEqual(line.datagram(200, 10, 1000, 1000), 210)
  })

  it("has no room for a datagram that finds more waiting than the queue holds", () => {
    const line = new Line()
    assert.strictEqual(line.datagram(0, 100, 1000, 200), 100)
    assert.strictEqual(line.datagram(0, 100, 1000, 200), 200)
    assert.isUndefined(line.datagram(0, 1, 1000, 200))
    assert.isUndefined(line.datagram(50, 51, 1000, 200))
    assert.strictEqual(line.datagram(50, 50, 1000, 200), 250)
  })

  it("takes any datagram while it is idle, without a queue too", () => {
    const line = new Line()
    assert.strictEqual(line.datagram(0, 1000, 1000, 0), 1000)
    assert.isUndefined(line.datagram(999, 1, 1000, 0))
    assert.strictEqual(line.datagram(1000, 1, 1000, 0), 1001)
  })

  it("sends exchanges after all that came before", () => {
    const line = new Line()
    assert.strictEqual(line.leg(0, 5000, 1000), 5000)
    assert.strictEqual(line.leg(0, 1000, 1000), 6000)
    assert.strictEqual(line.datagram(0, 500, 1000, Infinity), 6500)
    assert.strictEqual(line.leg(0, 0, 1000), 6500)
  })

  it("lets datagrams wait behind half a queue of what exchanges send, and behind each other", () => {
    const line = new Line()
    line.leg(0, 10_000, 1000)
    assert.strictEqual(line.datagram(0, 100, 1000, 1000), 600)
    assert.strictEqual(line.datagram(0, 100, 1000, 1000), 700)
    assert.strictEqual(line.datagram(5000, 100, 1000, 1000), 5600)
    assert.strictEqual(line.leg(5000, 0, 1000), 10_300)
  })

  it("keeps what waits when its bandwidth changes, in bytes", () => {
    const line = new Line()
    line.datagram(0, 1000, 1000, 2000)
    assert.isUndefined(line.datagram(500, 1501, 2000, 2000))
    assert.strictEqual(line.datagram(500, 1500, 2000, 2000), 500 + 250 + 750)
  })

  it("never puts off anything by more than a day", () => {
    const line = new Line()
    const day = 86_400_000
    assert.strictEqual(line.leg(0, 1e9, Number.MIN_VALUE), day)
    assert.strictEqual(line.datagram(1, 1, 1e-300, Infinity), day + 1)
    assert.strictEqual(line.leg(2, 1, 1e300), 2)
  })

  it.prop(
    "keeps datagrams in order, its bandwidth, and the bound of its queue",
    { packets: Schema.Array(Schema.Tuple([between(0, 50), between(0, 1500), Schema.Boolean])) },
    ({ packets }) => {
      const line = new Line()
      const bandwidth = 10_000
      const queue = 4000
      const sent: Array<readonly [size: number, leaves: number]> = []
      let now = 0
      for (const [pause, size, isLeg] of packets) {
        now += pause
        const last = sent.at(-1)?.[1] ?? 0
        if (isLeg) {
          line.leg(now, size, bandwidth)
          continue
        }
        const leaves = line.datagram(now, size, bandwidth, queue)
        if (leaves === undefined) continue
        assert.isAtLeast(leaves + 1e-6, Math.max(now, last) + size * 1000 / bandwidth)
        sent.push([size, leaves])
        const waiting = sent.reduce((sum, [size, leaves]) => leaves > now ? sum + size : sum, 0)
        // the one that is being sent has partly left
        assert.isAtMost(waiting, queue + 1500 + size)
      }
    }
  )
})

describe("lines", () => {
  it("are forgotten when they are idle, and only then", () => {
    const lines = new Lines()
    lines.to(addressOf(0), 0).datagram(0, 10, 1, 1000)
    for (let i = 1; i < 50 * minLimit; i++) lines.to(addressOf(i), i).datagram(i, 1, 1000, 1000)
    assert.isAtMost(lines.size, 2 * minLimit)
    assert.isTrue(lines.to(addressOf(0), 9999).isIdle(10_000))
    assert.isFalse(lines.to(addressOf(0), 9999).isIdle(9999))
  })
})
