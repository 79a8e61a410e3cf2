/**
 * `pnpm determinism`: runs 100 clusters, and prints the hash of what happened in each; then one of them all, which must
 * be that in `golden.txt` on every machine.
 */
import { createHash } from "node:crypto"
import * as fs from "node:fs"
import * as path from "node:path"
import { parseArgs } from "node:util"
import { traceHash } from "./cluster.ts"

const golden = path.join(import.meta.dirname, "golden.txt")

const { values } = parseArgs({
  options: {
    /** Writes `golden.txt`. */
    update: { type: "boolean", default: false },
    /** Runs the last seed first: what a run leaves behind in its process must not matter to the next. */
    reverse: { type: "boolean", default: false }
  }
})

const seeds = Array.from({ length: 100 }, (_, index) => index + 1)
const hashes = new Map((values.reverse ? seeds.toReversed() : seeds).map((seed) => [seed, traceHash(seed)]))
const lines = seeds.map((seed) => `${seed} ${hashes.get(seed)}\n`).join("")
const combined = `${createHash("sha256").update(lines).digest("hex")}\n`
process.stdout.write(lines + combined)

if (values.update) {
  fs.writeFileSync(golden, combined)
} else if (!fs.existsSync(golden) || fs.readFileSync(golden, "utf8") !== combined) {
  console.error(
    "The runs are not those of scripts/determinism/golden.txt. If behaviour was changed on purpose, run:\n" +
      "  pnpm determinism --update"
  )
  process.exitCode = 1
}
