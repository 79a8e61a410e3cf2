import type { Member } from "@effect-gossip/core/membership/Member"
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type { Register } from "./fixture.ts"
import {
  agree,
  agreed,
  areAll,
  assertNeverGone,
  assertNone,
  disorder,
  eventsOf,
  eventually,
  everyoneSees,
  self,
  watchAll
} from "./helpers.ts"

export const failing = (test: Register): void => {
  test("nobody is missed while nothing fails", (fixture) =>
    Effect.gen(function*() {
      const { bounds, names, sim } = fixture
      yield* agree(fixture)
      const watches = yield* watchAll(fixture)
      yield* sim.advance(bounds.crashed)
      yield* sim.advance(bounds.crashed)
      assertNeverGone(watches, names)
      yield* agree(fixture)
    }))

  test("a crashed node is dead to all, and nobody else is", (fixture) =>
    Effect.gen(function*() {
      const { bounds, names, sim } = fixture
      yield* agree(fixture)
      const watches = yield* watchAll(fixture)
      const crashed = names.at(-1)!
      yield* sim.crash(crashed)
      yield* eventually(fixture, `${crashed} is to be dead`, bounds.crashed, areAll(fixture, "Dead", [crashed]))
      yield* sim.advance(bounds.crashed)
      assertNeverGone(watches, sim.running())
      assertNone(yield* agreed(fixture))
    }))

  test("as many as leave a majority may crash at once, and are dead to all", (fixture) =>
    Effect.gen(function*() {
      const { bounds, names, sim } = fixture
      yield* agree(fixture)
      const watches = yield* watchAll(fixture)
      const crashed = names.slice(Math.floor(names.length / 2) + 1)
      yield* Effect.forEach(crashed, sim.crash, { discard: true })
      yield* eventually(fixture, "the crashed are to be dead", bounds.crashed, areAll(fixture, "Dead", crashed))
      assertNeverGone(watches, sim.running())
      yield* agree(fixture)
    }))

  for (const [who, which] of [["a node", -1], ["the seed of all", 0]] as const) {
    test(`${who} that is restarted before anyone missed it replaces its earlier life`, (fixture) =>
      Effect.gen(function*() {
        const { bounds, names, sim } = fixture
        yield* agree(fixture)
        yield* sim.advance("10 seconds")
        const watches = yield* watchAll(fixture)
        const name = names.at(which)!
        const before = yield* self(sim, name)
        yield* sim.crash(name)
        yield* sim.advance("200 millis")
        yield* sim.start(name)
        yield* agree(fixture, bounds.restarted)
        const after = yield* self(sim, name)
        assert.isAbove(after.incarnation, before.incarnation)
        yield* sim.advance(bounds.crashed)
        assertNone(yield* agreed(fixture))
        for (const watch of watches) {
          if (watch.observer === name) continue
          assertNone(disorder(watch))
          assert.strictEqual(eventsOf(watch, name).at(-1)!.member.incarnation, after.incarnation)
        }
      }))
  }

  test("a dead node that is started again is back to all, life after life, its events in order", (fixture) =>
    Effect.gen(function*() {
      const { bounds, names, sim } = fixture
      const lives = 3
      yield* agree(fixture)
      const watches = yield* watchAll(fixture)
      const name = names.at(-1)!
      for (let life = 0; life < lives; life++) {
        const before = yield* self(sim, name)
        yield* sim.crash(name)
        yield* eventually(fixture, `${name} is to be dead`, bounds.crashed, areAll(fixture, "Dead", [name]))
        yield* sim.start(name)
        yield* agree(fixture, bounds.restarted)
        assert.isAbove((yield* self(sim, name)).incarnation, before.incarnation)
      }
      const expected = ["Joined", ...Array.from({ length: lives }, () => ["Died", "Joined"]).flat()]
      for (const watch of watches) {
        if (watch.observer === name) continue
        assertNone(disorder(watch))
        const tags = eventsOf(watch, name).map((event) => event._tag)
        assert.deepStrictEqual(
          tags.filter((tag) => tag === "Joined" || tag === "Died"),
          expected,
          `what ${watch.observer} was told of ${name}`
        )
      }
    }))

  test("a node that hears of its own death refutes it", (fixture) =>
    Effect.gen(function*() {
      const { bounds, names, sim } = fixture
      yield* agree(fixture)
      const isolated = names.at(-1)!
      const others = names.slice(0, -1)
      const before = yield* self(sim, isolated)
      const cut = yield* sim.partition([isolated])
      yield* eventually(
        fixture,
        `${isolated} is to be dead`,
        bounds.crashed,
        areAll(fixture, "Dead", [isolated], others)
      )
      yield* cut.heal
      const isBack = (member: Member | undefined) =>
        member?.status === "Alive" && member.incarnation > before.incarnation
      yield* eventually(
        fixture,
        `${isolated} is to be alive again in an incarnation above ${before.incarnation}`,
        bounds.healed,
        everyoneSees(fixture, isolated, isBack)
      )
      yield* agree(fixture, bounds.healed)
    }))
}
