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

  it("tells those who wait when a commit has failed, and forgets them", () => {
    const cluster = new Cluster(1, { isDurable: true }).open()
    cluster.commitLatency = () => 1000
    const node = cluster.nodes[0]!
    cluster.advance(2000)
    const first = node.write("a", "1")
    const second = node.write("b", "2")
    assert.deepStrictEqual([first, second], [undefined, undefined])
    const persists = node.happened("Persist")
    const { sequence } = persists.at(-1)!
    const before = [...node.results.values()].filter(({ _tag }) => _tag === "NotStored").length
    node.command({ _tag: "CommitFailed", space: spaceName, sequence })
    node.command({ _tag: "CommitFailed", space: spaceName, sequence })
    const after = [...node.results.values()].filter(({ _tag }) => _tag === "NotStored").length
    assert.strictEqual(after - before, 2)
    // what they wrote is stored all the same
    cluster.advance(3000)
    assert.strictEqual(node.stored.records.size, 2)
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

  describe("that holds much", () => {
    const count = 5000
    const fill = (cluster: Cluster) => {
      for (let i = 0; i < count; i++) cluster.nodes[0]!.write(`k${i}`, "v")
      cluster.advance(100)
    }

    it("takes it back in several steps, and others come between them", () => {
      const cluster = new Cluster(1, { isDurable: true }).open()
      fill(cluster)
      const node = cluster.restart(0, true)
      node.start()
      assert.isUndefined(node.open())
      assert.deepStrictEqual(node.write("k0", "w"), { _tag: "NotOpen" })
      assert.strictEqual(node.open()?._tag, "Refused")
      assert.isUndefined(node.machine.size(spaceName))
      cluster.advance(10)
      const opened = [...node.results.values()].find((result) => result._tag === "Opened")
      assert.strictEqual(opened?._tag === "Opened" && opened.recovered, count)
      assert.strictEqual(node.machine.size(spaceName)!.keys, count)
      // with what it knew: none of it is asked for again
      assert.strictEqual(node.happened("Changed").length, 0)
    })

    it("takes it over from the machine before in the same way", () => {
      const cluster = new Cluster(1).open()
      fill(cluster)
      const node = cluster.break(0)
      node.start()
      assert.isUndefined(node.open())
      cluster.advance(10)
      assert.strictEqual(node.machine.size(spaceName)!.keys, count)
    })

    it("can be closed meanwhile, and opened again", () => {
      const cluster = new Cluster(1, { isDurable: true }).open()
      fill(cluster)
      const node = cluster.restart(0, true)
      node.start()
      node.open()
      assert.deepStrictEqual(node.command({ _tag: "Close", space: spaceName }), { _tag: "Done" })
      assert.deepStrictEqual([...node.results.values()].map(({ _tag }) => _tag), ["NotOpen", "Done"])
      cluster.advance(2)
      assert.isUndefined(node.machine.size(spaceName))
      node.open()
      cluster.advance(10)
      assert.strictEqual(node.machine.size(spaceName)!.keys, count)
    })
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

  it("in memory hands on what it has not taken back yet, when there is another defect", () => {
    const cluster = new Cluster(1).open()
    for (let i = 0; i < 3000; i++) cluster.nodes[0]!.write(`k${i}`, "v")
    const between = cluster.break(0)
    between.start()
    assert.isUndefined(between.open())
    const after = cluster.break(0)
    after.start()
    after.open()
    cluster.advance(100)
    assert.strictEqual(after.get("k0"), "v")
    assert.strictEqual(after.get("k2999"), "v")
  })
})
