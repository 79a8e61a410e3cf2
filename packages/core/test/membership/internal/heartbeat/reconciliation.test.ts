import { assert, describe, it } from "@effect/vitest"
import { encodeMessage } from "../../../../src/wire/Frame.ts"
import { ack2, addressOf, cluster, delta, digest, Lab, named, room, run, syn, wallClock } from "./harness.ts"

const n1 = addressOf(1)

describe("a digest", () => {
  it("names the node itself and those it has heard of lately", () => {
    const lab = new Lab({ peers: 5 })
    lab.advance(2000)
    const { message } = lab.last("DigestSyn")!
    assert.sameMembers([...named(message).keys()], [0, 1, 2, 3, 4, 5])
    assert.isAbove(named(message).get(0)!.heartbeat, 0)
  })

  it("is cut to a datagram, names the node itself each time, and all others in turn", () => {
    const lab = new Lab({ peers: 300 })
    const seen = new Map<number, number>()
    for (let round = 0; round < 6; round++) {
      lab.clear()
      lab.advance(1000)
      for (const { message } of lab.sent) {
        assert.isAtMost(encodeMessage(message).length, room)
        assert.isTrue(named(message).has(0))
        for (const index of named(message).keys()) seen.set(index, (seen.get(index) ?? 0) + 1)
      }
    }
    assert.strictEqual(seen.size, 301)
  })

  it("is answered with later heartbeats, with a question for what is not known, and with what the other lacks", () => {
    const lab = new Lab({ peers: 4 })
    lab.receive(syn(digest(1), digest(2, { heartbeat: 9 })), n1)
    const answer = lab.ask(syn(digest(1), digest(2, { heartbeat: 5 }), digest(3), digest(7)), n1)
    assert(answer?._tag === "DigestAck")
    assert.deepStrictEqual(
      new Map([...named(answer)].map(([index, { heartbeat, incarnation }]) => [index, [heartbeat, incarnation]])),
      new Map([[2, [9, wallClock]], [7, [0, 0]]])
    )
    assert.sameMembers(answer.deltas!.map(({ id }) => id), ["n0", "n4"])
  })

  it("that says the same is not answered", () => {
    const [one, other] = cluster(2) as [Lab, Lab]
    one.advance(1000)
    const sent = one.last("DigestSyn")!
    assert.strictEqual(sent.to, other.address)
    other.receive(sent.message, one.address)
    // it has the other's heartbeat of before, which is the latest there is
    const answers = other.sent.filter(({ message }) => message._tag === "DigestAck")
    assert.isTrue(answers.every(({ message }) => named(message).has(1)))
  })

  it("of a part of the ring is not taken for all that the other knows", () => {
    const lab = new Lab({ peers: 20 })
    const of = (part: { from: number; to: number }) => {
      const answer = lab.ask({ ...syn(digest(1)) as object, ...part } as never, n1)
      return answer?._tag === "DigestAck" ? (answer.deltas ?? []).length : -1
    }
    const middle = 2 ** 47
    const [lower, upper] = [of({ from: 0, to: middle }), of({ from: middle, to: 0 })]
    // all but n1, which is named
    assert.strictEqual(lower + upper, 20)
    assert.isTrue(lower > 0 && upper > 0)
  })

  it("of a stranger is answered with questions alone, unless it comes over a stream", () => {
    const lab = new Lab({ peers: 5 })
    const stranger = addressOf(77)
    assert.isUndefined(lab.ask(syn(), stranger))
    const answer = lab.ask(syn(digest(77)), stranger)
    assert(answer?._tag === "DigestAck")
    assert.isUndefined(answer.deltas)
    assert.deepStrictEqual([...named(answer).keys()], [77])
    const streamed = lab.request(syn(digest(77)), stranger)
    assert(streamed?._tag === "DigestAck")
    assert.strictEqual(streamed.deltas!.length, 6)
    assert.deepStrictEqual([streamed.id, streamed.address], ["n0", lab.address])
  })

  it("says a hearbeat that has stopped to nobody, once it should be dead", () => {
    const lab = new Lab({ peers: 3, config: { phiThreshold: 8 } })
    // whatever the node slept through
    lab.advance(60_000, { standsStill: true })
    const { message } = lab.last("DigestSyn")!
    assert.deepStrictEqual([...named(message).keys()], [0])
    assert.strictEqual(lab.statusOf(1), "Alive")
  })
})

describe("an answer", () => {
  it("is followed by what the other lacks", () => {
    const lab = new Lab({ peers: 3 })
    lab.handle.set("n0", "k", "v")
    lab.receive(
      {
        _tag: "DigestAck",
        digests: syn(digest(0, { heartbeat: 0 }), digest(2, { incarnation: 0 }))["digests" as never]
      },
      n1
    )
    const { message } = lab.last("DigestAck2")!
    assert(message._tag === "DigestAck2")
    const deltas = (message as unknown as { readonly deltas: ReadonlyArray<ReturnType<typeof delta>> }).deltas
    assert.sameMembers(deltas.map(({ id }) => id), ["n0", "n2"])
    assert.deepStrictEqual(deltas.find(({ id }) => id === "n0")!.keyValues, [{ key: "k", value: "v", version: 1 }])
  })

  it("of a stranger is dropped, and counted", () => {
    const lab = new Lab({ peers: 3 })
    lab.receive({ _tag: "DigestAck", digests: new Uint8Array(0), deltas: [delta(8)] }, addressOf(88))
    assert.strictEqual(lab.count("drops Unexpected"), 1)
    assert.isUndefined(lab.member(8))
  })

  it("that had no room for all is followed by an exchange over a stream, at most one in a round", () => {
    const lab = new Lab({ peers: 3 })
    for (let i = 0; i < 5; i++) lab.receive({ _tag: "DigestAck", digests: new Uint8Array(0), more: true }, n1)
    assert.deepStrictEqual(lab.exchanges.map(({ to }) => to), [n1])
  })

  it("fits a datagram with the largest metadata and the longest names, and in the end all are told", () => {
    const large = Array.from({ length: 20 }, (_, i) => delta(i + 1, { metadata: new Uint8Array(512).fill(i) }))
    const lab = new Lab({})
    for (const each of large) lab.receive(ack2(each))
    const known = new Set<string>(["n1"])
    for (let round = 0; round < 200 && known.size < 21; round++) {
      const digests = Array.from({ length: 21 }, (_, i) => i).filter((i) => known.has(`n${i}`)).map((i) => digest(i))
      const answer = lab.ask(syn(...digests), n1)
      assert(answer?._tag === "DigestAck")
      assert.isAtMost(encodeMessage(answer).length, room)
      for (const { id } of answer.deltas ?? []) known.add(id)
    }
    assert.strictEqual(known.size, 21)
  })
})

describe("key-values", () => {
  it("reach all, and the last that was set is what holds", () => {
    const labs = cluster(5)
    for (let i = 0; i < 20; i++) {
      labs[i % 5]!.handle.set(`n${i % 5}`, `k${i % 2}`, `v${i}`)
      run(labs, 300)
    }
    run(labs, 10_000)
    for (const lab of labs) {
      for (const other of labs) {
        assert.deepStrictEqual(
          [...lab.machine.keyValues(`n${other.index}`)].sort(),
          [...other.handle.own.said].sort()
        )
      }
    }
  })

  it("of an earlier life go with it", () => {
    const labs = cluster(3)
    labs[1]!.handle.set("n1", "k", "old")
    run(labs, 5000)
    assert.isTrue(labs[0]!.machine.keyValues("n1").has("k"))
    const told: Array<string> = []
    labs[0]!.handle.listeners.add(({ key, value }) => told.push(`${key} ${value}`))
    labs[1] = new Lab({ index: 1, seeds: [addressOf(0)], now: labs[0]!.now, wallClock: wallClock + 60_000 })
    labs[1].handle.set("n1", "other", "new")
    run(labs, 5000)
    assert.sameMembers(told, ["k undefined", "other new"])
    assert.deepStrictEqual([...labs[0]!.machine.keyValues("n1").keys()], ["other"])
    assert.deepStrictEqual([...labs[2]!.machine.keyValues("n1").keys()], ["other"])
  })

  it("that were removed are gone everywhere, for one who missed it as well, and make room for others", () => {
    const labs = cluster(3)
    const [one, other, third] = labs as [Lab, Lab, Lab]
    for (let i = 0; i < 64; i++) other.handle.set("n1", `k${i}`, "v")
    run(labs, 20_000)
    for (const lab of [one, third]) assert.strictEqual(lab.machine.keyValues("n1").size, 64)
    other.handle.remove("n1", "k7")
    run(labs, 10_000, { carries: (from, to) => from !== third && to !== third })
    const told: Array<string> = []
    third.handle.listeners.add(({ key, value }) => told.push(`${key} ${value}`))
    assert.isFalse(one.machine.keyValues("n1").has("k7"))
    assert.isTrue(third.machine.keyValues("n1").has("k7"))
    other.handle.set("n1", "another", "v")
    run(labs, 20_000)
    for (const lab of labs) {
      assert.deepStrictEqual([...lab.machine.keyValues("n1")].sort(), [...other.handle.own.said].sort())
      assert.strictEqual(lab.machine.keyValues("n1").size, 64)
    }
    assert.includeMembers(told, ["k7 undefined", "another v"])
    // what it says anew and is the same is not told of; but the oldest had to make room for the 65th, for a round
    assert.isAtMost(told.length, 3)
    assert.deepStrictEqual(one.eventTags.filter((tag) => tag === "Died n1"), [])
  })

  it("are still said after a defect", () => {
    const labs = cluster(3)
    labs[1]!.handle.set("n1", "k", "v")
    run(labs, 5000)
    const { handle, machine, now } = labs[1]!
    labs[1] = new Lab({ index: 1, handle, previous: machine, now, wallClock: wallClock + 60_000 })
    run(labs, 5000)
    for (const lab of labs) {
      assert.strictEqual(lab.machine.keyValues("n1").get("k"), "v")
      assert.strictEqual(lab.member(1)!.incarnation, wallClock + 60_000)
    }
  })

  it("are still known of one that has left under a later incarnation than they began in, once it is back", () => {
    const labs = cluster(3)
    const [one, other] = labs as [Lab, Lab, Lab]
    other.handle.set("n1", "k", "v")
    other.command({ _tag: "SetMetadata", metadata: Uint8Array.of(1) })
    run(labs, 5000)
    assert.strictEqual(one.machine.keyValues("n1").get("k"), "v")
    other.command({ _tag: "Leave" })
    run(labs, 2000)
    assert.strictEqual(one.statusOf(1), "Left")
    other.handle.set("n1", "l", "w")
    other.command({ _tag: "Join", seeds: [addressOf(0)] })
    run(labs, 10_000)
    assert.strictEqual(one.statusOf(1), "Alive")
    for (const lab of labs) assert.deepStrictEqual([...lab.machine.keyValues("n1")].sort(), [["k", "v"], ["l", "w"]])
  })
})
