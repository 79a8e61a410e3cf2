import { assert, describe, it } from "@effect/vitest"
import { decode, encode } from "../../src/wire/Frame.ts"
import { summarySize } from "../../src/wire/ReplicationMessage.ts"
import * as Arbitraries from "../support/arbitraries.ts"

const cluster = 0xc1a551c

describe("a message of replication", () => {
  it.prop(
    "comes back as it was",
    { message: Arbitraries.replicationMessage },
    ({ message }) => {
      assert.deepStrictEqual(decode(cluster, encode(cluster, message)).messages, [message])
    },
    { arbitrary: { runs: 500 } }
  )

  it("tells of a space in 24 bytes", () => {
    const sizeOf = (spaces: number) =>
      encode(cluster, { _tag: "ReplicaSummary", sender: "a", spaces: new Uint8Array(spaces * summarySize) }).length
    assert.isAtMost(sizeOf(1), 6 + 24 + 24)
    assert.isAtMost(sizeOf(2) - sizeOf(1), 24)
  })
})
