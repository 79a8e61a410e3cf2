/** What `// =>` of an example in documentation becomes: see `doctest.ts`. */
import * as Equal from "effect/Equal"
import { assert } from "vitest"

/** Equality of Effect's data types, arrays and plain objects by value; the difference is shown as vitest shows it. */
export const assertEqual = (actual: unknown, expected: unknown): void => {
  if (!Equal.equals(actual, expected)) assert.deepStrictEqual(actual, expected)
}
