import { assert, describe, it } from "@effect/vitest"
import { decode, encode } from "../../../../src/wire/Frame.ts"
import { addressOf, Lab, peer, run, settle, wallClock } from "./harness.ts"

const tagsOf = (datagram: ReadonlyArray<Uint8Array>) =>
  datagram.map((bytes) => {
    const frame = encode(0, peer(1).alive).slice(0, 6)
    const { messages } = decode(0, Uint8Array.from([...frame, ...bytes]))
    return `${messages[0]!._tag} ${"id" in messages[0]! ? messages[0].id : ""}`
  })

describe("a node that leaves", () => {
  for (const [peers, times] of [[1, 4], [9, 4], [10, 8], [99, 8], [100, 12]] as const) {
    it(`says so ${times} times to ${peers} others, and is done then`, () => {
      const lab = new Lab({ peers })
      while (lab.machine.piggyback(1394, addressOf(1)).length > 0);
      lab.clear()
      const completion = lab.command({ _tag: "Leave" })
      let said = 0
      let told = 0
      for (let i = 0; i < 100 && lab.resultOf(completion) === undefined; i++) {
        for (; told < lab.gossiped.length; told++) {
          said += tagsOf(lab.machine.piggyback(1394, lab.gossiped[told]!)).filter((tag) => tag === "Left n0").length
        }
        lab.advance(200, { gossips: false })
      }
      assert.deepStrictEqual(lab.resultOf(completion), { _tag: "Done" })
      assert.strictEqual(said, times)
      assert.strictEqual(lab.statusOf(0), "Left")
      assert.include(lab.eventTags, "Left n0")
    })
  }

  it("alone is done at once", () => {
    const lab = new Lab()
    assert.deepStrictEqual(lab.resultOf(lab.command({ _tag: "Leave" })), { _tag: "Done" })
    assert.strictEqual(lab.statusOf(0), "Left")
  })

  it("is done when there is nobody left to tell, since the others leave as well", () => {
    const lab = new Lab({ peers: 2 })
    const completion = lab.command({ _tag: "Leave" })
    lab.receive(peer(1).left)
    lab.receive(peer(2).left)
    lab.advance(1000)
    assert.deepStrictEqual(lab.resultOf(completion), { _tag: "Done" })
  })

  it("together with all others is done in seconds, and so are they", () => {
    const labs = Array.from({ length: 6 }, (_, i) => new Lab({ index: i + 1, seeds: [addressOf(1)] }))
    run(labs, 2000)
    const completions = labs.map((lab) => lab.command({ _tag: "Leave" }))
    run(labs, 2000)
    labs.forEach((lab, i) => assert.deepStrictEqual(lab.resultOf(completions[i]!), { _tag: "Done" }))
  })

  it("and is told so twice is done for both", () => {
    const lab = new Lab({ peers: 3 })
    const [first, second] = [lab.command({ _tag: "Leave" }), lab.command({ _tag: "Leave" })]
    assert.isUndefined(lab.resultOf(first))
    lab.advance(3000)
    const third = lab.command({ _tag: "Leave" })
    for (const completion of [first, second, third]) assert.deepStrictEqual(lab.resultOf(completion), { _tag: "Done" })
    assert.strictEqual(lab.completed.length, 3)
  })

  it("does not refute its own leave, nor what else is said of it, and outranks that", () => {
    const lab = new Lab({ peers: 3 })
    lab.command({ _tag: "Leave" })
    lab.advance(3000)
    lab.receive(peer(0).left)
    lab.receive(peer(0).suspect)
    lab.receive(peer(0).dead)
    assert.strictEqual(lab.statusOf(0), "Left")
    assert.strictEqual(lab.incarnationOf(0), wallClock)
    // someone heard a later life of it
    lab.receive(peer(0, wallClock + 5).alive)
    assert.strictEqual(lab.statusOf(0), "Left")
    assert.strictEqual(lab.incarnationOf(0), wallClock + 5)
    assert.strictEqual([...lab.counts.keys()].filter((key) => key.startsWith("refutations")).length, 0)
  })

  it("takes no part any more, but answers", () => {
    const lab = new Lab({ peers: 3, seeds: [addressOf(1)] })
    lab.command({ _tag: "Leave" })
    lab.advance(5000)
    lab.clear()
    lab.advance(120_000)
    assert.deepStrictEqual(lab.messages("Ping"), [])
    assert.deepStrictEqual(lab.exchanges, [])
    lab.receive({ _tag: "Ping", nonce: 1, target: "n0", table: 0 })
    assert.strictEqual(lab.messages("Ack").length, 1)
    assert.isDefined(lab.request({ _tag: "SyncRequest", id: "n1", address: addressOf(1), table: 0 }))
  })

  it("is not forgotten by itself when its table is full", () => {
    const lab = new Lab({ config: { maxMembers: 3 } })
    lab.receive(peer(1).alive)
    lab.command({ _tag: "Leave" })
    lab.advance(3000)
    for (const index of [2, 3, 4]) lab.receive(peer(index).alive)
    assert.strictEqual(lab.statusOf(0), "Left")
    assert.strictEqual(lab.machine.self.status, "Left")
    lab.command({ _tag: "Join", seeds: [addressOf(1)] })
    assert.strictEqual(lab.statusOf(0), "Alive")
    assert.strictEqual(lab.machine.members().length, 3)
  })

  it("has said so already when its last words are asked for, and says so else", () => {
    const lab = new Lab({ peers: 5 })
    while (lab.machine.piggyback(1394, addressOf(1)).length > 0);
    const outputs = lab.machine.farewell(lab.now, lab.random)
    assert.strictEqual(outputs.filter((output) => output._tag === "Gossip").length, 3)
    assert.deepStrictEqual(tagsOf(lab.machine.piggyback(1394, addressOf(1))), ["Left n0"])
    assert.strictEqual(lab.machine.self.status, "Left")
  })
})

describe("a node that has left", () => {
  it("comes back with join, in a higher incarnation, and takes part again", () => {
    const lab = new Lab({ peers: 3 })
    lab.command({ _tag: "Leave" })
    lab.advance(3000)
    lab.clear()
    const completion = lab.command({ _tag: "Join", seeds: [addressOf(1)] })
    assert.strictEqual(lab.statusOf(0), "Alive")
    assert.strictEqual(lab.incarnationOf(0), wallClock + 1)
    const { exchange } = lab.exchanges.at(-1)!
    lab.answer(exchange, { _tag: "SyncResponse", id: "n1", address: addressOf(1), table: lab.machine.tableHash })
    assert.deepStrictEqual(lab.resultOf(completion), { _tag: "Done" })
    lab.clear()
    lab.live(3000)
    // once a period, and not once for each life
    assert.strictEqual(lab.messages("Ping").length, 3)
  })

  it("comes back while it is still leaving, and the leave is done then", () => {
    const lab = new Lab({ peers: 3 })
    const leave = lab.command({ _tag: "Leave" })
    lab.command({ _tag: "Join", seeds: [addressOf(1)] })
    assert.deepStrictEqual(lab.resultOf(leave), { _tag: "Done" })
    lab.advance(5000)
    assert.strictEqual(lab.statusOf(0), "Alive")
    assert.strictEqual(lab.completed.length, 1)
  })

  it("is back for the others as well", () => {
    const labs = Array.from({ length: 4 }, (_, i) => new Lab({ index: i + 1, seeds: [addressOf(1)] }))
    run(labs, 2000)
    labs[3]!.command({ _tag: "Leave" })
    run(labs, 3000)
    for (const lab of labs) assert.strictEqual(lab.statusOf(4), "Left")
    labs[3]!.command({ _tag: "Join", seeds: [addressOf(1)] })
    settle(...labs)
    run(labs, 3000)
    for (const lab of labs) assert.strictEqual(lab.statusOf(4), "Alive")
    assert.strictEqual(new Set(labs.map((lab) => lab.machine.tableHash)).size, 1)
  })

  it("stays away when a defect restarts it", () => {
    const lab = new Lab({ peers: 3, seeds: [addressOf(1)] })
    lab.command({ _tag: "Leave" })
    lab.advance(5000)
    const next = new Lab({ seeds: [addressOf(1)], previous: lab.machine, restarts: 1, now: lab.now })
    assert.strictEqual(next.machine.self.status, "Left")
    assert.isAbove(next.machine.self.incarnation, lab.machine.self.incarnation)
    next.advance(60_000)
    assert.deepStrictEqual(next.exchanges, [])
    assert.deepStrictEqual(next.messages("Ping"), [])
  })

  it("keeps what it is told to say of itself for when it joins again", () => {
    const lab = new Lab({ peers: 3, metadata: Uint8Array.of(1) })
    lab.command({ _tag: "Leave" })
    lab.advance(5000)
    lab.command({ _tag: "SetMetadata", metadata: Uint8Array.of(2) })
    assert.strictEqual(lab.machine.self.status, "Left")
    lab.command({ _tag: "Join", seeds: [addressOf(1)] })
    assert.deepStrictEqual(lab.machine.self.metadata, Uint8Array.of(2))
    assert.strictEqual(lab.eventTags.at(-1), "Joined n0")
  })
})

describe("what a node has to pass on", () => {
  it("is not spent on strangers, nor on the dead", () => {
    const lab = new Lab({ peers: 3 })
    lab.receive(peer(9).alive)
    lab.receive(peer(3).dead)
    const there = () => lab.machine.piggyback(1394, addressOf(1)).length
    for (let i = 0; i < 50; i++) assert.deepStrictEqual(lab.machine.piggyback(1394, addressOf(77)), [])
    for (let i = 0; i < 50; i++) assert.isAbove(lab.machine.piggyback(1394, addressOf(3)).length, 0)
    // four times each, to the live
    let sent = 0
    for (let i = 0; i < 50; i++) sent += there()
    assert.isAtLeast(sent, 8)
  })

  it("and was held for dead is said to have left, once", () => {
    const lab = new Lab({ peers: 2 })
    lab.receive(peer(1).dead)
    lab.receive(peer(1).left)
    lab.receive(peer(1).left)
    assert.deepStrictEqual(lab.eventTags, ["Died n1", "Left n1"])
    assert.strictEqual(lab.statusOf(1), "Left")
  })
})

describe("a node that had left", () => {
  it("and was missed in a later life, of which nothing else was heard, is said to have died", () => {
    const lab = new Lab({ peers: 2 })
    lab.receive(peer(1).left)
    lab.receive(peer(1, wallClock + 5).dead)
    assert.deepStrictEqual(lab.eventTags, ["Left n1", "Died n1"])
  })
})
