import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type { Register } from "./fixture.ts"
import {
  agree,
  agreed,
  areAll,
  areEqual,
  assertNone,
  command,
  eventsOf,
  eventually,
  self,
  watchAll
} from "./helpers.ts"

export const leaving = (test: Register): void => {
  test("a node that closes has left to all, and is never dead", (fixture) =>
    Effect.gen(function*() {
      const { bounds, names, sim } = fixture
      yield* agree(fixture)
      const watches = yield* watchAll(fixture)
      const gone = names.at(-1)!
      yield* sim.stop(gone)
      yield* eventually(fixture, `${gone} is to have left`, bounds.left, areAll(fixture, "Left", [gone]))
      // as long as it would take to miss it
      yield* sim.advance(bounds.crashed)
      assertNone(yield* agreed(fixture))
      for (const watch of watches) {
        if (watch.observer === gone) continue
        const tags = eventsOf(watch, gone).map((event) => event._tag).filter((tag) => tag !== "Reaped")
        assert.deepStrictEqual(tags, ["Joined", "Left"], `what ${watch.observer} was told of ${gone}`)
      }
    }))

  test("nodes that close at once have left to all who stay", (fixture) =>
    Effect.gen(function*() {
      const { bounds, names, sim } = fixture
      yield* agree(fixture)
      const gone = names.slice(-2)
      yield* Effect.forEach(gone, sim.stop, { concurrency: "unbounded", discard: true })
      yield* eventually(fixture, "they are to have left", bounds.left, areAll(fixture, "Left", gone))
      yield* agree(fixture)
    }))

  test("a node that leaves runs on, and takes no part", (fixture) =>
    Effect.gen(function*() {
      const { bounds, names, sim } = fixture
      yield* agree(fixture)
      const gone = names[1]!
      yield* command(fixture, gone, (membership) => membership.leave)
      yield* eventually(fixture, `${gone} is to have left`, bounds.left, areAll(fixture, "Left", [gone]))
      yield* sim.advance(bounds.crashed)
      assert.strictEqual((yield* self(sim, gone)).status, "Left")
      yield* eventually(fixture, `${gone} is to stay away`, bounds.left, areAll(fixture, "Left", [gone]))
      // to leave once more is no mistake
      yield* command(fixture, gone, (membership) => membership.leave)
    }))

  test("a node that has left comes back when it joins, with what it was told to say meanwhile", (fixture) =>
    Effect.gen(function*() {
      const { bounds, names, sim } = fixture
      yield* agree(fixture)
      const back = names[1]!
      const before = yield* self(sim, back)
      yield* command(fixture, back, (membership) => membership.leave)
      yield* eventually(fixture, `${back} is to have left`, bounds.left, areAll(fixture, "Left", [back]))
      yield* sim.advance("10 seconds")
      const metadata = Uint8Array.of(1, 2, 3)
      yield* command(fixture, back, (membership) => membership.setMetadata(metadata))
      yield* sim.advance("1 second")
      assert.strictEqual((yield* self(sim, back)).status, "Left")
      yield* command(fixture, back, (membership) => membership.join([sim.nodes[0]!.address]))
      yield* agree(fixture)
      const after = yield* self(sim, back)
      assert.isAbove(after.incarnation, before.incarnation)
      assert.isTrue(areEqual(after.metadata, metadata))
      yield* sim.advance(bounds.crashed)
      assertNone(yield* agreed(fixture))
    }))
}
