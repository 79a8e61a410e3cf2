import { assert, describe, it } from "@effect/vitest"
import { ack2, addressOf, cluster, delta, digest, Lab, named, run, syn, wallClock } from "./harness.ts"

const n1 = addressOf(1)
const day = 24 * 60 * 60 * 1000

/** Its peers' hearts beat for so long. */
const listen = (lab: Lab, peers: ReadonlyArray<number>, rounds: number, from = 1): void => {
  for (let heartbeat = from; heartbeat < from + rounds; heartbeat++) {
    lab.advance(1000)
    lab.receive(syn(...peers.map((index) => digest(index, { heartbeat: heartbeat + 1 }))), n1)
  }
}

describe("a member that is not heard of", () => {
  it("is dead after 18.4 mean intervals, by this node's own judgement", () => {
    const lab = new Lab({ peers: 3 })
    listen(lab, [1, 2, 3], 100)
    listen(lab, [1, 2], 17, 101)
    assert.strictEqual(lab.statusOf(3), "Alive")
    listen(lab, [1, 2], 5, 118)
    assert.deepStrictEqual([lab.statusOf(1), lab.statusOf(3)], ["Alive", "Dead"])
    assert.deepStrictEqual(lab.eventTags, ["Died n3"])
  })

  it("has a phi that rises to the threshold, and those who are heard of have one near 0", () => {
    const lab = new Lab({ peers: 2 })
    listen(lab, [1, 2], 100)
    const phis: Array<number> = []
    for (let i = 0; i < 18; i++) {
      listen(lab, [1], 1, 101 + i)
      phis.push(lab.machine.phi("n2", lab.now)!)
    }
    assert.deepStrictEqual([...phis].sort((a, b) => a - b), phis)
    assert.approximately(phis[9]!, 10 / Math.LN10 / 1.05, 0.1)
    assert.strictEqual(lab.machine.phi("n1", lab.now), 0)
    assert.isUndefined(lab.machine.phi("n0", lab.now))
    assert.isUndefined(lab.machine.phi("n9", lab.now))
    assert.deepStrictEqual([...lab.machine.phis(lab.now).keys()].sort(), ["n1", "n2"])
  })

  it("is not dead because others say so", () => {
    const lab = new Lab({ peers: 3 })
    lab.receive(syn(digest(1), digest(2, { status: "Dead" })), n1)
    assert.strictEqual(lab.statusOf(2), "Alive")
  })

  it("is not dead for what this node slept through", () => {
    const lab = new Lab({ peers: 3 })
    listen(lab, [1, 2, 3], 20)
    lab.advance(3_600_000, { standsStill: true })
    listen(lab, [1, 2, 3], 20, 21)
    assert.deepStrictEqual(lab.eventTags, [])
  })

  it("is dead as soon as ever after this node has slept, whichever it handles first, mail or timers", () => {
    for (const pause of [60_000, 3_600_000]) {
      for (const isMailFirst of [true, false]) {
        const lab = new Lab({ peers: 3 })
        listen(lab, [1, 2, 3], 100)
        lab.advance(500)
        lab.now += pause
        if (isMailFirst) lab.receive(syn(...[1, 2, 3].map((index) => digest(index, { heartbeat: 102 }))), n1)
        listen(lab, [1, 2], 17, 103)
        assert.strictEqual(lab.statusOf(3), "Alive")
        listen(lab, [1, 2], 6, 120)
        assert.deepStrictEqual(lab.eventTags, ["Died n3"])
      }
    }
  })

  it("is dead in time to a node that is busy, and late by some intervals", () => {
    for (const turn of [1900, 2200, 4000]) {
      const lab = new Lab({ peers: 3 })
      listen(lab, [1, 2, 3], 60)
      const from = lab.now
      for (let heartbeat = 62; lab.statusOf(3) === "Alive" && lab.now < from + 600_000; heartbeat++) {
        lab.now += turn
        lab.receive(syn(digest(1, { heartbeat }), digest(2, { heartbeat })), n1)
        lab.advance(0)
      }
      assert.isAtMost(lab.now - from, 20_000 + turn)
      assert.strictEqual(lab.statusOf(1), "Alive")
    }
  })

  it("is dead in time though the cluster was larger, and heartbeats came seldom", () => {
    const lab = new Lab({ peers: 500 })
    let heartbeat = 1
    for (let round = 0; round < 200; round++) {
      lab.advance(1000)
      const indexes = Array.from({ length: 40 }, (_, i) => 1 + (round * 40 + i) % 500)
      lab.receive(syn(...indexes.map((index) => digest(index, { heartbeat: ++heartbeat }))), n1)
    }
    for (let index = 4; index <= 500; index++) lab.receive(ack2(delta(index, { left: true })))
    const from = lab.now
    while (lab.statusOf(3) === "Alive" && lab.now < from + 600_000) listen(lab, [1, 2], 1, ++heartbeat)
    // of four it takes 18.4 intervals of at most 2 s
    assert.isAtMost(lab.now - from, 38_000)
  })

  it("and was never heard of but through others is dead in the end", () => {
    const lab = new Lab({ peers: 1 })
    lab.receive(ack2(delta(2, { age: 10 })))
    listen(lab, [1], 25)
    assert.strictEqual(lab.statusOf(2), "Alive")
    listen(lab, [1], 5, 26)
    assert.strictEqual(lab.statusOf(2), "Dead")
  })

  it("is not taken in at all when it has been silent for too long already", () => {
    const lab = new Lab({ peers: 1 })
    lab.receive(ack2(delta(2, { age: 60 })))
    assert.isUndefined(lab.member(2))
  })
})

describe("a node that is dead to another", () => {
  const isolate = (labs: ReadonlyArray<Lab>, index: number, millis: number) =>
    run(labs, millis, { carries: (from, to) => (from.index === index) === (to.index === index) })

  it("is told so, refutes it under a higher incarnation, and is back to all", () => {
    const labs = cluster(4)
    isolate(labs, 3, 60_000)
    for (const lab of labs.slice(0, 3)) assert.strictEqual(lab.statusOf(3), "Dead")
    assert.strictEqual(labs[3]!.statusOf(0), "Dead")
    run(labs, 20_000)
    for (const lab of labs) {
      for (const other of labs) {
        assert.strictEqual(lab.statusOf(other.index), "Alive", `n${other.index} to n${lab.index}`)
        assert.strictEqual(lab.member(other.index)!.incarnation, other.machine.self.incarnation)
      }
    }
    assert.isAbove(labs[3]!.machine.self.incarnation, wallClock)
  })

  it("is told when somebody else has heard of it since", () => {
    const lab = new Lab({ peers: 3 })
    listen(lab, [1, 2, 3], 20)
    listen(lab, [1, 2], 30, 21)
    assert.strictEqual(lab.statusOf(3), "Dead")
    lab.clear()
    lab.receive(syn(digest(1, { heartbeat: 60 }), digest(3, { heartbeat: 60 })), n1)
    const told = lab.sent.filter(({ to }) => to === addressOf(3))
    assert.strictEqual(told.length, 1)
    assert.strictEqual(named(told[0]!.message).get(3)!.status, "Dead")
    // once in a round
    lab.receive(syn(digest(1, { heartbeat: 60 }), digest(3, { heartbeat: 61 })), n1)
    assert.strictEqual(lab.sent.filter(({ to }) => to === addressOf(3)).length, 1)
  })

  it("is tried with the chance of Cassandra's Gossiper, dead / (live + 1)", () => {
    const lab = new Lab({ peers: 2 })
    listen(lab, [1, 2], 20)
    listen(lab, [1], 30, 21)
    assert.strictEqual(lab.statusOf(2), "Dead")
    lab.clear()
    listen(lab, [1], 1000, 51)
    const tries = lab.sent.filter(({ to }) => to === addressOf(2)).length
    // one dead, one other that lives
    assert.approximately(tries, 500, 60)
  })

  it("seeds are tried more often while fewer are known than there are seeds", () => {
    const lab = new Lab({ seeds: [1, 2, 3].map(addressOf) })
    for (const { exchange, to } of lab.exchanges.splice(0)) {
      const index = [1, 2, 3].find((index) => addressOf(index) === to)!
      const answer = { _tag: "DigestAck", digests: new Uint8Array(0), id: `n${index}`, address: to } as const
      lab.step({ _tag: "Answered", exchange, answer, failure: "" })
    }
    lab.receive(ack2(delta(1)), n1)
    lab.clear()
    listen(lab, [1], 300)
    // the one that is known is told each time, and is a seed
    for (const index of [2, 3]) {
      const tries = lab.sent.filter(({ to }) => to === addressOf(index)).length
      assert.approximately(tries, 100, 30, `n${index}`)
    }
  })

  it("refutes that it has left as well, while it is there", () => {
    const lab = new Lab({ peers: 2 })
    lab.receive(syn(digest(0, { status: "Left" })), n1)
    assert.strictEqual(lab.machine.self.incarnation, wallClock + 1)
    assert.strictEqual(lab.count("refutations Left"), 1)
  })
})

describe("a node's own digest", () => {
  it("of an earlier life is outbid", () => {
    const lab = new Lab({ peers: 2 })
    lab.handle.set("n0", "k", "v")
    lab.receive(syn(digest(0, { incarnation: wallClock + 5000, heartbeat: 1e6, version: 40 })), n1)
    assert.strictEqual(lab.machine.self.incarnation, wallClock + 5001)
    assert.strictEqual(lab.handle.own.generation, wallClock + 5001)
    assert.strictEqual(lab.handle.own.version, 1)
  })

  it("with a heartbeat or a version that it never had does not silence it", () => {
    for (const forged of [{ heartbeat: 0xffff_ffff }, { version: 1000 }, { heartbeat: 5000 }]) {
      const labs = cluster(3)
      labs[0]!.receive(syn(digest(1, { ...forged })), addressOf(2))
      run(labs, 60_000)
      for (const lab of labs) assert.strictEqual(lab.statusOf(1), "Alive", JSON.stringify(forged))
      labs[1]!.handle.set("n1", "k", "v")
      run(labs, 10_000)
      assert.strictEqual(labs[2]!.machine.keyValues("n1").get("k"), "v")
    }
  })
})

describe("the dead and the left", () => {
  const forget = { deadRetention: 120_000 }

  it("are remembered for their retention, and then forgotten by all at about the same time", () => {
    const labs = cluster(4, forget)
    labs[3]!.command({ _tag: "Leave" })
    run(labs, 3000)
    const rest = labs.slice(0, 3)
    for (const lab of rest) assert.strictEqual(lab.statusOf(3), "Left")
    run(rest, 110_000)
    for (const lab of rest) assert.strictEqual(lab.statusOf(3), "Left")
    run(rest, 12_000)
    for (const lab of rest) assert.isUndefined(lab.member(3))
    run(rest, 300_000)
    for (const lab of rest) assert.isUndefined(lab.member(3))
  })

  it("do not come back through a node that slept until all others had forgotten them", () => {
    const labs = cluster(4, forget)
    const [sleeper, gone] = [labs[2]!, labs[3]!]
    const awake = labs.slice(0, 2)
    // the one is gone, and the other sleeps, so that it knows nothing of it
    run(awake, 400_000, { step: 500 })
    for (const lab of awake) assert.isUndefined(lab.member(gone.index))
    assert.strictEqual(sleeper.statusOf(gone.index), "Alive")
    sleeper.advance(awake[0]!.now - sleeper.now, { standsStill: true })
    for (const lab of awake) lab.clear()
    const three = [...awake, sleeper]
    for (let i = 0; i < 100; i++) {
      run(three, 1000)
      for (const lab of awake) assert.isUndefined(lab.member(gone.index))
    }
    assert.strictEqual(sleeper.statusOf(gone.index), "Dead")
    for (const lab of three) assert.strictEqual(lab.statusOf(sleeper.index), "Alive")
  })

  it("do not come back even if somebody vouches for them, but a later life does", () => {
    const lab = new Lab({ peers: 2, config: forget })
    listen(lab, [1], 300)
    assert.isUndefined(lab.member(2))
    lab.clear()
    const answer = lab.ask(syn(digest(0, { heartbeat: 300 }), digest(1, { heartbeat: 301 }), digest(2)), n1)
    // were it the one who speaks, it would have to refute
    assert.strictEqual(named(answer).get(2)!.status, "Dead")
    lab.receive(ack2(delta(2, { heartbeat: 99 })))
    assert.isUndefined(lab.member(2))
    assert.strictEqual(lab.count("drops Forgotten"), 1)
    lab.receive(ack2(delta(2, { incarnation: wallClock + 1 })))
    assert.strictEqual(lab.statusOf(2), "Alive")
  })

  it("of either side of a partition that outlasts their retention find together through the seed", () => {
    const labs = cluster(6, forget)
    const half = (lab: Lab) => lab.index < 3
    run(labs, 400_000, { step: 500, carries: (from, to) => half(from) === half(to) })
    for (const lab of labs) assert.isUndefined(lab.member(half(lab) ? 5 : 0))
    run(labs, 120_000, { step: 500 })
    for (const lab of labs) {
      for (const other of labs) assert.strictEqual(lab.statusOf(other.index), "Alive")
    }
  })

  it("who left long ago are told of to whoever holds them for alive, and to nobody else", () => {
    const lab = new Lab({ peers: 2, config: { deadRetention: day } })
    lab.receive(ack2(delta(2, { left: true })))
    listen(lab, [1], 100)
    lab.clear()
    const own = digest(0, { heartbeat: 0xfff })
    const to = lab.ask(syn(own, digest(1, { heartbeat: 101 }), digest(2)), n1)
    assert(to?._tag === "DigestAck")
    assert.deepStrictEqual(to.deltas!.map(({ age, id, left }) => [id, left, age]), [["n2", true, 100]])
    const other = lab.ask(syn(own, digest(1, { heartbeat: 101 })), n1)
    assert.deepStrictEqual(other?._tag === "DigestAck" ? other.deltas : undefined, undefined)
  })
})

describe("a leave", () => {
  it("is told to all at once, three times, and is done then", () => {
    const lab = new Lab({ peers: 6 })
    const completion = lab.command({ _tag: "Leave" })
    assert.strictEqual(lab.sent.filter(({ message }) => message._tag === "DigestAck2").length, 6)
    assert.deepStrictEqual(lab.completed, [])
    lab.advance(1000)
    assert.deepStrictEqual(lab.completed, [completion])
    assert.strictEqual(lab.sent.length, 18)
    lab.advance(60_000)
    assert.strictEqual(lab.sent.length, 18)
  })

  it("reaches those who did not hear it by digests, before they would miss the node", () => {
    const labs = cluster(6)
    labs[5]!.command({ _tag: "Leave" })
    run(labs, 1000, { carries: (from, to) => from.index !== 5 || to.index === 0 })
    run(labs.slice(0, 5), 60_000)
    for (const lab of labs.slice(0, 5)) {
      assert.strictEqual(lab.statusOf(5), "Left")
      assert.notInclude(lab.eventTags, "Died n5")
    }
  })
})

describe("a member that is forgotten to make room for another", () => {
  it("is told of, and not taken in again in the life that has ended", () => {
    const lab = new Lab({ peers: 3, config: { maxMembers: 4 } })
    lab.receive(ack2(delta(2, { left: true })))
    lab.clear()
    lab.receive(ack2(delta(7)))
    assert.deepStrictEqual(lab.eventTags, ["Reaped n2", "Joined n7"])
    lab.receive(ack2(delta(7, { left: true })))
    lab.receive(ack2(delta(2)))
    assert.isUndefined(lab.member(2))
    assert.strictEqual(lab.count("drops Forgotten"), 1)
    lab.receive(ack2(delta(2, { incarnation: wallClock + 1 })))
    assert.strictEqual(lab.statusOf(2), "Alive")
  })
})

describe("a node whose clock is wrong", () => {
  it("by years of the past has not joined until that is set right", () => {
    const seed = new Lab()
    const lab = new Lab({ index: 1, seeds: [seed.address], wallClock: 1000 })
    run([seed, lab], 10_000)
    assert.strictEqual(lab.machine.members().length, 1)
    lab.step({ _tag: "ClockSet", wallClock })
    run([seed, lab], 60_000)
    assert.strictEqual(lab.statusOf(0), "Alive")
    assert.strictEqual(seed.statusOf(1), "Alive")
  })

  it("by years to come is told when it joins that it is not believed", () => {
    const seed = new Lab()
    const lab = new Lab({ index: 1, wallClock: wallClock + 400 * day })
    const completion = lab.command({ _tag: "Join", seeds: [seed.address] })
    run([seed, lab], 1000)
    const result = lab.results.get(completion)!
    assert.strictEqual(result._tag, "NoSeedAnswered")
    assert.match(
      result._tag === "NoSeedAnswered" ? result.failures[0]!.problem : "",
      /^its clock shows 2023-11-14T\S+Z, and this node is of 2024-12-18T22:13:20Z: it does not believe this node/
    )
    assert.isUndefined(seed.member(1))
  })
})
