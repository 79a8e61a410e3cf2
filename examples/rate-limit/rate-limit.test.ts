import * as Simulation from "@effect-gossip/testkit/Simulation"
import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as OS from "node:os"
import * as Path from "node:path"
import { canFindProcesses, start } from "../processes.ts"
import * as Limiter from "./limiter.ts"

const main = Path.join(import.meta.dirname, "main.ts")
// all that is started compiles it once
const env = { NODE_COMPILE_CACHE: Path.join(OS.tmpdir(), "node-compile-cache") }

describe("the example of a rate limit", () => {
  it.live("lets through the limit, and more only what was asked for at once", () =>
    Effect.gen(function*() {
      const example = yield* start(main, [], env)
      assert.strictEqual(yield* example.ended, 0, yield* example.stderr)
      const lines = (yield* example.stdout).split("\n")
      const taken = lines.filter((line) => line.includes("let through"))
      assert.deepStrictEqual(taken.slice(0, 4), [
        "a: let through 40 of 40",
        "b: let through 40 of 40",
        "c: let through 20 of 40",
        "c: let through 20 of 40"
      ])
      assert.deepStrictEqual(lines.filter((line) => line.endsWith("have passed")), [
        "100 have passed",
        "100 have passed"
      ])
      const [, passed] = /(\d+) have passed: \d+ more than 100/.exec(lines.join("\n"))!
      assert.isAtLeast(Number(passed), 100)
      assert.isAtMost(Number(passed), 300)
      assert.deepStrictEqual(taken.slice(-3), ["a", "b", "c"].map((name) => `${name}: let through 0 of 10`))
      if (canFindProcesses) assert.deepStrictEqual(yield* example.living, [])
    }).pipe(Effect.timeout("50 seconds"), Effect.provide(NodeServices.layer)))

  it("admits no more than the limit in a window, whatever is given back of the one before", () => {
    const limiter = Limiter.layer({ limit: 10, window: "1 minute" })
    Simulation.runUnsafe({ nodes: 1, layer: limiter }, (sim) =>
      Effect.gen(function*() {
        const take = (count: number) =>
          sim.on(
            "n0",
            Limiter.Limiter.use(({ take }) =>
              Effect.map(Effect.all(Array.from({ length: count }, () => take)), (taken) => taken.filter(Boolean).length)
            )
          )
        const giveBack = (count: number) => sim.on("n0", Limiter.Limiter.use(({ giveBack }) => giveBack(count)))
        assert.strictEqual(yield* take(20), 10)
        yield* giveBack(3)
        assert.strictEqual(yield* take(20), 3)
        yield* sim.advance("1 minute")
        yield* giveBack(10)
        assert.strictEqual(yield* take(20), 10)
      }))
  })
})
