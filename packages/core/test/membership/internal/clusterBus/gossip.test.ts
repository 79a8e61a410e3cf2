import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import { encodeMessage } from "../../../../src/wire/Frame.ts"
import * as Arbitraries from "../../../support/arbitraries.ts"
import { addressOf, bornAt, Lab, nodeTimeout, peer, section, wallClock } from "./harness.ts"

const all = (count: number) => Array.from({ length: count }, (_, index) => index + 1)

const sectionsTold = (lab: Lab, to: number) => {
  lab.clear()
  lab.pinged(to)
  return lab.messages("BusPong")[0]!.message.sections
}

describe("a ping or pong", () => {
  for (const [size, expected] of [[2, 0], [3, 1], [4, 2], [5, 3], [10, 3], [30, 3], [50, 5]] as const) {
    it(`tells of ${expected} others among ${size}: a tenth, 3 at least, all but the two at most`, () => {
      const lab = new Lab({ peers: size - 1 })
      lab.advance(200, all(size - 1))
      const sections = sectionsTold(lab, 1)
      assert.strictEqual(sections.length, expected)
      assert.strictEqual(new Set(sections.map(({ id }) => id)).size, expected)
      assert.notIncludeMembers(sections.map(({ id }) => id), ["n0", "n1"])
    })
  }

  it("tells of nobody who has never answered anyone", () => {
    const lab = new Lab({ peers: 9 })
    lab.advance(200, [2, 3])
    assert.sameMembers(sectionsTold(lab, 1).map(({ id }) => id), ["n2", "n3"])
  })

  it("tells how long ago a member has answered, and how old it then was", () => {
    const lab = new Lab({ peers: 2 })
    lab.advance(100, [2])
    const { message } = lab.pingsTo(1)[0]!
    lab.receive({ _tag: "BusPong", self: peer(1).alive, nonce: message.nonce, sections: [], beat: 77 }, addressOf(1))
    lab.advance(450, [2])
    assert.deepStrictEqual(sectionsTold(lab, 2), [section(1, 450, { beat: 77 })])
  })

  it("fits a datagram, and tells of all in turn, when half of a large cluster is PFAIL and names are long", () => {
    for (const name of ["n".repeat(128), "🦊".repeat(32), "n"]) {
      const lab = new Lab({ id: name, peers: 200, metadata: new Uint8Array(512).fill(255) })
      lab.advance(2 * nodeTimeout, all(200).slice(100))
      const told = new Set<string>()
      for (let i = 0; i < 40; i++) {
        lab.clear()
        lab.pinged(150)
        const { message } = lab.messages("BusPong")[0]!
        assert.isAtMost(encodeMessage(message).length, 1394)
        const healthy = message.sections.filter(({ pong }) => pong !== undefined).length
        assert.isAtLeast(healthy, 3)
        for (const { id, pong } of message.sections) if (pong === undefined) told.add(id)
      }
      assert.strictEqual(told.size, 100)
    }
  })

  it("tells each peer by itself of all who are PFAIL, whomever else it talks to", () => {
    const lab = new Lab({ peers: 200 })
    lab.advance(2 * nodeTimeout, all(200).slice(100))
    const told = new Map([150, 151, 152].map((peer) => [peer, new Set<string>()] as const))
    for (let i = 0; i < 6; i++) {
      // one talks more than others
      for (const peer of [150, 151, 151, 152]) {
        lab.clear()
        lab.pinged(peer)
        for (const { id, pong } of lab.messages("BusPong")[0]!.message.sections) {
          if (pong === undefined) told.get(peer)!.add(id)
        }
      }
    }
    for (const names of told.values()) assert.strictEqual(names.size, 100)
  })

  it.prop(
    "is never above what its room is, whatever it tells",
    { self: Arbitraries.name, names: Arbitrary.array(Arbitraries.name, { minLength: 3, maxLength: 40 }) },
    ({ names, self }) => {
      const lab = new Lab({ id: self, maxDatagramSize: 700 })
      names.forEach((id, index) => {
        if (id !== self) lab.know(index + 1, { id })
      })
      lab.advance(2 * nodeTimeout)
      for (const { message } of lab.messages("BusPing")) assert.isAtMost(encodeMessage(message).length, 700)
    },
    { arbitrary: { runs: 100 } }
  )
})

describe("a section", () => {
  it("about a stranger has it pinged, and it is a member once it says so itself", () => {
    const lab = new Lab({ peers: 2 })
    lab.pinged(1, [section(7, 10)])
    assert.strictEqual(lab.pingsTo(7).length, 1)
    assert.isUndefined(lab.statusOf(7))
    lab.ponged(7)
    assert.strictEqual(lab.statusOf(7), "Alive")
    assert.strictEqual(lab.count("drops LatePong"), 0)
  })

  it("about a stranger that does not answer is tried until the timeout, and told those who spoke of it alone", () => {
    const lab = new Lab({ peers: 3 })
    lab.pinged(1, [section(7)])
    lab.advance(nodeTimeout + 100, [1, 2, 3])
    assert.isAtLeast(lab.pingsTo(7).length, 5)
    assert.isUndefined(lab.statusOf(7))
    assert.deepInclude(sectionsTold(lab, 1), section(7))
    assert.notDeepInclude(sectionsTold(lab, 2), section(7))
    // and it is forgotten in the end
    lab.advance(2 * nodeTimeout + 200, [1, 2, 3])
    assert.notDeepInclude(sectionsTold(lab, 1), section(7))
  })

  it("about strangers is bounded", () => {
    const lab = new Lab({ peers: 1 })
    for (let i = 0; i < 20; i++) {
      lab.pinged(1, Array.from({ length: 100 }, (_, index) => section(1000 + 100 * i + index, 1)))
    }
    assert.strictEqual(lab.messages("BusPing").length, 1024)
    assert.strictEqual(lab.count("drops StrangersFull"), 2000 - 1024)
  })

  it("of a stranger is not heard at all", () => {
    const lab = new Lab({ peers: 1 })
    lab.receive(peer(9).left)
    lab.pinged(9, [section(7, 1)])
    assert.strictEqual(lab.pingsTo(7).length, 0)
  })

  it("about one who has left is answered by the leave", () => {
    const lab = new Lab({ peers: 2 })
    lab.receive(peer(2).left)
    for (const sections of [[section(2, 1)], [section(2)]]) {
      lab.clear()
      lab.pinged(1, sections)
      assert.deepStrictEqual(lab.messages("Left").map(({ message, to }) => [to, message.id]), [[addressOf(1), "n2"]])
    }
  })

  it("that says PFAIL of one who is FAIL is answered by the FAIL; one who is said to answer is asked itself", () => {
    const lab = new Lab({ peers: 3 })
    lab.receive({ _tag: "Fail", claim: { ...peer(2).dead, from: "n3" } })
    lab.pinged(1, [section(2)])
    assert.deepStrictEqual(lab.messages("Fail").map(({ message, to }) => [to, message.claim.id]), [[
      addressOf(1),
      "n2"
    ]])
    lab.clear()
    lab.pinged(1, [section(2, 10)])
    assert.deepStrictEqual(lab.messages("Fail"), [])
    assert.strictEqual(lab.pingsTo(2).length, 1)
    // it does, and is told what is thought of it
    lab.ponged(2)
    assert.strictEqual(lab.statusOf(2), "Dead")
    assert.deepStrictEqual(lab.messages("Fail").map(({ to }) => to), [addressOf(2)])
    lab.receive(peer(2, peer(2).incarnation + 1).alive)
    assert.strictEqual(lab.statusOf(2), "Alive")
  })

  it("about a later incarnation of a member has that pinged, since it says itself what is new", () => {
    const lab = new Lab({ peers: 2 })
    lab.advance(100, [1, 2])
    lab.clear()
    lab.pinged(1, [section(2, 1, { incarnation: peer(2).incarnation + 1 })])
    assert.strictEqual(lab.pingsTo(2).length, 1)
  })

  it("about this node itself, or its sender, changes nothing", () => {
    const lab = new Lab({ peers: 2 })
    lab.pinged(1, [section(0), section(1), section(0, 1)])
    assert.deepStrictEqual(lab.eventTags, [])
    assert.strictEqual(lab.messages("BusPing").length, 0)
  })
})

describe("whatever is received", () => {
  it.prop(
    "breaks nothing, and leaves this node itself alive",
    { messages: Arbitrary.array(Arbitraries.message, { maxLength: 60 }), seed: Arbitraries.name },
    ({ messages }) => {
      const lab = new Lab({ peers: 3 })
      for (const message of messages) {
        lab.receive(message)
        if (message._tag === "Meet") lab.request(message)
        lab.advance(100)
      }
      assert.strictEqual(lab.machine.self.status, "Alive")
    },
    { arbitrary: { runs: 100 } }
  )

  it("of claims too far ahead of the clock is refused", () => {
    const lab = new Lab({ peers: 1 })
    const ahead = wallClock + (lab.now - bornAt) + 366 * 24 * 60 * 60 * 1000
    lab.receive({ _tag: "BusPing", self: peer(1, ahead).alive, nonce: 1, sections: [] })
    assert.strictEqual(lab.machine.member("n1")!.incarnation, peer(1).incarnation)
    assert.strictEqual(lab.count("drops FutureIncarnation"), 1)
  })
})
