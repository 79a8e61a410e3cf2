/** The examples of the documentation are type-checked, and run. What makes an example is said in `doctest.ts`. */
import { spawnSync } from "node:child_process"
import * as fs from "node:fs"
import * as path from "node:path"
import { assert, describe, it } from "vitest"
import { extract, toModule } from "./doctest.ts"

const root = path.dirname(import.meta.dirname)
const output = path.join(root, "build/doctest")

const files = fs.globSync(["packages/*/src/**/*.ts", "README.md", "packages/*/README.md", "docs/**/*.md"], {
  cwd: root,
  exclude: (file) => file.includes("node_modules")
}).toSorted()

fs.rmSync(output, { recursive: true, force: true })
fs.mkdirSync(output, { recursive: true })
fs.writeFileSync(
  path.join(output, "tsconfig.json"),
  JSON.stringify({
    extends: "../../tsconfig.base.json",
    include: ["."],
    compilerOptions: {
      ...{ composite: false, incremental: false, noEmit: true, noUnusedLocals: false },
      ...{ rootDir: "../..", types: ["node"] }
    }
  })
)

for (const file of files) {
  const examples = extract(file, fs.readFileSync(path.join(root, file), "utf8"))
  const tests: Array<() => void> = []
  for (const example of examples) {
    const module = path.join(output, `${file.replaceAll(/[/.]/g, "_")}_${example.line}.ts`)
    try {
      fs.writeFileSync(module, toModule(example.code, "../../scripts/doctestAssert.ts"))
    } catch (error) {
      tests.push(() => it(example.name, () => Promise.reject(error)))
      continue
    }
    const load = () => import(/* @vite-ignore */ module)
    if (example.use === "run") tests.push(() => it(example.name, load))
    if (example.use === "tests") tests.push(() => describe(example.name, load))
  }
  // a file may have examples that are type-checked alone
  if (tests.length > 0) describe(file, () => tests.forEach((test) => test()))
}

describe("README.md", () => {
  it("shows the quickstart as it is", () => {
    const shown = /```ts quickstart\n([^]*?)```/.exec(fs.readFileSync(path.join(root, "README.md"), "utf8"))
    assert.strictEqual(shown?.[1], fs.readFileSync(path.join(root, "examples/quickstart/main.ts"), "utf8"))
  })
})

describe("examples in documentation", () => {
  it("are type-checked", () => {
    const tsc = spawnSync("node", ["scripts/tsc.ts", "-p", output], { cwd: root, encoding: "utf8" })
    assert.strictEqual(tsc.stdout + tsc.stderr, "")
    assert.strictEqual(tsc.status, 0)
  })
})
