import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Path from "node:path"
import { canFindProcesses, start } from "../processes.ts"

const main = Path.join(import.meta.dirname, "main.ts")

describe("the example of topics", () => {
  it.live("has all processes forget what one has changed, and ends with them", () =>
    Effect.gen(function*() {
      const example = yield* start(main)
      assert.strictEqual(yield* example.ended, 0, yield* example.stderr)
      const lines = (yield* example.stdout).split("\n")
      for (const name of ["a", "b", "c"]) {
        const said = lines.filter((line) => line.startsWith(`${name}: `)).map((line) => line.slice(3))
        const about = said.filter((line) => / 7\b|^7 /.test(line) && !line.startsWith("renamed"))
        const [hops] = /\(\d hops?\)/.exec(about.join("\n")) ?? []
        assert.deepStrictEqual(about, [
          "read from the database: 7 is Ada",
          "7 is Ada",
          "7 is Ada",
          `forgot 7: c has changed it ${name === "c" ? "(0 hops)" : hops}`,
          "read from the database: 7 is Grace",
          "7 is Grace"
        ])
      }
      if (canFindProcesses) assert.deepStrictEqual(yield* example.living, [])
    }).pipe(Effect.timeout("50 seconds"), Effect.provide(NodeServices.layer)))
})
