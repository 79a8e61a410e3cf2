import { assert, describe, it } from "@effect/vitest"
import { type Config, defaultConfig, makeStrategy } from "../../../src/dissemination/internal/medianCounter.ts"
import type { Message } from "../../../src/wire/Message.ts"
import { addressOf, Cluster, Lab, type LabOptions, news } from "./harness.ts"

const kind = 5
const second = 1000
const cooling = 0xff

const strategy = (config: Partial<Config> = {}) => makeStrategy({ ...defaultConfig, roundInterval: second, ...config })

const lab = (config: Partial<Config> = {}, options: LabOptions = {}) =>
  new Lab({ nodes: 100, strategy: strategy(config), antiEntropy: undefined, pacing: { phase: 0 }, ...options })

const call: Message = { _tag: "Pull", strategy: kind }

/** Lets a round begin, and says what the node told whom it called: its note, or nothing. */
const round = (it: Lab) => {
  it.clear()
  it.advance(second)
  const [called] = it.messages("Pull")
  return { called: called!.to, note: it.messages("News")[0]?.message.note }
}

/** A node that has heard rumor 7, and is in the next round. */
const infected = (config: Partial<Config> = {}) => {
  const it = lab(config)
  it.receive(news(7, { strategy: kind, note: 1 }), addressOf(50))
  return it
}

describe("the median counter", () => {
  it("calls a peer each round, and tells what it spreads; what it hears in a round, in the next", () => {
    const it = lab()
    assert.strictEqual(round(it).note, undefined)
    it.clear()
    it.receive(news(7, { strategy: kind, note: 1 }), addressOf(50))
    it.receive(call, addressOf(51))
    assert.deepStrictEqual(it.sent, [])
    assert.strictEqual(round(it).note, 1)
    it.clear()
    it.receive(call, addressOf(51))
    assert.deepStrictEqual(it.messages("News").map(({ message, to }) => [message.note, to]), [[1, addressOf(51)]])
  })

  it("counts up when most of its partners are as far, and not when one called or calling does not know", () => {
    const it = infected({ counterMax: 5 })
    let { called } = round(it)
    // the one that is called, and one more
    it.receive(news(7, { strategy: kind, note: 1 }), called)
    it.receive(news(7, { strategy: kind, note: 3 }), addressOf(51))
    it.receive(call, addressOf(51))
    let next = round(it)
    assert.strictEqual(next.note, 2)
    // one is behind, one is ahead
    called = next.called
    it.receive(news(7, { strategy: kind, note: 1 }), called)
    it.receive(news(7, { strategy: kind, note: 2 }), addressOf(51))
    it.receive(call, addressOf(51))
    next = round(it)
    assert.strictEqual(next.note, 2)
    // the one that was called does not know it
    it.receive(news(7, { strategy: kind, note: 2 }), addressOf(51))
    it.receive(call, addressOf(51))
    next = round(it)
    assert.strictEqual(next.note, 2)
    // one that calls does not
    it.receive(news(7, { strategy: kind, note: 2 }), next.called)
    it.receive(call, addressOf(51))
    next = round(it)
    assert.strictEqual(next.note, 2)
    it.receive(news(7, { strategy: kind, note: 2 }), next.called)
    assert.strictEqual(round(it).note, 3)
  })

  it("cools down for so many rounds above its highest counter, and gives up", () => {
    const it = infected({ counterMax: 1, coolingRounds: 2 })
    const { called } = round(it)
    it.receive(news(7, { strategy: kind, note: 1 }), called)
    assert.deepStrictEqual([round(it).note, round(it).note, round(it).note], [cooling, cooling, undefined])
  })

  it("cools down with one that does", () => {
    const it = infected({ counterMax: 9, coolingRounds: 1 })
    round(it)
    it.receive(news(7, { strategy: kind, note: cooling }), addressOf(51))
    assert.deepStrictEqual([round(it).note, round(it).note], [cooling, undefined])
    const other = lab({ counterMax: 9 })
    other.receive(news(7, { strategy: kind, note: cooling }), addressOf(51))
    assert.strictEqual(round(other).note, cooling)
    const both = infected({ counterMax: 9 })
    both.receive(news(7, { strategy: kind, note: cooling }), addressOf(51))
    assert.strictEqual(round(both).note, cooling)
  })

  it("gives up after 4 log2 n rounds, whatever others say", () => {
    const it = infected()
    const notes = Array.from({ length: 40 }, () => round(it).note)
    assert.strictEqual(notes.filter((note) => note !== undefined).length, 27)
  })

  it("knows ln ln n where it is told nothing else", () => {
    const reached = (nodes: number) => {
      const it = lab({ coolingRounds: 1 }, { nodes })
      it.publish()
      let highest = 0
      for (let turn = 0; turn < 20; turn++) {
        const { called, note } = round(it)
        if (note === undefined) break
        if (note !== cooling) highest = note
        it.receive(news(it.messages("News")[0]!.message.id, { strategy: kind, note: 100 }), called)
      }
      return highest
    }
    assert.deepStrictEqual([2, 10, 100, 1000, 2000].map(reached), [1, 1, 2, 2, 3])
  })

  it("answers each peer four times a round, and 256 in all", () => {
    const it = infected()
    round(it)
    it.clear()
    for (let times = 0; times < 10; times++) it.receive(call, addressOf(51))
    assert.strictEqual(it.messages("News").length, 4)
    assert.strictEqual(it.count("drops TooManyPulls"), 6)
    for (let index = 0; index < 300; index++) it.receive(call, addressOf(1000 + index))
    assert.strictEqual(it.messages("News").length, 256)
  })

  it("lets go of what is forgotten, and has nobody to call alone", () => {
    const it = lab({}, { retention: 3 * second, nodes: 1 })
    it.publish()
    it.advance(20 * second)
    assert.deepStrictEqual(it.sent, [])
    assert.strictEqual(it.machine.held.rumors, 0)
  })

  it("reaches all of 60, and ends", () => {
    const nodes = new Cluster(60, { strategy: strategy(), antiEntropy: undefined, pacing: { phase: 0 } })
    const id = nodes.publish(0)
    nodes.advance(20 * second)
    assert.strictEqual(nodes.reached(id), 60)
    const before = nodes.report().payloadMessages
    assert.isBelow(before, 60 * 20)
    nodes.advance(5 * second)
    assert.strictEqual(nodes.report().payloadMessages, before)
  })
})
