import { assert, describe, it } from "@effect/vitest"
import { type Config, defaultConfig, makeStrategy } from "../../../src/dissemination/internal/rumorMongering.ts"
import { packIds } from "../../../src/wire/DisseminationMessage.ts"
import type { Message } from "../../../src/wire/Message.ts"
import { addressOf, Cluster, idsOf, Lab, type LabOptions, news } from "./harness.ts"

const kind = 2
const second = 1000

const strategy = (config: Partial<Config> = {}) =>
  makeStrategy({ ...defaultConfig, eager: false, roundInterval: second, ...config })

const lab = (config: Partial<Config> = {}, options: LabOptions = {}) =>
  new Lab({ nodes: 10, strategy: strategy(config), antiEntropy: undefined, pacing: { phase: 0 }, ...options })

const cluster = (nodes: number, config: Partial<Config> = {}) =>
  new Cluster(nodes, { strategy: strategy(config), antiEntropy: undefined, pacing: { phase: 0 } })

const a = addressOf(1)
const b = addressOf(2)

type Outcome = "fresh" | "known" | "refused"

const feedback = (outcome: Outcome, id: number): Message => ({
  _tag: "Feedback",
  strategy: kind,
  [outcome]: packIds([id])
})
const pull: Message = { _tag: "Pull", strategy: kind }

const tags = (lab: Lab) => lab.sent.map(({ message }) => message._tag)

describe("rumor mongering", () => {
  it("waits for the next round, then tells one peer a round", () => {
    const it = lab()
    const id = it.publish()
    assert.deepStrictEqual(it.sent, [])
    it.advance(second)
    it.advance(second)
    assert.deepStrictEqual(tags(it), ["News", "News"])
    assert.strictEqual(it.messages("News")[0]!.message.id, id)
  })

  it("tells one peer at once where it is eager, and answers with what it has just heard", () => {
    const it = lab({ eager: true, mode: "pushPull" })
    it.publish()
    assert.deepStrictEqual(tags(it), ["News"])
    it.receive(pull, b)
    assert.deepStrictEqual(it.sent.map(({ to }) => to).slice(1), [b])
    const pulling = lab({ eager: true, mode: "pull" })
    pulling.publish()
    assert.deepStrictEqual(tags(pulling), [])
  })

  it("tells nothing where there is nothing hot, and nobody to tell", () => {
    const it = lab()
    it.advance(5 * second)
    assert.deepStrictEqual(it.sent, [])
    const alone = lab({ mode: "pushPull" }, { nodes: 1 })
    alone.publish()
    alone.advance(5 * second)
    assert.deepStrictEqual(alone.sent, [])
  })

  it("says whether it was news; to all who told it in one round, it was", () => {
    const it = lab()
    it.receive(news(7, { strategy: kind }), a)
    it.receive(news(7, { strategy: kind }), b)
    it.advance(second)
    it.clear()
    it.receive(news(7, { strategy: kind }), b)
    assert.deepStrictEqual(
      it.messages("Feedback").map(({ message, to }) => [to, idsOf(message.fresh), idsOf(message.known)]),
      [[b, [], [7]]]
    )
    const other = lab()
    other.receive(news(7, { strategy: kind }), a)
    other.receive(news(7, { strategy: kind }), b)
    assert.deepStrictEqual(
      other.messages("Feedback").map(({ message, to }) => [to, idsOf(message.fresh)]),
      [[a, [7]], [b, [7]]]
    )
    const blind = lab({ interest: "blind" })
    blind.receive(news(7, { strategy: kind }), a)
    assert.deepStrictEqual(blind.messages("Feedback"), [])
  })

  it("loses interest after k unnecessary contacts in a row", () => {
    const it = lab({ k: 2 })
    const id = it.publish()
    // what comes of each round, and how many are told in all
    for (
      const [outcome, told] of [
        ["known", 1],
        ["fresh", 2],
        ["known", 3],
        ["known", 4],
        ["known", 4],
        ["fresh", 4]
      ] as const
    ) {
      it.advance(second)
      it.receive(feedback(outcome, id))
      assert.strictEqual(it.messages("News").length, told)
    }
  })

  it("counts a round once, however many contacts were in it", () => {
    const it = lab({ mode: "pull", k: 2 })
    const id = it.publish()
    it.advance(second)
    const round = (...outcomes: ReadonlyArray<Outcome>) => {
      it.clear()
      for (const outcome of outcomes) {
        it.receive(pull, a)
        it.receive(feedback(outcome, id), a)
      }
      const told = it.messages("News").length
      it.advance(second)
      return told
    }
    assert.strictEqual(round("known", "known", "known"), 3)
    // a useful one outweighs the others, and not to be asked says nothing
    assert.strictEqual(round("known", "fresh", "known"), 3)
    assert.strictEqual(round("known"), 1)
    assert.strictEqual(round(), 0)
    assert.strictEqual(round("known"), 1)
    assert.strictEqual(round("known"), 0)
  })

  it("is blind to what it hears where it is to be", () => {
    const it = lab({ interest: "blind", k: 3 })
    const id = it.publish()
    for (let round = 0; round < 10; round++) {
      it.advance(second)
      it.receive(feedback("fresh", id))
    }
    assert.strictEqual(it.messages("News").length, 3)
  })

  it("tosses a coin, of which one in k says that it is enough", () => {
    const told = Array.from({ length: 300 }, (_, index) => {
      const it = lab({ interest: "blind", stop: "coin", k: 4 }, { index })
      it.publish()
      it.advance(100 * second)
      return it.messages("News").length
    })
    assert.closeTo(told.reduce((sum, count) => sum + count) / told.length, 4, 0.6)
    assert.isAbove(Math.max(...told), 8)
  })

  it("asks each round in pull, whether or not there is news, and answers by what was hot when the round began", () => {
    const it = lab({ mode: "pull" })
    it.advance(second)
    it.advance(second)
    assert.deepStrictEqual(tags(it), ["Pull", "Pull"])
    it.clear()
    it.receive(pull, a)
    it.receive(news(7, { strategy: kind }), a)
    it.receive(pull, b)
    assert.deepStrictEqual(tags(it), ["Feedback"])
    it.advance(second)
    it.clear()
    it.receive(pull, b)
    assert.deepStrictEqual(it.messages("News").map(({ message, to }) => [message.id, to]), [[7, b]])
  })

  it("does both in one contact in push-pull, and spares what the other has just shown", () => {
    const it = lab({ mode: "pushPull" })
    const id = it.publish()
    it.advance(second)
    assert.deepStrictEqual(tags(it), ["News", "Pull"])
    assert.deepStrictEqual(idsOf(it.messages("Pull")[0]!.message.have), [id])
    it.clear()
    it.receive({ ...pull, have: packIds([id, 5]) }, a)
    assert.deepStrictEqual(it.sent, [])
    it.receive({ ...pull, have: packIds([5]) }, b)
    assert.deepStrictEqual(tags(it), ["News"])
  })

  it("announces what fits no datagram, and takes silence for knowledge", () => {
    const it = lab({ k: 2 })
    it.publish(new Uint8Array(5000))
    it.advance(10 * second)
    assert.deepStrictEqual(tags(it), ["Announce", "Announce"])
    const other = lab({ k: 2 })
    const id = other.publish(new Uint8Array(5000))
    for (let round = 0; round < 5; round++) {
      other.advance(second)
      other.receive(feedback("fresh", id))
    }
    assert.strictEqual(other.messages("Announce").length, 5)
  })

  it("lets go of what is forgotten", () => {
    const it = lab({}, { retention: 3 * second })
    it.publish()
    it.advance(10 * second)
    const told = it.messages("News").length
    assert(told >= 2 && told <= 5, String(told))
    assert.strictEqual(it.machine.held.rumors, 0)
  })

  it("tells 64 a contact, in turn where there are more", () => {
    const it = lab()
    const ids = Array.from({ length: 100 }, () => it.publish())
    it.advance(second)
    it.advance(second)
    assert.strictEqual(it.messages("News").length, 128)
    assert.deepStrictEqual(new Set(it.messages("News").map(({ message }) => message.id)), new Set(ids))
  })

  it("answers each peer four times a round, and 256 contacts in all", () => {
    const it = lab({ mode: "pull" })
    it.publish()
    it.advance(second)
    for (let contact = 0; contact < 10; contact++) it.receive(pull, a)
    assert.strictEqual(it.messages("News").length, 4)
    assert.strictEqual(it.count("drops TooManyPulls"), 6)
    for (let index = 0; index < 300; index++) it.receive(pull, addressOf(100 + index))
    assert.strictEqual(it.messages("News").length, 256)
  })

  it("keeps 1024 rumors hot, the youngest", () => {
    const it = lab({ mode: "pull" })
    const ids = Array.from({ length: 1030 }, () => it.publish())
    it.advance(second)
    it.clear()
    const told = new Set<number>()
    for (let index = 0; index < 40; index++) it.receive(pull, addressOf(100 + index))
    for (const { message } of it.messages("News")) told.add(message.id)
    assert.deepStrictEqual(told, new Set(ids.slice(6)))
  })

  // ---------------------------------------------------------------------------
  // a connection limit
  // ---------------------------------------------------------------------------

  it("offers first where connections are limited, and pushes when that is accepted", () => {
    const it = lab({ connectionLimit: 1, eager: true })
    const id = it.publish()
    it.advance(second)
    assert.deepStrictEqual(tags(it), ["Offer"])
    const { message, to } = it.messages("Offer")[0]!
    assert.deepStrictEqual(idsOf(message.ids), [id])
    // nobody else is invited
    it.receive(pull, to === a ? b : a)
    it.receive(pull, to)
    assert.deepStrictEqual(it.messages("News").map((sent) => sent.to).at(-1), to)
  })

  it("accepts so many in a round, and refuses the others", () => {
    const it = lab({ connectionLimit: 1 })
    const offer: Message = { _tag: "Offer", strategy: kind, ids: packIds([7]) }
    it.receive(offer, a)
    it.receive(offer, b)
    assert.deepStrictEqual(it.sent.map(({ message, to }) => [message._tag, to]), [["Pull", a], ["Feedback", b]])
    assert.deepStrictEqual(idsOf(it.messages("Feedback")[0]!.message.refused), [7])
    it.advance(second)
    it.clear()
    it.receive(offer, b)
    assert.deepStrictEqual(tags(it), ["Pull"])
  })

  it("tries others so many times when it is refused", () => {
    const it = lab({ connectionLimit: 1, hunting: 2 })
    const id = it.publish()
    it.advance(second)
    for (let contact = 0; contact < 5; contact++) it.receive(feedback("refused", id), it.messages("Offer").at(-1)!.to)
    assert.strictEqual(it.messages("Offer").length, 3)
    // who was not offered anything has nothing to refuse
    it.advance(second)
    it.receive(feedback("refused", id), addressOf(77))
    assert.strictEqual(it.messages("Offer").length, 4)
  })

  it("goes by the same limit in pull and in push-pull", () => {
    const pulling = lab({ mode: "pull", connectionLimit: 1, hunting: 1 })
    pulling.publish()
    pulling.advance(second)
    const [first] = pulling.messages("Pull")
    pulling.receive({ _tag: "Feedback", strategy: kind, refused: packIds([]) }, first!.to)
    assert.strictEqual(pulling.messages("Pull").length, 2)
    pulling.clear()
    pulling.receive(pull, a)
    pulling.receive(pull, b)
    assert.deepStrictEqual(pulling.sent.map(({ message, to }) => [message._tag, to]), [["News", a], ["Feedback", b]])

    const both = lab({ mode: "pushPull", connectionLimit: 1 })
    both.publish()
    both.advance(second)
    both.clear()
    both.receive({ _tag: "Offer", strategy: kind, ids: packIds([7]) }, a)
    assert.deepStrictEqual(tags(both), ["News", "Pull"])
  })

  // ---------------------------------------------------------------------------
  // together
  // ---------------------------------------------------------------------------

  for (const mode of ["push", "pull", "pushPull"] as const) {
    for (const connectionLimit of [Infinity, 1]) {
      it(`reaches nearly all of 40 by ${mode}${connectionLimit === 1 ? " with one contact a round" : ""}`, () => {
        const nodes = cluster(40, { mode, k: 4, connectionLimit, hunting: connectionLimit === 1 ? 3 : 0 })
        const id = nodes.publish(0)
        nodes.advance(40 * second)
        assert.isAtLeast(nodes.reached(id), 38)
        const before = nodes.report().payloadMessages
        nodes.advance(10 * second)
        assert.strictEqual(nodes.report().payloadMessages, before)
      })
    }
  }
})
