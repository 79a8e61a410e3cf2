import { assert, describe, it } from "@effect/vitest"
import type { Met } from "../../../../src/wire/ClusterBusMessage.ts"
import { addressOf, cluster, Lab, nodeTimeout, peer, run, section, wallClock } from "./harness.ts"

const meet = (lab: Lab, index: number) =>
  lab.request({ _tag: "Meet", self: peer(index).alive }, addressOf(index)) as typeof Met.Type | undefined

describe("MEET", () => {
  it("makes a node known to the one it asks, who tells it of all", () => {
    const lab = new Lab({ peers: 3 })
    const met = meet(lab, 9)!
    assert.strictEqual(lab.statusOf(9), "Alive")
    assert.strictEqual(met.self.id, "n0")
    assert.sameMembers(met.claims.map(({ id }) => id), ["n1", "n2", "n3", "n9"])
    assert.notInclude(met.claims.map(({ id }) => id), "n0")
  })

  it("has a node that joined known to all, since it pings whom it was told of", () => {
    const labs = cluster(6)
    for (const lab of labs) assert.strictEqual(lab.machine.members().length, 6)
  })

  it("tells of the dead, who are not taken for dead by one who knows them live, and of those who are doubted", () => {
    const lab = new Lab({ peers: 4 })
    lab.receive({ _tag: "Fail", claim: { ...peer(1).dead, from: "n2" } })
    lab.advance(2 * nodeTimeout, [2, 3])
    const met = meet(lab, 9)!
    const kinds = met.claims.map((claim) => `${claim._tag} ${claim.id}`)
    assert.includeMembers(kinds, ["Dead n1", "Alive n2", "Alive n4", "Suspect n4"])

    const joining = new Lab({ index: 9, seeds: [lab.address] })
    joining.know(1)
    joining.step({ _tag: "Answered", exchange: joining.exchanges[0]!.exchange, answer: met, failure: "" })
    assert.strictEqual(joining.statusOf(1), "Alive")
    // it has to know who votes, and whom it may not count on
    assert.strictEqual(joining.statusOf(4), "Suspect")
    joining.advance(100, [4])
    assert.strictEqual(joining.statusOf(4), "Alive")
  })

  it("does not bring back whom this node has forgotten, when it only tries one who was missing", () => {
    const stays = new Lab({ peers: 3 })
    stays.advance(2 * nodeTimeout, [2])
    const met = meet(stays, 9)!
    assert.include(met.claims.map((claim) => `${claim._tag} ${claim.id}`), "Suspect n3")

    const lab = new Lab({ index: 9, seeds: [addressOf(5)], peers: 2 })
    lab.command({ _tag: "Join", seeds: [addressOf(1)] })
    const { exchange } = lab.exchanges.at(-1)!
    const known = { _tag: "Met", self: peer(1).alive, claims: [] } as const
    lab.step({ _tag: "Answered", exchange, answer: known, failure: "" })
    lab.exchanges = []
    lab.advance(2 * 60_000, [1, 2])
    const tried = lab.exchanges.at(-1)!
    assert.strictEqual(tried.to, addressOf(5))
    lab.step({ _tag: "Answered", exchange: tried.exchange, answer: met, failure: "" })
    assert.isUndefined(lab.statusOf(3))
  })

  it("is refused by a node that has left", () => {
    const lab = new Lab({ peers: 1 })
    lab.command({ _tag: "Leave" })
    assert.isUndefined(meet(lab, 9))
    assert.isUndefined(lab.request(peer(1).alive))
  })

  it("of which the seed is this node itself neither joins nor fails", () => {
    const [lab] = [new Lab({ seeds: [addressOf(50)] })]
    const answer = { ...meet(lab, 9)!, claims: [] }
    lab.step({ _tag: "Answered", exchange: lab.exchanges[0]!.exchange, answer, failure: "" })
    assert.strictEqual(lab.count("syncs failed"), 0)
  })

  it("that is answered by something else has failed", () => {
    const lab = new Lab()
    const completion = lab.command({ _tag: "Join", seeds: [addressOf(5)] })
    lab.step({ _tag: "Answered", exchange: lab.exchanges[0]!.exchange, answer: peer(5).alive, failure: "" })
    assert.deepStrictEqual(lab.completed.map(({ completion, result }) => ({ completion, result })), [{
      completion,
      result: { _tag: "NoSeedAnswered", failures: [{ seed: addressOf(5), problem: "answered with Alive" }] }
    }])
  })
})

describe("a node that hears of its own FAIL", () => {
  it("refutes it to all, and to whoever said so, if that one is not among them", () => {
    const lab = new Lab({ peers: 2 })
    const { address, id, incarnation } = lab.machine.self
    lab.receive({ _tag: "Fail", claim: { _tag: "Dead", id, address, incarnation, from: "far" } }, addressOf(77))
    assert.strictEqual(lab.machine.self.incarnation, incarnation + 1)
    const told = lab.messages("Alive")
    assert.sameMembers(told.map(({ to }) => to), [1, 2, 77].map(addressOf))
    for (const { message } of told) assert.strictEqual(message.incarnation, incarnation + 1)
  })
})

describe("a node that was not met", () => {
  it("is asked when it pings, and known once it answers what it was asked", () => {
    const lab = new Lab({ peers: 1 })
    lab.pinged(5)
    assert.strictEqual(lab.messages("BusPong").length, 1)
    for (const { message } of lab.messages("BusPong")) assert.deepStrictEqual(message.sections, [])
    const { nonce, sections } = lab.pingsTo(5)[0]!.message
    assert.deepStrictEqual(sections, [])
    const pong = { _tag: "BusPong", self: peer(5).alive, sections: [], beat: 1 } as const
    lab.receive({ ...pong, nonce: nonce + 1 }, addressOf(5))
    // as if bits of its name had been lost on the way
    lab.receive({ ...pong, self: { ...peer(5).alive, id: "n6" }, nonce }, addressOf(5))
    assert.isUndefined(lab.statusOf(5))
    assert.isUndefined(lab.statusOf(6))
    lab.receive({ ...pong, nonce }, addressOf(5))
    assert.strictEqual(lab.statusOf(5), "Alive")
  })
})

describe("a node that is thought to be in a later incarnation than it is", () => {
  it("is told, and outbids it", () => {
    const labs = cluster(3)
    const [one, other] = labs as [Lab, Lab]
    // by a bit that was lost on the way, say
    const { incarnation } = other.machine.self
    one.receive({ ...peer(1).alive, incarnation: incarnation + 16_384 })
    run(labs, 2000)
    assert.isAbove(other.machine.self.incarnation, incarnation + 16_384)
    for (const lab of labs) {
      assert.strictEqual(lab.statusOf(1), "Alive")
      assert.strictEqual(lab.machine.member("n1")!.incarnation, other.machine.self.incarnation)
    }
  })
})

describe("a node that is thought to be gone, and is there", () => {
  it("is told so, whatever it sends", () => {
    const lab = new Lab({ peers: 2 })
    lab.receive({ _tag: "Fail", claim: { ...peer(1).dead, from: "n2" } })
    lab.pinged(1)
    assert.deepStrictEqual(lab.messages("Fail").map(({ to }) => to), [addressOf(1)])
    assert.strictEqual(lab.messages("BusPong").length, 1)
  })
})

describe("a leave", () => {
  it("is told to all three times, and then done", () => {
    const lab = new Lab({ peers: 3 })
    const completion = lab.command({ _tag: "Leave" })
    assert.strictEqual(lab.messages("Left").length, 3)
    assert.deepStrictEqual(lab.completed, [])
    lab.advance(1000)
    assert.strictEqual(lab.messages("Left").length, 9)
    assert.strictEqual(lab.completed[0]?.completion, completion)
    lab.clear()
    lab.advance(60_000)
    assert.deepStrictEqual(lab.sent, [])
    // who has missed it is told
    lab.pinged(2)
    assert.deepStrictEqual(lab.sent.map(({ message, to }) => [message._tag, to]), [["Left", addressOf(2)]])
  })

  it("that one has missed is learned from the others", () => {
    const labs = cluster(4)
    const [gone, deaf] = [labs[3]!, labs[2]!]
    gone.command({ _tag: "Leave" })
    run(labs, 1000, (from, to) => from !== gone || to !== deaf)
    const rest = labs.slice(0, 3)
    run(rest, 3 * nodeTimeout)
    assert.strictEqual(deaf.statusOf(3), "Left")
    for (const lab of rest) assert.deepStrictEqual(lab.machine.quorum, { status: "Ok", voters: 3, reachable: 3 })
  })

  it("at the end is told at once", () => {
    const lab = new Lab({ peers: 3 })
    const words = lab.machine.farewell(lab.now, lab.random).filter((output) => output._tag === "Send")
    assert.strictEqual(words.length, 3)
    for (const { message } of words) assert.strictEqual(message._tag, "Left")
  })

  it("ends with joining again, in a higher incarnation", () => {
    const labs = cluster(3)
    const back = labs[2]!
    const { incarnation } = back.machine.self
    back.command({ _tag: "Leave" })
    run(labs, 2000)
    assert.strictEqual(labs[0]!.statusOf(2), "Left")
    back.command({ _tag: "Join", seeds: [addressOf(0)] })
    run(labs, 2000)
    for (const lab of labs) {
      assert.strictEqual(lab.statusOf(2), "Alive")
      assert.isAbove(lab.machine.member("n2")!.incarnation, incarnation)
    }
  })
})

describe("a machine that takes over", () => {
  it("knows what the former one knew, without its doubts", () => {
    const former = new Lab({ peers: 3 })
    former.advance(2 * nodeTimeout, [2, 3])
    assert.strictEqual(former.statusOf(1), "Suspect")
    const lab = new Lab({ previous: former.machine })
    assert.strictEqual(lab.statusOf(1), "Alive")
    assert.isAbove(lab.machine.self.incarnation, former.machine.self.incarnation)
    lab.advance(nodeTimeout + 200, [2, 3])
    assert.strictEqual(lab.statusOf(1), "Suspect")
  })
})

describe("a node none of whose seeds has answered", () => {
  const unanswered = () => {
    const lab = new Lab({ seeds: [addressOf(1), addressOf(2)] })
    for (const { exchange } of lab.exchanges.splice(0)) {
      lab.step({ _tag: "Answered", exchange, answer: undefined, failure: "unreachable" })
    }
    return lab
  }

  it("has no quorum, however often it tries", () => {
    const lab = unanswered()
    assert.deepStrictEqual(lab.machine.quorum, { status: "Lost", voters: 1, reachable: 1 })
    lab.advance(60_000)
    assert.strictEqual(lab.machine.quorum.status, "Lost")
    lab.advance(60_000)
    const tried = lab.exchanges.at(-1)!
    const answer = { _tag: "Met", self: peer(1).alive, claims: [] } as const
    lab.step({ _tag: "Answered", exchange: tried.exchange, answer, failure: "" })
    assert.deepStrictEqual(lab.machine.quorum, { status: "Ok", voters: 2, reachable: 2 })
  })

  it("declares nobody FAIL, and asks those by whom it is found who votes", () => {
    const lab = unanswered()
    lab.know(3)
    lab.know(4)
    lab.advance(2 * nodeTimeout, [4])
    lab.pinged(4, [section(3)])
    assert.strictEqual(lab.statusOf(3), "Suspect")
    const asked = lab.exchanges.filter(({ to }) => to === addressOf(3) || to === addressOf(4))
    assert.isAtLeast(asked.length, 1)
    // n5 and n6 are there as well
    const claims = [peer(3).alive, peer(5).alive, peer(6).alive]
    const answer = { _tag: "Met", self: peer(4).alive, claims } as const
    lab.step({ _tag: "Answered", exchange: asked[0]!.exchange, answer, failure: "" })
    assert.strictEqual(lab.machine.quorum.voters, 5)
    lab.pinged(4, [section(3)])
    assert.strictEqual(lab.statusOf(3), "Suspect")
    lab.pinged(5, [section(3)])
    assert.strictEqual(lab.statusOf(3), "Dead")
  })

  it("is the first of a cluster, and a quorum, when its only seed is itself", () => {
    const lab = new Lab({ seeds: [addressOf(50)] })
    assert.strictEqual(lab.machine.quorum.status, "Lost")
    const self = { ...peer(0).alive }
    const answer = { _tag: "Met", self, claims: [] } as const
    lab.step({ _tag: "Answered", exchange: lab.exchanges[0]!.exchange, answer, failure: "" })
    assert.strictEqual(lab.machine.quorum.status, "Ok")
  })
})

describe("a node whose clock is wrong", () => {
  const month = 30 * 24 * 60 * 60 * 1000

  it("by years of the past has not joined until that is set right", () => {
    const seed = new Lab()
    const lab = new Lab({ index: 1, seeds: [seed.address], wallClock: 1000 })
    run([seed, lab], 10_000)
    assert.strictEqual(lab.machine.members().length, 1)
    assert.strictEqual(lab.machine.quorum.status, "Lost")
    lab.step({ _tag: "ClockSet", wallClock })
    run([seed, lab], 60_000)
    assert.deepStrictEqual(lab.machine.quorum, { status: "Ok", voters: 2, reachable: 2 })
    assert.strictEqual(seed.statusOf(1), "Alive")
  })

  it("by years to come is told when it joins that it is not believed", () => {
    const seed = new Lab()
    const lab = new Lab({ index: 1, wallClock: wallClock + 13 * month })
    const completion = lab.command({ _tag: "Join", seeds: [seed.address] })
    run([seed, lab], 1000)
    const { result } = lab.completed.find((each) => each.completion === completion)!
    assert.strictEqual(result._tag, "NoSeedAnswered")
    assert.match(
      result._tag === "NoSeedAnswered" ? result.failures[0]!.problem : "",
      /^its clock shows 2023-11-14T22:13:\d\dZ, and this node is of 2024-12-08T22:13:20Z: it does not believe this node/
    )
    assert.isUndefined(seed.statusOf(1))
  })
})
