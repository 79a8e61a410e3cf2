/**
 * The conformance suite for ways of anti-entropy: what applications take for granted of replicated maps and CRDTs, however
 * nodes compare what they hold and whomever they compare it with.
 *
 * Each test runs a small cluster in virtual time, over a simulated network: nodes write, are cut off, crash and come back.
 * How soon all must agree is to be given; all else is the same for each.
 *
 * It needs `vitest` and `@effect/vitest`, which are optional peer dependencies of the testkit, and is therefore not part
 * of its main module.
 *
 * **Example** (Checking a choice of peers of one's own)
 *
 * ```ts
 * import { AntiEntropy } from "@effect-gossip/core/replication"
 * import * as ReplicaSuite from "@effect-gossip/testkit/ReplicaSuite"
 * import { Layer } from "effect"
 * import { nearestFirst } from "./nearestFirst.ts"
 *
 * ReplicaSuite.suite("nearest first", {
 *   protocol: Layer.merge(AntiEntropy.layerPull(), nearestFirst),
 *   bounds: { repaired: "30 seconds" }
 * })
 * ```
 *
 * @since 0.1.0
 */
import { describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import { cases, defaults, type Options } from "./internal/replicaSuite/cases.ts"

// -----------------------------------------------------------------------------
// model
// -----------------------------------------------------------------------------

export { defaults, type Options }

// -----------------------------------------------------------------------------
// suite
// -----------------------------------------------------------------------------

/**
 * Registers the tests of the suite with vitest, in a block of this name. A test that fails says its seed, with which it fails
 * again. Throws a `RangeError` for a cluster of fewer than 3 nodes.
 */
export const suite = (name: string, options: Options): void => {
  const timeout = Duration.toMillis(Duration.fromInputUnsafe(options.timeout ?? defaults.timeout))
  describe(name, { timeout }, () => {
    for (const test of cases(options)) it(test.name, test.run)
  })
}
