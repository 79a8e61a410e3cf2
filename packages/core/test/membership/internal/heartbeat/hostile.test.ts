import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Effect from "effect/Effect"
import { encodeMessage } from "../../../../src/wire/Frame.ts"
import type { Message } from "../../../../src/wire/Message.ts"
import * as Arbitraries from "../../../support/arbitraries.ts"
import { generator } from "../../../support/generator.ts"
import { ack2, addressOf, delta, digest, Lab, room, syn, wallClock } from "./harness.ts"

const random = generator("hostile to Heartbeat")

/** Of members that are known, and with numbers that meet. */
const close = (): Message => {
  const index = () => random.int(6)
  const number = () => random.pick([0, 1, 2, 3, 1000, 0xffff_ffff])
  const incarnation = () => wallClock + random.pick([-1, 0, 1, 2, 1e6, 1e13])
  const digests = Array.from({ length: random.int(4) }, () =>
    digest(index(), {
      incarnation: incarnation(),
      heartbeat: number(),
      version: number(),
      status: random.pick(["Alive", "Left", "Dead"] as const)
    }))
  const deltas = Array.from({ length: random.int(4) }, () =>
    delta(index(), {
      incarnation: incarnation(),
      heartbeat: number(),
      generation: incarnation(),
      left: random.int(3) === 0,
      age: number(),
      since: number(),
      version: number(),
      keyValues: Array.from({ length: random.int(3) }, (_, i) => ({ key: `k${i}`, value: "v", version: number() }))
    }))
  const named = syn(...digests)
  if (named._tag !== "DigestSyn") throw new Error(named._tag)
  switch (random.int(3)) {
    case 0:
      return random.int(2) === 0 ? named : { ...named, from: random.int(2 ** 31), to: random.int(2 ** 31) }
    case 1:
      return { _tag: "DigestAck", digests: named.digests, deltas, more: random.int(2) === 0 }
    default:
      return ack2(...deltas)
  }
}

describe("Heartbeat, told whatever can be said,", () => {
  it.effect("never throws, answers with one message at most that fits a datagram, and knows itself", () =>
    Effect.gen(function*() {
      const sample = yield* Arbitrary.sampleEffect(Arbitraries.message, { count: 600, seed: "hostile", size: 10 })
      const foreign = sample.filter(({ _tag }) => _tag.startsWith("Digest"))
      const lab = new Lab({ peers: 5, config: { maxMembers: 50, deadRetention: 60_000 } })
      let incarnation = lab.machine.self.incarnation
      for (let i = 0; i < 20_000; i++) {
        lab.clear()
        const message = random.int(10) === 0 ? random.pick(foreign) : close()
        lab.receive(message, addressOf(random.int(8)))
        assert.isAtMost(lab.exchanges.length, 1)
        // the answer, and those who are dead to this node and seem to be there
        assert.isAtMost(lab.sent.length, 6)
        for (const { message } of lab.sent) assert.isAtMost(encodeMessage(message).length, room)
        if (random.int(20) === 0) lab.advance(random.int(3000))
        const { self } = lab.machine
        assert.strictEqual(self.status, "Alive")
        assert.isAtLeast(self.incarnation, incarnation)
        incarnation = self.incarnation
        assert.isAtMost(lab.machine.members().length, 50)
      }
      // whatever it was told, it is as good as ever
      const peers = [1, 2, 3].map((index) => digest(index, { incarnation: wallClock + 2e6, heartbeat: 1 }))
      assert.isDefined(lab.request(syn(...peers)))
    }))

  it("keeps no more of members than there may be members, however many come and go", () => {
    const lab = new Lab({ config: { maxMembers: 20, deadRetention: 10_000 } })
    for (let index = 1; index < 1000; index++) {
      lab.receive(ack2(delta(index)))
      lab.receive(ack2(delta(index, { left: true })))
      if (index % 10 === 0) lab.advance(1000)
    }
    assert.isAtMost(lab.machine.members().length, 20)
    lab.advance(60_000)
    assert.deepStrictEqual(lab.machine.members().map(({ id }) => id), ["n0"])
    const answer = lab.request(syn())
    assert(answer?._tag === "DigestAck")
    assert.deepStrictEqual((answer.deltas ?? []).map(({ id }) => id), ["n0"])
  })
})
