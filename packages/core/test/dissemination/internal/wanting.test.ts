import { assert, describe, it } from "@effect/vitest"
import { defaultConfig, makeStrategy } from "../../../src/dissemination/internal/pushThenPull.ts"
import { packIds } from "../../../src/wire/DisseminationMessage.ts"
import type { Message } from "../../../src/wire/Message.ts"
import { addressOf, Cluster, idsOf, Lab, news, sizeOnTheWire } from "./harness.ts"

const announce = (...ids: ReadonlyArray<number>): Message => ({ _tag: "Announce", ids: packIds(ids) })

const asked = (lab: Lab) => lab.messages("Ask").map(({ message, to }) => [to, ...idsOf(message.ids)])

const [a, b, c, d, e, f] = [1, 2, 3, 4, 5, 6].map(addressOf) as [
  ReturnType<typeof addressOf>,
  ReturnType<typeof addressOf>,
  ReturnType<typeof addressOf>,
  ReturnType<typeof addressOf>,
  ReturnType<typeof addressOf>,
  ReturnType<typeof addressOf>
]

describe("a node to which rumors are announced", () => {
  it("asks at once for those that it does not know, and for each once", () => {
    const lab = new Lab()
    lab.receive(news(1))
    lab.clear()
    lab.receive(announce(1, 2, 3), a)
    assert.deepStrictEqual(asked(lab), [[a, 2, 3]])
    lab.receive(announce(2, 3, 4), b)
    lab.receive(announce(2, 2, 4), a)
    assert.deepStrictEqual(asked(lab), [[a, 2, 3], [b, 4]])
    assert.strictEqual(lab.machine.wanted, 3)
  })

  it("asks the others who have announced it, one after the other, when it does not come", () => {
    const lab = new Lab({ askTimeout: 250 })
    for (const from of [a, b, b, c, a]) lab.receive(announce(1), from)
    lab.clear()
    lab.advance(249)
    assert.deepStrictEqual(asked(lab), [])
    lab.advance(1)
    assert.deepStrictEqual(asked(lab), [[b, 1]])
    lab.advance(250)
    assert.deepStrictEqual(asked(lab), [[b, 1], [c, 1]])
    assert.strictEqual(lab.count("drops NoAnswer"), 0)
    lab.advance(250)
    assert.strictEqual(asked(lab).length, 2)
    assert.strictEqual(lab.count("drops NoAnswer"), 1)
    assert.strictEqual(lab.machine.wanted, 0)
    // whoever announces it again is asked again
    lab.receive(announce(1), d)
    assert.deepStrictEqual(asked(lab).at(-1), [d, 1])
  })

  it("waits for who is slow to answer for twice as long as that took last, and no longer than two seconds", () => {
    const lab = new Lab({ askTimeout: 250, antiEntropy: undefined })
    /** The node is told that two have it, and is sent it by the first after so long: who was asked besides, and when? */
    const askedBesides = (id: number, takes: number) => {
      lab.receive(announce(id), a)
      lab.receive(announce(id), b)
      lab.clear()
      const besides: Array<number> = []
      for (let waited = 0; waited < takes; waited++) {
        if (asked(lab).length > besides.length) besides.push(waited)
        lab.advance(1)
      }
      lab.receive(news(id, { asked: true }), a)
      return besides
    }
    assert.deepStrictEqual(askedBesides(1, 600), [250])
    assert.deepStrictEqual(askedBesides(2, 600), [])
    assert.deepStrictEqual(askedBesides(3, 1199), [])
    assert.deepStrictEqual(askedBesides(4, 3000), [2000])
    assert.deepStrictEqual(askedBesides(5, 300), [])
    assert.deepStrictEqual(askedBesides(6, 1000), [750])
    assert.deepStrictEqual(askedBesides(7, 10), [])
    assert.deepStrictEqual(askedBesides(8, 300), [250])
  })

  it("is sent nothing many times over slow links", () => {
    const strategy = makeStrategy({ ...defaultConfig, direct: 0 })
    const cluster = new Cluster(30, { strategy, antiEntropy: undefined })
    cluster.latency = (random) => 350 + 50 * random.nextDoubleUnsafe()
    const copies = () => {
      const before = cluster.report().payloadMessages
      for (let i = 0; i < 10; i++) {
        const id = cluster.publish(i)
        cluster.advance(10_000)
        assert.strictEqual(cluster.reached(id), 30)
      }
      return (cluster.report().payloadMessages - before) / 300
    }
    copies()
    assert.isAtMost(copies(), 1.05)
  })

  it("remembers three besides the one that it asks", () => {
    const lab = new Lab()
    for (const from of [a, b, c, d, e, f]) lab.receive(announce(1), from)
    lab.advance(10_000)
    assert.deepStrictEqual(asked(lab).map(([to]) => to), [a, b, c, d])
  })

  it("asks one for all that is overdue, in one message", () => {
    const lab = new Lab()
    for (const from of [a, b]) lab.receive(announce(1, 2, 3), from)
    lab.receive(news(2), a)
    lab.clear()
    lab.advance(250)
    assert.deepStrictEqual(asked(lab), [[b, 1, 3]])
  })

  it("waits no longer for what has come from whomever", () => {
    const lab = new Lab()
    lab.receive(announce(1), a)
    lab.receive(announce(1), b)
    lab.receive(news(1), c)
    assert.strictEqual(lab.machine.wanted, 0)
    lab.clear()
    lab.advance(600)
    assert.deepStrictEqual(asked(lab), [])
    assert.strictEqual(lab.count("drops NoAnswer"), 0)
  })

  it("waits for each as long as for the first", () => {
    const lab = new Lab()
    lab.receive(announce(1), a)
    lab.receive(announce(1), b)
    lab.advance(100)
    lab.receive(announce(2), a)
    lab.receive(announce(2), c)
    lab.clear()
    lab.advance(150)
    assert.deepStrictEqual(asked(lab), [[b, 1]])
    lab.advance(100)
    assert.deepStrictEqual(asked(lab), [[b, 1], [c, 2]])
    lab.advance(150)
    assert.strictEqual(lab.machine.wanted, 1)
  })

  it("asks for no more at a time than it may, and one announcer for no more than a quarter of it", () => {
    const lab = new Lab({ maxWanted: 40 })
    const ids = (start: number, count: number) => Array.from({ length: count }, (_, index) => start + index)
    lab.receive(announce(...ids(0, 100)), a)
    assert.strictEqual(lab.machine.wanted, 10)
    assert.strictEqual(lab.count("drops WantsFull"), 1)
    for (const [index, from] of [b, c, d, e, f].entries()) lab.receive(announce(...ids(1000 * (index + 1), 100)), from)
    assert.strictEqual(lab.machine.wanted, 40)
    lab.advance(250)
    assert.strictEqual(lab.machine.wanted, 0)
    lab.receive(announce(5), a)
    assert.strictEqual(lab.machine.wanted, 1)
  })

  it("has timers only while it waits", () => {
    const lab = new Lab()
    assert.deepStrictEqual(lab.timers, [])
    for (let id = 0; id < 100; id++) lab.receive(announce(id), a)
    assert.strictEqual(lab.timers.length, 1)
    lab.advance(1000)
    assert.deepStrictEqual(lab.timers, [])
  })

  it("asks in as many datagrams as it takes", () => {
    const lab = new Lab({ maxDatagramSize: 120 })
    lab.receive(announce(...Array.from({ length: 30 }, (_, index) => index)), a)
    assert.deepStrictEqual(asked(lab).map((ids) => ids.length - 1), [10, 10, 10])
  })
})

describe("a node that is asked", () => {
  it("sends what it has, each once, and says nothing of the rest", () => {
    const lab = new Lab()
    for (const id of [1, 2]) lab.receive(news(id))
    lab.clear()
    lab.receive({ _tag: "Ask", ids: packIds([1, 7, 1, 2]) }, a)
    assert.deepStrictEqual(
      lab.messages("News").map(({ message, to }) => [to, message.id, message.asked, message.repair]),
      [[a, 1, true, undefined], [a, 2, true, undefined]]
    )
    assert.strictEqual(lab.sent.length, 2)
  })

  it("says how long it has held a rumor, and how many have passed it on", () => {
    const lab = new Lab()
    lab.receive(news(1, { age: 40, hops: 2 }))
    lab.advance(60.7)
    lab.clear()
    lab.receive({ _tag: "Ask", ids: packIds([1]) }, a)
    const { age, hops } = lab.messages("News")[0]!.message
    assert.deepStrictEqual([age, hops], [100, 3])
  })

  it("sends no more than 64 KiB at a time, and has the rest fetched over a stream", () => {
    const lab = new Lab()
    const ids = Array.from({ length: 100 }, (_, index) => index)
    for (const id of ids) lab.receive(news(id, { payload: new Uint8Array(1000) }))
    lab.clear()
    lab.receive({ _tag: "Ask", ids: packIds(ids) }, a)
    const sent = lab.messages("News").map(({ message }) => message.id)
    assert.isAtLeast(sent.length, 60)
    assert.isAtMost(lab.messages("News").reduce((sum, { message }) => sum + sizeOnTheWire(message), 0), 64 * 1024)
    assert.deepStrictEqual(sent, ids.slice(0, sent.length))
    assert.deepStrictEqual(
      lab.messages("Announce").flatMap(({ message }) => idsOf(message.large)),
      ids.slice(sent.length)
    )
  })
})
