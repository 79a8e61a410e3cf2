import { assert, describe, it } from "@effect/vitest"
import { packTime, unpackTime } from "../../../../src/replication/internal/replica/bytes.ts"
import { packRows } from "../../../../src/replication/internal/replica/vector.ts"
import type { Message } from "../../../../src/wire/Message.ts"
import { bytesOf, Cluster, nameOf, spaceName, wallClock } from "./harness.ts"

const watch = (cluster: Cluster, index: number, value = "1") => {
  const node = cluster.nodes[index]!
  node.command({ _tag: "Watch", space: spaceName, watch: 1, version: node.set("a", value) })
  return () => node.stability(1)
}

describe("stability", () => {
  it("comes within two intervals when nothing is lost", () => {
    const cluster = new Cluster(5).open()
    const stability = watch(cluster, 3)
    cluster.advance(600)
    assert.isTrue(stability()?.isStable)
  })

  it("is at once that of a node that is alone", () => {
    const cluster = new Cluster(1).open()
    assert.isTrue(watch(cluster, 0)()?.isStable)
  })

  it("waits for who has not opened the space, and says so", () => {
    const cluster = new Cluster(3).open()
    cluster.nodes[2]!.command({ _tag: "Close", space: spaceName })
    const stability = watch(cluster, 1)
    cluster.advance(3000)
    assert.deepStrictEqual(stability()?.lacking, [{ node: "n002", why: "NotHeld" }])
    cluster.nodes[2]!.open()
    assert.isTrue(cluster.until(() => stability()?.isStable === true, 5000))
  })

  it("says so, too, when that is the collector", () => {
    const cluster = new Cluster(3).open()
    cluster.nodes[0]!.command({ _tag: "Close", space: spaceName })
    const stability = watch(cluster, 1)
    cluster.advance(3000)
    assert.deepStrictEqual(stability()?.lacking, [{ node: "n000", why: "NotHeld" }])
  })

  it("does not count who is dead, and goes on when the collector dies", () => {
    const cluster = new Cluster(4).open()
    cluster.crash(0)
    const stability = watch(cluster, 3)
    cluster.advance(2000)
    assert.isFalse(stability()?.isStable ?? false)
    for (const index of [1, 2, 3]) cluster.dead(cluster.nodes[index]!, cluster.nodes[0]!)
    assert.isTrue(cluster.until(() => stability()?.isStable === true, 5000))
  })

  it("is not told of a write by who holds the members for others than the collector does", () => {
    const cluster = new Cluster(3).open()
    // this one alone has heard of a fourth
    cluster.nodes[2]!.members.set({
      id: "n009",
      address: "10.9.9.9:1" as never,
      incarnation: 1,
      deadSince: undefined
    })
    const stability = watch(cluster, 2)
    cluster.advance(5000)
    assert.isFalse(stability()?.isStable ?? false)
  })

  it("comes when the collector had forgotten a member that knows nothing of that", () => {
    const cluster = new Cluster(3).open()
    const first = watch(cluster, 1)
    assert.isTrue(cluster.until(() => first()?.isStable === true, 5000))
    const version = cluster.nodes[1]!.machine.read(spaceName, bytesOf("a"))!.version!
    cluster.advance(10_000)
    // it stood still for so long that it was forgotten
    const [collector, , third] = cluster.nodes
    collector!.members.delete(third!.id)
    collector!.set("b", "1")
    collector!.command({ _tag: "Watch", space: spaceName, watch: 2, version })
    cluster.advance(1000)
    cluster.present(collector!, third!)
    cluster.nodes[1]!.command({ _tag: "Watch", space: spaceName, watch: 2, version })
    assert.isTrue(cluster.until(() => cluster.nodes[1]!.stability(2)?.isStable === true, 10_000))
  })

  it("comes for a write though others are waited for that nobody will ever have", () => {
    for (const index of [0, 2]) {
      const cluster = new Cluster(3).open()
      const node = cluster.nodes[index]!
      for (let i = 0; i < 20; i++) {
        const timestamp = { millis: wallClock, counter: 0, node: `lost${i}` }
        node.command({ _tag: "Watch", space: spaceName, watch: 100 + i, version: { timestamp, incarnation: 1 } })
      }
      const stability = watch(cluster, index)
      assert.isTrue(cluster.until(() => stability()?.isStable === true, 10_000))
    }
  })

  it("is not undone by a report that comes late", () => {
    const cluster = new Cluster(2).open()
    const [collector, other] = cluster.nodes
    const report = (number: number, isLoose: boolean) =>
      collector!.request({
        _tag: "StabilityReport",
        sender: other!.id,
        space: spaceName,
        memberIncarnation: other!.members.incarnation,
        life: 2 ** 47,
        number,
        versions: packRows([]),
        clock: packTime({ millis: wallClock + 50_000, counter: 0 }),
        ...(isLoose ? { loose: packTime({ millis: wallClock + 10, counter: 0 }) } : undefined)
      })
    const stable = (answer: Message | undefined) =>
      answer?._tag === "StabilityAnswer" && answer.stable !== undefined ? unpackTime(answer.stable).millis : undefined
    assert.isAbove(stable(report(1, false))!, wallClock + 10)
    assert.strictEqual(stable(report(3, true)), wallClock + 10)
    assert.isUndefined(report(2, false))
  })

  it("keeps certificates while a member is away, and forgets them when it has been for longer than the retention", () => {
    const cluster = new Cluster(3, { retention: 20_000 }).open()
    cluster.nodes[1]!.set("a", "1")
    cluster.advance(500)
    cluster.crash(2)
    for (const index of [0, 1]) cluster.dead(cluster.nodes[index]!, cluster.nodes[2]!)
    cluster.nodes[1]!.set("a", undefined)
    cluster.advance(15_000)
    assert.deepStrictEqual([0, 1].map((index) => cluster.nodes[index]!.certificates), [1, 1])
    cluster.advance(10_000)
    assert.deepStrictEqual([0, 1].map((index) => cluster.nodes[index]!.certificates), [0, 0])
  })

  it("waits for what was replaced between two pages of a digest", () => {
    for (let seed = 0; seed < 12; seed++) {
      const cluster = new Cluster(2, {
        seed: `pages ${seed}`,
        hasRumors: false,
        antiEntropy: { interval: 200, mode: "pushPull", strategy: "digest" }
      }).open()
      const [a, b] = [cluster.nodes[0]!, cluster.nodes[1]!]
      for (let i = 0; i < 1000; i++) a.set(`${i}`, "old")
      assert.isTrue(cluster.until(() => cluster.isConverged))
      cluster.advance(1000)
      a.command({ _tag: "Watch", space: spaceName, watch: 1, version: a.set("1", "new") })
      for (let i = 0; a.stability(1)?.isStable !== true && i < 200; i++) {
        a.set("1", `newer ${i}`)
        cluster.advance(3)
      }
      cluster.until(() => a.stability(1)?.isStable === true)
      assert.notStrictEqual(b.get("1"), "old")
    }
  })

  it("of 200 nodes takes a number of messages an interval that grows with them, not with their square", () => {
    const count = 200
    const cluster = new Cluster(count, {
      antiEntropy: { interval: 3_600_000, mode: "pushPull", strategy: "rateless" }
    }).open()
    // all have written
    for (const node of cluster.nodes) node.set(node.id, "v")
    cluster.advance(1000)
    for (const node of cluster.nodes) node.sent = { messages: 0, bytes: 0, exchanges: 0 }
    const stability = watch(cluster, 120)
    const began = cluster.now
    assert.isTrue(cluster.until(() => stability()?.isStable === true, 5000))
    const intervals = Math.ceil((cluster.now - began) / 250) + 1
    const messages = cluster.nodes.reduce((sum, { sent }) => sum + sent.messages + 2 * sent.exchanges, 0)
    assert.isAtMost(messages, 3 * count * intervals)
    assert.isAtMost(cluster.now - began, 1500)
  })

  it("costs nothing when nobody waits, and nothing was deleted", () => {
    const cluster = new Cluster(4).open()
    watch(cluster, 2)
    cluster.advance(20_000)
    for (const node of cluster.nodes) node.sent = { messages: 0, bytes: 0, exchanges: 0 }
    cluster.advance(10_000)
    // one summary a second and node
    for (const { sent } of cluster.nodes) {
      assert.isAtMost(sent.messages, 11)
      assert.strictEqual(sent.exchanges, 0)
    }
  })

  it("names at most eight of those who lack a write, and how many they are", () => {
    const cluster = new Cluster(12).open()
    cluster.loses = (_, __, message) => message === undefined || message._tag === "ReplicaSummary"
    watch(cluster, 0)
    cluster.advance(1000)
    const told = cluster.nodes[0]!.happened("Stability").at(-1)!
    assert.strictEqual(told.count, 11)
    assert.deepStrictEqual(told.lacking.map(({ node }) => node), [1, 2, 3, 4, 5, 6, 7, 8].map(nameOf))
  })
})
