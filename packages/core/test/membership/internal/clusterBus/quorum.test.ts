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
    assert.deepStrictEqual(quorumOf(table), { status: "Ok", voters: 5, reachable: 5 })
    table.apply(peer(1).dead, 0)
    doubt(table, 2)
    assert.deepStrictEqual(quorumOf(table), { status: "Ok", voters: 5, reachable: 3 })
    doubt(table, 3)
    assert.deepStrictEqual(quorumOf(table), { status: "Lost", voters: 5, reachable: 2 })
    table.apply(peer(1).left, 0)
    table.apply(peer(2).left, 0)
    assert.deepStrictEqual(quorumOf(table), { status: "Ok", voters: 3, reachable: 2 })
  })

  it("is not half of those who vote", () => {
    const table = tableOf(...[1, 2, 3, 4].map((index) => peer(index).alive))
    doubt(table, 1)
    doubt(table, 2)
    assert.strictEqual(quorumOf(table).status, "Lost")
  })

  it("does not count those who do not vote, live or dead, and takes a dead one of whom nothing is known for a voter", () => {
    const nonvoter = { ...peer(4).alive, votes: false }
    assert.deepStrictEqual(quorumOf(tableOf(peer(1).alive, nonvoter)).voters, 1)
    assert.deepStrictEqual(quorumOf(tableOf(peer(1).alive, nonvoter, peer(4).dead)).voters, 1)
    assert.deepStrictEqual(quorumOf(tableOf(peer(1).alive, peer(4).dead)).voters, 2)
  })

  it("counts a name once, who came back at another address and does not vote any more not at all", () => {
    const moved = { ...peer(1).alive, address: addressOf(50) }
    assert.deepStrictEqual(quorumOf(tableOf(peer(1).alive, peer(1).dead, moved)), {
      status: "Ok",
      voters: 1,
      reachable: 1
    })
    assert.deepStrictEqual(quorumOf(tableOf(peer(1).dead, { ...moved, votes: false })).voters, 0)
  })

  it("of nobody who votes is none", () => {
    assert.deepStrictEqual(quorumOf(tableOf({ ...peer(1).alive, votes: false })).status, "Lost")
  })
})
