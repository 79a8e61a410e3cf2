/**
 * The conformance suite for authors of a strategy: what applications take for granted of topics, however news spreads.
 *
 * Each test runs a small cluster in virtual time, over a simulated network: nodes publish, are cut off, crash and come
 * back. How soon all must have been told is for the strategy to say; all else is the same for each.
 *
 * It needs `vitest` and `@effect/vitest`, which are optional peer dependencies of the testkit, and is therefore not part
 * of its main module.
 *
 * **Example** (Checking a strategy of one's own)
 *
 * ```ts
 * import * as DisseminationSuite from "@effect-gossip/testkit/DisseminationSuite"
 * import { MyStrategy } from "./MyStrategy.ts"
 *
 * DisseminationSuite.suite("MyStrategy", {
 *   strategy: MyStrategy.layer({ fanOut: 3 }),
 *   bounds: { spread: "5 seconds" }
 * })
 * ```
 *
 * @since 0.1.0
 */
import { describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import { type Case, cases } from "./internal/disseminationSuite/cases.ts"
import { type Bounds, defaults, type Options } from "./internal/disseminationSuite/options.ts"

// -----------------------------------------------------------------------------
// model
// -----------------------------------------------------------------------------

export { type Bounds, defaults, type Options }

// -----------------------------------------------------------------------------
// suite
// -----------------------------------------------------------------------------

/**
 * Registers the tests of the suite with vitest, in a block of this name. A test that fails says its seed, with which it
 * fails again. Throws a `RangeError` for a cluster of fewer than 3 nodes.
 */
export const suite = (name: string, options: Options): void => {
  const timeout = Duration.toMillis(Duration.fromInputUnsafe(options.timeout ?? defaults.timeout))
  describe(name, { timeout }, () => {
    for (const [condition, ofCondition] of grouped(cases(options), (test) => test.condition)) {
      describe(condition, () => {
        for (const [group, ofGroup] of grouped(ofCondition, (test) => test.group)) {
          describe(group, () => {
            for (const test of ofGroup) it(test.name, test.run)
          })
        }
      })
    }
  })
}

const grouped = (tests: ReadonlyArray<Case>, by: (test: Case) => string): ReadonlyMap<string, ReadonlyArray<Case>> => {
  const groups = new Map<string, Array<Case>>()
  for (const test of tests) {
    const group = groups.get(by(test))
    if (group === undefined) groups.set(by(test), [test])
    else group.push(test)
  }
  return groups
}
