import * as Effect from "effect/Effect"
import type { Register } from "./fixture.ts"
import { agree, agreed, areAll, assertNeverGone, assertNone, eventually, watchAll } from "./helpers.ts"

export const partitions = (test: Register, minorityDeclaresDeath: boolean): void => {
  test("a network cut in halves for longer than any timeout heals by itself", (fixture) =>
    Effect.gen(function*() {
      const { bounds, names, outage, sim } = fixture
      yield* agree(fixture)
      const half = names.slice(Math.ceil(names.length / 2))
      const watches = yield* watchAll(fixture)
      const cut = yield* sim.partition(half)
      yield* sim.advance(outage)
      // half of a cluster is no majority of it
      if (!minorityDeclaresDeath) assertNeverGone(watches.filter(({ observer }) => half.includes(observer)), names)
      yield* cut.heal
      yield* agree(fixture, bounds.healed)
      yield* sim.advance(bounds.crashed)
      assertNone(yield* agreed(fixture))
    }))

  test("a network of which every link was cut heals by itself", (fixture) =>
    Effect.gen(function*() {
      const { bounds, names, outage, sim } = fixture
      yield* agree(fixture)
      const watches = yield* watchAll(fixture)
      const cuts = yield* Effect.forEach(names, (name) => sim.partition([name]))
      yield* sim.advance(outage)
      if (!minorityDeclaresDeath) assertNeverGone(watches, names)
      yield* Effect.forEach(cuts, (cut) => cut.heal, { discard: true })
      yield* agree(fixture, bounds.healed)
    }))

  const minorityOf = (names: ReadonlyArray<string>) => names.slice(Math.floor(names.length / 2) + 1)

  if (minorityDeclaresDeath) {
    test("either side of a partition holds the other for dead", (fixture) =>
      Effect.gen(function*() {
        const { bounds, names, sim } = fixture
        yield* agree(fixture)
        const minority = minorityOf(names)
        const majority = names.filter((name) => !minority.includes(name))
        const cut = yield* sim.partition(minority)
        yield* eventually(
          fixture,
          "the minority is to be dead to the majority, and the majority to the minority",
          bounds.crashed,
          Effect.flatMap(areAll(fixture, "Dead", minority, majority), (problem) =>
            problem === undefined ? areAll(fixture, "Dead", majority, minority) : Effect.succeed(problem))
        )
        yield* cut.heal
        yield* agree(fixture, bounds.healed)
      }))
  } else {
    test("a majority declares those dead whom it does not reach, and a minority nobody", (fixture) =>
      Effect.gen(function*() {
        const { bounds, names, sim } = fixture
        yield* agree(fixture)
        const minority = minorityOf(names)
        const majority = names.filter((name) => !minority.includes(name))
        const watches = yield* watchAll(fixture)
        const cut = yield* sim.partition(minority)
        yield* eventually(
          fixture,
          "the minority is to be dead to the majority",
          bounds.crashed,
          areAll(fixture, "Dead", minority, majority)
        )
        yield* sim.advance(bounds.crashed)
        assertNeverGone(watches.filter(({ observer }) => minority.includes(observer)), names)
        yield* cut.heal
        yield* agree(fixture, bounds.healed)
      }))
  }
}
