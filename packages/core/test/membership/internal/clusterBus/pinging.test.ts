import { assert, describe, it } from "@effect/vitest"
import { Lab, nodeTimeout, peer, section } from "./harness.ts"

const all = (count: number) => Array.from({ length: count }, (_, index) => index + 1)

describe("a ping", () => {
  it("goes to a new member at the next tick", () => {
    const lab = new Lab({ peers: 3 })
    lab.advance(100)
    for (const index of [1, 2, 3]) assert.strictEqual(lab.pingsTo(index).length, 1)
  })

  it("goes to everyone of whom nothing was heard for half the timeout", () => {
    const lab = new Lab({ peers: 8, config: { nodeTimeout: 20_000 } })
    lab.advance(200, all(8))
    lab.clear()
    lab.advance(10_200, all(8))
    for (const index of all(8)) assert.isAtLeast(lab.pingsTo(index).length, 1, `n${index}`)
  })

  it("goes once a second to one of five by chance, the one that was silent for longest", () => {
    const lab = new Lab({ peers: 30, config: { nodeTimeout: 3_600_000 } })
    lab.advance(200, all(30))
    const silence = new Map(all(30).map((index) => [index, lab.now]))
    const ranks: Array<number> = []
    lab.clear()
    for (let second = 0; second < 60; second++) {
      lab.advance(1000, all(30))
      const pings = lab.messages("BusPing")
      assert.strictEqual(pings.length, 1)
      const pinged = all(30).find((index) => lab.pingsTo(index).length === 1)!
      const order = [...silence].sort((a, b) => a[1] - b[1])
      ranks.push(order.findIndex(([index]) => index === pinged))
      silence.set(pinged, lab.now)
      lab.clear()
    }
    // the first of five by chance is at a sixth, on average
    const mean = ranks.reduce((sum, rank) => sum + rank, 0) / ranks.length
    assert.isBelow(mean, 10)
    assert.isAbove(new Set(ranks).size, 3)
  })

  it("need not go to one of whom others have heard, unless somebody is PFAIL whom all have to be told of", () => {
    const lab = new Lab({ peers: 3 })
    lab.advance(100, [1, 2, 3])
    const hearFor = (millis: number, answering: ReadonlyArray<number>) => {
      lab.clear()
      for (let passed = 0; passed < millis; passed += 500) {
        lab.pinged(3, [section(1, 0, { beat: lab.now })])
        lab.advance(500, answering)
      }
      return lab.pingsTo(1).length
    }
    assert.isAtMost(hearFor(5000, [1, 2, 3]), 5)
    // n2 does not answer any more
    hearFor(3500, [1, 3])
    assert.strictEqual(lab.statusOf(2), "Suspect")
    assert.isAtLeast(hearFor(5000, [1, 3]), 4)
  })

  it("is sent again with the same nonce until it is answered", () => {
    const lab = new Lab({ peers: 1 })
    lab.advance(1000)
    const nonces = lab.pingsTo(1).map((ping) => ping.message.nonce)
    assert.isAtLeast(nonces.length, 3)
    assert.strictEqual(new Set(nonces).size, 1)
    lab.ponged(1)
    assert.strictEqual(lab.count("probes direct"), 1)
    lab.clear()
    lab.advance(2000)
    assert.notInclude(lab.pingsTo(1).map((ping) => ping.message.nonce), nonces[0])
  })
})

describe("a pong", () => {
  it("counts once, and only for the ping it answers", () => {
    const lab = new Lab({ peers: 1 })
    lab.advance(100)
    const { message } = lab.pingsTo(1)[0]!
    lab.ponged(1)
    lab.ponged(1)
    lab.receive({ _tag: "BusPong", self: peer(1).alive, nonce: message.nonce + 1, sections: [], beat: 9 })
    assert.strictEqual(lab.count("probes direct"), 1)
    assert.strictEqual(lab.count("drops LatePong"), 2)
  })

  it("of another who has taken the address says nothing of the one who was pinged", () => {
    const lab = new Lab({ peers: 1 })
    lab.advance(100)
    const { message, to } = lab.pingsTo(1)[0]!
    const other = { ...peer(1).alive, id: "other" }
    lab.receive({ _tag: "BusPong", self: other, nonce: message.nonce, sections: [], beat: 1 }, to)
    assert.strictEqual(lab.count("probes direct"), 0)
    lab.advance(nodeTimeout + 200)
    assert.strictEqual(lab.statusOf(1), "Suspect")
  })
})

describe("a member that does not answer for the timeout", () => {
  it("is PFAIL: suspected here, and no claim is made of it", () => {
    const lab = new Lab({ peers: 3 })
    lab.advance(100, [1, 2, 3])
    lab.clear()
    lab.advance(nodeTimeout / 2 + nodeTimeout + 300, [2, 3])
    assert.strictEqual(lab.statusOf(1), "Suspect")
    assert.deepStrictEqual(lab.eventTags, ["Suspected n1"])
    assert.isFalse(lab.machine.claims().some((claim) => claim._tag !== "Alive"))
    lab.advance(10 * nodeTimeout, [2, 3])
    assert.strictEqual(lab.statusOf(1), "Suspect")
  })

  it("is told of in each ping and pong, as long as it does not answer", () => {
    const lab = new Lab({ peers: 6 })
    lab.advance(100, [1, 2, 3, 4, 5, 6])
    lab.advance(2 * nodeTimeout, [2, 3, 4, 5, 6])
    lab.clear()
    lab.advance(nodeTimeout, [2, 3, 4, 5, 6])
    lab.pinged(4)
    const told = [...lab.messages("BusPing"), ...lab.messages("BusPong")].filter(({ to }) => to !== peer(1).address)
    assert.isAtLeast(told.length, 6)
    for (const { message } of told) assert.deepInclude(message.sections, section(1))
  })

  it("is cleared when it answers again, in the incarnation it had", () => {
    const lab = new Lab({ peers: 3 })
    lab.advance(3 * nodeTimeout, [2, 3])
    assert.strictEqual(lab.statusOf(1), "Suspect")
    lab.clear()
    lab.advance(nodeTimeout, [1, 2, 3])
    assert.strictEqual(lab.statusOf(1), "Alive")
    assert.deepStrictEqual(lab.eventTags, ["Refuted n1"])
    assert.strictEqual(lab.machine.member("n1")!.incarnation, peer(1).incarnation)
  })

  it("is cleared when it says something new, and has the timeout again", () => {
    const lab = new Lab({ peers: 1 })
    lab.advance(2 * nodeTimeout)
    assert.strictEqual(lab.statusOf(1), "Suspect")
    lab.clear()
    lab.receive(peer(1, peer(1).incarnation + 1).alive)
    assert.deepStrictEqual(lab.eventTags, ["Refuted n1"])
    lab.advance(nodeTimeout - 100)
    assert.strictEqual(lab.statusOf(1), "Alive")
    lab.advance(300)
    assert.strictEqual(lab.statusOf(1), "Suspect")
  })

  it("is excused for the time in which this node stood still", () => {
    const lab = new Lab({ peers: 1 })
    lab.advance(500)
    // its timers wait, and what was sent to it meanwhile is read after them
    lab.now += 10 * nodeTimeout
    lab.advance(100)
    assert.strictEqual(lab.statusOf(1), "Alive")
    lab.advance(nodeTimeout)
    assert.strictEqual(lab.statusOf(1), "Suspect")
  })

  it("is PFAIL as soon after a standstill as ever, whichever is handled first, mail or timers", () => {
    for (const isMailFirst of [true, false]) {
      const lab = new Lab({ peers: 4 })
      lab.advance(10_000, [1, 2, 3, 4])
      lab.now += 3_600_000
      // which has n4 pinged at once
      if (isMailFirst) lab.pinged(1, [section(4, 10, { incarnation: peer(4).incarnation + 1 })])
      lab.advance(1.4 * nodeTimeout, [1, 2, 3])
      assert.deepStrictEqual([1, 2, 3].map((index) => lab.statusOf(index)), ["Alive", "Alive", "Alive"])
      lab.advance(0.2 * nodeTimeout, [1, 2, 3])
      assert.strictEqual(lab.statusOf(4), "Suspect")
    }
  })

  it("is PFAIL in time to a node that is busy, and late by some ticks", () => {
    const lab = new Lab({ peers: 2 })
    lab.advance(1000, [1, 2])
    const from = lab.now
    while (lab.statusOf(1) === "Alive" && lab.now < from + 10 * nodeTimeout) {
      lab.now += 300
      lab.advance(0, [2])
    }
    assert.isAtMost(lab.now - from, 2 * nodeTimeout)
    assert.strictEqual(lab.statusOf(2), "Alive")
  })
})

describe("what others have heard of a member", () => {
  it("is news only by an answer that was not told of before", () => {
    const lab = new Lab({ peers: 2, config: { nodeTimeout: 20_000 } })
    lab.advance(100, [1, 2])
    lab.clear()
    // n2 tells again and again of the one answer, as if it was given just now
    for (let i = 0; i < 11; i++) {
      lab.pinged(2, [section(1, 0, { beat: 1_000_000 })])
      lab.advance(1000)
    }
    assert.isAtLeast(lab.pingsTo(1).length, 1)
  })
})
