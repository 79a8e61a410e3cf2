import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import type { Address } from "../../../../src/Address.ts"
import type { Member } from "../../../../src/membership/Member.ts"
import type { Claim } from "../../../../src/wire/Message.ts"
import { between, of } from "../../../support/arbitraries.ts"
import { addressOf, Lab, peer, wallClock } from "./harness.ts"

const second = { ...peer(1, wallClock + 60_000).alive, address: addressOf(200) }

describe("two live nodes of one name", () => {
  it("are reported as a conflict, once, and the first stays the member", () => {
    const lab = new Lab({ peers: 3 })
    lab.receive(second)
    lab.receive({ ...second, incarnation: second.incarnation + 1 })
    assert.deepStrictEqual(lab.events.filter((event) => event._tag === "Conflict"), [
      { _tag: "Conflict", id: "n1", addresses: [addressOf(1), addressOf(200)] }
    ])
    assert.deepStrictEqual(lab.eventTags, ["Conflict n1"])
    assert.strictEqual(lab.logs.length, 1)
    assert.match(lab.logs[0]!, /^Warn: two live nodes are named n1, at 10\.0\.0\.1:7946 and 10\.0\.0\.200:7946/)
    const named = lab.machine.members().filter((member) => member.id === "n1")
    assert.deepStrictEqual(named.map((member) => member.address), [addressOf(1)])
  })

  it("of which the first dies leave the second as the member", () => {
    const lab = new Lab({ peers: 3 })
    lab.receive(second)
    lab.clear()
    lab.receive(peer(1).dead)
    assert.deepStrictEqual(lab.eventTags, ["Died n1", "Joined n1"])
    assert.strictEqual(lab.machine.members().find((member) => member.id === "n1")?.address, addressOf(200))
  })

  it("are no conflict when the first is gone: its name has moved", () => {
    const lab = new Lab({ peers: 3 })
    lab.receive(peer(1).left)
    lab.clear()
    lab.receive(second)
    assert.deepStrictEqual(lab.eventTags, ["Joined n1"])
  })

  it("of which one is this node: it says so loudly, and remains itself", () => {
    for (const incarnation of [wallClock - 60_000, wallClock + 60_000]) {
      const lab = new Lab({ peers: 3 })
      lab.receive({ ...peer(0, incarnation).alive, address: addressOf(200) })
      assert.deepStrictEqual(lab.eventTags, ["Conflict n0"])
      assert.match(lab.logs[0]!, /^Error: two live nodes are named n0, at /)
      assert.strictEqual(lab.machine.self.address, addressOf(0))
      assert.deepStrictEqual(
        lab.machine.members().filter((member) => member.id === "n0").map((member) => member.address),
        [addressOf(0)]
      )
      lab.clear()
      lab.receive({ ...peer(0, incarnation).dead, address: addressOf(200) })
      assert.deepStrictEqual(lab.eventTags, [])
    }
  })
})

describe("a name that a peer claims at thousands of addresses", () => {
  it("costs one conflict for each of the few that are kept, and no more", () => {
    const lab = new Lab({ peers: 3 })
    const flood = Array.from({ length: 4000 }, (_, i) => ({ ...peer(1).alive, address: addressOf(1000 + i) }))
    lab.step({
      _tag: "Requested",
      from: addressOf(3),
      reply: 1,
      message: { _tag: "SyncRequest", id: "n3", address: addressOf(3), table: 1, claims: flood }
    })
    assert.strictEqual(lab.events.filter((event) => event._tag === "Conflict").length, 7)
    assert.strictEqual(lab.logs.length, 7)
    assert.strictEqual(lab.count("drops NameTaken"), 4000 - 7)
    const named = lab.machine.members().filter((member) => member.id === "n1")
    assert.deepStrictEqual(named.map((member) => member.address), [addressOf(1)])
  })

  it("is free again for a node whose predecessors are gone", () => {
    const lab = new Lab({ peers: 3 })
    for (let i = 0; i < 20; i++) {
      lab.receive({ ...peer(1, wallClock + i + 1).alive, address: addressOf(1000 + i) })
      lab.receive({ ...peer(1, wallClock + i + 1).dead, address: addressOf(1000 + i) })
    }
    assert.strictEqual(lab.count("drops NameTaken"), 0)
  })
})

describe("another process with this node's name and address", () => {
  it("is outbid a few times, then reported as a conflict, and not outbid for ever", () => {
    const lab = new Lab({ peers: 3 })
    for (let i = 0; i < 100; i++) lab.receive(peer(0, lab.incarnationOf(0)! + 1).alive)
    assert.strictEqual(lab.count("refutations Alive"), 3)
    assert.deepStrictEqual(lab.events.filter((event) => event._tag === "Conflict"), [
      { _tag: "Conflict", id: "n0", addresses: [addressOf(0), addressOf(0)] }
    ])
  })
})

describe("what happened", () => {
  // incarnations of two addresses are far apart, as those of two processes are
  const claim: Arbitrary.Arbitrary<Claim> = Arbitrary.map(
    Arbitrary.all({
      tag: of(["Alive", "Alive", "Suspect", "Dead", "Left"]),
      name: of(["n0", "n1", "n2"]),
      place: of([1, 2]),
      step: Arbitrary.schema(between(0, 4)),
      data: Arbitrary.schema(between(0, 2))
    }),
    ({ data, name, place, step, tag }): Claim => {
      const member = { id: name, address: addressOf(place) as Address, incarnation: wallClock + 1000 * place + step }
      switch (tag) {
        case "Alive":
          // a member says one thing in one incarnation
          return { _tag: tag, ...member, protocolVersion: 1, metadata: Uint8Array.of(place, step >> 1) }
        case "Suspect":
        case "Dead":
          return { _tag: tag, ...member, from: "x" }
        case "Left":
          return { _tag: tag, ...member, age: data }
      }
    }
  )
  const input = Arbitrary.all({ claim, sync: of([true, false, false]), wait: of([0, 0, 100, 5000, 70_000]) })

  it.prop(
    "adds up to the live members, whatever is heard and however long it takes",
    { inputs: Arbitrary.array(input, { maxLength: 40 }), leaves: of([false, false, true]) },
    ({ inputs, leaves }) => {
      const lab = new Lab({ config: { deadRetention: 60_000 } })
      // a stream starts with who is present
      const told = new Map(lab.machine.members().map((member) => [member.id, member]))
      const seenEvents: Array<string> = []
      const check = () => {
        for (const event of lab.events.splice(0)) {
          if (event._tag === "Conflict") continue
          seenEvents.push(
            `${event._tag} ${event.member.id} ${event.member.address} ${event.member.incarnation - wallClock}`
          )
          if (event._tag === "Died" || event._tag === "Left" || event._tag === "Reaped") {
            told.delete(event.member.id)
          } else told.set(event.member.id, event.member)
        }
        const brief = (members: Iterable<Member>) =>
          [...members]
            .filter((member) => member.status === "Alive" || member.status === "Suspect")
            .map((member) => `${member.id} ${member.address} ${member.metadata.join()}`)
            .sort()
        assert.deepStrictEqual(brief(told.values()), brief(lab.machine.members()), seenEvents.join("\n"))
      }
      check()
      inputs.forEach(({ claim, sync, wait }, i) => {
        if (leaves && i === 20) lab.command({ _tag: "Leave" })
        if (leaves && i === 30) lab.command({ _tag: "Join", seeds: [addressOf(1)] })
        if (sync) lab.request({ _tag: "SyncRequest", id: "n9", address: addressOf(9), table: 0, claims: [claim] })
        else lab.receive(claim)
        check()
        lab.advance(wait)
        check()
      })
    },
    { arbitrary: { runs: 300, size: 40 } }
  )
})
