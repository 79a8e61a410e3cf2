import * as Effect from "effect/Effect"
import type { Register } from "./fixture.ts"
import { agree, areTold, bodyOf, publish, range } from "./helpers.ts"

export const outages = (test: Register): void => {
  test("a node that is cut off for less than the retention is told what it missed, and tells what others did", (fixture) =>
    Effect.gen(function*() {
      const { bounds, names, sim } = fixture
      const isolated = names.at(-1)!
      yield* agree(fixture)
      const cut = yield* sim.partition([isolated])
      for (const n of range(0, 10)) {
        yield* publish(fixture, n % 2 === 0 ? names[n % (names.length - 1)]! : isolated, n)
        yield* sim.advance("2 seconds")
      }
      yield* areTold(fixture, [isolated], [1, 3, 5, 7, 9])
      yield* areTold(fixture, names.slice(0, -1), [0, 2, 4, 6, 8])
      yield* cut.heal
      yield* areTold(fixture, names, range(0, 10), bounds.repaired)
    }))

  test("a node that has missed hundreds, and what is far larger than a datagram, is told of all", (fixture) =>
    Effect.gen(function*() {
      const { bounds, names, sim } = fixture
      const isolated = names.at(-1)!
      const missed = 400
      yield* agree(fixture)
      yield* publish(fixture, names[0]!, missed)
      yield* areTold(fixture, names, [missed])
      const cut = yield* sim.partition([isolated])
      for (const n of range(0, missed)) {
        yield* publish(fixture, names[n % (names.length - 1)]!, n, bodyOf(n % 100 === 0 ? 100_000 : 50))
        if (n % 20 === 0) yield* sim.advance("500 millis")
      }
      yield* cut.heal
      yield* areTold(fixture, names, range(0, missed + 1), bounds.repaired)
    }))

  test("either half of a partition is told what the other has published", (fixture) =>
    Effect.gen(function*() {
      const { bounds, names, sim } = fixture
      const half = names.slice(names.length >> 1)
      yield* agree(fixture)
      const cut = yield* sim.partition(half)
      for (const n of range(0, 6)) {
        yield* publish(fixture, n % 2 === 0 ? names[0]! : half[0]!, n)
        yield* sim.advance("3 seconds")
      }
      yield* cut.heal
      yield* areTold(fixture, names, range(0, 6), bounds.repaired)
    }))

  test("a node that is cut off for a moment, and not missed, is told what it missed", (fixture) =>
    Effect.gen(function*() {
      const { bounds, names, sim } = fixture
      yield* agree(fixture)
      const cut = yield* sim.partition([names.at(-1)!])
      for (const n of range(0, 3)) yield* publish(fixture, names[n % 2]!, n)
      yield* sim.advance("500 millis")
      yield* cut.heal
      yield* areTold(fixture, names, range(0, 3), bounds.repaired)
    }))

  test("a node that is cut off for longer than the retention is told what is published from then on", (fixture) =>
    Effect.gen(function*() {
      const { bounds, names, sim } = fixture
      const isolated = names.at(-1)!
      yield* agree(fixture)
      yield* publish(fixture, names[0]!, 0)
      yield* areTold(fixture, names, [0])
      const cut = yield* sim.partition([isolated])
      yield* publish(fixture, names[0]!, 1)
      yield* sim.advance("10 minutes")
      yield* cut.heal
      yield* sim.advance("2 minutes")
      yield* agree(fixture)
      yield* publish(fixture, names[0]!, 2)
      yield* areTold(fixture, names.slice(0, -1), [0, 1, 2], bounds.spread)
      yield* areTold(fixture, [isolated], [0, 2], bounds.spread)
    }))
}
