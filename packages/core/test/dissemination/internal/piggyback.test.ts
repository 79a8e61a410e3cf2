import { assert, describe, it } from "@effect/vitest"
import { type Config, defaultConfig, makeStrategy } from "../../../src/dissemination/internal/piggyback.ts"
import { decode, encodeMessage } from "../../../src/wire/Frame.ts"
import * as Frame from "../../../src/wire/Frame.ts"
import { addressOf, idsOf, Lab, type LabOptions, news } from "./harness.ts"

const kind = 4
const interval = 200

const lab = (config: Partial<Config> = {}, options: LabOptions = {}) =>
  new Lab({
    nodes: 10,
    strategy: makeStrategy({ ...defaultConfig, eager: false, ...config }),
    antiEntropy: undefined,
    pacing: { phase: 0 },
    ...options
  })

const a = addressOf(1)

/** The rumors that fill up a datagram. */
const ridden = (it: Lab, room = 1394) => {
  const messages = it.machine.piggyback(room, a)
  return messages.length === 0
    ? []
    : decode(0, Frame.assemble(0, messages)).messages.map((message) => message._tag === "News" ? message.id : NaN)
}

describe("piggybacking", () => {
  it("tells three peers each interval, as long as there is something to tell", () => {
    const it = lab()
    it.publish()
    it.advance(interval)
    assert.strictEqual(it.gossiped.length, 3)
    assert.strictEqual(new Set(it.gossiped).size, 3)
    // 4 · ceil(log10(11)) times
    for (let times = 0; times < 8; times++) assert.strictEqual(ridden(it).length, 1)
    assert.strictEqual(ridden(it).length, 0)
    it.clear()
    it.advance(10 * interval)
    assert.deepStrictEqual(it.gossiped, [])
    assert.strictEqual(it.report().payloadMessages, 8)
  })

  it("tells them at once where it is eager", () => {
    const it = lab({ eager: true })
    it.publish()
    assert.strictEqual(it.gossiped.length, 3)
    const told = lab({ eager: true })
    told.receive(news(7, { strategy: kind }), a)
    assert.strictEqual(told.gossiped.length, 3)
    assert.deepStrictEqual(ridden(told), [7])
    // what it knows it tells no further
    told.clear()
    told.receive(news(7, { strategy: kind }), a)
    assert.deepStrictEqual(told.gossiped, [])
  })

  it("rides on what else is sent, and on nothing more, without peers to gossip to", () => {
    const it = lab({ gossipNodes: 0, eager: true })
    const id = it.publish()
    it.advance(5 * interval)
    assert.deepStrictEqual(it.gossiped, [])
    assert.deepStrictEqual(ridden(it), [id])
  })

  it("fills a datagram with those told least, as far as they fit, with the age that they have", () => {
    const it = lab()
    const ids = Array.from({ length: 5 }, () => it.publish(new Uint8Array(300)))
    assert.deepStrictEqual(ridden(it), ids.slice(0, 3))
    assert.deepStrictEqual(ridden(it), [...ids.slice(3), ids[0]!])
    it.advance(interval / 2)
    // any step tells it the time
    it.receive(news(7, { strategy: 99 }))
    const messages = it.machine.piggyback(1394, a)
    assert.isAtMost(messages.reduce((sum, bytes) => sum + bytes.length, 0), 1394)
    const [first] = decode(0, Frame.assemble(0, messages)).messages
    assert(first?._tag === "News")
    assert.strictEqual(first.age, interval / 2)
    assert.strictEqual(first.strategy, kind)
    assert.strictEqual(it.report().payloadMessages, 9)
    assert.isAbove(it.report().payloadBytes, 9 * 300)
    for (const bytes of messages) assert.isAtMost(bytes.length, encodeMessage(first).length + 1)
  })

  it("announces what fits no datagram, as often", () => {
    const it = lab()
    const large = it.publish(new Uint8Array(5000))
    it.advance(20 * interval)
    assert.strictEqual(it.messages("Announce").length, 8)
    assert.deepStrictEqual(idsOf(it.messages("Announce")[0]!.message.large), [large])
    assert.deepStrictEqual(it.gossiped, [])
  })

  it("lets go of what is forgotten, and of the oldest above 1024", () => {
    const it = lab({}, { retention: 1000 })
    it.publish()
    it.advance(5000)
    assert.strictEqual(it.machine.held.rumors, 0)
    assert.deepStrictEqual(ridden(it), [])
    const full = lab({ retransmitMultiplier: 1 })
    const ids = Array.from({ length: 1030 }, () => full.publish())
    const told = new Set<number>()
    for (let more = ridden(full); more.length > 0; more = ridden(full)) for (const id of more) told.add(id)
    assert.deepStrictEqual(told, new Set(ids.slice(6)))
  })
})
