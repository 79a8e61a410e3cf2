import { defaults } from "@effect-gossip/core/dissemination/DisseminationOptions"
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type { Register } from "./fixture.ts"
import { agree, areTold, bodyOf, publish, range } from "./helpers.ts"

const kibibyte = 1024

export const payloads = (test: Register): void => {
  test("payloads of all sizes around that of a datagram arrive as they were", (fixture) =>
    Effect.gen(function*() {
      const { names } = fixture
      yield* agree(fixture)
      const sizes = [0, 1, 100, ...range(118, 141).map((tens) => 10 * tens), ...range(1300, 1310), 1400, 1500, 3000]
      for (const [n, size] of sizes.entries()) yield* publish(fixture, names[n % names.length]!, n, bodyOf(size))
      yield* areTold(fixture, names, sizes.keys())
    }))

  test("payloads far larger than a datagram arrive as they were, several at a time", (fixture) =>
    Effect.gen(function*() {
      const { names } = fixture
      yield* agree(fixture)
      const sizes = [5, 20, 50, 100, 200].map((size) => size * kibibyte)
      yield* Effect.forEach(sizes, (size, n) => publish(fixture, names[n % names.length]!, n, bodyOf(size)), {
        concurrency: "unbounded"
      })
      yield* areTold(fixture, names, sizes.keys())
    }))

  test("a payload of the largest size arrives, and a larger one is refused", (fixture) =>
    Effect.gen(function*() {
      const { names } = fixture
      yield* agree(fixture)
      yield* publish(fixture, names[0]!, 0, bodyOf(defaults.maxPayloadSize - 64))
      yield* areTold(fixture, names, [0])
      const reason = yield* Effect.match(publish(fixture, names[0]!, 1, bodyOf(defaults.maxPayloadSize)), {
        onFailure: (error) => error.reason._tag,
        onSuccess: () => "none"
      })
      assert.strictEqual(reason, "PayloadTooLarge")
      yield* areTold(fixture, names, [0])
    }))
}
