import { assert, describe, it } from "@effect/vitest"
import { Cluster } from "./harness.ts"

const retention = 10_000

/** The last of some nodes is cut off for a while. */
const cutOff = (cluster: Cluster, millis: number, meanwhile: () => void) => {
  const index = cluster.nodes.length - 1
  const away = cluster.nodes[index]!
  cluster.separates = (from, to) => (from === index) !== (to === index)
  for (const node of cluster.nodes) {
    if (node === away) continue
    cluster.dead(node, away)
    cluster.dead(away, node)
  }
  meanwhile()
  cluster.advance(millis)
  cluster.separates = () => false
  for (const node of cluster.nodes) {
    if (node === away) continue
    cluster.present(node, away)
    cluster.present(away, node)
  }
  return away
}

describe("a node that was away", () => {
  it("for longer than the retention does not bring back what was deleted", () => {
    const cluster = new Cluster(4, { retention }).open()
    for (const key of ["a", "b", "c"]) cluster.nodes[0]!.set(key, "1")
    cluster.advance(10_000)
    const away = cutOff(cluster, 3 * retention, () => void cluster.nodes[0]!.set("b", undefined))
    assert.deepStrictEqual(cluster.nodes.map(({ certificates }) => certificates), [0, 0, 0, 0])
    assert.strictEqual(away.content, "a=1,b=1,c=1")
    assert.isTrue(cluster.until(() => cluster.isConverged, 20_000))
    assert.strictEqual(away.content, "a=1,c=1")
    assert.strictEqual(away.happened("Reset")[0]!.dropped, 1)
  })

  it("for longer than the retention gives up what it wrote meanwhile before the last delete of the others", () => {
    const cluster = new Cluster(4, { retention }).open()
    cluster.nodes[0]!.set("a", "1")
    cluster.advance(20_000)
    const away = cutOff(cluster, 3 * retention, () => {
      cluster.nodes.at(-1)!.set("early", "1")
      cluster.advance(1000)
      cluster.nodes[0]!.set("a", undefined)
      cluster.advance(1000)
      cluster.nodes.at(-1)!.set("late", "1")
    })
    assert.isTrue(cluster.until(() => cluster.isConverged, 20_000))
    assert.strictEqual(cluster.nodes[0]!.content, "late=1")
    assert.strictEqual(away.happened("Reset").reduce((sum, { dropped }) => sum + dropped, 0), 2)
  })

  it("takes nothing from those who stayed together, whatever it has deleted itself", () => {
    const cluster = new Cluster(4, { retention }).open()
    cluster.nodes[0]!.set("a", "1")
    cluster.nodes[0]!.set("b", "1")
    cluster.advance(20_000)
    cutOff(cluster, 3 * retention, () => {
      cluster.nodes[0]!.set("c", "1")
      cluster.advance(2000)
      cluster.nodes.at(-1)!.set("b", undefined)
    })
    assert.isTrue(cluster.until(() => cluster.isConverged, 20_000))
    assert.strictEqual(cluster.nodes[0]!.content, "a=1,c=1")
    assert.isTrue(cluster.nodes.slice(0, 3).every((node) => node.happened("Reset").length <= 1))
  })

  it("for less than the retention loses nothing", () => {
    const cluster = new Cluster(4, { retention }).open()
    cluster.nodes[0]!.set("a", "1")
    cluster.advance(2000)
    cutOff(cluster, 5000, () => {
      cluster.nodes.at(-1)!.set("early", "1")
      cluster.advance(1000)
      cluster.nodes[0]!.set("a", undefined)
    })
    assert.isTrue(cluster.until(() => cluster.isConverged, 20_000))
    assert.strictEqual(cluster.nodes[0]!.content, "early=1")
    assert.isTrue(cluster.until(() => cluster.nodes.every(({ certificates }) => certificates === 0), 10_000))
  })
})

describe("a new node", () => {
  it("keeps what it has written before it met the others, though they have forgotten later deletes", () => {
    const cluster = new Cluster(4, { retention })
    const fresh = cluster.nodes[3]!
    cluster.separates = (from, to) => (from === 3) !== (to === 3)
    for (const node of cluster.nodes) {
      node.members.delete("n003")
      fresh.members.delete(node.id)
    }
    cluster.open()
    fresh.set("mine", "1")
    cluster.advance(100)
    cluster.nodes[0]!.set("a", "1")
    cluster.advance(100)
    cluster.nodes[1]!.set("a", undefined)
    assert.isTrue(cluster.until(() => cluster.nodes.slice(0, 3).every(({ certificates }) => certificates === 0)))
    cluster.separates = () => false
    for (const node of cluster.nodes) {
      if (node === fresh) continue
      cluster.present(node, fresh)
      cluster.present(fresh, node)
    }
    assert.isTrue(cluster.until(() => cluster.isConverged && cluster.nodes[0]!.content === "mine=1", 20_000))
  })

  it("fetches everything in chunks while the others keep writing", () => {
    const cluster = new Cluster(3, { maxChunk: 16 * 1024, limits: { maxValueSize: 4096 } })
    for (const node of [0, 1]) {
      cluster.nodes[node]!.start()
      cluster.nodes[node]!.open()
    }
    for (let i = 0; i < 2000; i++) cluster.nodes[i % 2]!.set(`k${i}`, "v".repeat(100))
    cluster.advance(3000)
    cluster.nodes[2]!.start()
    cluster.nodes[2]!.open()
    for (let i = 0; i < 50; i++) {
      cluster.nodes[0]!.set(`k${i}`, "w")
      cluster.advance(10)
    }
    assert.isTrue(cluster.until(() => cluster.isConverged, 10_000))
    assert.isAbove(cluster.nodes[2]!.sent.exchanges, 10)
  })
})
