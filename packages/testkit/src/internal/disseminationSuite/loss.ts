import * as Effect from "effect/Effect"
import type { Register } from "./fixture.ts"
import { areTold, bodyOf, publish, range } from "./helpers.ts"

export const loss = (test: Register): void => {
  test("all are told everything, once", (fixture) =>
    Effect.gen(function*() {
      const { bounds, names, sim } = fixture
      // they need not agree at any moment who is there
      yield* sim.advance("10 seconds")
      for (const n of range(0, 30)) {
        yield* publish(fixture, names[n % names.length]!, n, bodyOf(n % 10 === 9 ? 5000 : 100))
        yield* sim.advance("300 millis")
      }
      yield* areTold(fixture, names, range(0, 30), bounds.repaired)
      yield* sim.advance(bounds.repaired)
    }))
}
