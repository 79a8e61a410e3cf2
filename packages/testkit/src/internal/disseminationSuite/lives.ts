import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type { Register } from "./fixture.ts"
import { agree, areTold, differences, publish, range } from "./helpers.ts"

export const lives = (test: Register): void => {
  for (const pause of ["200 millis", "20 seconds"] as const) {
    test(`a node that is restarted after ${pause} is not told old news again, and is told what follows`, (fixture) =>
      Effect.gen(function*() {
        const { bounds, names, sim } = fixture
        const restarted = names.at(-1)!
        yield* agree(fixture)
        for (const n of range(0, 3)) yield* publish(fixture, names[n % names.length]!, n)
        yield* areTold(fixture, names, range(0, 3))
        yield* sim.crash(restarted)
        yield* sim.advance(pause)
        yield* sim.start(restarted)
        yield* agree(fixture)
        yield* sim.advance(bounds.repaired)
        yield* areTold(fixture, [restarted], [])
        yield* publish(fixture, names[0]!, 3)
        yield* areTold(fixture, [restarted], [3])
        yield* areTold(fixture, names.slice(0, -1), range(0, 4))
      }))
  }

  test("a node that starts late is told what is published from then on", (fixture) =>
    Effect.gen(function*() {
      const { bounds, names, sim } = fixture
      const late = names.at(-1)!
      for (const name of names.slice(0, -1)) yield* sim.start(name)
      yield* agree(fixture)
      yield* publish(fixture, names[0]!, 0)
      yield* sim.advance("5 seconds")
      yield* sim.start(late)
      yield* agree(fixture)
      yield* sim.advance(bounds.repaired)
      yield* publish(fixture, names[0]!, 1)
      yield* areTold(fixture, [late], [1])
      yield* areTold(fixture, names.slice(0, -1), [0, 1])
    }), { start: false })

  test("what a node publishes right before it closes is told to all others", (fixture) =>
    Effect.gen(function*() {
      const { names, sim } = fixture
      const leaving = names.at(-1)!
      yield* agree(fixture)
      for (const n of range(0, 3)) yield* publish(fixture, leaving, n)
      yield* sim.stop(leaving)
      yield* areTold(fixture, names.slice(0, -1), range(0, 3))
    }))

  test("what a node publishes right before it crashes is told to all others, or to none", (fixture) =>
    Effect.gen(function*() {
      const { bounds, journal, names, sim } = fixture
      const crashing = names.at(-1)!
      const others = names.slice(0, -1)
      yield* agree(fixture)
      yield* publish(fixture, crashing, 0)
      yield* sim.crash(crashing)
      yield* sim.advance(bounds.repaired)
      const told = others.filter((name) => journal.of(name).told.length > 0)
      for (const name of told.length > 0 ? others : []) assert.isUndefined(differences(journal.of(name), [0]))
    }))
}
