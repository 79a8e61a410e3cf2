/**
 * One seed, one run: 100 clusters leave the same hashes in different processes, whatever their Node.js, their engine's
 * seeds and optimizations, time zone, language and what ran before, and on every machine.
 */
import { execFile } from "node:child_process"
import * as fs from "node:fs"
import * as path from "node:path"
import { assert, beforeAll, describe, it } from "vitest"

const directory = path.join(import.meta.dirname, "determinism")

interface Process {
  readonly name: string
  readonly node: string
  readonly flags: ReadonlyArray<string>
  readonly arguments?: ReadonlyArray<string>
  readonly environment: Readonly<Record<string, string>>
}

const present = path.join(path.dirname(import.meta.dirname), "node_modules/node/bin/node")
// Dependencies of `determinism/package.json`, so that they do not become the `node` of the scripts.
const older = path.join(directory, "node_modules/node22/bin/node")
const newer = path.join(directory, "node_modules/node26/bin/node")

const processes: ReadonlyArray<Process> = [
  {
    name: "Node.js 24",
    node: present,
    flags: ["--hash-seed=1", "--random-seed=1", "--no-opt"],
    environment: { TZ: "UTC", LC_ALL: "C" }
  },
  {
    name: "Node.js 24, backwards, with other seeds and optimizations of the engine",
    node: present,
    flags: ["--hash-seed=2", "--random-seed=2", "--always-sparkplug", "--gc-interval=2000"],
    arguments: ["--reverse"],
    environment: { TZ: "Asia/Kathmandu", LC_ALL: "tr_TR.UTF-8" }
  },
  { name: "Node.js 22", node: older, flags: [], environment: {} },
  { name: "Node.js 26", node: newer, flags: [], environment: {} }
]

/** What a process prints: a line for each seed, and the hash of them all. */
const run = ({ arguments: args = [], environment, flags, node }: Process) =>
  new Promise<ReadonlyArray<string>>((resolve, reject) => {
    const env = { ...process.env, NODE_OPTIONS: "", ...environment }
    execFile(node, [...flags, path.join(directory, "main.ts"), ...args], { env }, (error, stdout, stderr) => {
      const lines = stdout.trim().split("\n")
      // It fails as well when the golden hash is another, which is a test of its own.
      if (lines.length === 101) resolve(lines)
      else reject(error ?? new Error(stderr))
    })
  })

const versionOf = (node: string) =>
  new Promise<string>((resolve, reject) => {
    execFile(node, ["--version"], (error, stdout) => error === null ? resolve(stdout) : reject(error))
  })

describe("100 seeds", { timeout: 120_000 }, () => {
  let printed: ReadonlyArray<ReadonlyArray<string>> = []
  beforeAll(async () => {
    printed = await Promise.all(processes.map(run))
  }, 120_000)

  it("run on Node.js 22, 24 and 26", async () => {
    const versions = await Promise.all(processes.map(({ node }) => versionOf(node)))
    assert.deepStrictEqual(versions.map((version) => version.split(".")[0]), ["v24", "v24", "v22", "v26"])
  })

  it("are 100 different runs", () => {
    const hashes = printed[0]!.slice(0, 100).map((line) => line.split(" ")[1])
    assert.strictEqual(new Set(hashes).size, 100)
  })

  for (const [index, { name }] of processes.entries()) {
    if (index === 0) continue
    it(`leave on ${name} the hashes that they leave on ${processes[0]!.name}`, () => {
      assert.deepStrictEqual(printed[index], printed[0])
    })
  }

  it("leave the hashes they left elsewhere, where golden.txt was made", () => {
    assert.strictEqual(
      printed[0]!.at(-1),
      fs.readFileSync(path.join(directory, "golden.txt"), "utf8").trim(),
      "the runs have changed: if that is on purpose, run `pnpm determinism --update`"
    )
  })
})
