/**
 * The `exports` of each package let in every public module, by its name and in the workspace from its source, and nothing
 * of `internal/`; what is published says the same of the built files.
 */
import { execFileSync } from "node:child_process"
import * as fs from "node:fs"
import * as path from "node:path"
import { pathToFileURL } from "node:url"
import { assert, describe, it } from "vitest"

const root = path.dirname(import.meta.dirname)

interface Manifest {
  readonly name: string
  readonly exports: Record<string, string | null>
  readonly publishConfig: { readonly exports: Record<string, string | null> }
}

/** Where Node finds each specifier, or `undefined` where it refuses. */
const resolveAll = (specifiers: ReadonlyArray<string>): ReadonlyArray<string | undefined> => {
  const program = `const resolve = (x) => { try { return import.meta.resolve(x) } catch { return null } }
    console.log(JSON.stringify(${JSON.stringify(specifiers)}.map(resolve)))`
  const output = execFileSync("node", ["--input-type=module", "--eval", program], { cwd: root, encoding: "utf8" })
  return (JSON.parse(output) as ReadonlyArray<string | null>).map((url) => url ?? undefined)
}

for (const directory of ["core", "testkit", "transport-udp"]) {
  const base = path.join(root, "packages", directory)
  const manifest: Manifest = JSON.parse(fs.readFileSync(path.join(base, "package.json"), "utf8"))

  describe(manifest.name, () => {
    const modules = fs.globSync("**/*.ts", { cwd: path.join(base, "src") }).map((file) => file.replace(/\.ts$/, ""))
    const isInternal = (module: string) => module.split("/").includes("internal")

    it("lets in public modules", () => {
      const names = modules.filter((module) => !isInternal(module)).toSorted()
      const specifiers = names.map((name) => path.posix.join(manifest.name, name.replace(/(^|\/)index$/, "")))
      assert.deepStrictEqual(
        resolveAll(specifiers),
        names.map((name) => pathToFileURL(path.join(base, "src", `${name}.ts`)).href)
      )
    })

    it("keeps out internal ones", () => {
      const names = modules.filter(isInternal)
      const rooms = new Set([...names, "internal/x"].map((name) => name.replace(/(^|\/)internal\/.*$/, "$1internal/x")))
      assert.deepStrictEqual(
        resolveAll([...names, ...rooms].map((name) => `${manifest.name}/${name}`)).filter((url) => url !== undefined),
        []
      )
    })

    it("publishes what the workspace has", () => {
      assert.deepStrictEqual(
        Object.entries(manifest.publishConfig.exports),
        Object.entries(manifest.exports).map(([name, target]) => [
          name,
          target?.replace("./src/", "./dist/").replace(/\.ts$/, ".js") ?? null
        ])
      )
    })
  })
}
