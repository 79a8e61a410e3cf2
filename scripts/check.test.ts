/** `pnpm check` sees core and testkit without Node and without a browser, and reports Effect's diagnostics. */
import { spawnSync } from "node:child_process"
import * as fs from "node:fs"
import * as path from "node:path"
import { assert, describe, it } from "vitest"

const root = path.dirname(import.meta.dirname)

const check = (packageName: string, code: string): string => {
  const directory = path.join(root, "build/check", packageName)
  fs.rmSync(directory, { recursive: true, force: true })
  fs.mkdirSync(directory, { recursive: true })
  fs.writeFileSync(path.join(directory, "Fixture.ts"), code)
  fs.writeFileSync(
    path.join(directory, "tsconfig.json"),
    JSON.stringify({
      extends: `../../../packages/${packageName}/tsconfig.src.json`,
      include: [".", "../../../types/web.d.ts"],
      references: [],
      compilerOptions: { rootDir: ".", outDir: "out", tsBuildInfoFile: "out/tsbuildinfo" }
    })
  )
  return spawnSync("node", ["scripts/tsc.ts", "-p", directory], { cwd: root, encoding: "utf8" }).stdout
}

describe("check", () => {
  for (const name of ["core", "testkit"]) {
    it(`${name} cannot name what Node or a browser has`, () => {
      const globals = ["process", "Buffer", "setTimeout", "performance", "console", "document", "fetch", "crypto"]
      const report = check(name, globals.map((name) => `export const ${name}_ = ${name}`).join("\n"))
      for (const [index, global] of globals.entries()) {
        assert.match(
          report,
          new RegExp(`Fixture\\.ts\\(${index + 1},\\d+\\): error TS\\d+: Cannot find name '${global}'`)
        )
      }
    })

    it(`${name} can name what every host has`, () => {
      assert.strictEqual(check(name, "export const bytes: Uint8Array = new TextEncoder().encode(\"x\")\n"), "")
    })
  }

  it("reports Effect's diagnostics", () => {
    const report = check(
      "core",
      `import * as Effect from "effect/Effect"
export const f = Effect.gen(function*() {
  yield* Effect.void
  Effect.log("never run")
  yield Effect.void
})
`
    )
    assert.include(report, "effect(floatingEffect)")
    assert.include(report, "effect(missingStarInYieldEffectGen)")
  })
})
