/**
 * TypeScript with Effect's diagnostics: `node scripts/tsc.ts [options of tsc]`.
 *
 * `@effect/tsgo` ships a build of the very compiler that is installed with its diagnostics added; what they report is set
 * in `tsconfig.base.json`. It has none for some platforms: there plain `tsc` runs.
 */
import { spawnSync } from "node:child_process"
import * as path from "node:path"

const bin = path.join(import.meta.dirname, "../node_modules/.bin")

const found = spawnSync(path.join(bin, "effect-tsgo"), ["get-exe-path"], { encoding: "utf8" })
if (found.status !== 0) console.error(`Checking without Effect's diagnostics: ${found.stderr}`)
const compiler = found.status === 0 ? found.stdout.trim() : path.join(bin, "tsc")

process.exitCode = spawnSync(compiler, process.argv.slice(2), { stdio: "inherit" }).status ?? 1
