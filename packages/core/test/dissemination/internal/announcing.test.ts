import { assert, describe, it } from "@effect/vitest"
import type { Host, Rumor } from "../../../src/dissemination/Strategy.ts"
import { addressOf, idsOf, Lab, news, peer, Recorder, TestPeers } from "./harness.ts"

const announced = (lab: Lab) => lab.messages("Announce").map(({ message, to }) => [to, ...idsOf(message.ids)] as const)

const widely = (count: number) => (rumor: Rumor, host: Host) => host.announceWidely(rumor, count)

const announcer = (count: number) => {
  const strategy = new Recorder(3)
  strategy.onHeard = widely(count)
  return strategy
}

describe("announcements to many", () => {
  it("go to so many different peers at once", () => {
    const lab = new Lab({ nodes: 20, strategy: announcer(5) })
    lab.receive(news(1))
    assert.strictEqual(new Set(announced(lab).map(([to]) => to)).size, 5)
    assert.deepStrictEqual(announced(lab).map(([, ...ids]) => ids), Array.from({ length: 5 }, () => [1]))
  })

  it("go to the next in the order of names in any case", () => {
    for (const index of [0, 1, 7, 9]) {
      const lab = new Lab({ index, nodes: 10, strategy: announcer(2) })
      for (let id = 1; id <= 20; id++) {
        lab.clear()
        lab.receive(news(id))
        assert.include(announced(lab).map(([to]) => to), addressOf((index + 1) % 10))
        lab.advance(10)
      }
    }
  })

  it("follow peers as they come and go", () => {
    const peers = new TestPeers([peer(2)])
    const lab = new Lab({ peers, strategy: announcer(1) })
    const next = (id: number) => {
      lab.clear()
      lab.receive(news(id))
      lab.advance(100)
      return announced(lab).map(([to]) => to)
    }
    assert.deepStrictEqual(next(1), [addressOf(2)])
    peers.set([peer(2), peer(1)])
    assert.deepStrictEqual(next(2), [addressOf(1)])
    peers.set([])
    assert.deepStrictEqual(next(3), [])
  })

  it("wait for each other shortly after one has gone, and go together to the same peers", () => {
    const lab = new Lab({ nodes: 50, strategy: announcer(4), announceInterval: 8 })
    lab.receive(news(1))
    assert.strictEqual(announced(lab).length, 4)
    lab.clear()
    for (const id of [2, 3, 4]) {
      lab.advance(2)
      lab.receive(news(id))
    }
    assert.deepStrictEqual(announced(lab), [])
    assert.strictEqual(lab.timers.length, 3, "beside those of sweeping and of anti-entropy, one")
    lab.advance(2)
    assert.deepStrictEqual(announced(lab).map(([, ...ids]) => ids), Array.from({ length: 4 }, () => [2, 3, 4]))
    // and again
    lab.receive(news(5))
    assert.strictEqual(announced(lab).length, 4)
    lab.advance(8)
    assert.strictEqual(announced(lab).length, 8)
    lab.clear()
    lab.advance(100)
    lab.receive(news(6))
    assert.strictEqual(announced(lab).length, 4, "at once when it has been quiet")
  })

  it("do not wait for each other when there are a thousand of them", () => {
    const lab = new Lab({ nodes: 3, strategy: announcer(1), announceInterval: 1000 })
    for (let id = 0; id < 1024; id++) lab.receive(news(id))
    assert.strictEqual(announced(lab).length, 1)
    lab.receive(news(1024))
    assert.deepStrictEqual(announced(lab).flatMap(([, ...ids]) => ids), Array.from({ length: 1025 }, (_, id) => id))
  })

  it("of two strategies are not mixed", () => {
    const one = announcer(2)
    const other = new Recorder(9)
    other.onHeard = widely(3)
    const lab = new Lab({ nodes: 50, strategy: one, strategies: [other] })
    lab.receive(news(1))
    lab.clear()
    lab.receive(news(2))
    lab.receive(news(3, { strategy: 9 }))
    lab.advance(10)
    assert.deepStrictEqual(announced(lab).map(([, ...ids]) => ids), [[2], [2], [3], [3], [3]])
  })

  it("fill as many datagrams as they need", () => {
    const lab = new Lab({ nodes: 50, strategy: announcer(1), maxDatagramSize: 125 })
    lab.receive(news(0))
    lab.clear()
    for (let id = 1; id <= 25; id++) lab.receive(news(id, { payload: new Uint8Array(id > 20 ? 1000 : 1) }))
    lab.advance(10)
    assert.deepStrictEqual(
      lab.messages("Announce").map(({ message }) => [idsOf(message.ids).length, idsOf(message.large).length]),
      [[11, 0], [9, 2], [0, 3]]
    )
  })
})
