import { assert, describe, it } from "@effect/vitest"
import { claimOverhead } from "../../../src/membership/internal/claims.ts"
import type { Entry } from "../../../src/membership/internal/table.ts"
import { type Out, type Via, View } from "../../../src/membership/internal/view.ts"
import type { MembershipMachine } from "../../../src/membership/MembershipMachine.ts"
import type { Birth } from "../../../src/node/Protocol.ts"
import type { Claim } from "../../../src/wire/Message.ts"
import { generator } from "../../support/generator.ts"
import { birth } from "./birth.ts"
import { bornAt, peer, wallClock } from "./swim/harness.ts"

const deadRetention = 60_000

/** Writes down what a protocol would be told. */
class Recorder extends View<never> {
  readonly told: Array<string> = []

  constructor(former: Partial<Birth<MembershipMachine>> = {}, maxMembers = 100) {
    super({ ...birth, ...former }, { deadRetention, maxMembers }, new Uint8Array(0))
    this.begin(bornAt, generator("view"))
  }

  protected override passOn(_entry: Entry, claim: Claim, encoded?: Uint8Array): void {
    this.told.push(`pass on ${claim._tag} ${claim.id}${encoded === undefined ? "" : " verbatim"}`)
  }

  protected override onLive(entry: Entry): void {
    this.told.push(`live ${entry.state.id}`)
  }

  protected override onSuspect(entry: Entry): void {
    this.told.push(`suspect ${entry.state.id}`)
  }

  protected override onGone(entry: Entry): void {
    this.told.push(`gone ${entry.state.id}`)
  }

  protected override onForgotten(entry: Entry): void {
    this.told.push(`reaped ${entry.state.id}`)
  }
}

const eventsOf = (outputs: ReadonlyArray<Out>): Array<string> =>
  outputs.flatMap((output) => output._tag === "Happened" ? [output.event._tag] : [])

describe("a view", () => {
  it("tells its protocol of what is new, once it is recorded, and of nothing else", () => {
    const view = new Recorder()
    const one = peer(1)
    for (const claim of [one.alive, one.alive, one.suspect, one.dead, one.suspect, one.left]) view.hear(claim, "gossip")
    assert.deepStrictEqual(view.told, [
      "pass on Alive n1",
      "live n1",
      "pass on Suspect n1",
      "suspect n1",
      "pass on Dead n1",
      "gone n1",
      "pass on Left n1"
    ])
    assert.deepStrictEqual(eventsOf(view.takeOutputs()), ["Joined", "Suspected", "Died", "Left"])
  })

  it("takes a death from a whole table as it is, unless its protocol makes something else of it", () => {
    const bytes = Uint8Array.of(1)
    const view = new Recorder()
    view.hear(peer(1).alive, "sync")
    view.hear(peer(1).dead, "sync", bytes)
    assert.strictEqual(view.member("n1")?.status, "Dead")
    assert.include(view.told, "pass on Dead n1 verbatim")

    const doubting = new (class extends Recorder {
      protected override believe(claim: Claim, via: Via): Claim {
        return claim._tag === "Dead" && via === "sync" ? peer(1).suspect : claim
      }
    })()
    doubting.hear(peer(1).alive, "sync")
    doubting.hear(peer(1).dead, "sync", bytes)
    assert.strictEqual(doubting.member("n1")?.status, "Suspect")
    // the bytes are of what was not believed
    assert.include(doubting.told, "pass on Suspect n1")
    doubting.hear(peer(1).dead, "gossip")
    assert.strictEqual(doubting.member("n1")?.status, "Dead")
  })

  it("refutes what is said of its own node while that takes part, and outranks it with its leave after", () => {
    const view = new Recorder()
    view.hear(peer(0).dead, "gossip")
    assert.deepStrictEqual([view.self.state.status, view.self.state.incarnation], ["Alive", wallClock + 1])
    view.phase = "leaving"
    view.sayLeft(wallClock + 1)
    view.hear(peer(0, wallClock + 5).dead, "gossip")
    assert.deepStrictEqual([view.self.state.status, view.self.state.incarnation], ["Left", wallClock + 5])
  })

  it("forgets the gone after their time, each with a reason to tell", () => {
    const view = new Recorder()
    for (const index of [1, 2]) view.hear(peer(index).alive, "gossip")
    view.hear(peer(1).dead, "gossip")
    view.hear({ ...peer(2).left, age: 30 }, "gossip")
    view.takeOutputs()
    view.begin(bornAt + 30_000, view.random)
    view.reap()
    assert.isUndefined(view.member("n2"))
    assert.strictEqual(view.member("n1")?.status, "Dead")
    assert.strictEqual(view.told.at(-1), "reaped n2")
    const outputs = view.takeOutputs()
    assert.deepStrictEqual(eventsOf(outputs), ["Reaped"])
    assert.deepInclude(outputs, { _tag: "Wake", at: bornAt + 31_000, timer: { _tag: "Reap" } })
  })

  it("forgets the longest gone to make room, and tells of that as well", () => {
    const view = new Recorder({}, 3)
    for (const index of [1, 2]) view.hear(peer(index).alive, "gossip")
    view.hear(peer(1).dead, "gossip")
    view.takeOutputs()
    view.hear(peer(3).alive, "gossip")
    assert.deepStrictEqual(eventsOf(view.takeOutputs()), ["Reaped", "Joined"])
    assert.include(view.told, "reaped n1")
    // nobody live is
    view.hear(peer(4).alive, "gossip")
    assert.deepStrictEqual(eventsOf(view.takeOutputs()), [])
  })

  it("does not believe what is more than a year ahead of its clock, until that is set right", () => {
    const view = new Recorder({ wallClock: 1000 })
    view.hear(peer(1).alive, "gossip")
    assert.isUndefined(view.member("n1"))
    view.setClock(wallClock)
    view.hear(peer(1).alive, "gossip")
    assert.isDefined(view.member("n1"))
    view.begin(bornAt + 5000, view.random)
    assert.strictEqual(view.wallClock, wallClock + 5000)
    // nor does it believe less when it is set back: those who are suspected by mistake must be heard
    view.setClock(1000)
    view.hear(peer(2).alive, "gossip")
    assert.isDefined(view.member("n2"))
    const logged = view.takeOutputs().filter((output) => output._tag === "Logged")
    assert.strictEqual(logged.length, 1)
    assert.match(
      logged[0]!.text,
      /of 2023-11-14T22:13:20Z, is 19676 days ahead of this node's clock, which shows 1970-01-01T00:00:01Z/
    )
  })

  it("tells what it knows, as much as there is room for", () => {
    const view = new Recorder()
    for (let i = 1; i <= 9; i++) view.hear(peer(i).alive, "gossip")
    assert.strictEqual(view.claims(10_000).length, 10)
    assert.deepStrictEqual(view.claims(10_000, (entry) => entry === view.self).map(({ id }) => id), ["n0"])
    assert.deepStrictEqual(view.claims(claimOverhead), [])
    const seen = new Set(
      Array.from({ length: 200 }, () => view.claims(200)).flatMap((claims) => {
        assert.isBelow(claims.length, 4)
        return claims.map(({ id }) => id)
      })
    )
    assert.strictEqual(seen.size, 10)
  })

  it("takes up where a former machine was: above its incarnation, with its metadata, gone if it had left", () => {
    const former = new Recorder()
    const metadata = Uint8Array.of(7)
    former.sayAlive(wallClock + 50, metadata)
    const previous = { self: former.self.member!, hasLeft: true } as MembershipMachine
    const view = new Recorder({ previous, restarts: 1 })
    assert.strictEqual(view.self.state.incarnation, wallClock + 51)
    assert.deepStrictEqual(view.metadata, metadata)
    assert.isTrue(view.hasLeft)
  })
})
