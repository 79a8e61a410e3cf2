import { assert, describe, it } from "@effect/vitest"
import { Cluster, spaceName } from "./harness.ts"

describe("a durable replica", () => {
  it("acknowledges a write when it is stored", () => {
    const cluster = new Cluster(1, { isDurable: true }).open()
    cluster.commitLatency = () => 10
    const node = cluster.nodes[0]!
    cluster.advance(20)
    assert.isUndefined(node.write("a", "1"))
    assert.strictEqual(node.get("a"), "1")
    cluster.advance(9)
    assert.strictEqual(node.stored.records.size, 0)
    cluster.advance(1)
    assert.strictEqual(node.stored.records.size, 1)
    assert.isTrue([...node.results.values()].some(({ _tag }) => _tag === "Written"))
  })

  it("stores what is written meanwhile together", () => {
    const cluster = new Cluster(1, { isDurable: true }).open()
    cluster.commitLatency = () => 10
    const node = cluster.nodes[0]!
    for (let i = 0; i < 100; i++) node.write(`k${i}`, "v")
    cluster.advance(30)
    assert.strictEqual(node.happened("Persist").length, 2)
    assert.strictEqual(node.stored.records.size, 100)
  })

  it("goes on from what was stored, in another life, with a clock that does not go back", () => {
    const cluster = new Cluster(1, { isDurable: true }).open()
    const before = cluster.nodes[0]!
    before.write("a", "1")
    before.write("b", "2")
    cluster.advance(50)
    before.write("b", undefined)
    cluster.advance(50)
    const { timestamp } = before.machine.read(spaceName, new TextEncoder().encode("a"))!.version!
    cluster.skews = [-1_000_000]
    const after = cluster.restart(0, true)
    const opened = after.open()
    assert.strictEqual(after.content, "a=1")
    assert.strictEqual(opened?._tag, "Opened")
    cluster.advance(1)
    after.write("a", "3")
    const again = after.machine.read(spaceName, new TextEncoder().encode("a"))!.version!
    assert.isAtLeast(again.timestamp.millis, timestamp.millis)
  })

  it("is compared anew when something was lost", () => {
    const cluster = new Cluster(2, { isDurable: true }).open()
    for (let i = 0; i < 20; i++) cluster.nodes[0]!.write(`k${i}`, "v")
    assert.isTrue(cluster.until(() => cluster.isConverged && cluster.nodes[1]!.content.length > 0))
    cluster.advance(1000)
    const { stored } = cluster.nodes[1]!
    for (const key of ["k3", "k4"]) stored.records.delete(key)
    const after = cluster.restart(1, true)
    cluster.present(after, cluster.nodes[0]!)
    cluster.present(cluster.nodes[0]!, after)
    after.start()
    after.open(false)
    assert.isUndefined(after.get("k3"))
    assert.isTrue(cluster.until(() => after.get("k3") === "v" && after.get("k4") === "v"))
  })

  it("says that it is of another kind, or damaged", () => {
    const cluster = new Cluster(1, { isDurable: true }).open()
    cluster.nodes[0]!.write("a", "1")
    cluster.advance(50)
    const { stored } = cluster.nodes[0]!
    stored.meta = stored.meta!.subarray(0, 5)
    const after = cluster.restart(0, true)
    assert.deepStrictEqual(after.open(), { _tag: "Refused", problem: "the store's meta of flags is damaged" })
  })

  it("in memory hands what it holds to the machine that takes its place after a defect", () => {
    const cluster = new Cluster(1).open()
    cluster.nodes[0]!.set("a", "1")
    const after = cluster.break(0)
    after.start()
    const opened = after.open()
    assert.strictEqual(opened?._tag, "Opened")
    assert.strictEqual(after.content, "a=1")
    assert.isAbove(after.set("a", "2").incarnation, 0)
  })
})
