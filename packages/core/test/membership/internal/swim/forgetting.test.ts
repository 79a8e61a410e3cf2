import { assert, describe, it } from "@effect/vitest"
import { keyOf } from "../../../../src/membership/internal/table.ts"
import type { Claim } from "../../../../src/wire/Message.ts"
import { generator } from "../../../support/generator.ts"
import { addressOf, decodeMessage, Lab, peer, wallClock } from "./harness.ts"

const hour = 60 * 60 * 1000
const day = 24 * hour

/** One that does nothing by itself but reap. */
const idle = {
  probeInterval: 1000 * day,
  probeTimeout: 1000,
  syncInterval: day,
  reconnectInterval: day,
  gossipInterval: hour
}

const tell = (lab: Lab, ...claims: ReadonlyArray<Claim>) =>
  lab.request({ _tag: "SyncRequest", id: "n9", address: addressOf(9), table: 0, claims })

describe("the dead and the left", () => {
  it("are remembered and listed for their retention, and then reaped", () => {
    const lab = new Lab({ peers: 3, config: idle })
    lab.receive(peer(1).dead)
    lab.receive(peer(2).left)
    lab.clear()
    lab.advance(day - 1000)
    assert.deepStrictEqual([lab.statusOf(1), lab.statusOf(2)], ["Dead", "Left"])
    lab.advance(day / 60 + 1000)
    assert.deepStrictEqual([lab.statusOf(1), lab.statusOf(2)], [undefined, undefined])
    assert.deepStrictEqual(lab.eventTags.filter((event) => event.startsWith("Reaped")).sort(), [
      "Reaped n1",
      "Reaped n2"
    ])
    assert.strictEqual(lab.machine.members().length, 2)
  })

  it("are not reaped when they came back", () => {
    const lab = new Lab({ peers: 3, config: idle })
    lab.receive(peer(1).dead)
    lab.advance(hour)
    lab.receive(peer(1, peer(1).incarnation + 1).alive)
    lab.advance(2 * day)
    assert.strictEqual(lab.statusOf(1), "Alive")
  })

  it("are not this node, however long it has left", () => {
    const lab = new Lab({ peers: 3, config: idle })
    lab.command({ _tag: "Leave" })
    lab.advance(3 * day)
    assert.strictEqual(lab.statusOf(0), "Left")
  })

  it("leave nothing behind when they are forgotten to make room for others", () => {
    const lab = new Lab({ config: { maxMembers: 50 } })
    for (let index = 1; index < 20; index++) lab.receive(peer(index).alive)
    lab.clear()
    for (let index = 1000; index < 3000; index++) {
      lab.receive(peer(index).alive)
      lab.receive(peer(index).dead)
    }
    assert.strictEqual(lab.machine.members().length, 50)
    assert.strictEqual(lab.eventTags.filter((tag) => tag.startsWith("Reaped")).length, 2000 - 30)
    // at most one claim of each who is known is passed on
    const told = new Set<string>()
    for (let claims = lab.machine.piggyback(1394, addressOf(1)); claims.length > 0;) {
      for (const bytes of claims) told.add(keyOf(decodeMessage(bytes) as Claim))
      claims = lab.machine.piggyback(1394, addressOf(1))
    }
    assert.isAtMost(told.size, 50)
    // whom it gossips to, though dead, is known
    for (let round = 0; round < 100; round++) {
      lab.receive(peer(1, wallClock + round).alive)
      lab.advance(200)
    }
    const known = new Set(lab.machine.members().map(({ address }) => address))
    for (const to of lab.gossiped) assert.isTrue(known.has(to), to)
  })

  it("are told of with their age, so that all forget them at about one time", () => {
    const lab = new Lab({ peers: 3, config: idle })
    lab.receive(peer(1).dead)
    lab.advance(hour)
    assert.deepInclude(lab.claims, { ...peer(1).dead, from: "n0", age: hour / 1000 })
    const other = new Lab({ index: 5, config: idle })
    tell(other, { ...peer(1).dead, age: (day - hour) / 1000 })
    assert.deepInclude(other.claims, { ...peer(1).dead, from: "n5", age: (day - hour) / 1000 })
    other.advance(hour + day / 60)
    assert.strictEqual(other.claims.length, 1)
  })

  it("older than the retention are neither told of nor learned of", () => {
    const lab = new Lab({ peers: 3, config: idle })
    lab.receive(peer(1).dead)
    // between two reapings
    lab.advance(day + 1)
    assert.notInclude(lab.claims.map((claim) => claim._tag), "Dead")
    const other = new Lab({ index: 5, config: idle })
    tell(other, { ...peer(1).dead, age: day / 1000 }, { ...peer(2).left, age: 2 ** 32 - 1 })
    assert.strictEqual(other.claims.length, 1)
  })

  it("do not circulate for ever between nodes that reap at different times", () => {
    const random = generator("tombstones")
    const config = { ...idle, deadRetention: 60_000 }
    const labs = Array.from({ length: 5 }, (_, i) => new Lab({ index: 10 + i, config, now: 5000 + 300 * i }))
    labs[0]!.receive(peer(1).dead)
    const start = labs[0]!.now
    // everyone tells someone all it knows, all the time, also while others are reaping
    while (labs[0]!.now - start < 90_000) {
      for (const lab of labs) {
        lab.advance(50 + random.int(100))
        tell(random.pick(labs), ...lab.claims)
      }
    }
    for (const lab of labs) assert.notInclude(lab.claims.map((claim) => claim.id), "n1")
  })
})

describe("reconnecting", () => {
  /** How often in so many intervals a missing address is tried by one node of a cluster. */
  const tries = (options: { readonly live: number; readonly dead: number; readonly seeds: number }) => {
    const intervals = 2000
    const lab = new Lab({
      config: { ...idle, reconnectInterval: 30_000, syncInterval: 1000 * day, deadRetention: 365 * day },
      seeds: Array.from({ length: options.seeds }, (_, i) => addressOf(500 + i))
    })
    for (let i = 1; i <= options.live + options.dead; i++) lab.receive(peer(i).alive)
    for (let i = options.live + 1; i <= options.live + options.dead; i++) lab.receive(peer(i).dead)
    lab.exchanges = []
    const tried = new Map<string, number>()
    for (let i = 0; i < intervals; i++) {
      lab.advance(30_000)
      for (const { exchange, to } of lab.exchanges.splice(0)) {
        tried.set(to, (tried.get(to) ?? 0) + 1)
        lab.answer(exchange, undefined, "no")
      }
    }
    return { tried, rate: [...tried.values()].reduce((a, b) => a + b, 0) / intervals }
  }

  it("tries the dead with the chance of one missing in so many live", () => {
    const { rate, tried } = tries({ live: 10, dead: 2, seeds: 0 })
    assert.deepStrictEqual([...tried.keys()].sort(), [addressOf(11), addressOf(12)].sort())
    assert.closeTo(rate, 0.2, 0.04)
  })

  it("tries seeds that are not live as well", () => {
    const { rate, tried } = tries({ live: 8, dead: 1, seeds: 1 })
    assert.deepStrictEqual([...tried.keys()].sort(), [addressOf(9), addressOf(500)].sort())
    assert.closeTo(rate, 0.25, 0.04)
  })

  it("is sure for a node that has more missing than live", () => {
    assert.closeTo(tries({ live: 2, dead: 3, seeds: 0 }).rate, 1, 0.001)
  })

  it("tries nobody while nobody is missing", () => {
    assert.strictEqual(tries({ live: 3, dead: 0, seeds: 0 }).rate, 0)
  })

  it("does not try those who left, nor the dead whose address another has", () => {
    const lab = new Lab({ peers: 2, config: { ...idle, reconnectInterval: 30_000 } })
    lab.receive(peer(1).left)
    lab.receive(peer(2).dead)
    lab.receive({ ...peer(3).alive, address: addressOf(2) })
    lab.advance(20 * 30_000)
    assert.strictEqual(lab.count("syncs reconnect"), 0)
  })

  it("brings back one that was wrongly held dead", () => {
    const lab = new Lab({ peers: 2, config: { ...idle, reconnectInterval: 30_000 } })
    lab.receive(peer(1).dead)
    while (lab.exchanges.length === 0) lab.advance(1000)
    const other = new Lab({ index: 1 })
    const { exchange, message, to } = lab.exchanges[0]!
    assert.strictEqual(to, other.address)
    lab.answer(exchange, other.request(message, lab.address))
    assert.strictEqual(lab.statusOf(1), "Alive")
    assert.strictEqual(other.statusOf(2), "Alive")
  })
})
