import { assert, describe, it } from "@effect/vitest"
import type { Address } from "../../../../src/Address.ts"
import { LocalHealth } from "../../../../src/membership/internal/swim/health.ts"
import { addressOf, Lab, peer, wallClock } from "./harness.ts"

describe("LocalHealth", () => {
  it("is a score from 0, which is well, to one below its maximum", () => {
    const health = new LocalHealth(8)
    assert.strictEqual(health.score, 0)
    health.improve()
    assert.strictEqual(health.score, 0)
    health.worsen(3)
    health.improve()
    assert.strictEqual(health.score, 2)
    assert.strictEqual(health.scale(1000), 3000)
    health.worsen(100)
    assert.strictEqual(health.score, 7)
    health.worsen(0)
    assert.strictEqual(health.scale(1000), 8000)
  })

  it("is always well with a maximum of 1", () => {
    const health = new LocalHealth(1)
    health.worsen(5)
    assert.deepStrictEqual([health.score, health.scale(1000), health.isKept], [0, 1000, false])
  })
})

/** Lets the probe at hand fail while so many of those who were asked say that they heard nothing either. */
const fail = (lab: Lab, nacks: number): void => {
  const failed = lab.count("probes failed")
  const { message } = lab.messages("Ping").at(-1) ?? lab.untilPing()
  const asked = lab.messages("PingRequest").length
  lab.advance(500)
  const relays = lab.messages("PingRequest").slice(asked).map(({ to }) => to)
  for (const relay of relays.slice(0, nacks)) lab.receive({ _tag: "Nack", nonce: message.nonce }, relay)
  while (lab.count("probes failed") === failed) lab.advance(50)
}

describe("a node's health", () => {
  for (const [nacks, worse] of [[0, 3], [1, 2], [2, 1], [3, 0]] as const) {
    it(`is worse by ${worse} when ${nacks} of three relays say that the target does not answer them either`, () => {
      const lab = new Lab({ peers: 6 })
      fail(lab, nacks)
      assert.strictEqual(lab.count("probes failed"), 1)
      assert.strictEqual(lab.machine.localHealth, worse)
    })
  }

  it("is worse by one when there is nobody to ask", () => {
    const lab = new Lab({ peers: 1 })
    fail(lab, 0)
    assert.strictEqual(lab.machine.localHealth, 1)
  })

  it("is worse by one with each probe that fails, without nacks", () => {
    const lab = new Lab({ peers: 6, config: { nacks: false } })
    fail(lab, 0)
    assert.strictEqual(lab.machine.localHealth, 1)
  })

  it("counts one nack of each relay, those of probes in the past not at all, and no more than were asked", () => {
    const lab = new Lab({ peers: 6 })
    const { message } = lab.untilPing()
    lab.receive({ _tag: "Nack", nonce: message.nonce }, addressOf(50))
    lab.advance(500)
    const [relay] = lab.messages("PingRequest")
    for (let i = 0; i < 5; i++) lab.receive({ _tag: "Nack", nonce: message.nonce }, relay!.to)
    lab.receive({ _tag: "Nack", nonce: (message.nonce ^ 1) >>> 0 }, addressOf(51))
    assert.strictEqual(lab.count("drops LateAck"), 1)
    lab.advance(500)
    assert.strictEqual(lab.machine.localHealth, 2)
    const other = new Lab({ peers: 6 })
    const probe = other.untilPing()
    other.advance(500)
    for (let i = 0; i < 9; i++) {
      other.receive({ _tag: "Nack", nonce: probe.message.nonce }, addressOf(50 + i) as Address)
    }
    other.advance(500)
    assert.strictEqual(other.machine.localHealth, 0)
  })

  it("is not judged by one who is gone meanwhile", () => {
    const lab = new Lab({ peers: 6 })
    const { message } = lab.untilPing()
    lab.receive(peer(Number(message.target.slice(1))).left)
    lab.advance(1000)
    assert.strictEqual(lab.machine.localHealth, 0)
  })

  it("gets better by one with each probe that is acked, and is never worse than its maximum", () => {
    const lab = new Lab({ peers: 6 })
    for (let i = 0; i < 4; i++) fail(lab, 0)
    assert.strictEqual(lab.machine.localHealth, 7)
    fail(lab, 0)
    assert.strictEqual(lab.machine.localHealth, 7)
    // no longer than it takes when all is well
    lab.live(8000)
    assert.strictEqual(lab.machine.localHealth, 0)
  })

  it("is worse by one when it refutes that it is suspected or dead, but not an earlier life", () => {
    const lab = new Lab({ peers: 3 })
    lab.receive(peer(0).suspect)
    assert.strictEqual(lab.machine.localHealth, 1)
    lab.receive(peer(0).suspect)
    assert.strictEqual(lab.machine.localHealth, 1)
    lab.receive(peer(0, wallClock + 1).dead)
    assert.strictEqual(lab.machine.localHealth, 2)
    lab.receive(peer(0, wallClock + 100).alive)
    assert.strictEqual(lab.machine.localHealth, 2)
  })

  it("that is bad has it wait longer before a probe has failed, and ask others as soon as ever", () => {
    const lab = new Lab({ peers: 6 })
    for (let i = 0; i < 2; i++) lab.receive(peer(0, wallClock + i).dead)
    const { message } = lab.untilPing()
    lab.advance(500)
    assert.strictEqual(lab.messages("PingRequest").length, 3)
    lab.advance(2300)
    assert.strictEqual(lab.messages("Ping").length, 1)
    assert.strictEqual(lab.count("suspicions started"), 0)
    lab.advance(200)
    assert.strictEqual(lab.statusOf(Number(message.target.slice(1))), "Suspect")
  })

  it("that is bad does not keep it from probing as often as ever while it is answered", () => {
    const lab = new Lab({ peers: 6 })
    for (let i = 0; i < 7; i++) lab.receive(peer(0, wallClock + i).dead)
    assert.strictEqual(lab.machine.localHealth, 7)
    // an ack that comes in the third period is in time
    const { message, to } = lab.untilPing()
    lab.advance(2500)
    lab.receive({ _tag: "Ack", nonce: message.nonce }, to)
    assert.strictEqual(lab.machine.localHealth, 6)
    lab.clear()
    lab.live(5000)
    assert.strictEqual(lab.messages("Ping").length, 5)
    assert.strictEqual(lab.machine.localHealth, 1)
  })

  it("is not kept with localHealthMax 1", () => {
    const lab = new Lab({ peers: 6, config: { localHealthMax: 1 } })
    for (let i = 0; i < 3; i++) fail(lab, 0)
    lab.receive(peer(0).dead)
    assert.strictEqual(lab.machine.localHealth, 0)
    assert.strictEqual(lab.count("probes failed"), 3)
  })
})
