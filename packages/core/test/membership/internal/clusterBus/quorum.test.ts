import { assert, describe, it } from "@effect/vitest"
import { quorumOf } from "../../../../src/membership/internal/clusterBus/quorum.ts"
import { keyOf, MemberTable } from "../../../../src/membership/internal/table.ts"
import type { Claim } from "../../../../src/wire/Message.ts"
import { addressOf, peer } from "./harness.ts"

const tableOf = (...claims: ReadonlyArray<Claim>) => {
  const table = new MemberTable(100)
  for (const claim of claims) table.apply(claim, 0)
  return table
}

const doubt = (table: MemberTable, index: number) => {
  table.get(keyOf(peer(index)))!.doubted = true
}

describe("a quorum", () => {
  it("is a majority of all who vote, the dead among them, and not of those who have left", () => {
    const five = [1, 2, 3, 4, 5].map((index) => peer(index).alive)
    const table = tableOf(...five)
    assert.deepStrictEqual(quorumOf(table, 1), { status: "Ok", voters: 5, reachable: 5 })
    table.apply(peer(1).dead, 0)
    doubt(table, 2)
    assert.deepStrictEqual(quorumOf(table, 1), { status: "Ok", voters: 5, reachable: 3 })
    doubt(table, 3)
    assert.deepStrictEqual(quorumOf(table, 1), { status: "Lost", voters: 5, reachable: 2 })
    table.apply(peer(1).left, 0)
    table.apply(peer(2).left, 0)
    assert.deepStrictEqual(quorumOf(table, 1), { status: "Ok", voters: 3, reachable: 2 })
  })

  it("is not half of those who vote", () => {
    const table = tableOf(...[1, 2, 3, 4].map((index) => peer(index).alive))
    doubt(table, 1)
    doubt(table, 2)
    assert.strictEqual(quorumOf(table, 1).status, "Lost")
  })

  it("does not count those who do not vote, live or dead, and takes a dead one of whom nothing is known for a voter", () => {
    const nonvoter = { ...peer(4).alive, votes: false }
    assert.deepStrictEqual(quorumOf(tableOf(peer(1).alive, nonvoter), 1).voters, 1)
    assert.deepStrictEqual(quorumOf(tableOf(peer(1).alive, nonvoter, peer(4).dead), 1).voters, 1)
    assert.deepStrictEqual(quorumOf(tableOf(peer(1).alive, peer(4).dead), 1).voters, 2)
  })

  it("counts a name once, who came back at another address and does not vote any more not at all", () => {
    const moved = { ...peer(1).alive, address: addressOf(50) }
    assert.deepStrictEqual(quorumOf(tableOf(peer(1).alive, peer(1).dead, moved), 1), {
      status: "Ok",
      voters: 1,
      reachable: 1
    })
    assert.deepStrictEqual(quorumOf(tableOf(peer(1).dead, { ...moved, votes: false }), 1).reachable, 0)
  })

  it("does not count a dead one of whom it is said that it does not vote, until it says itself that it does", () => {
    const dead = { ...peer(4).dead, votes: false }
    assert.strictEqual(quorumOf(tableOf(peer(1).alive, dead), 1).voters, 1)
    assert.strictEqual(quorumOf(tableOf(peer(1).alive, dead, peer(4).dead), 1).voters, 1)
    assert.strictEqual(quorumOf(tableOf(peer(1).alive, dead, peer(4).alive), 1).voters, 2)
    // in another life it may
    const later = peer(4, peer(4).incarnation + 1).dead
    assert.strictEqual(quorumOf(tableOf(peer(1).alive, dead, later), 1).voters, 2)
  })

  it("is one of as many as there are at least", () => {
    const three = tableOf(...[1, 2, 3].map((index) => peer(index).alive))
    assert.deepStrictEqual(quorumOf(three, 5), { status: "Ok", voters: 5, reachable: 3 })
    assert.deepStrictEqual(quorumOf(three, 6), { status: "Lost", voters: 6, reachable: 3 })
    assert.deepStrictEqual(quorumOf(three, 2), { status: "Ok", voters: 3, reachable: 3 })
  })

  it("of nobody who votes is none", () => {
    assert.deepStrictEqual(quorumOf(tableOf({ ...peer(1).alive, votes: false }), 1).status, "Lost")
  })
})
