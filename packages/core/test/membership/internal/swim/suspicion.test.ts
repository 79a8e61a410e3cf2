import { assert, describe, it } from "@effect/vitest"
import {
  confirmedTimeout,
  expectedConfirmations,
  suspicionTimeout
} from "../../../../src/membership/internal/swim/suspicion.ts"
import { addressOf, bornAt, decodeMessage, Lab, peer, wallClock } from "./harness.ts"

const accused = (index: number, by: string) => ({ ...peer(index).suspect, from: by })

describe("suspicionTimeout", () => {
  it("is 4 · max(1, log10 n) · the probe interval, as memberlist has it", () => {
    assert.strictEqual(suspicionTimeout(4, 0, 1000), 4000)
    assert.strictEqual(suspicionTimeout(4, 1, 1000), 4000)
    assert.strictEqual(suspicionTimeout(4, 10, 1000), 4000)
    assert.strictEqual(suspicionTimeout(4, 100, 1000), 8000)
    assert.closeTo(suspicionTimeout(4, 50, 1000), 6795.9, 0.1)
    assert.strictEqual(suspicionTimeout(3, 1000, 500), 4500)
  })
})

describe("confirmedTimeout", () => {
  it("falls from the longest to the shortest by the logarithm of the confirmations, as memberlist's does", () => {
    // memberlist's TestSuspicion_remainingSuspicionTime, of nothing elapsed
    assert.deepStrictEqual(
      [0, 1, 2, 3, 4].map((confirmations) => confirmedTimeout(confirmations, 3, 2000, 30_000)),
      [30_000, 16_000, 7810, 2000, 2000]
    )
    assert.strictEqual(confirmedTimeout(0, 0, 2000, 30_000), 2000)
  })

  it("expects two accusers less than the multiplier, and none where there are not as many", () => {
    assert.deepStrictEqual([2, 3, 4, 100].map((n) => expectedConfirmations(4, n)), [0, 0, 2, 2])
    assert.deepStrictEqual([1, 2, 3].map((multiplier) => expectedConfirmations(multiplier, 100)), [0, 0, 1])
    assert.deepStrictEqual([5, 6].map((n) => expectedConfirmations(6, n)), [0, 4])
  })
})

describe("a suspicion", () => {
  for (const [peers, timeout] of [[2, 4000], [3, 24_000], [99, 48_000]] as const) {
    it(`that nobody confirms ends in death after ${timeout / 1000} s among ${peers + 1}`, () => {
      const lab = new Lab({ peers })
      lab.receive(peer(1).suspect)
      lab.live(timeout - 50)
      assert.strictEqual(lab.statusOf(1), "Suspect")
      lab.live(50)
      assert.strictEqual(lab.statusOf(1), "Dead")
      assert.deepStrictEqual(lab.eventTags.filter((event) => event.endsWith(" n1")), ["Suspected n1", "Died n1"])
      assert.strictEqual(lab.count("suspicions confirmed"), 1)
      const { address, id, incarnation } = peer(1)
      assert.deepInclude(lab.claims, { _tag: "Dead", id, address, incarnation, from: "n0" })
    })
  }

  // 48 s, 48 - 40 · log 2 / log 3, and 8 s
  for (const [confirmations, timeout] of [[1, 22_750], [2, 8000], [5, 8000]] as const) {
    it(`that ${confirmations} confirm ends in death after ${timeout / 1000} s among 100`, () => {
      const lab = new Lab({ peers: 99 })
      lab.receive(accused(1, "n50"))
      lab.live(1000)
      for (let i = 1; i <= confirmations; i++) lab.receive(accused(1, `n${50 + i}`))
      assert.strictEqual(lab.count("suspicions started"), 1)
      lab.live(timeout - 1050)
      assert.strictEqual(lab.statusOf(1), "Suspect")
      lab.live(100)
      assert.strictEqual(lab.statusOf(1), "Dead")
    })
  }

  it("is confirmed by no one twice, nor by who passes it on, nor by what was said before", () => {
    const lab = new Lab({ peers: 99 })
    lab.receive(accused(1, "n50"))
    const { address, id, incarnation } = peer(1)
    for (let i = 0; i < 5; i++) lab.receive(accused(1, "n50"))
    for (let i = 0; i < 5; i++) lab.receive({ ...accused(1, `n${60 + i}`), incarnation: incarnation - 1 })
    // what it tells in a sync is who accuses, and not that it does
    const claim = lab.claims.find((claim) => claim._tag === "Suspect")
    assert.deepStrictEqual(claim, { _tag: "Suspect", id, address, incarnation, from: "n50" })
    for (let i = 0; i < 5; i++) {
      lab.request({ _tag: "SyncRequest", id: `n${70 + i}`, address: addressOf(70 + i), table: 0, claims: [claim!] })
    }
    lab.live(47_000)
    assert.strictEqual(lab.statusOf(1), "Suspect")
  })

  it("is confirmed by each who holds the suspect for dead when tables are exchanged", () => {
    const lab = new Lab({ peers: 99 })
    lab.receive(accused(1, "n50"))
    for (const from of ["n70", "n71"]) {
      const claims = [{ ...peer(1).dead, from }]
      lab.request({ _tag: "SyncRequest", id: from, address: addressOf(70), table: 0, claims })
    }
    lab.live(8100)
    assert.strictEqual(lab.statusOf(1), "Dead")
  })

  it("passes on as many accusers as shorten it, and none twice", () => {
    // each claim is sent once
    const lab = new Lab({ peers: 8, config: { retransmitMultiplier: 1 } })
    const passedOn = () =>
      lab.machine.piggyback(1_000_000, addressOf(2)).map((bytes) => decodeMessage(bytes))
        .flatMap((claim) => claim._tag === "Suspect" ? [claim.from] : [])
    lab.receive(accused(1, "n50"))
    assert.deepStrictEqual(passedOn(), ["n50"])
    const heard: Array<string> = []
    for (const from of ["n50", "n51", "n51", "n52", "n53", "n54"]) {
      lab.receive(accused(1, from))
      const [told] = passedOn()
      if (told === from) heard.push(from)
    }
    assert.deepStrictEqual(heard, ["n51", "n52"])
  })

  it("is confirmed by this node's own probe", () => {
    const lab = new Lab({ peers: 4, config: { localHealthMax: 1 } })
    lab.receive(accused(1, "n2"))
    lab.receive(accused(1, "n3"))
    lab.advance(5000)
    // all have been probed, and none has answered: the other three have one accuser only
    assert.deepStrictEqual([1, 2, 3, 4].map((index) => lab.statusOf(index)), ["Dead", "Suspect", "Suspect", "Suspect"])
  })

  it("that is confirmed late leaves a refutation the time to come where this node does badly", () => {
    for (const [health, grace] of [[1, 1000], [7, 7000]] as const) {
      const lab = new Lab({ peers: 99 })
      lab.receive(accused(1, "n50"))
      lab.live(20_000)
      for (let i = 0; i < health; i++) lab.receive(peer(0, lab.incarnationOf(0)).suspect)
      assert.strictEqual(lab.machine.localHealth, health)
      lab.receive(accused(1, "n51"))
      lab.receive(accused(1, "n52"))
      lab.advance(grace - 100)
      assert.strictEqual(lab.statusOf(1), "Suspect")
      lab.advance(200)
      assert.strictEqual(lab.statusOf(1), "Dead")
    }
  })

  it("that is confirmed when the shorter time is over ends at once where this node does well", () => {
    const lab = new Lab({ peers: 99 })
    lab.receive(accused(1, "n50"))
    lab.live(20_000)
    lab.receive(accused(1, "n51"))
    lab.receive(accused(1, "n52"))
    lab.advance(0)
    assert.strictEqual(lab.statusOf(1), "Dead")
  })

  it("takes the shortest time at once, and needs nobody's confirmation, with suspicionMaxMultiplier 1", () => {
    const lab = new Lab({ peers: 99, config: { suspicionMaxMultiplier: 1 } })
    lab.receive(accused(1, "n50"))
    lab.receive(accused(1, "n51"))
    lab.live(7950)
    assert.strictEqual(lab.statusOf(1), "Suspect")
    lab.live(50)
    assert.strictEqual(lab.statusOf(1), "Dead")
  })

  it("that is refuted in a higher incarnation ends, and its timer is harmless", () => {
    const lab = new Lab({ peers: 3 })
    lab.receive(peer(1).suspect)
    lab.live(1000)
    lab.receive(peer(1, wallClock + 1).alive)
    assert.strictEqual(lab.statusOf(1), "Alive")
    lab.live(40_000)
    assert.strictEqual(lab.statusOf(1), "Alive")
    assert.deepStrictEqual(lab.eventTags, ["Suspected n1", "Refuted n1"])
    assert.strictEqual(lab.count("suspicions confirmed"), 0)
  })

  it("is not ended by what the suspect said before", () => {
    const lab = new Lab({ peers: 3 })
    lab.receive(peer(1).suspect)
    lab.receive(peer(1).alive)
    lab.receive(peer(1, wallClock - 1).alive)
    assert.strictEqual(lab.statusOf(1), "Suspect")
  })

  it("in a higher incarnation gives its full time again, and none of the confirmations count", () => {
    const lab = new Lab({ peers: 3 })
    lab.receive(accused(1, "n1"))
    lab.receive(accused(1, "n2"))
    lab.live(3000)
    lab.receive(peer(1, wallClock + 1).suspect)
    lab.live(23_950)
    assert.strictEqual(lab.statusOf(1), "Suspect")
    lab.live(50)
    assert.strictEqual(lab.statusOf(1), "Dead")
  })

  it("that is heard again does not begin again", () => {
    const lab = new Lab({ peers: 3 })
    lab.receive(peer(1).suspect)
    lab.live(3000)
    lab.receive(peer(1).suspect)
    assert.strictEqual(lab.count("suspicions started"), 1)
    lab.live(21_000)
    assert.strictEqual(lab.statusOf(1), "Dead")
  })

  it("of one who leaves ends", () => {
    const lab = new Lab({ peers: 3 })
    lab.receive(peer(1).suspect)
    lab.receive(peer(1).left)
    lab.live(40_000)
    assert.strictEqual(lab.statusOf(1), "Left")
    assert.strictEqual(lab.count("suspicions confirmed"), 0)
  })

  it("goes on after its timer came while this node had left, once it is back", () => {
    const lab = new Lab({ peers: 3 })
    lab.receive(peer(1).suspect)
    lab.command({ _tag: "Leave" })
    lab.advance(30_000)
    assert.strictEqual(lab.statusOf(1), "Suspect")
    lab.command({ _tag: "Join", seeds: [addressOf(2)] })
    lab.live(24_000)
    assert.strictEqual(lab.statusOf(1), "Dead")
  })
})

describe("timers that are stale", () => {
  it("are harmless, all kinds of them", () => {
    const lab = new Lab({ peers: 3 })
    const stale = [
      { _tag: "Probe", epoch: 7 },
      { _tag: "ProbeTimeout", nonce: 1 },
      { _tag: "Nack", nonce: 1 },
      { _tag: "Suspicion", key: `n1 ${addressOf(1)}`, token: 0 },
      { _tag: "Suspicion", key: `n1 ${addressOf(1)}`, token: 9 },
      { _tag: "Suspicion", key: "nobody", token: 1 },
      { _tag: "Gossip", token: 0 },
      { _tag: "Sync", epoch: 7 },
      { _tag: "Join", token: 9 },
      { _tag: "Reconnect", epoch: 7 }
    ]
    lab.live(5000)
    lab.clear()
    const timers = lab.timers.length
    for (const timer of stale) lab.step({ _tag: "Due", timer })
    assert.strictEqual(lab.timers.length, timers)
    assert.deepStrictEqual([lab.sent, lab.gossiped, lab.exchanges, lab.streams, lab.events], [[], [], [], [], []])
    assert.strictEqual(lab.now, bornAt + 5000)
  })
})
