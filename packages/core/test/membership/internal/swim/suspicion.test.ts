import { assert, describe, it } from "@effect/vitest"
import { suspicionTimeout } from "../../../../src/membership/internal/swim/suspicion.ts"
import { addressOf, bornAt, Lab, peer, wallClock } from "./harness.ts"

/** Acks every probe, so that none is suspected for another reason. */
const live = (lab: Lab, millis: number) => {
  for (let passed = 0; passed < millis; passed += 50) {
    lab.advance(50)
    for (const { message, to } of lab.messages("Ping")) lab.receive({ _tag: "Ack", nonce: message.nonce }, to)
    lab.sent = []
  }
}

describe("suspicionTimeout", () => {
  it("is 4 · max(1, log10 n) · the probe interval, as memberlist has it", () => {
    assert.strictEqual(suspicionTimeout(4, 1, 1000), 4000)
    assert.strictEqual(suspicionTimeout(4, 10, 1000), 4000)
    assert.strictEqual(suspicionTimeout(4, 100, 1000), 8000)
    assert.closeTo(suspicionTimeout(4, 50, 1000), 6795.9, 0.1)
    assert.strictEqual(suspicionTimeout(3, 1000, 500), 4500)
  })
})

describe("a suspicion", () => {
  for (const [peers, timeout] of [[3, 4000], [99, 8000]] as const) {
    it(`that is not refuted ends in death after ${timeout / 1000} s among ${peers + 1}`, () => {
      const lab = new Lab({ peers })
      lab.receive(peer(1).suspect)
      live(lab, timeout - 50)
      assert.strictEqual(lab.statusOf(1), "Suspect")
      live(lab, 50)
      assert.strictEqual(lab.statusOf(1), "Dead")
      assert.deepStrictEqual(lab.eventTags.filter((event) => event.endsWith(" n1")), ["Suspected n1", "Died n1"])
      assert.strictEqual(lab.count("suspicions confirmed"), 1)
      const { address, id, incarnation } = peer(1)
      assert.deepInclude(lab.claims, { _tag: "Dead", id, address, incarnation, from: "n0" })
    })
  }

  it("that is refuted in a higher incarnation ends, and its timer is harmless", () => {
    const lab = new Lab({ peers: 3 })
    lab.receive(peer(1).suspect)
    live(lab, 1000)
    lab.receive(peer(1, wallClock + 1).alive)
    assert.strictEqual(lab.statusOf(1), "Alive")
    live(lab, 20_000)
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

  it("in a higher incarnation gives its full time again", () => {
    const lab = new Lab({ peers: 3 })
    lab.receive(peer(1).suspect)
    live(lab, 3000)
    lab.receive(peer(1, wallClock + 1).suspect)
    live(lab, 3950)
    assert.strictEqual(lab.statusOf(1), "Suspect")
    live(lab, 50)
    assert.strictEqual(lab.statusOf(1), "Dead")
  })

  it("that is heard again does not begin again", () => {
    const lab = new Lab({ peers: 3 })
    lab.receive(peer(1).suspect)
    live(lab, 3000)
    lab.receive({ ...peer(1).suspect, from: "other" })
    assert.strictEqual(lab.count("suspicions started"), 1)
    live(lab, 1000)
    assert.strictEqual(lab.statusOf(1), "Dead")
  })

  it("of one who leaves ends", () => {
    const lab = new Lab({ peers: 3 })
    lab.receive(peer(1).suspect)
    lab.receive(peer(1).left)
    live(lab, 20_000)
    assert.strictEqual(lab.statusOf(1), "Left")
    assert.strictEqual(lab.count("suspicions confirmed"), 0)
  })

  it("goes on after its timer came while this node had left, once it is back", () => {
    const lab = new Lab({ peers: 3 })
    lab.receive(peer(1).suspect)
    lab.command({ _tag: "Leave" })
    lab.advance(10_000)
    assert.strictEqual(lab.statusOf(1), "Suspect")
    lab.command({ _tag: "Join", seeds: [addressOf(2)] })
    live(lab, 20_000)
    assert.strictEqual(lab.statusOf(1), "Dead")
  })
})

describe("timers that are stale", () => {
  it("are harmless, all kinds of them", () => {
    const lab = new Lab({ peers: 3 })
    const stale = [
      { _tag: "Probe", epoch: 7 },
      { _tag: "ProbeTimeout", nonce: 1 },
      { _tag: "Suspicion", key: `n1 ${addressOf(1)}`, token: 0 },
      { _tag: "Suspicion", key: `n1 ${addressOf(1)}`, token: 9 },
      { _tag: "Suspicion", key: "nobody", token: 1 },
      { _tag: "Gossip", token: 0 },
      { _tag: "Sync", epoch: 7 },
      { _tag: "Join", token: 9 },
      { _tag: "Reconnect", epoch: 7 }
    ]
    lab.advance(5000)
    lab.clear()
    const timers = lab.timers.length
    for (const timer of stale) lab.step({ _tag: "Due", timer })
    assert.strictEqual(lab.timers.length, timers)
    assert.deepStrictEqual([lab.sent, lab.gossiped, lab.exchanges, lab.events], [[], [], [], []])
    assert.strictEqual(lab.now, bornAt + 5000)
  })
})
