import { assert, describe, it } from "@effect/vitest"
import { packIds } from "../../../src/wire/DisseminationMessage.ts"
import type { Message } from "../../../src/wire/Message.ts"
import { generator } from "../../support/generator.ts"
import { addressOf, idsOf, Lab, type LabOptions, news, Recorder, wallClock } from "./harness.ts"

const a = addressOf(1)

const lab = (options: LabOptions = {}) => {
  const strategy = new Recorder(3)
  return { strategy, lab: new Lab({ strategy, ...options }) }
}

describe("a rumor that is published", () => {
  it("is delivered here, and given to the strategy, before who publishes is answered", () => {
    const { lab: it, strategy } = lab()
    it.advance(1234.5)
    const id = it.publish(Uint8Array.of(1, 2, 3), "flags")
    assert.deepStrictEqual(it.delivered, [{
      id,
      topic: "flags",
      origin: "n0",
      publishedAt: wallClock + 1234,
      bornAt: it.now,
      hops: 0,
      strategy: 3,
      payload: Uint8Array.of(1, 2, 3),
      large: false
    }])
    assert.deepStrictEqual(strategy.calls, [["heard", id, undefined, undefined, false]])
    assert.strictEqual(it.report().published, 1)
    assert.strictEqual(it.report().delivered, 1)
  })

  it("says when it was published by the clock as it was set last", () => {
    const { lab: it } = lab()
    it.advance(1000)
    it.step({ _tag: "ClockSet", wallClock: wallClock + 5_000_000 })
    it.advance(10)
    it.publish()
    assert.strictEqual(it.delivered[0]!.publishedAt, wallClock + 5_000_010)
  })

  it("has a name of 53 bits of its own", () => {
    const { lab: it } = lab()
    const ids = new Set(Array.from({ length: 1000 }, () => it.publish()))
    assert.strictEqual(ids.size, 1000)
    assert.isAbove(Math.max(...ids), 2 ** 52)
    assert.isAtMost(Math.max(...ids), 2 ** 53 - 1)
    const same = new Lab({ random: { nextDoubleUnsafe: () => 0.25 }, antiEntropy: undefined })
    same.publish()
    // chance that has run dry is no reason to confuse two rumors
    let draws = 0
    const turns = new Lab({ random: { nextDoubleUnsafe: () => (draws++ % 7) / 7 } })
    assert.notStrictEqual(turns.publish(), turns.publish())
  })

  it("has another name than those of others, and of former lives, whose chance has the same seed", () => {
    const ids = [
      {},
      { index: 1 },
      { wallClock: wallClock + 1 }
    ].flatMap((options) => {
      const it = new Lab({ random: generator("the same"), ...options })
      return Array.from({ length: 100 }, () => it.publish())
    })
    assert.strictEqual(new Set(ids).size, 300)
  })

  it("is refused when it is too large, and nothing comes of it", () => {
    const { lab: it, strategy } = lab({ maxPayloadSize: 10 })
    assert.deepStrictEqual(it.command({ _tag: "Publish", topic: "t", payload: new Uint8Array(11) }), {
      _tag: "TooLarge",
      size: 11,
      limit: 10
    })
    assert.deepStrictEqual([it.sent, it.delivered, strategy.calls], [[], [], []])
  })
})

describe("a rumor that is heard", () => {
  it("is delivered once, and told to its strategy as new once", () => {
    const { lab: it, strategy } = lab()
    it.advance(100)
    it.receive(news(1, { hops: 2, age: 30, note: 7 }), a)
    it.receive(news(1, { note: 8 }), addressOf(2))
    it.receive(news(1, { asked: true }), addressOf(2))
    it.receive(news(1, { repair: true }), addressOf(2))
    assert.deepStrictEqual(it.delivered.map(({ bornAt, hops, id }) => [id, hops, it.now - bornAt]), [[1, 3, 30]])
    assert.deepStrictEqual(strategy.calls, [
      ["heard", 1, a, 7, false],
      ["heardAgain", 1, addressOf(2), 8]
    ])
    const { delayMaxMillis, delaySumMillis, delivered, hopsMax, redundant } = it.report()
    assert.deepStrictEqual([delivered, redundant, delaySumMillis, delayMaxMillis, hopsMax], [1, 3, 30, 30, 3])
  })

  it("is told to its strategy as asked for when it was", () => {
    const { lab: it, strategy } = lab()
    it.receive({ _tag: "Announce", ids: packIds([1]) }, a)
    it.receive(news(1), a)
    it.receive(news(2, { asked: true }), a)
    assert.deepStrictEqual(strategy.calls.map(([, id, , , asked]) => [id, asked]), [[1, true], [2, true]])
  })

  it("is recorded before its strategy or the application is told of it", () => {
    const { lab: it, strategy } = lab()
    strategy.onHeard = (rumor, host) => {
      assert.strictEqual(host.rumor(rumor.id), rumor)
      it.machine.step({ _tag: "Received", from: a, message: news(1), encoded: new Uint8Array(0) }, it.now, it.random)
    }
    it.receive(news(1), a)
    assert.strictEqual(strategy.count("heard"), 1)
    assert.strictEqual(strategy.count("heardAgain"), 1)
  })

  it("is not delivered when it was published before the node started, and is passed on all the same", () => {
    const { lab: it, strategy } = lab()
    it.advance(500)
    it.receive(news(1, { age: 501 }))
    it.receive(news(2, { age: 500 }))
    assert.deepStrictEqual(it.delivered.map(({ id }) => id), [2])
    assert.strictEqual(strategy.count("heard"), 2)
    assert.strictEqual(it.machine.held.rumors, 2)
  })

  it("is refused when it is older than what is remembered, and held again by nobody", () => {
    const { lab: it, strategy } = lab({ dedupWindow: 10_000, now: 1_000_000 })
    it.receive(news(1, { age: 10_000 }))
    assert.deepStrictEqual([it.delivered, strategy.calls], [[], []])
    assert.strictEqual(it.count("drops TooOld"), 1)
    assert.strictEqual(it.machine.held.rumors, 0)
  })

  it("is delivered once within the window, however many others come between", () => {
    const { lab: it } = lab({ maxSeen: 20, maxRumors: 5 })
    for (let id = 0; id < 200; id++) {
      it.advance(10)
      it.receive(news(id))
      for (let again = Math.max(0, id - 30); again <= id; again++) it.receive(news(again, { age: 10 * (id - again) }))
    }
    assert.deepStrictEqual(it.delivered.map(({ id }) => id), Array.from({ length: 200 }, (_, id) => id))
    assert.isAtMost(it.machine.held.rumors, 5)
    assert.isAbove(it.count("drops TooOld"), 0)
    assert.strictEqual(it.count("drops RumorsFull"), 195)
  })

  it("is not kept together with the datagram that it came in", () => {
    const { lab: it } = lab()
    const frame = new Uint8Array(1400).fill(1)
    it.receive(news(1, { payload: frame.subarray(100, 110) }))
    assert.strictEqual(it.delivered[0]!.payload.buffer.byteLength, 10)
    frame.fill(2)
    assert.deepStrictEqual(it.delivered[0]!.payload, new Uint8Array(10).fill(1))
  })

  it("is not sent again to who lets it go from memory sooner than from sight", () => {
    const { lab: it } = lab({ maxRumors: 100, maxSeen: 40 })
    for (let id = 0; id < 100; id++) {
      it.receive(news(id))
      it.advance(100)
    }
    it.clear()
    it.receive({ _tag: "Announce", ids: packIds([0, 1, 99]) }, a)
    assert.deepStrictEqual(it.sent, [])
  })

  it("is older by as long as the machine slept, whose clock stood still", () => {
    for (const restarts of [0, 1]) {
      const strategy = new Recorder(3)
      let it = new Lab({ strategy, nodes: 2 })
      it.receive(news(1))
      it.receive(news(2))
      it.advance(3000)
      const awake = { now: it.now, wallClock: wallClock + 3000 + 30_000 }
      it.step({ _tag: "ClockSet", wallClock: awake.wallClock })
      if (restarts === 1) it = new Lab({ strategy, nodes: 2, ...awake, previous: it.machine, restarts })
      it.clear()
      it.receive({ _tag: "Ask", ids: packIds([1]) })
      assert.deepStrictEqual(it.messages("News").map(({ message }) => message.age), [33_000])
      it.clear()
      // timers are none the later for it, and what is heard is no older
      it.advance(2000)
      assert.strictEqual(it.messages("RecentDigest").length, 2)
      it.receive(news(3, { age: 10 }))
      assert.strictEqual(it.delivered.length, 1)
      // it tells nobody who may have forgotten it
      it.step({ _tag: "ClockSet", wallClock: wallClock + 5000 + 30_000 + 40_000 })
      it.clear()
      it.advance(1000)
      for (const { message } of it.messages("RecentDigest")) assert.isFalse(idsOf(message.ids).includes(1))
      it.advance(8000)
      assert.strictEqual(it.machine.held.rumors, 1)
      it.receive(news(1, { age: 10_000 }))
      assert.deepStrictEqual(it.delivered, [])
      it.advance(100_000)
      assert.deepStrictEqual(it.timers, [])
    }
  })

  it("is not older when the clock is set back", () => {
    const { lab: it } = lab()
    it.receive(news(1))
    it.step({ _tag: "ClockSet", wallClock: wallClock - 5_000_000 })
    it.advance(100)
    it.clear()
    it.receive({ _tag: "Ask", ids: packIds([1]) })
    assert.deepStrictEqual(it.messages("News").map(({ message }) => message.age), [100])
    it.publish()
    assert.strictEqual(it.delivered[0]!.publishedAt, wallClock - 5_000_000 + 100)
  })

  it("is forgotten after the retention, which its strategy is told", () => {
    const { lab: it, strategy } = lab({ retention: 10_000, antiEntropy: undefined })
    it.receive(news(1))
    it.advance(5000)
    it.receive(news(2))
    it.advance(8500)
    assert.deepStrictEqual(strategy.calls.at(-1), ["forget", 1])
    assert.isUndefined(strategy.host.rumor(1))
    it.clear()
    it.receive({ _tag: "Ask", ids: packIds([1, 2]) })
    assert.deepStrictEqual(it.messages("News").map(({ message }) => message.id), [2])
    it.advance(100_000)
    assert.deepStrictEqual(it.timers, [])
    assert.deepStrictEqual(it.machine.held, { rumors: 0, bytes: 0 })
    it.receive(news(1, { age: 50_000 }))
    assert.strictEqual(it.delivered.length, 0)
  })

  it("makes room for itself, which is counted, and told to the strategy", () => {
    const { lab: it, strategy } = lab({ maxRumors: 2 })
    for (const id of [1, 2, 3]) it.receive(news(id))
    assert.strictEqual(it.count("drops RumorsFull"), 1)
    assert.deepStrictEqual(strategy.calls.map(([what, id]) => [what, id]), [
      ["heard", 1],
      ["heard", 2],
      ["forget", 1],
      ["heard", 3]
    ])
  })
})

describe("the strategy of a rumor", () => {
  const own = new Recorder(10)
  const node = new Recorder(3)
  const sameKind = new Recorder(3, "another of kind 3")
  const other = new Recorder(20)
  const given = new Recorder(30)
  const all = [own, node, sameKind, other, given]
  const heardBy = (strategies: ReadonlyArray<Recorder>, run: () => void) => {
    for (const strategy of strategies) strategy.calls = []
    run()
    return strategies.filter((strategy) => strategy.count("heard") === 1).map(({ name }) => name)
  }
  const make = () => {
    const it = new Lab({ strategy: node, strategies: [sameKind, other] })
    it.command({ _tag: "Configure", topic: "own", strategy: own })
    return it
  }

  it("is that which is given with it, or the topic's, or the node's, where it is published", () => {
    const it = make()
    assert.deepStrictEqual(heardBy(all, () => it.publish("p", "own", given)), [given.name])
    assert.deepStrictEqual(heardBy(all, () => it.publish("p", "own")), [own.name])
    assert.deepStrictEqual(heardBy(all, () => it.publish("p", "another")), [node.name])
    assert.deepStrictEqual(it.delivered.map(({ strategy }) => strategy), [30, 10, 3])
    assert.deepStrictEqual(
      [...it.machine.reports()].filter(([, { published }]) => published === 1).map(([name]) => name),
      [
        node.name,
        own.name,
        given.name
      ]
    )
  })

  it("is of its kind where it is passed on: the topic's, the node's, or another that is known", () => {
    const it = make()
    let id = 0
    const heard = (topic: string, strategy: number) => heardBy(all, () => it.receive(news(++id, { topic, strategy })))
    assert.deepStrictEqual(heard("own", 10), [own.name])
    assert.deepStrictEqual(heard("own", 3), [node.name])
    assert.deepStrictEqual(heard("another", 3), [node.name])
    assert.deepStrictEqual(heard("another", 20), [other.name])
    assert.deepStrictEqual(heard("another", 10), [], "another topic's own")
    assert.strictEqual(it.count("drops UnknownStrategy"), 1)
  })

  it("whose kind is unknown leaves it delivered and held, for who asks", () => {
    const it = make()
    it.receive(news(1, { strategy: 77 }))
    assert.strictEqual(it.delivered.length, 1)
    assert.strictEqual(it.report("unknown").delivered, 1)
    it.receive(news(1, { strategy: 77 }))
    assert.strictEqual(it.report("unknown").redundant, 1)
    it.receive({ _tag: "Ask", ids: packIds([1]) })
    assert.deepStrictEqual(it.messages("News").map(({ message }) => [message.id, message.strategy]), [[1, 77]])
    it.advance(100_000)
    assert.strictEqual(it.machine.held.rumors, 0)
  })

  it("is told the messages of its kind", () => {
    const it = make()
    node.calls = []
    own.calls = []
    const message = { _tag: "Feedback", strategy: 3 } as const
    it.receive(message, a)
    it.receive({ _tag: "Pull", strategy: 10 }, a)
    it.receive({ _tag: "Offer", strategy: 99, ids: packIds([]) }, a)
    assert.deepStrictEqual([node.calls, own.calls], [[["received", "Feedback", a]], [["received", "Pull", a]]])
  })

  it("is at work no longer when its topic has none any more, and nothing of it is held", () => {
    const it = new Lab({ strategy: node })
    for (let turn = 0; turn < 3; turn++) {
      own.onRound = () => true
      it.command({ _tag: "Configure", topic: "own", strategy: own })
      own.host.requestRounds()
      it.publish("p", "own")
      it.command({ _tag: "Configure", topic: "own", strategy: undefined })
      own.calls = []
      it.receive({ _tag: "Pull", strategy: 10 })
      assert.strictEqual(own.count("received"), 1, "while something is held")
      it.advance(100_000)
      own.calls = []
      it.receive({ _tag: "Pull", strategy: 10 })
      it.advance(10_000)
      assert.deepStrictEqual(own.calls, [])
      assert.deepStrictEqual(it.timers, [])
    }
    own.onRound = () => false
  })
})

describe("a strategy", () => {
  it("pushes, announces, and sends messages of its own, which are counted", () => {
    const { lab: it, strategy } = lab()
    strategy.onHeard = (rumor, host) => {
      host.push(a, rumor, { note: 5, asked: true })
      host.announce(a, [rumor])
      host.send(a, { _tag: "Pull", strategy: 3 })
      host.gossip(a)
      host.drop("Whatever")
    }
    const id = it.publish()
    assert.deepStrictEqual(it.sent.map(({ message }) => message._tag), ["News", "Announce", "Pull"])
    const { message } = it.messages("News")[0]!
    assert.deepStrictEqual([message.id, message.note, message.asked, message.hops], [id, 5, true, undefined])
    assert.deepStrictEqual(it.gossiped, [a])
    assert.strictEqual(it.count("drops Whatever"), 1)
    const { controlMessages, payloadMessages } = it.report(strategy.name)
    assert.deepStrictEqual([payloadMessages, controlMessages], [1, 2])
  })

  it("that tells many the same makes one message of it", () => {
    const { lab: it, strategy } = lab()
    strategy.onHeard = (rumor, host) => {
      for (let i = 0; i < 3; i++) host.push(addressOf(i), rumor, { note: 1 })
      host.push(a, rumor, { note: 2 })
      host.push(a, rumor)
    }
    it.publish()
    const messages = it.messages("News").map(({ message }) => message)
    assert.isTrue(messages[0] === messages[1] && messages[1] === messages[2])
    assert.deepStrictEqual(messages.map(({ note }) => note), [1, 1, 1, 2, undefined])
    it.advance(10)
    it.receive(news(1))
    assert.notStrictEqual(it.messages("News").at(-1)!.message.id, messages[0]!.id)
  })

  it("fills up datagrams that leave anyway, which is counted", () => {
    const strategy = new Recorder(3)
    strategy.onPiggyback = (room) => [new Uint8Array(room / 2)]
    const another = new Recorder(9)
    another.onPiggyback = (room) => [new Uint8Array(room)]
    const it = new Lab({ strategy })
    it.command({ _tag: "Configure", topic: "t", strategy: another })
    assert.deepStrictEqual(it.machine.piggyback(1000, a).map(({ length }) => length), [500, 500])
    assert.strictEqual(it.report(strategy.name).payloadBytes, 500)
    assert.strictEqual(it.report(another.name).payloadMessages, 1)
  })

  it("gives the very message that it would send, for that", () => {
    const { lab: it, strategy } = lab()
    strategy.onHeard = (rumor, host) => {
      host.push(a, rumor)
      assert.isAbove(host.encode(rumor).length, rumor.payload.length)
    }
    it.receive(news(1))
  })
})

describe("an idle node", () => {
  it("has no timers, and nothing for datagrams that leave anyway", () => {
    const it = new Lab()
    assert.deepStrictEqual(it.timers, [])
    assert.strictEqual(it.machine.piggyback(1000, a), it.machine.piggyback(10, addressOf(2)))
    assert.deepStrictEqual(it.machine.piggyback(1000, a), [])
    assert.deepStrictEqual(it.machine.farewell(it.now, it.random), [])
  })
})

describe("the last words of a node", () => {
  const lastWords = (lab: Lab) =>
    lab.machine.farewell(lab.now, lab.random).flatMap((output) =>
      output._tag === "Send" && output.message._tag === "News" ? [[output.message.id, output.to] as const] : []
    )

  it("are what it published in the last two seconds, to two peers each, and not what it heard", () => {
    const { lab: it } = lab({ nodes: 5 })
    it.publish()
    it.advance(2100)
    const ids = [it.publish(), it.publish()]
    it.receive(news(1))
    const words = lastWords(it)
    assert.deepStrictEqual(words.map(([id]) => id), [ids[0], ids[0], ids[1], ids[1]])
    for (const id of ids) assert.strictEqual(new Set(words.filter(([of]) => of === id).map(([, to]) => to)).size, 2)
  })

  it("are bounded, and leave out what nobody could fetch any more", () => {
    const { lab: it } = lab({ nodes: 5 })
    for (let i = 0; i < 100; i++) it.publish()
    it.publish(new Uint8Array(5000))
    assert.strictEqual(lastWords(it).length, 128)
  })
})

describe("what is out of place", () => {
  it("is dropped and counted", () => {
    const { lab: it } = lab()
    const misplaced: ReadonlyArray<Message> = [
      { _tag: "Fetch", ids: packIds([1]) },
      { _tag: "Fetched", news: [news(1)] }
    ]
    for (const message of misplaced) it.receive(message)
    assert.strictEqual(it.count("drops Unexpected"), 2)
    for (const message of [news(1), misplaced[1]!]) assert.isUndefined(it.request(message))
    it.answer(17, misplaced[1])
    assert.deepStrictEqual(it.delivered, [])
    // an answer of another kind is none
    it.receive({ _tag: "Announce", large: packIds([1]) }, a)
    it.answer(it.exchanges[0]!.exchange, news(1))
    assert.deepStrictEqual(it.delivered, [])
    assert.strictEqual(it.machine.wanted, 0)
  })
})

describe("the machine that takes the place of one that broke", () => {
  it("knows and holds what that one did, and delivers nothing again", () => {
    const { lab: before } = lab()
    before.receive(news(1))
    before.receive(news(2, { strategy: 77 }))
    const id = before.publish()
    before.advance(2000)
    const strategy = new Recorder(3)
    const after = new Lab({ strategy, now: before.now, previous: before.machine, restarts: 1 })
    assert.strictEqual(after.machine.held.rumors, 3)
    assert.strictEqual(after.machine.held.bytes, before.machine.held.bytes)
    after.receive(news(1, { age: 2000 }))
    assert.deepStrictEqual(strategy.calls, [["heardAgain", 1, addressOf(99), undefined]])
    after.receive({ _tag: "Ask", ids: packIds([1, id]) })
    assert.deepStrictEqual(after.messages("News").map(({ message }) => [message.id, message.age]), [[1, 2000], [
      id,
      2000
    ]])
    assert.deepStrictEqual(after.delivered, [])
  })

  it("delivers what was published while it was being made", () => {
    const { lab: before } = lab()
    before.advance(1000)
    const { lab: after } = lab({ now: before.now, previous: before.machine, restarts: 1 })
    after.receive(news(1, { age: 900 }))
    assert.strictEqual(after.delivered.length, 1)
    after.receive(news(2, { age: 1100 }))
    assert.strictEqual(after.delivered.length, 1)
  })

  it("holds nothing, but remembers all the same, when the first to take over broke at once", () => {
    const { lab: before } = lab()
    before.receive(news(1))
    const { lab: after } = lab({ previous: before.machine, restarts: 2 })
    assert.deepStrictEqual(after.machine.held, { rumors: 0, bytes: 0 })
    after.receive(news(1))
    assert.deepStrictEqual(after.delivered, [])
  })

  it("keeps the strategies of topics, counts on, and compares and forgets as before", () => {
    const own = new Recorder(10)
    const { lab: before } = lab()
    before.command({ _tag: "Configure", topic: "own", strategy: own })
    before.publish("p", "own")
    const { lab: after } = lab({ now: before.now, previous: before.machine, restarts: 1 })
    after.publish("p", "own")
    assert.strictEqual(after.report(own.name).published, 2)
    assert.strictEqual(own.hosts.length, 2)
    after.advance(3000)
    assert.isAbove(after.messages("RecentDigest").length, 0)
    after.advance(100_000)
    assert.deepStrictEqual(after.machine.held, { rumors: 0, bytes: 0 })
    assert.deepStrictEqual(after.timers, [])
  })

  it("of a node that never heard anything has nothing to do either", () => {
    const before = new Lab()
    const after = new Lab({ previous: before.machine, restarts: 1 })
    assert.deepStrictEqual(after.timers, [])
  })
})

describe("the ids that two nodes exchange", () => {
  it("come out as they went in", () => {
    const ids = [0, 1, 2 ** 32, 2 ** 53 - 1]
    assert.deepStrictEqual(idsOf(packIds(ids)), ids)
  })
})
