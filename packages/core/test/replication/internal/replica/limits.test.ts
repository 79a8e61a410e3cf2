import { assert, describe, it } from "@effect/vitest"
import { defaultLimits } from "../../../../src/replication/ReplicaMachine.ts"
import { bytesOf, Cluster, spaceName } from "./harness.ts"

const small = { maxKeySize: 8, maxValueSize: 16, maxKeys: 4, maxBytes: 64 }

describe("a full replica", () => {
  it("refuses writes that are too large, or too many, and says so", () => {
    const node = new Cluster(1, { limits: small }).open().nodes[0]!
    assert.deepStrictEqual(node.write("key", "v".repeat(17)), { _tag: "TooLarge", what: "value", size: 17, limit: 16 })
    assert.deepStrictEqual(node.write("k".repeat(9), "v"), { _tag: "TooLarge", what: "key", size: 9, limit: 8 })
    for (const key of ["a", "b", "c", "d"]) node.set(key, "v")
    assert.deepStrictEqual(node.write("e", "v"), { _tag: "Full", what: "keys", limit: 4 })
    for (const key of ["a", "b", "c"]) node.set(key, "v".repeat(16))
    assert.deepStrictEqual(node.write("d", "v".repeat(16)), { _tag: "Full", what: "bytes", limit: 64 })
    assert.strictEqual(node.write("a", undefined)?._tag, "Written")
    assert.strictEqual(node.write("d", "v".repeat(12))?._tag, "Written")
  })

  it("takes several writes, or none of them", () => {
    const node = new Cluster(1, { limits: small }).open().nodes[0]!
    const writes = ["a", "b", "c", "d", "e"].map((key) => ({ key: bytesOf(key), value: bytesOf("v") }))
    assert.deepStrictEqual(node.command({ _tag: "Write", space: spaceName, writes }), {
      _tag: "Full",
      what: "keys",
      limit: 4
    })
    assert.strictEqual(node.content, "")
  })

  it("refuses what peers write beyond its limits, and is named as the one who lacks it", () => {
    const cluster = new Cluster(3).open()
    const [first, second] = cluster.nodes
    // only one of them has room for four
    second!.command({ _tag: "Close", space: spaceName })
    const limits = { maxKeySize: 1024, maxValueSize: 1024, maxKeys: 4, maxBytes: 1024 }
    second!.command({
      _tag: "Open",
      space: spaceName,
      kind: { _tag: "lww" },
      limits,
      isDurable: false,
      recovered: undefined
    })
    let version
    for (let i = 0; i < 10; i++) version = first!.set(`k${i}`, "v")
    first!.command({ _tag: "Watch", space: spaceName, watch: 1, version: version! })
    cluster.advance(5000)
    assert.strictEqual(second!.machine.size(spaceName)!.keys, 4)
    assert.isAtLeast(second!.happened("Refused").filter(({ reason }) => reason === "Full").length, 1)
    assert.deepStrictEqual(first!.stability(1)!.lacking.map(({ node }) => node), ["n001"])
  })

  for (const index of [0, 1]) {
    it(`is not sent what it has no room for over and over again while others write, where ${index} compares`, () => {
      const cluster = new Cluster(2, { isEncoded: true }).open()
      const [first, second] = cluster.nodes
      second!.command({ _tag: "Close", space: spaceName })
      second!.command({
        _tag: "Open",
        space: spaceName,
        kind: { _tag: "lww" },
        limits: { ...defaultLimits, maxKeys: 20 },
        isDurable: false,
        recovered: undefined
      })
      for (let i = 0; i < 2000; i++) first!.set(`k${i}`, "v".repeat(100))
      // only one of them compares
      cluster.loses = (from, _, message) => message?._tag === "ReplicaSummary" && from === index
      cluster.advance(2000)
      for (const node of cluster.nodes) node.sent = { messages: 0, bytes: 0, exchanges: 0 }
      const key = second!.content.split("=")[0]!
      for (let i = 0; i < 60; i++) {
        first!.set(key, `${i}`)
        cluster.advance(1000)
      }
      assert.strictEqual(second!.get(key), "59")
      // all that it lacks takes some 250 kB
      assert.isAtMost(first!.sent.bytes + second!.sent.bytes, 4 * 250_000)
    })
  }

  it("does not compare over and over again what it refuses", () => {
    const cluster = new Cluster(2, { isEncoded: true, maxClockSkew: 100 })
    // its wall clock is ahead by a minute
    const clock = { _tag: "ClockSet", wallClock: cluster.wallClockOf(0) + 60_000 } as const
    cluster.nodes[0]!.step(clock)
    cluster.open()
    cluster.nodes[0]!.set("a", "v")
    cluster.advance(30_000)
    assert.isUndefined(cluster.nodes[1]!.get("a"))
    assert.isAtMost(cluster.nodes[0]!.sent.exchanges + cluster.nodes[1]!.sent.exchanges, 6 * 10)
    const refused = cluster.nodes[1]!.happened("Refused")
    assert.strictEqual(refused[0]!.reason, "ClockAhead")
    assert.strictEqual(refused[0]!.node, "n000")
    assert.isAbove(refused[0]!.ahead, 50_000)
    assert.isAtMost(refused.length, 8)
    // it is taken once it is no longer too far ahead
    cluster.advance(60_000)
    assert.strictEqual(cluster.nodes[1]!.get("a"), "v")
  })
})
