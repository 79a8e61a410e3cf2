import { assert, describe, it } from "@effect/vitest"
import { addressOf, cluster, Lab, nodeTimeout, peer, run, section } from "./harness.ts"

/** A node that knows four others, of whom n1 does not answer it. */
const suspecting = (options: ConstructorParameters<typeof Lab>[0] = {}) => {
  const lab = new Lab({ peers: 4, ...options })
  lab.advance(2 * nodeTimeout, [2, 3, 4])
  assert.strictEqual(lab.statusOf(1), "Suspect")
  lab.clear()
  return lab
}

describe("a member is FAIL", () => {
  it("when a majority of those who vote does not reach it, this node among them", () => {
    const lab = suspecting()
    lab.pinged(2, [section(1)])
    assert.strictEqual(lab.statusOf(1), "Suspect")
    // again by the same
    lab.pinged(2, [section(1)])
    assert.strictEqual(lab.statusOf(1), "Suspect")
    lab.pinged(3, [section(1)])
    assert.strictEqual(lab.statusOf(1), "Dead")
    assert.deepStrictEqual(lab.eventTags, ["Died n1"])
  })

  it("to all at once, and to itself, so that it can refute", () => {
    const lab = suspecting()
    for (const index of [2, 3]) lab.pinged(index, [section(1)])
    const fails = lab.messages("Fail")
    assert.sameMembers(fails.map(({ to }) => to), [1, 2, 3, 4].map(addressOf))
    const { address, id, incarnation } = peer(1)
    for (const { message } of fails) {
      assert.deepStrictEqual(message.claim, { _tag: "Dead", id, address, incarnation, from: "n0" })
    }
  })

  it("only while this node itself does not reach it", () => {
    const lab = new Lab({ peers: 4 })
    lab.advance(2 * nodeTimeout, [1, 2, 3, 4])
    for (const index of [2, 3, 4]) lab.pinged(index, [section(1)])
    assert.strictEqual(lab.statusOf(1), "Alive")
  })

  it("not by reports that are older than twice the timeout", () => {
    const lab = suspecting()
    lab.pinged(2, [section(1)])
    lab.advance(2 * nodeTimeout + 1, [2, 3, 4])
    lab.pinged(3, [section(1)])
    assert.strictEqual(lab.statusOf(1), "Suspect")
    lab.pinged(2, [section(1)])
    assert.strictEqual(lab.statusOf(1), "Dead")
  })

  it("not by reports that were taken back", () => {
    const lab = suspecting()
    lab.pinged(2, [section(1)])
    lab.pinged(2, [section(1, 100)])
    lab.pinged(3, [section(1)])
    assert.strictEqual(lab.statusOf(1), "Suspect")
  })

  it("not by reports of a former life, but by those of a later one, which is then dead", () => {
    const lab = suspecting()
    const { incarnation } = peer(1)
    for (const index of [2, 3, 4]) lab.pinged(index, [section(1, undefined, { incarnation: incarnation - 1 })])
    assert.strictEqual(lab.statusOf(1), "Suspect")
    for (const index of [2, 3]) lab.pinged(index, [section(1, undefined, { incarnation: incarnation + 5 })])
    assert.strictEqual(lab.statusOf(1), "Dead")
    assert.strictEqual(lab.machine.member("n1")!.incarnation, incarnation + 5)
  })

  it("not by reports of strangers, of those who are gone, of itself and of those who do not vote", () => {
    const lab = suspecting()
    const nonvoter = { ...peer(4).alive, incarnation: peer(4).incarnation + 1, votes: false }
    lab.receive(nonvoter)
    lab.receive(peer(3).left)
    lab.pinged(3, [section(1)])
    lab.pinged(1, [section(1)])
    lab.receive({ _tag: "BusPing", self: nonvoter, nonce: 1, sections: [section(1)] }, addressOf(4))
    // n0, n1 and n2 vote: n0 and one more are a majority
    assert.strictEqual(lab.statusOf(1), "Suspect")
    lab.pinged(2, [section(1)])
    assert.strictEqual(lab.statusOf(1), "Dead")
  })

  it("though one of those who do not reach it makes up an incarnation that no claim may have", () => {
    const lab = suspecting()
    lab.pinged(3, [section(1, undefined, { incarnation: 2 ** 48 - 1 })])
    assert.strictEqual(lab.count("drops FutureIncarnation"), 1)
    lab.pinged(2, [section(1)])
    assert.strictEqual(lab.statusOf(1), "Suspect")
    lab.pinged(4, [section(1)])
    assert.strictEqual(lab.statusOf(1), "Dead")
    // nor is it asked after as a stranger
    lab.pinged(3, [section(9, undefined, { incarnation: 2 ** 48 - 1 })])
    assert.deepStrictEqual(lab.pingsTo(9), [])
  })

  it("not by one voter that has said so at two addresses, nor by another process of this node's own name", () => {
    const lab = new Lab({ peers: 4 })
    lab.advance(2 * nodeTimeout, [2])
    lab.pinged(2, [section(1)])
    // n2 was restarted elsewhere, and is cut off with n0 from the three others
    for (const [index, id] of [[12, "n2"], [13, "n0"]] as const) {
      const self = { ...peer(index).alive, id }
      lab.request({ _tag: "Meet", self })
      lab.receive({ _tag: "BusPing", self, nonce: 1, sections: [section(1)] }, addressOf(index))
    }
    assert.deepStrictEqual(lab.machine.quorum, { status: "Lost", voters: 5, reachable: 2 })
    assert.strictEqual(lab.statusOf(1), "Suspect")
    lab.pinged(3, [section(1)])
    assert.strictEqual(lab.statusOf(1), "Dead")
  })

  it("by the word of a majority, when this node does not vote itself", () => {
    const lab = suspecting({ config: { votes: false } })
    lab.pinged(2, [section(1)])
    lab.pinged(3, [section(1)])
    // three of four
    assert.strictEqual(lab.statusOf(1), "Suspect")
    lab.pinged(4, [section(1)])
    assert.strictEqual(lab.statusOf(1), "Dead")
  })

  it("when another says so who is known, and not when a stranger does or it is unknown itself", () => {
    const lab = new Lab({ peers: 4 })
    lab.receive({ _tag: "Fail", claim: peer(1).dead })
    lab.receive({ _tag: "Fail", claim: { ...peer(7).dead, from: "n2" } })
    assert.strictEqual(lab.count("drops Unknown"), 2)
    assert.strictEqual(lab.statusOf(1), "Alive")
    lab.receive({ _tag: "Fail", claim: { ...peer(1).dead, from: "n2" } })
    assert.strictEqual(lab.statusOf(1), "Dead")
    // it was told to all by the other
    assert.deepStrictEqual(lab.messages("Fail"), [])
  })
})

describe("a cluster", () => {
  const crashed = (lab: Lab) => (from: Lab, to: Lab) => from !== lab && to !== lab

  it("of five declares one FAIL, and another, but not a third: two are no majority of five", () => {
    const labs = cluster(5)
    const open = new Set(labs)
    const isOpen = (from: Lab, to: Lab) => open.has(from) && open.has(to)
    for (const index of [4, 3]) {
      open.delete(labs[index]!)
      run(labs, 3 * nodeTimeout, isOpen)
      for (const lab of open) assert.strictEqual(lab.statusOf(index), "Dead")
    }
    assert.strictEqual(labs[0]!.machine.quorum.status, "Ok")
    open.delete(labs[2]!)
    run(labs, 20 * nodeTimeout, isOpen)
    for (const lab of open) assert.strictEqual(lab.statusOf(2), "Suspect")
    assert.deepStrictEqual(labs[0]!.machine.quorum, { status: "Lost", voters: 5, reachable: 2 })
  })

  it("of two never declares one FAIL, and whoever is left says that there is no majority", () => {
    const [one, other] = cluster(2) as [Lab, Lab]
    run([one, other], 30 * nodeTimeout, crashed(other))
    assert.strictEqual(one.statusOf(1), "Suspect")
    assert.deepStrictEqual(one.machine.quorum, { status: "Lost", voters: 2, reachable: 1 })
    run([one, other], nodeTimeout)
    assert.deepStrictEqual(one.machine.quorum, { status: "Ok", voters: 2, reachable: 2 })
  })

  it("of which two vote besides the lost one declares it FAIL, however many do not", () => {
    const labs = cluster(6, (index) => ({ votes: index < 3 }))
    run(labs, 3 * nodeTimeout, crashed(labs[2]!))
    for (const lab of labs) if (lab !== labs[2]) assert.strictEqual(lab.statusOf(2), "Dead")
    // the lost one reaches no majority, though it has lost nobody whom it knows for dead
    assert.deepStrictEqual(labs[2]!.machine.quorum, { status: "Lost", voters: 3, reachable: 1 })
    assert.deepStrictEqual(labs[5]!.machine.quorum, { status: "Ok", voters: 3, reachable: 2 })
  })

  it("that came together again agrees, and who was FAIL has a higher incarnation", () => {
    const labs = cluster(5)
    const lesser = labs.slice(3)
    run(labs, 5 * nodeTimeout, (from, to) => lesser.includes(from) === lesser.includes(to))
    assert.strictEqual(labs[0]!.statusOf(3), "Dead")
    for (const lab of lesser) {
      for (const index of [0, 1, 2]) assert.strictEqual(lab.statusOf(index), "Suspect")
      assert.deepStrictEqual(lab.eventTags.filter((tag) => tag.startsWith("Died")), [])
      assert.strictEqual(lab.machine.quorum.status, "Lost")
    }
    run(labs, nodeTimeout)
    for (const lab of labs) {
      assert.deepStrictEqual(lab.machine.members().map(({ status }) => status), Array(5).fill("Alive"))
      assert.isAbove(lab.machine.member("n3")!.incarnation, peer(3).incarnation)
      assert.strictEqual(lab.machine.member("n1")!.incarnation, peer(1).incarnation)
    }
  })

  it("that a member has rejoined in the lesser part counts all who vote there, too", () => {
    const labs = cluster(5)
    const [fourth, fifth] = labs.slice(3) as [Lab, Lab]
    const isCut = (from: Lab, to: Lab) => (from.index < 3) === (to.index < 3)
    run(labs, 5 * nodeTimeout, isCut)
    const again = new Lab({ index: 4, seeds: [fourth.address] })
    assert.strictEqual(fifth.index, again.index)
    const now = [...labs.slice(0, 4), again]
    for (const lab of now) again.now = lab.now
    run(now, 1000, isCut)
    assert.deepStrictEqual(again.machine.quorum, { status: "Lost", voters: 5, reachable: 2 })
    assert.strictEqual(again.statusOf(0), "Suspect")
    run(now, 20 * nodeTimeout, isCut)
    assert.notInclude(again.machine.members().map(({ status }) => status), "Dead")
  })

  it("whose voters are restarted one by one counts those who vote, and not the dead who do not", () => {
    const labs = cluster(9, (index) => ({ votes: index < 3 }))
    const voters = labs.slice(0, 3)
    run(voters, 5 * nodeTimeout)
    for (const index of [3, 4, 5, 6, 7, 8]) assert.strictEqual(voters[0]!.statusOf(index), "Dead")
    for (const index of [2, 1, 0]) {
      voters[index] = new Lab({ index, seeds: [addressOf((index + 1) % 3)], now: voters[0]!.now })
      run(voters, 5 * nodeTimeout)
    }
    for (const voter of voters) assert.deepStrictEqual(voter.machine.quorum, { status: "Ok", voters: 3, reachable: 3 })
    run(voters.slice(0, 2), 5 * nodeTimeout)
    assert.strictEqual(voters[0]!.statusOf(2), "Dead")
  })

  it("of known size has no majority in a minority that was restarted and knows of nobody else", () => {
    const seeds = [0, 1, 2, 3, 4, 5, 6].map(addressOf)
    for (const minVoters of [1, 7]) {
      const minority = [4, 5, 6].map((index) => new Lab({ index, seeds, config: { minVoters } }))
      run(minority, 5 * nodeTimeout)
      const [one] = minority as [Lab]
      // without it they take themselves for all
      assert.strictEqual(one.machine.quorum.status, minVoters === 7 ? "Lost" : "Ok")
      run(minority.slice(0, 2), 10 * nodeTimeout)
      assert.strictEqual(one.statusOf(6), minVoters === 7 ? "Suspect" : "Dead")
      assert.deepStrictEqual(one.machine.quorum, {
        status: minVoters === 7 ? "Lost" : "Ok",
        voters: Math.max(3, minVoters),
        reachable: 2
      })
    }
  })

  it("is a quorum to nobody who has left it, until it joins again", () => {
    const labs = cluster(3)
    const [, , last] = labs as [Lab, Lab, Lab]
    last.command({ _tag: "Leave" })
    assert.strictEqual(last.machine.quorum.status, "Lost")
    run(labs, 3000)
    assert.isTrue(last.machine.hasLeft)
    assert.strictEqual(last.machine.quorum.status, "Lost")
    assert.deepStrictEqual(labs[0]!.machine.quorum, { status: "Ok", voters: 2, reachable: 2 })
    last.command({ _tag: "Join", seeds: [addressOf(0)] })
    run(labs, 1000)
    assert.deepStrictEqual(last.machine.quorum, { status: "Ok", voters: 3, reachable: 3 })
  })

  it("mends what was said in a member's name, in an incarnation that it is in", () => {
    const labs = cluster(3)
    labs[0]!.receive({ ...peer(1).alive, metadata: Uint8Array.of(1, 2, 3) })
    assert.strictEqual(labs[0]!.machine.member("n1")!.metadata.length, 3)
    run(labs, 2 * nodeTimeout)
    for (const lab of labs) {
      assert.strictEqual(lab.machine.member("n1")!.metadata.length, 0)
      assert.strictEqual(lab.machine.member("n1")!.incarnation, peer(1).incarnation + 1)
    }
  })

  it("gives up one whom only a few remember, once the others have tried it in vain", () => {
    const labs = cluster(3)
    const [one] = labs as [Lab]
    // n1 and n2 are lost at once: n0 can declare neither FAIL, and newcomers have never seen them
    run([one], 3 * nodeTimeout)
    const newcomers = [5, 6, 7].map((index) => {
      const lab = new Lab({ index, seeds: [one.address] })
      lab.now = one.now
      return lab
    })
    run([one, ...newcomers], 6 * nodeTimeout)
    for (const lab of [one, ...newcomers]) {
      assert.strictEqual(lab.statusOf(1), "Dead")
      assert.strictEqual(lab.statusOf(2), "Dead")
      assert.strictEqual(lab.machine.quorum.status, "Ok")
    }
  })
})
