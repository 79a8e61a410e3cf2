import { assert, describe, it } from "@effect/vitest"
import { spawnSync } from "node:child_process"
import * as path from "node:path"

const bench = (...args: ReadonlyArray<string>) =>
  spawnSync(process.execPath, [path.join(import.meta.dirname, "bench/main.ts"), ...args], { encoding: "utf8" })

describe("pnpm bench", () => {
  it("broadcast prints one JSON object on the last line, of publishes that all nodes were told", () => {
    const { status, stderr, stdout } = bench("broadcast", "--nodes", "8", "--publishes", "20", "--json")
    assert.strictEqual(status, 0, stderr)
    const figures = JSON.parse(stdout.trim().split("\n").at(-1)!) as { readonly [name: string]: number }
    const { complete, controlBytesPerNode, nodes, payloadPerNode, publishes, t100Ms, t50Ms, t99Ms } = figures
    assert.deepStrictEqual({ nodes, publishes, complete }, { nodes: 8, publishes: 20, complete: 20 })
    assert(0 < t50Ms! && t50Ms! <= t99Ms! && t99Ms! <= t100Ms!, stdout)
    // one copy for each but the publisher, and hardly any twice
    assert.isAtLeast(payloadPerNode!, 7 / 8)
    assert.isBelow(payloadPerNode!, 1.1)
    assert.isAtLeast(controlBytesPerNode!, 0)
  })

  it("replication prints one JSON object on the last line, of a map that all hold and of writes that none has lost", () => {
    const args = ["--nodes", "3", "--keys", "1000", "--writes-per-second", "300", "--seconds", "2", "--json"]
    const { status, stderr, stdout } = bench("replication", ...args)
    assert.strictEqual(status, 0, stderr)
    const figures = JSON.parse(stdout.trim().split("\n").at(-1)!) as { readonly [name: string]: number }
    const { joinMs, keys, lost, nodes, written } = figures
    assert.deepStrictEqual({ nodes, keys, written, lost }, { nodes: 3, keys: 1000, written: 600, lost: 0 })
    assert.isAbove(joinMs!, 0)
  })

  it("says what is wrong with its arguments", () => {
    const { status, stderr, stdout } = bench("broadcast", "--strategy", "shouting")
    assert.notStrictEqual(status, 0)
    assert.include(stdout + stderr, "push-then-pull")
  })
})
