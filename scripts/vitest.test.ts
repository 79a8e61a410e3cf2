/** What a person sees of a simulation that fails in vitest. */
import { assert, describe, it } from "@effect/vitest"
import { spawnSync } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

const root = join(import.meta.dirname, "..")

const run = (name: string, replay?: string) => {
  const directory = mkdtempSync(join(tmpdir(), "gossip-vitest-"))
  const { SIMULATION_REPLAY: _, ...environment } = process.env
  const result = spawnSync(
    process.execPath,
    [join(root, "node_modules/vitest/vitest.mjs"), "run", "--root", join(root, "scripts/vitest"), "-t", name],
    {
      cwd: directory,
      env: { ...environment, NO_COLOR: "1", ...(replay === undefined ? undefined : { SIMULATION_REPLAY: replay }) },
      encoding: "utf8"
    }
  )
  const output = result.stdout + result.stderr
  const timeline = /timeline: (\S+\.html)/.exec(output)?.[1]
  const html = timeline === undefined ? undefined : readFileSync(join(directory, timeline), "utf8")
  rmSync(directory, { recursive: true })
  return { output, html, replay: /replay: SIMULATION_REPLAY='(.*)' vitest run (\S+) -t (.*)/.exec(output) }
}

describe("a simulation that fails in vitest", () => {
  it("says what was expected, the seed and the faults, and how to see it again", () => {
    const { html, output, replay } = run("it's a failing")
    assert.include(output, "expected 2 to equal 3")
    assert.include(output, "with seed 42, and these faults:")
    assert.include(output, "at 1 s  n1 stalls for 1 s")
    assert.strictEqual(
      replay?.[1],
      "{\"seed\":42,\"faults\":[{\"_tag\":\"Pause\",\"at\":1000,\"for\":1000,\"node\":\"n1\"}]}"
    )
    assert.strictEqual(replay?.[2], "failing.test.ts")
    assert.strictEqual(replay?.[3], "'^it'\\''s a failing assertion$'")
    assert.include(html, "<svg")
  })

  it("does so under Effect's test clock", () => {
    const { output, replay } = run("test clock")
    assert.include(output, "expected 2 to equal 3")
    assert.include(output, "with seed 7")
    assert.strictEqual(replay?.[1], "{\"seed\":7,\"faults\":[]}")
  })

  it("shows the smallest schedule that a search found, and replays it", () => {
    const first = run("a failing search")
    assert.match(first.output, /all run does not hold after [\d.]+ s: one does not/)
    assert.match(first.output, /this one is enough/)
    assert.match(first.output, /at 5 s {2}n\d crashes/)
    assert.include(first.html, "<svg")
    const again = run("a failing search", first.replay![1]!)
    assert.include(again.output, "all run does not hold after 5 s: one does not")
    assert.notInclude(again.output, "is enough")
    assert.strictEqual(again.replay?.[1], first.replay![1])
    const harmless = run("a failing search", "{\"seed\":1,\"faults\":[]}")
    assert.include(harmless.output, "1 passed")
  })

  it("says what is wrong with what it is to replay", () => {
    assert.include(run("a failing search", "seed 1").output, "expected what a failed run says after \"replay:\"")
  })
})
