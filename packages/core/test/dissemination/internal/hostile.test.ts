/** What peers say may be anything: nothing breaks a node, nothing grows without bound, and the rest goes on as before. */
import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as medianCounter from "../../../src/dissemination/internal/medianCounter.ts"
import * as piggyback from "../../../src/dissemination/internal/piggyback.ts"
import * as rumorMongering from "../../../src/dissemination/internal/rumorMongering.ts"
import { packIds } from "../../../src/wire/DisseminationMessage.ts"
import type { Message } from "../../../src/wire/Message.ts"
import { between, disseminationMessage, of } from "../../support/arbitraries.ts"
import { generator } from "../../support/generator.ts"
import {
  addressOf,
  Cluster,
  idsOf,
  Lab,
  type LabOptions,
  news,
  peer,
  pushThenPull,
  sizeOnTheWire,
  TestPeers
} from "./harness.ts"

const pulling = rumorMongering.makeStrategy({ ...rumorMongering.defaultConfig, mode: "pushPull" })
const calling = medianCounter.makeStrategy(medianCounter.defaultConfig)
const riding = piggyback.makeStrategy({ ...piggyback.defaultConfig, eager: false })
const stranger = addressOf(77)

const input = Arbitrary.all({
  message: disseminationMessage,
  how: of(["datagram", "datagram", "datagram", "request", "answer", "wait", "publish"]),
  from: Arbitrary.schema(between(0, 8))
})

describe("a node among hostile peers", () => {
  it.prop(
    "is not broken by anything that they say, and says nothing that does not fit",
    { inputs: Arbitrary.array(input, { maxLength: 80 }), pull: of(["announced", "always"]) },
    ({ inputs }) => {
      const lab = new Lab({ nodes: 6, strategies: [pushThenPull], maxWanted: 16, maxRumors: 8 })
      for (const { from, how, message } of inputs) {
        if (how === "datagram") lab.receive(message, addressOf(from))
        if (how === "request") {
          const answer = lab.request(message, addressOf(from))
          if (answer !== undefined) assert.isAtMost(sizeOnTheWire(answer), 4 * 1024 * 1024)
        }
        if (how === "answer") {
          const exchange = lab.exchanges.shift()
          if (exchange !== undefined) lab.answer(exchange.exchange, message)
        }
        if (how === "wait") lab.advance(100 * from)
        if (how === "publish") lab.publish(new Uint8Array(300 * from))
        assert.isAtMost(lab.machine.wanted, 16)
        assert.isAtMost(lab.machine.held.rumors, 8)
        assert.isAtMost(lab.timers.length, 6)
        for (const { message } of lab.sent.splice(0)) assert.isAtMost(sizeOnTheWire(message), 1394)
      }
      assert.strictEqual(new Set(lab.delivered.map(({ id }) => id)).size, lab.delivered.length)
      lab.advance(200_000)
      assert.deepStrictEqual(lab.timers, [])
      assert.deepStrictEqual(lab.machine.held, { rumors: 0, bytes: 0 })
      // exchanges end by themselves, which this network is to see to
      for (const { exchange } of lab.exchanges.splice(0)) lab.answer(exchange, undefined)
      for (let i = 0; i < 100 && lab.exchanges.length > 0; i++) lab.answer(lab.exchanges.shift()!.exchange, undefined)
      assert.strictEqual(lab.machine.wanted, 0)
    },
    { arbitrary: { runs: 300 } }
  )

  it("holds no more than it may, whatever they send", () => {
    const lab = new Lab({ maxBytes: 100_000, maxRumors: 500, maxWanted: 100 })
    const random = generator("flood")
    for (let i = 0; i < 20_000; i++) {
      const from = addressOf(random.int(50))
      const id = random.int(1_000_000)
      const messages: ReadonlyArray<Message> = [
        news(id, { payload: new Uint8Array(random.int(1200)) }),
        { _tag: "Announce", ids: packIds([id, id + 1, id + 2]), large: packIds([id + 3]) }
      ]
      lab.receive(random.pick(messages), from)
      if (i % 100 === 0) lab.advance(random.int(100))
      lab.sent = []
      for (const { exchange } of lab.exchanges.splice(0)) if (random.int(2) === 0) lab.answer(exchange, undefined)
      const { bytes, rumors } = lab.machine.held
      assert.isTrue(bytes <= 100_000 && rumors <= 500 && lab.machine.wanted <= 100)
      assert.isAtMost(lab.timers.length, 5)
    }
  })

  it("goes on hearing what others announce while one of them announces what nobody has", () => {
    const cluster = new Cluster(20)
    const random = generator("announcer")
    const attack = () => {
      for (const lab of cluster.labs) {
        lab.receive(
          { _tag: "Announce", ids: packIds(Array.from({ length: 190 }, () => random.int(2 ** 31))) },
          addressOf(500)
        )
      }
    }
    const ids: Array<number> = []
    for (let i = 0; i < 50; i++) {
      attack()
      ids.push(cluster.publish(i % 20))
      cluster.advance(20)
    }
    for (const id of ids) assert.strictEqual(cluster.reached(id), 20)
  })

  const ids = Array.from({ length: 190 }, (_, id) => id)
  const sentBytes = (lab: Lab) => lab.sent.reduce((sum, { message }) => sum + sizeOnTheWire(message), 0)
  const knowing = (options: LabOptions = {}) => {
    const peers = new TestPeers([1, 2].map(peer))
    peers.strangers.add(stranger)
    const lab = new Lab({ peers, ...options })
    for (const id of ids) lab.receive(news(id, { payload: new Uint8Array(1200), age: 2000 }))
    lab.clear()
    return lab
  }
  const ask: Message = { _tag: "Ask", ids: packIds(ids) }
  const digest = { _tag: "RecentDigest", count: 0, hash: 1, wants: true, offers: true } as const

  it("answers what seems to come of a member by no more than 64 KiB in datagrams at a time, however often", () => {
    const lab = knowing()
    for (let i = 0; i < 100; i++) {
      lab.sent = []
      lab.receive(i % 2 === 0 ? ask : digest, addressOf(1))
      const names = lab.messages("News").length === 0
      assert.isAtMost(sentBytes(lab), i === 0 ? 66 * 1024 : sizeOnTheWire(ask) + 1)
      if (i > 0) assert.isTrue(names)
    }
    lab.sent = []
    lab.receive(ask, addressOf(2))
    assert.isAbove(lab.messages("News").length, 50, "another member")
    lab.advance(100)
    lab.sent = []
    lab.receive(ask, addressOf(1))
    assert.isAbove(lab.messages("News").length, 50, "the next")
  })

  it("sends a stranger no more than that has sent, and so nothing but the names that it asked for", () => {
    for (const strategy of [pushThenPull, pulling, calling]) {
      const lab = knowing({ strategy })
      const kind = strategy.kind
      for (let i = 0; i < 30; i++) {
        lab.advance(200)
        lab.clear()
        const messages: ReadonlyArray<Message> = [
          digest,
          { _tag: "RecentDigest", count: 77, hash: 1, wants: true, offers: true },
          { _tag: "Pull", strategy: kind },
          { _tag: "Offer", strategy: kind, ids: packIds([]) },
          { _tag: "Announce", ids: packIds([1000 + i]), large: packIds([2000 + i]) }
        ]
        for (const message of messages) lab.receive(message, stranger)
        assert.deepStrictEqual([...lab.sent, ...lab.exchanges].filter(({ to }) => to === stranger), [])
        assert.strictEqual(lab.count("drops Stranger"), messages.length)
      }
      lab.clear()
      lab.receive(ask, stranger)
      assert.deepStrictEqual(lab.sent.map(({ message }) => message._tag), ["Announce"])
      assert.isAtMost(sentBytes(lab), sizeOnTheWire(ask))
      assert.deepStrictEqual(idsOf(lab.messages("Announce")[0]!.message.large), ids)
    }
  })

  it("answers who pulls, or seems to, no more often than any strategy has need of", () => {
    for (const strategy of [pulling, calling, pushThenPull]) {
      const lab = knowing({ strategy, antiEntropy: undefined })
      for (let id = 0; id < 64; id++) lab.publish(new Uint8Array(1200))
      lab.advance(200)
      lab.clear()
      for (let i = 0; i < 100; i++) lab.receive({ _tag: "Pull", strategy: strategy.kind }, addressOf(1))
      assert.isAtMost(lab.messages("News").length, 4 * 64, strategy.name)
      assert.strictEqual(lab.count("drops TooManyPulls"), 96)
    }
  })

  it("does not begin to call others for good because of a rumor whose strategy would", () => {
    const lab = new Lab({ strategies: [pushThenPull, calling, pulling] })
    for (let life = 0; life < 3; life++) {
      lab.receive(news(life, { strategy: calling.kind }))
      lab.receive(news(100 + life, { strategy: pulling.kind }))
      lab.advance(5000)
      assert.isAbove(lab.messages("Pull").length, 0)
      lab.advance(80_000)
      assert.deepStrictEqual(lab.timers, [])
      lab.clear()
    }
  })

  it("tells strangers nothing in datagrams that leave anyway", () => {
    const lab = knowing({ strategy: riding })
    lab.publish()
    assert.deepStrictEqual(lab.machine.piggyback(1000, stranger), [])
    assert.strictEqual(lab.machine.piggyback(1000, addressOf(1)).length, 1)
  })

  it("hears members out while others of them send it more digests than it answers", () => {
    const lab = knowing()
    for (let i = 0; i < 200; i++) lab.receive(digest, addressOf(1))
    lab.clear()
    lab.receive(digest, addressOf(2))
    assert.isAbove(lab.messages("News").length, 0)
  })

  it("answers digests that claim anything without ado", () => {
    const lab = new Lab()
    for (let id = 0; id < 50; id++) lab.receive(news(id, { age: 2000 }))
    lab.clear()
    lab.receive({ ...digest, count: 0xffff_ffff, hash: 7, ids: packIds([]) })
    lab.receive({ ...digest, count: 0xffff_ffff, hash: 0 })
    lab.receive({ ...digest, count: 0, hash: 1, young: packIds([1, 1, 1]) })
    lab.receive({ ...digest, count: 3, hash: 1, ids: packIds(Array.from({ length: 5000 }, () => 99)) })
    assert.isAtMost(lab.machine.wanted, 1)
    assert.deepStrictEqual(lab.messages("Ask").map(({ message }) => idsOf(message.ids)), [[99]])
  })
})
