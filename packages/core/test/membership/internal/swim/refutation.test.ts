import { assert, describe, it } from "@effect/vitest"
import { addressOf, Lab, peer, wallClock } from "./harness.ts"

const year = 365 * 24 * 60 * 60 * 1000
const self = (incarnation = wallClock) => peer(0, incarnation)

describe("a node", () => {
  it("is born in the incarnation of its wall clock, and says so", () => {
    const lab = new Lab()
    assert.strictEqual(lab.incarnationOf(0), wallClock)
    assert.strictEqual(lab.statusOf(0), "Alive")
    assert.deepStrictEqual(lab.gossiped, [])
    assert.strictEqual(lab.machine.piggyback(1394, addressOf(1)).length, 0)
    lab.receive(peer(1).alive)
    assert.strictEqual(lab.machine.piggyback(1394, addressOf(1)).length, 2)
  })

  for (const claim of ["suspect", "dead", "left"] as const) {
    it(`that hears itself ${claim} refutes, one incarnation higher`, () => {
      const lab = new Lab({ peers: 3 })
      lab.receive(self()[claim])
      assert.strictEqual(lab.statusOf(0), "Alive")
      assert.strictEqual(lab.incarnationOf(0), wallClock + 1)
      assert.strictEqual(lab.count(`refutations ${self()[claim]._tag}`), 1)
      assert.match(lab.logs[0]!, new RegExp(`^Info: refuting that this node is ${claim} `))
      assert.include(lab.eventTags, "Updated n0")
      lab.receive(self()[claim])
      assert.strictEqual(lab.incarnationOf(0), wallClock + 1)
    })
  }

  it("refutes above the incarnation of the claim, however high that is", () => {
    const lab = new Lab({ peers: 3 })
    lab.receive(self(wallClock + 1000).dead)
    assert.strictEqual(lab.incarnationOf(0), wallClock + 1001)
  })

  it("does not refute what an earlier incarnation was said to be", () => {
    const lab = new Lab({ peers: 3 })
    lab.receive(self(wallClock - 1).dead)
    lab.receive(self(wallClock - 1).alive)
    lab.receive(self().alive)
    assert.strictEqual(lab.incarnationOf(0), wallClock)
    assert.strictEqual(lab.count("refutations Dead") + lab.count("refutations Alive"), 0)
  })

  it("outranks an earlier life whose clock was ahead", () => {
    const lab = new Lab({ peers: 3 })
    lab.receive(self(wallClock + 5000).alive)
    assert.strictEqual(lab.incarnationOf(0), wallClock + 5001)
    assert.strictEqual(lab.count("refutations Alive"), 1)
  })

  it("outranks another life of its own incarnation that says something else", () => {
    const lab = new Lab({ peers: 3, metadata: Uint8Array.of(1) })
    lab.receive({ ...self().alive, metadata: Uint8Array.of(2) })
    assert.strictEqual(lab.incarnationOf(0), wallClock + 1)
    assert.deepStrictEqual(lab.machine.self.metadata, Uint8Array.of(1))
  })

  it("refutes with the metadata it has now", () => {
    const lab = new Lab({ peers: 3, metadata: Uint8Array.of(1) })
    lab.command({ _tag: "SetMetadata", metadata: Uint8Array.of(9) })
    assert.strictEqual(lab.incarnationOf(0), wallClock + 1)
    lab.receive(self(wallClock + 1).suspect)
    assert.strictEqual(lab.incarnationOf(0), wallClock + 2)
    assert.deepStrictEqual(lab.machine.self.metadata, Uint8Array.of(9))
  })

  it("refuses an incarnation more than a year ahead of its clock, of itself and of others, and counts it", () => {
    const lab = new Lab({ peers: 3 })
    lab.receive(self(wallClock + year + 1).dead)
    lab.receive(peer(1, wallClock + year + 1).alive)
    lab.receive(peer(7, 2 ** 48 - 1).alive)
    assert.strictEqual(lab.incarnationOf(0), wallClock)
    assert.strictEqual(lab.incarnationOf(1), wallClock)
    assert.isUndefined(lab.statusOf(7))
    assert.strictEqual(lab.count("drops FutureIncarnation"), 3)
    lab.receive(peer(1, wallClock + year).alive)
    assert.strictEqual(lab.incarnationOf(1), wallClock + year)
    // its clock moves on
    lab.advance(1000)
    lab.receive(peer(1, wallClock + year + 1).alive)
    assert.strictEqual(lab.incarnationOf(1), wallClock + year + 1)
  })

  it("takes a higher incarnation when it is restarted, and keeps its metadata and whom it knew", () => {
    const before = new Lab({ peers: 3, metadata: Uint8Array.of(1) })
    before.receive(self(wallClock + 10).suspect)
    const after = new Lab({ previous: before.machine, restarts: 1, metadata: Uint8Array.of(2) })
    assert.strictEqual(after.incarnationOf(0), wallClock + 12)
    assert.deepStrictEqual(after.machine.self.metadata, Uint8Array.of(1))
    assert.strictEqual(after.machine.members().length, 4)
    // turns to its peers at once
    assert.deepStrictEqual(after.exchanges.length, 3)
  })

  it("does not take over what it knew when that broke it again", () => {
    const before = new Lab({ peers: 3 })
    const after = new Lab({ previous: before.machine, restarts: 2 })
    assert.strictEqual(after.machine.members().length, 1)
    assert.strictEqual(after.exchanges.length, 3)
  })
})
