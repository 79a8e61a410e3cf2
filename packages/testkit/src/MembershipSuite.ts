/**
 * The conformance suite for authors of a membership protocol: what applications, and the rest of the project, take for
 * granted of whoever knows the members.
 *
 * Each test runs a small cluster in virtual time, over a simulated network: nodes join, leave, crash, come back, are cut
 * off and claim each other's names. How soon what must be known, and whether a minority may declare death, is for the
 * protocol to say; all else is the same for each.
 *
 * It needs `vitest` and `@effect/vitest`, which are optional peer dependencies of the testkit, and is therefore not part
 * of its main module.
 *
 * **Example** (Checking a protocol of one's own)
 *
 * ```ts
 * import * as MembershipSuite from "@effect-gossip/testkit/MembershipSuite"
 * import { MyProtocol } from "./MyProtocol.ts"
 *
 * MembershipSuite.suite("MyProtocol", {
 *   protocol: MyProtocol.layer({ heartbeatInterval: "1 second" }),
 *   bounds: { crashed: "15 seconds" },
 *   minorityDeclaresDeath: false
 * })
 * ```
 *
 * @since 0.1.0
 */
import { describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import { type Case, cases } from "./internal/membershipSuite/cases.ts"
import { type Bounds, defaults, type Options } from "./internal/membershipSuite/options.ts"

// -----------------------------------------------------------------------------
// model
// -----------------------------------------------------------------------------

export { type Bounds, defaults, type Options }

// -----------------------------------------------------------------------------
// suite
// -----------------------------------------------------------------------------

/**
 * Registers the tests of the suite with vitest, in a block of this name. A test that fails says its seed, with which it
 * fails again. Throws a `RangeError` for a cluster of fewer than 4 nodes.
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
