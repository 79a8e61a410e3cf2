import { assert, describe, it } from "@effect/vitest"
import { Cluster, spaceName } from "./harness.ts"

describe("a replica of a map", () => {
  it("spreads writes to all nodes at once", () => {
    const cluster = new Cluster(3, { isEncoded: true }).open()
    cluster.nodes[0]!.set("a", "1")
    cluster.advance(50)
    assert.deepStrictEqual(cluster.nodes.map(({ content }) => content), ["a=1", "a=1", "a=1"])
  })

  for (const strategy of ["digest", "checksum", "merkle", "rateless"] as const) {
    for (const mode of ["push", "pull", "pushPull"] as const) {
      it(`agrees without rumors by ${strategy} and ${mode}`, () => {
        const cluster = new Cluster(4, {
          hasRumors: false,
          isEncoded: true,
          antiEntropy: { interval: 200, mode, strategy }
        }).open()
        for (let i = 0; i < 40; i++) cluster.nodes[i % 4]!.set(`k${i % 17}`, `${i}`)
        assert.isTrue(cluster.until(() => cluster.isConverged, 20_000))
        assert.strictEqual(cluster.nodes[0]!.machine.size(spaceName)!.keys, 17)
      })
    }
  }

  it("forgets certificates once all have them", () => {
    const cluster = new Cluster(3, { isEncoded: true }).open()
    for (let i = 0; i < 20; i++) cluster.nodes[0]!.set(`k${i}`, "v")
    cluster.advance(100)
    for (let i = 0; i < 20; i++) cluster.nodes[1]!.set(`k${i}`, undefined)
    cluster.advance(10)
    assert.strictEqual(cluster.nodes[1]!.certificates, 20)
    assert.isTrue(cluster.until(() => cluster.nodes.every(({ certificates }) => certificates === 0), 5000))
    assert.isTrue(cluster.isConverged)
  })

  it("says when a write is stable, and who lacks it before", () => {
    const cluster = new Cluster(4, { isEncoded: true }).open()
    cluster.separates = (from, to) => from === 3 || to === 3
    const version = cluster.nodes[2]!.set("a", "1")
    cluster.nodes[2]!.command({ _tag: "Watch", space: spaceName, watch: 1, version })
    cluster.advance(2000)
    assert.deepStrictEqual(cluster.nodes[2]!.stability(1)?.lacking, [{ node: "n003", why: "Behind" }])
    cluster.separates = () => false
    assert.isTrue(cluster.until(() => cluster.nodes[2]!.stability(1)?.isStable === true, 10_000))
  })
})
