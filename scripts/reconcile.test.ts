import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { spawnSync } from "node:child_process"
import * as path from "node:path"
import { measure } from "./lab/reconcile/measure.ts"
import * as Plots from "./lab/reconcile/plots.ts"

const lab = (...args: ReadonlyArray<string>) =>
  spawnSync(process.execPath, [path.join(import.meta.dirname, "lab/main.ts"), "reconcile", ...args], {
    encoding: "utf8"
  })

const setting = { keys: 100_000, changed: 0, value: 64 }

describe("two replicas of 100,000 keys", () => {
  it("that are equal exchange at most 40 bytes", () => {
    for (const strategy of ["digest", "checksum", "merkle", "rateless"] as const) {
      const { metadataBytes, roundTrips, symbolsPerDifference, valueBytes } = measure(
        { ...setting, keys: 1000, strategy, different: 0 },
        { runs: 1, seed: "equal" }
      )
      assert.isAtMost(metadataBytes, 40)
      assert.deepStrictEqual([roundTrips, valueBytes, symbolsPerDifference], [1, 0, null])
    }
  })

  it("take about 28 kB by merkle where 100 differ", () => {
    const { metadataBytes } = measure({ ...setting, strategy: "merkle", different: 100 }, { runs: 2, seed: "merkle" })
    assert.isAtLeast(metadataBytes, 22_000)
    assert.isAtMost(metadataBytes, 30_000)
  })

  it("take at most 1.5 coded symbols and 32 bytes for each that differs by rateless, from 100 on", () => {
    for (const [different, runs] of [[100, 20], [1000, 4], [10_000, 1]] as const) {
      const figures = measure({ ...setting, strategy: "rateless", different }, { runs, seed: "rateless" })
      assert.isAtMost(figures.symbolsPerDifference!, 1.5)
      assert.isAtMost(figures.metadataBytes / different, 32)
      // keys of 12 bytes, behind their length and a version
      assert.strictEqual(figures.valueBytes, different * (64 + 12 + 9))
    }
  })

  it("count a changed key as two items", () => {
    const { symbolsPerDifference, valueBytes } = measure(
      { ...setting, keys: 5000, strategy: "rateless", different: 500, changed: 1 },
      { runs: 4, seed: "changed" }
    )
    assert.isBelow(symbolsPerDifference!, 1.5)
    assert.isAbove(symbolsPerDifference!, 1.3)
    // the later version of every second key is pushed, and all are pulled
    assert.strictEqual(valueBytes, 750 * (64 + 12 + 9))
  })
})

describe("pnpm lab reconcile", () => {
  const keys = ["--keys", "2000", "--runs", "2"]

  it("prints one flat object of one strategy and one difference", () => {
    const { status, stderr, stdout } = lab(
      ...[...keys, "--different", "100", "--strategy", "rateless", "--json", "--seed", "a"]
    )
    assert.strictEqual(status, 0, stderr)
    assert.match(stdout, /^\{.*\}\n$/)
    const figures = JSON.parse(stdout)
    assert.deepInclude(figures, { strategy: "rateless", keys: 2000, different: 100, runs: 2, seed: "a" })
    for (const name of ["metadataBytes", "valueBytes", "messages", "symbolsPerDifference", "cpuMillis"]) {
      assert.isAbove(figures[name], 0, name)
    }
    assert.strictEqual(figures.messages, 2 * figures.roundTrips)
    const again = measure(
      { strategy: "rateless", keys: 2000, different: 100, changed: 0, value: 64 },
      { runs: 2, seed: "a" }
    )
    assert.deepInclude(figures, { ...again, cpuMillis: figures.cpuMillis })
  })

  it("prints cells of several", () => {
    const { cells } = JSON.parse(lab(...keys, "--different", "0,5", "--json").stdout)
    assert.deepStrictEqual(
      cells.map((cell: Plots.Cell) => `${cell.strategy} ${cell.different}`),
      ["digest", "checksum", "merkle", "rateless"].flatMap((strategy) => [`${strategy} 0`, `${strategy} 5`])
    )
  })

  it("says what is wrong with its arguments", () => {
    const { status, stderr, stdout } = lab(...keys, "--different", "3000", "--changed", "1")
    assert.strictEqual(status, 1)
    assert.include(stdout + stderr, "3000 of 2000 keys cannot have changed")
  })
})

describe("its plot", () => {
  it.effect("has a line for each strategy", () =>
    Effect.gen(function*() {
      const cells = (["merkle", "rateless"] as const).flatMap((strategy) =>
        [0, 10].map((different) => ({
          strategy,
          different,
          ...measure({ ...setting, keys: 100, strategy, different }, { runs: 1, seed: "plot" })
        }))
      )
      const svg = yield* Plots.reconcile(cells, { keys: 100 })
      assert.match(svg, /^<svg [^>]*xmlns="http:\/\/www\.w3\.org\/2000\/svg"/)
      assert.notMatch(svg, /NaN|undefined/)
      for (const text of ["merkle", "rateless", "keys that differ"]) assert.include(svg, text)
    }))
})
