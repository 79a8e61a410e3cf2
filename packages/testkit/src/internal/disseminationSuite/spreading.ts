import { assert } from "@effect/vitest"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import type { Register } from "./fixture.ts"
import { agree, areTold, publish, range, sent } from "./helpers.ts"

export const spreading = (test: Register, talksWhenIdle: boolean): void => {
  test("what is published at a node is told to all, once", (fixture) =>
    Effect.gen(function*() {
      const { bounds, names, sim } = fixture
      yield* agree(fixture)
      for (const [index, name] of [names[0]!, names.at(-1)!].entries()) {
        yield* publish(fixture, name, index)
        yield* areTold(fixture, names, range(0, index + 1))
      }
      yield* sim.advance(bounds.repaired)
      yield* areTold(fixture, names, [0, 1])
    }))

  test("each is told who published it, when, and how many passed it on", (fixture) =>
    Effect.gen(function*() {
      const { journal, names, sim } = fixture
      yield* agree(fixture)
      const [origin] = names
      const before = yield* sim.on(origin!, DateTime.now)
      yield* publish(fixture, origin!, 0)
      const after = yield* sim.on(origin!, DateTime.now)
      yield* areTold(fixture, names, [0])
      const [own] = journal.of(origin!).told
      assert.isAtLeast(own!.publishedAt.epochMilliseconds, before.epochMilliseconds - 1)
      assert.isAtMost(own!.publishedAt.epochMilliseconds, after.epochMilliseconds)
      for (const name of names) {
        const [told] = journal.of(name).told
        assert.strictEqual(told!.origin, origin)
        assert.deepStrictEqual(told!.publishedAt, own!.publishedAt)
        if (name === origin) assert.strictEqual(told!.hops, 0)
        else {
          assert.isAtLeast(told!.hops, 1)
          assert.isBelow(told!.hops, names.length)
        }
      }
    }))

  test("what all publish at once is told to all", (fixture) =>
    Effect.gen(function*() {
      const { names } = fixture
      const each = 10
      yield* agree(fixture)
      yield* Effect.forEach(
        names,
        (name, index) =>
          Effect.forEach(range(0, each), (n) => publish(fixture, name, index * each + n), { discard: true }),
        { concurrency: "unbounded", discard: true }
      )
      yield* areTold(fixture, names, range(0, names.length * each))
    }))

  test("much that is published in a row at one node is told to all", (fixture) =>
    Effect.gen(function*() {
      const { names } = fixture
      yield* agree(fixture)
      for (const n of range(0, 200)) yield* publish(fixture, names[1]!, n)
      yield* areTold(fixture, names, range(0, 200))
    }))

  if (!talksWhenIdle) {
    test("who has no news is silent, and so are all when news has spread and is forgotten", (fixture) =>
      Effect.gen(function*() {
        const { names, sim } = fixture
        yield* agree(fixture)
        yield* sim.advance("1 minute")
        for (const name of names) assert.strictEqual(sent(fixture, name), 0, `messages of ${name}`)
        yield* publish(fixture, names[0]!, 0)
        yield* areTold(fixture, names, [0])
        yield* sim.advance("3 minutes")
        const before = names.map((name) => sent(fixture, name))
        yield* sim.advance("5 minutes")
        assert.deepStrictEqual(names.map((name) => sent(fixture, name)), before)
      }))
  }
}
