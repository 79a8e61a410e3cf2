import { assert, describe, it } from "@effect/vitest"
import type { AntiEntropy } from "../../../src/dissemination/DisseminationMachine.ts"
import { packIds } from "../../../src/wire/DisseminationMessage.ts"
import type { Message } from "../../../src/wire/Message.ts"
import { addressOf, Cluster, idsOf, Lab, type LabOptions, news, peer, Recorder, wallClock } from "./harness.ts"

const pushPull: AntiEntropy = { interval: 1000, mode: "pushPull", settling: 1000, talksWhenEmpty: false }

/** A strategy that does nothing: what spreads, spreads by anti-entropy. */
const still = () => new Recorder(3)

const lab = (options: LabOptions = {}) => new Lab({ strategy: still(), ...options })

const range = (start: number, count: number) => Array.from({ length: count }, (_, index) => start + index)

const a = addressOf(1)

const know = (lab: Lab, ids: ReadonlyArray<number>, age = 2000) => {
  for (const id of ids) lab.receive(news(id, { age }))
  lab.clear()
}

/** The digest of a node that knows these. */
const digestOf = (ids: ReadonlyArray<number>, options: LabOptions & { readonly age?: number } = {}) => {
  const other = lab({ index: 1, nodes: 2, pacing: { phase: 0 }, ...options })
  know(other, ids, options.age)
  other.advance(1000)
  const digests = other.messages("RecentDigest")
  assert.strictEqual(digests.length, 1)
  return digests[0]!.message
}

const tags = (lab: Lab) => lab.sent.map(({ message }) => message._tag)
const newsOf = (lab: Lab) => lab.messages("News").map(({ message }) => message.id)

describe("anti-entropy", () => {
  it("says nothing while nothing was heard, and nothing once all is forgotten", () => {
    const it = lab()
    it.advance(100_000)
    assert.deepStrictEqual(it.sent, [])
    assert.deepStrictEqual(it.timers, [])
    it.receive(news(1))
    it.advance(55_000)
    assert.isAbove(it.messages("RecentDigest").length, 50)
    it.advance(20_000)
    it.clear()
    it.advance(1_000_000)
    assert.deepStrictEqual(it.sent, [])
    assert.deepStrictEqual(it.timers, [])
  })

  it("leaves alone what has not settled", () => {
    const it = lab({ antiEntropy: { ...pushPull, settling: 3000 } })
    it.receive(news(1))
    it.advance(2900)
    assert.deepStrictEqual(it.sent, [])
    it.advance(1200)
    assert.strictEqual(it.messages("RecentDigest").length, 1)
  })

  it("sends nothing more to one who knows the same", () => {
    const it = lab()
    know(it, [3, 1, 2])
    it.receive(digestOf([1, 2, 3]), a)
    assert.deepStrictEqual(it.sent, [])
    assert.deepStrictEqual(it.exchanges, [])
  })

  it("sends who opens it what that one lacks, and asks for what is lacking here: three messages", () => {
    const it = lab()
    know(it, [1, 2, 3])
    it.receive(digestOf([2, 3, 4]), a)
    assert.deepStrictEqual(it.messages("News").map(({ message, to }) => [to, message.id, message.repair]), [[
      a,
      1,
      true
    ]])
    assert.deepStrictEqual(it.messages("Ask").map(({ message, to }) => [to, ...idsOf(message.ids)]), [[a, 4]])
    assert.strictEqual(it.sent.length, 2)
  })

  it("that pulls sends nothing but what is lacking: two messages", () => {
    const digest = digestOf([2, 3, 4], { antiEntropy: { ...pushPull, mode: "pull" } })
    assert.deepStrictEqual([digest.wants, digest.offers], [true, false])
    const it = lab()
    know(it, [1, 2, 3])
    it.receive(digest, a)
    assert.deepStrictEqual(tags(it), ["News"])
    assert.deepStrictEqual(newsOf(it), [1])
  })

  it("that pushes sends what it holds: one message", () => {
    const it = lab({ antiEntropy: { ...pushPull, mode: "push" } })
    know(it, [1, 2])
    it.advance(1000)
    assert.deepStrictEqual(tags(it), ["News", "News"])
    assert.deepStrictEqual(it.messages("News").map(({ message }) => message.repair), [true, true])
  })

  it("asks where nothing is known when it pulls, if it is to", () => {
    const it = lab({ antiEntropy: { ...pushPull, mode: "pull", talksWhenEmpty: true } })
    it.advance(3000)
    assert.deepStrictEqual(tags(it), ["RecentDigest", "RecentDigest", "RecentDigest"])
    const full = lab()
    know(full, [1])
    full.receive(it.messages("RecentDigest")[0]!.message, a)
    assert.deepStrictEqual(newsOf(full), [1])
    const empty = lab()
    empty.receive(it.messages("RecentDigest")[0]!.message, a)
    assert.deepStrictEqual(empty.sent, [])
  })

  it("does not ask for what the other still spreads, nor send it what is on its way there", () => {
    const other = lab({ index: 1, nodes: 2, pacing: { phase: 0 } })
    know(other, [1, 2])
    other.advance(900)
    other.receive(news(3))
    other.advance(100)
    const digest = other.messages("RecentDigest")[0]!.message
    assert.deepStrictEqual([digest.count, idsOf(digest.ids), idsOf(digest.young)], [2, [1, 2], [3]])
    const it = lab()
    know(it, [1])
    it.receive(news(4))
    // it is older here, where it came sooner
    it.receive(news(3, { age: 1900 }))
    it.receive(digest, a)
    assert.deepStrictEqual(it.messages("Ask").map(({ message }) => idsOf(message.ids)), [[2]])
    assert.deepStrictEqual(newsOf(it), [])
  })

  it("is sent nothing again that was forgotten sooner here, and came once more", () => {
    const it = lab({ nodes: 2 })
    know(it, [1])
    it.step({ _tag: "ClockSet", wallClock: wallClock + 1_000_000 })
    it.advance(70_000)
    it.receive(news(2, { age: 2000 }))
    it.receive(news(1, { age: 50_000, repair: true }), a)
    it.clear()
    it.advance(1000)
    assert.deepStrictEqual(it.messages("RecentDigest").map(({ message }) => idsOf(message.ids)), [[2, 1]])
  })

  it("does not send what the other has let go, or is about to forget", () => {
    const it = lab()
    know(it, [1, 2, 3])
    it.receive(digestOf([1, 2, 3], { maxRumors: 2 }), a)
    assert.deepStrictEqual(it.sent, [])
    const late = lab()
    know(late, [4], 60_100)
    late.receive(news(1, { age: 2000 }))
    late.receive(digestOf([1, 2]), a)
    assert.deepStrictEqual(newsOf(late), [])
    late.clear()
    late.advance(1000)
    const [digest] = late.messages("RecentDigest")
    assert.deepStrictEqual([digest!.message.count, idsOf(digest!.message.young)], [1, [4]])
  })

  it("takes those for the same who disagree only on what has just settled", () => {
    for (const [mine, theirs] of [[900, 1100], [1100, 900]] as const) {
      const it = lab()
      know(it, [1, 2])
      it.receive(news(3, { age: mine }))
      const other = lab({ index: 1, nodes: 2 })
      know(other, [1, 2])
      const at = other.next
      other.advance(at - other.now - 1)
      other.receive(news(3, { age: theirs - 1 }))
      other.advance(1)
      const [digest] = other.messages("RecentDigest")
      it.receive(digest!.message, a)
      assert.deepStrictEqual(it.sent, [], `${mine} here, ${theirs} there`)
    }
  })

  it("does not take for the same who lacks the youngest or the oldest", () => {
    for (const [mine, lacking] of [[[1, 2, 3], 3], [[3, 1, 2], 3]] as const) {
      const it = lab()
      for (const [index, id] of mine.entries()) it.receive(news(id, { age: 20_000 - 5000 * index }))
      it.receive(digestOf([1, 2], { age: 12_000 }), a)
      assert.deepStrictEqual(newsOf(it), [lacking])
    }
  })

  it("sends no names at first where there are many, and is answered by a digest with names, if they fit", () => {
    const ids = range(0, 100)
    const digest = digestOf(ids)
    assert.isUndefined(digest.ids)
    assert.strictEqual(digest.count, 100)
    const it = lab()
    know(it, ids.slice(5))
    it.receive(digest, a)
    const [answer] = it.messages("RecentDigest")
    assert.strictEqual(it.sent.length, 1)
    assert.strictEqual(idsOf(answer!.message.ids).length, 95)
    // which ends it
    const other = lab({ index: 1 })
    know(other, ids.slice(0, 99))
    other.receive(answer!.message, addressOf(0))
    assert.deepStrictEqual(newsOf(other), [0, 1, 2, 3, 4])
    assert.deepStrictEqual(other.messages("Ask").map(({ message }) => idsOf(message.ids)), [[99]])
    assert.strictEqual(other.messages("RecentDigest").length, 0)
  })

  it("compares over a stream where the names do not fit a datagram", () => {
    const ids = range(0, 500)
    const it = lab()
    know(it, ids.slice(3))
    it.receive(digestOf(ids.slice(0, 498)), a)
    assert.deepStrictEqual(it.sent, [])
    const [exchange] = it.exchanges
    const request = exchange!.message
    if (request._tag !== "Fetch") throw new Error("not fetched")
    assert.strictEqual(idsOf(request.have).length, 497)
    const other = lab({ index: 1 })
    know(other, ids.slice(0, 498))
    const answer = other.request(request)
    if (answer?._tag !== "Fetched") throw new Error("refused")
    assert.deepStrictEqual(answer.news.map(({ id }) => id), [0, 1, 2])
    assert.deepStrictEqual(idsOf(answer.wanted), [498, 499])
    it.answer(exchange!.exchange, answer)
    assert.strictEqual(it.machine.held.rumors, 500)
    assert.deepStrictEqual(it.messages("News").map(({ message, to }) => [to, message.id, message.repair]), [
      [a, 498, true],
      [a, 499, true]
    ])
  })

  it("has one comparison over a stream at a time, and another when that has failed", () => {
    const it = lab()
    know(it, range(0, 500))
    const digest = digestOf(range(1, 499))
    it.receive(digest, a)
    it.receive(digest, addressOf(2))
    assert.strictEqual(it.exchanges.length, 1)
    it.answer(it.exchanges[0]!.exchange, undefined)
    it.receive(digest, addressOf(2))
    assert.strictEqual(it.exchanges.length, 2)
  })

  it("has fetched what is too much for datagrams", () => {
    const it = lab()
    for (const id of range(0, 30)) it.receive(news(id, { payload: new Uint8Array(5000), age: 2000 }))
    it.clear()
    it.receive(digestOf([100]), a)
    assert.deepStrictEqual(newsOf(it), [])
    const announced = it.messages("Announce").map(({ message }) => message)
    assert.deepStrictEqual(announced.flatMap(({ large }) => idsOf(large)), range(0, 30))
    assert.isTrue(announced.every(({ repair }) => repair === true))
  })

  it("does not have strategies spread again what it brings, however it comes", () => {
    const strategy = still()
    const it = lab({ strategy })
    it.receive(news(1, { repair: true, age: 2000 }))
    // asked for by a digest
    it.receive(digestOf([2]), a)
    it.receive(news(2, { asked: true, age: 2000 }), a)
    // announced, since it is large
    it.receive({ _tag: "Announce", large: packIds([3]), repair: true }, a)
    it.answer(it.exchanges.splice(0)[0]!.exchange, { _tag: "Fetched", news: [news(3, { asked: true, age: 2000 })] })
    // asked for by a digest, and found to be large
    it.receive(digestOf([4]), a)
    it.receive({ _tag: "Announce", large: packIds([4]) }, a)
    it.answer(it.exchanges.splice(0)[0]!.exchange, { _tag: "Fetched", news: [news(4, { asked: true, age: 2000 })] })
    assert.strictEqual(it.machine.held.rumors, 4)
    assert.strictEqual(strategy.count("heard"), 0)
    // but what somebody is spreading, too
    it.receive(digestOf([5]), a)
    it.receive({ _tag: "Announce", ids: packIds([5]) }, addressOf(2))
    it.receive(news(5, { asked: true, age: 2000 }), a)
    assert.strictEqual(strategy.count("heard"), 1)
  })

  it("talks at once to a peer that is back, and to no more than four in an interval", () => {
    const it = lab()
    it.command({ _tag: "Reunite", peer: peer(1) })
    assert.deepStrictEqual(it.sent, [])
    know(it, [1])
    for (const index of range(1, 10)) it.command({ _tag: "Reunite", peer: peer(index) })
    assert.deepStrictEqual(it.messages("RecentDigest").map(({ to }) => to), range(1, 4).map(addressOf))
  })

  it("answers no more than 64 digests in an interval", () => {
    const it = lab({ nodes: 1 })
    know(it, [1])
    const digest = digestOf([2])
    for (let i = 0; i < 100; i++) it.receive(digest, addressOf(i + 1))
    assert.strictEqual(newsOf(it).length, 64)
    assert.strictEqual(it.count("drops DigestsFull"), 36)
    it.advance(1000)
    it.receive(digest, a)
    assert.strictEqual(newsOf(it).length, 65)
  })

  it("can be left out", () => {
    const it = lab({ antiEntropy: undefined })
    know(it, [1])
    it.advance(10_000)
    it.receive(digestOf([2]), a)
    it.command({ _tag: "Reunite", peer: peer(1) })
    assert.deepStrictEqual(it.sent, [])
    assert.deepStrictEqual(it.request({ _tag: "Fetch", have: packIds([2]) }), { _tag: "Fetched", news: [] } as Message)
  })

  it("is counted by itself", () => {
    const it = lab()
    know(it, [1])
    it.receive(digestOf([2]), a)
    const { controlMessages, payloadMessages } = it.report("anti-entropy")
    assert.deepStrictEqual([payloadMessages, controlMessages], [1, 0])
    it.advance(1000)
    assert.strictEqual(it.report("anti-entropy").controlMessages, 1)
  })

  for (const mode of ["push", "pull", "pushPull"] as const) {
    it(`by ${mode} brings a rumor to all by itself`, () => {
      const cluster = new Cluster(20, {
        strategy: still(),
        antiEntropy: { ...pushPull, mode, talksWhenEmpty: mode === "pull" }
      })
      const id = cluster.publish(0)
      cluster.advance(20_000)
      assert.strictEqual(cluster.reached(id), 20)
      const { payloadMessages, redundant } = cluster.report()
      if (mode !== "push") assert.strictEqual(payloadMessages - redundant, 19)
      if (mode === "pull") assert.strictEqual(redundant, 0)
    })
  }

  it("brings hundreds of rumors to one who has missed them", () => {
    const cluster = new Cluster(4, { strategy: still() })
    let isCut = true
    cluster.loses = (_, from, to) => isCut && (from.id === "n3") !== (to.id === "n3")
    const ids = range(0, 600).map((i) => {
      cluster.advance(5)
      return cluster.publish(i % 3, new Uint8Array(i % 50 === 0 ? 3000 : 40))
    })
    const own = range(0, 10).map(() => cluster.publish(3))
    cluster.advance(10_000)
    for (const id of ids) assert.strictEqual(cluster.reached(id), 3)
    isCut = false
    cluster.advance(4000)
    for (const id of [...ids, ...own]) assert.strictEqual(cluster.reached(id), 4)
    assert.strictEqual(cluster.labs[3]!.delivered.length, 610)
    // and then it is quiet but for digests, which are the same
    cluster.advance(2000)
    const before = cluster.report()
    cluster.advance(10_000)
    const after = cluster.report()
    assert.strictEqual(after.payloadMessages, before.payloadMessages)
    assert.strictEqual(after.controlMessages - before.controlMessages, 40)
    assert.isAtMost((after.controlBytes - before.controlBytes) / 40, 20)
  })
})
