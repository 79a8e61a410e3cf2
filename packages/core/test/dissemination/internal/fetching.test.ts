import { assert, describe, it } from "@effect/vitest"
import { packIds } from "../../../src/wire/DisseminationMessage.ts"
import type { Message } from "../../../src/wire/Message.ts"
import { addressOf, Cluster, idsOf, Lab, news, Recorder, sizeOnTheWire } from "./harness.ts"

const large = (...ids: ReadonlyArray<number>): Message => ({ _tag: "Announce", large: packIds(ids) })

const fetched = (ids: ReadonlyArray<number>, more = false): Message => ({
  _tag: "Fetched",
  news: ids.map((id) => news(id, { asked: true })),
  ...(more ? { more } : undefined)
})

const open = (lab: Lab) =>
  lab.exchanges.map(({ message, to }) => [to, ...message._tag === "Fetch" ? idsOf(message.ids) : []])

const a = addressOf(1)
const b = addressOf(2)
const c = addressOf(3)

const payload = (size: number) => Uint8Array.from({ length: size }, (_, index) => index * 7)

describe("a rumor that does not fit a datagram", () => {
  it("is announced by whoever would push it, and sent over a stream to who fetches it", () => {
    const lab = new Lab()
    const id = lab.publish(payload(20_000))
    assert.deepStrictEqual(lab.messages("News"), [])
    assert.isAbove(lab.messages("Announce").length, 0)
    for (const { message } of lab.messages("Announce")) assert.deepStrictEqual(idsOf(message.large), [id])
    const answer = lab.request({ _tag: "Fetch", ids: packIds([id]) })
    assert.strictEqual(answer?._tag, "Fetched")
    if (answer?._tag !== "Fetched") return
    assert.deepStrictEqual(answer.news.map(({ asked, id, payload }) => [id, payload.length, asked]), [[
      id,
      20_000,
      true
    ]])
    assert.isUndefined(answer.more)
  })

  it("reaches all, each but once or nearly so", () => {
    const cluster = new Cluster(30)
    const id = cluster.publish(0, payload(300_000))
    cluster.advance(500)
    assert.strictEqual(cluster.reached(id), 30)
    assert.isAtMost(cluster.report().payloadMessages, 30)
    for (const lab of cluster.labs) {
      assert.deepStrictEqual(lab.delivered.map(({ payload }) => payload.length), [300_000])
    }
  })

  it("is announced to who asks for it as for a small one", () => {
    const lab = new Lab()
    const id = lab.publish(payload(20_000))
    lab.clear()
    lab.receive({ _tag: "Ask", ids: packIds([id]) }, a)
    assert.deepStrictEqual(lab.sent.map(({ message, to }) => [to, message._tag]), [[a, "Announce"]])
    // who has asked so fetches it then, and asks no more
    const asker = new Lab({ index: 1 })
    asker.receive({ _tag: "Announce", ids: packIds([id]) }, b)
    asker.receive(large(id), b)
    assert.deepStrictEqual(open(asker), [[b, id]])
    assert.strictEqual(asker.machine.wanted, 1)
    asker.clear()
    asker.advance(1000)
    assert.deepStrictEqual(asker.sent, [])
  })

  it("fits a datagram up to the last byte that all who pass it on may need", () => {
    const lab = new Lab({ nodes: 2 })
    let size = 1200
    while (true) {
      lab.clear()
      lab.publish(payload(size))
      if (lab.messages("News").length === 0) break
      size++
    }
    lab.clear()
    lab.publish(payload(size - 1))
    const full = { ...lab.messages("News")[0]!.message, age: 2 ** 32 - 1, hops: 2 ** 32 - 1, note: 2 ** 32 - 1 }
    assert.strictEqual(sizeOnTheWire({ ...full, asked: true, repair: true }), 1394)
  })
})

describe("a node to which large rumors are announced", () => {
  it("fetches what one peer has by one exchange at a time", () => {
    const lab = new Lab()
    lab.receive(large(1, 2), a)
    lab.receive(large(3), a)
    lab.receive(large(2, 4), b)
    assert.deepStrictEqual(open(lab), [[a, 1, 2], [b, 4]])
    const [first] = lab.exchanges
    lab.exchanges = []
    lab.answer(first!.exchange, fetched([1, 2]))
    assert.deepStrictEqual(open(lab), [[a, 3]])
    assert.deepStrictEqual(lab.delivered.map(({ id }) => id), [1, 2])
    assert.strictEqual(lab.machine.wanted, 2)
  })

  it("fetches from the next what one does not give", () => {
    const lab = new Lab()
    for (const from of [a, b, c]) lab.receive(large(1), from)
    for (const from of [a, b, c]) {
      assert.deepStrictEqual(open(lab), [[from, 1]])
      const [exchange] = lab.exchanges.splice(0)
      lab.answer(exchange!.exchange, from === a ? undefined : fetched([]))
    }
    assert.deepStrictEqual(open(lab), [])
    assert.strictEqual(lab.machine.wanted, 0)
    assert.strictEqual(lab.count("drops NoAnswer"), 1)
  })

  it("goes on with one who has more than an answer holds, as long as there is more each time", () => {
    const lab = new Lab()
    lab.receive(large(1, 2, 3), a)
    lab.receive(large(2, 3), b)
    lab.answer(lab.exchanges.splice(0)[0]!.exchange, fetched([1], true))
    assert.deepStrictEqual(open(lab), [[a, 2, 3]])
    lab.answer(lab.exchanges.splice(0)[0]!.exchange, fetched([], true))
    assert.deepStrictEqual(open(lab), [[b, 2, 3]])
  })

  it("has no more than eight exchanges open", () => {
    const lab = new Lab()
    for (let index = 1; index <= 20; index++) lab.receive(large(index), addressOf(index))
    assert.strictEqual(lab.exchanges.length, 8)
    lab.answer(lab.exchanges[3]!.exchange, undefined)
    assert.strictEqual(lab.exchanges.length, 9)
    for (let index = 0; index < lab.exchanges.length; index++) {
      if (index !== 3) lab.answer(lab.exchanges[index]!.exchange, undefined)
    }
    assert.strictEqual(lab.exchanges.length, 20)
    assert.strictEqual(lab.machine.wanted, 0)
  })

  it("turns to those who wait before it goes on with who has more", () => {
    const lab = new Lab()
    for (let index = 1; index <= 8; index++) {
      lab.receive(large(...Array.from({ length: 100 }, (_, id) => 1000 * index + id)), addressOf(index))
    }
    lab.receive(large(1), addressOf(9))
    const [first] = lab.exchanges.splice(0)
    lab.answer(first!.exchange, fetched([1000], true))
    assert.deepStrictEqual(open(lab), [[addressOf(9), 1]])
  })

  it("does not wait for what has come otherwise", () => {
    const lab = new Lab()
    lab.receive(large(1), a)
    lab.receive(large(2), a)
    lab.receive(news(1), c)
    lab.receive(news(2), c)
    assert.strictEqual(lab.machine.wanted, 0)
    lab.answer(lab.exchanges.splice(0)[0]!.exchange, fetched([1]))
    assert.deepStrictEqual(open(lab), [])
    assert.strictEqual(lab.delivered.length, 2)
  })

  it("wants no more than it may", () => {
    const lab = new Lab({ maxWanted: 10 })
    lab.receive(large(...Array.from({ length: 30 }, (_, index) => index)), a)
    assert.strictEqual(lab.machine.wanted, 10)
    assert.isAbove(lab.count("drops WantsFull"), 0)
    lab.answer(lab.exchanges.splice(0)[0]!.exchange, undefined)
    assert.strictEqual(lab.machine.wanted, 0)
    assert.deepStrictEqual(lab.exchanges, [])
  })

  it("tells its strategy that it asked", () => {
    const strategy = new Recorder(3)
    const lab = new Lab({ strategy })
    lab.receive(large(1), a)
    lab.answer(lab.exchanges[0]!.exchange, fetched([1]))
    assert.deepStrictEqual(strategy.calls, [["heard", 1, a, undefined, true]])
  })

  it("refuses a payload above the limit, and does not ask for it again", () => {
    const lab = new Lab({ maxPayloadSize: 100 })
    lab.receive(large(1), a)
    lab.answer(lab.exchanges.splice(0)[0]!.exchange, { _tag: "Fetched", news: [news(1, { payload: payload(101) })] })
    assert.strictEqual(lab.count("drops TooLarge"), 1)
    assert.deepStrictEqual(lab.delivered, [])
    lab.receive(large(1), b)
    assert.deepStrictEqual(open(lab), [])
  })
})

describe("an answer to who fetches", () => {
  it("holds what fits, the first in any case, and says that there is more", () => {
    const lab = new Lab({ maxExchangeSize: 50_000 })
    const ids = [1, 2, 3, 4].map(() => lab.publish(payload(15_000)))
    const fetch = (ids: ReadonlyArray<number>) => {
      const answer = lab.request({ _tag: "Fetch", ids: packIds(ids) })
      if (answer?._tag !== "Fetched") throw new Error("refused")
      assert.isAtMost(sizeOnTheWire(answer), 50_000)
      return [answer.news.map(({ id }) => id), answer.more]
    }
    assert.deepStrictEqual(fetch(ids), [ids.slice(0, 3), true])
    assert.deepStrictEqual(fetch(ids.slice(3)), [ids.slice(3), undefined])
    assert.deepStrictEqual(fetch([...ids.slice(3), 77, ...ids.slice(3)]), [ids.slice(3), undefined])
    assert.deepStrictEqual(fetch([77]), [[], undefined])
  })

  it("holds the largest payload that may be published", () => {
    const lab = new Lab({ maxExchangeSize: 50_000, maxPayloadSize: 1_000_000 })
    const result = lab.command({ _tag: "Publish", topic: "topic", payload: payload(60_000) })
    assert.strictEqual(result?._tag, "TooLarge")
    if (result?._tag !== "TooLarge") return
    assert.strictEqual(result.size, 60_000)
    const id = lab.publish(payload(result.limit))
    const answer = lab.request({ _tag: "Fetch", ids: packIds([id]) })
    assert.strictEqual(answer?._tag === "Fetched" ? answer.news.length : 0, 1)
    assert.isAtMost(sizeOnTheWire(answer!), 50_000)
    assert.isAbove(result.limit, 49_700)
  })

  it("is refused to who asks for anything else", () => {
    const lab = new Lab()
    assert.isUndefined(lab.request({ _tag: "Ask", ids: packIds([1]) }))
  })
})
