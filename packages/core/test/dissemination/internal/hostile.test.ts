/** What peers say may be anything: nothing breaks a node, nothing grows without bound, and the rest goes on as before. */
import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import { packIds } from "../../../src/wire/DisseminationMessage.ts"
import type { Message } from "../../../src/wire/Message.ts"
import { between, disseminationMessage, of } from "../../support/arbitraries.ts"
import { generator } from "../../support/generator.ts"
import { addressOf, Cluster, idsOf, Lab, news, pushThenPull, sizeOnTheWire } from "./harness.ts"

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

  it("answers a request for what it has by no more than 64 KiB in datagrams", () => {
    const lab = new Lab()
    for (let id = 0; id < 190; id++) lab.receive(news(id, { payload: new Uint8Array(1200) }))
    lab.clear()
    lab.receive({ _tag: "Ask", ids: packIds(Array.from({ length: 190 }, (_, id) => id)) })
    const bytes = lab.sent.reduce((sum, { message }) => sum + sizeOnTheWire(message), 0)
    assert.isAtMost(bytes, 72 * 1024)
  })

  it("answers digests that claim anything without ado", () => {
    const lab = new Lab()
    for (let id = 0; id < 50; id++) lab.receive(news(id, { age: 2000 }))
    lab.clear()
    const digest = { _tag: "RecentDigest", wants: true, offers: true } as const
    lab.receive({ ...digest, count: 0xffff_ffff, hash: 7, ids: packIds([]) })
    lab.receive({ ...digest, count: 0xffff_ffff, hash: 0 })
    lab.receive({ ...digest, count: 0, hash: 1, young: packIds([1, 1, 1]) })
    lab.receive({ ...digest, count: 3, hash: 1, ids: packIds(Array.from({ length: 5000 }, () => 99)) })
    assert.isAtMost(lab.machine.wanted, 1)
    assert.deepStrictEqual(lab.messages("Ask").map(({ message }) => idsOf(message.ids)), [[99]])
  })
})
