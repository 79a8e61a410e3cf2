import type { Member } from "@effect-gossip/core/membership/Member"
import { Membership } from "@effect-gossip/core/membership/Membership"
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type { Register } from "./fixture.ts"
import {
  agree,
  agreed,
  areEqual,
  assertNone,
  command,
  eventsOf,
  eventually,
  everyoneSees,
  reasonOf,
  self,
  watchAll
} from "./helpers.ts"

const has = (metadata: Uint8Array) => (member: Member | undefined): boolean =>
  member !== undefined && areEqual(member.metadata, metadata)

export const metadata = (test: Register): void => {
  test("what a node says of itself when it starts reaches all", (fixture) =>
    Effect.gen(function*() {
      const { bounds, names } = fixture
      yield* agree(fixture)
      for (const [index, name] of names.entries()) {
        const check = everyoneSees(fixture, name, has(Uint8Array.of(index, 7)))
        yield* eventually(fixture, `${name}'s metadata are to be known`, bounds.updated, check)
      }
    }), () => ({ gossip: (_, index) => ({ metadata: Uint8Array.of(index, 7) }) }))

  test("metadata that are set reach all, and nobody goes back to older ones", (fixture) =>
    Effect.gen(function*() {
      const { bounds, names, sim } = fixture
      yield* agree(fixture)
      const watches = yield* watchAll(fixture)
      const [one, other] = [names[1]!, names[2]!]
      const last = 10
      for (let i = 1; i <= last; i++) {
        yield* command(fixture, one, (membership) => membership.setMetadata(Uint8Array.of(i)))
        yield* command(fixture, other, (membership) => membership.setMetadata(Uint8Array.of(100 + i)))
        // from at once to when all have heard
        yield* sim.advance(i * 20)
      }
      for (const [name, value] of [[one, last], [other, 100 + last]] as const) {
        const check = everyoneSees(fixture, name, has(Uint8Array.of(value)))
        yield* eventually(fixture, `${name}'s metadata are to be known`, bounds.updated, check)
        yield* sim.advance("10 seconds")
        assertNone(yield* check)
        for (const watch of watches) {
          const values = eventsOf(watch, name).map((event) => event.member.metadata[0] ?? 0)
          const sorted = [...values].sort((a, b) => a - b)
          assert.deepStrictEqual(values, sorted, `what ${watch.observer} was told of ${name}'s metadata`)
        }
      }
      yield* agree(fixture)
    }))

  test("metadata may be as large as maxMetadataSize, and empty again", (fixture) =>
    Effect.gen(function*() {
      const { bounds, names, sim } = fixture
      yield* agree(fixture)
      const name = names.at(-1)!
      const limit = yield* sim.on(name, Membership.useSync((membership) => membership.maxMetadataSize))
      const largest = Uint8Array.from({ length: limit }, (_, i) => i)
      for (const value of [largest, new Uint8Array(0)]) {
        yield* command(fixture, name, (membership) => membership.setMetadata(value))
        yield* eventually(
          fixture,
          `${name}'s metadata of ${value.length} bytes are to be known`,
          bounds.updated,
          everyoneSees(fixture, name, has(value))
        )
      }
    }))

  test("larger metadata are refused with MetadataTooLarge, and nothing changes", (fixture) =>
    Effect.gen(function*() {
      const { names, sim } = fixture
      yield* agree(fixture)
      const name = names[1]!
      const limit = yield* sim.on(name, Membership.useSync((membership) => membership.maxMetadataSize))
      const before = yield* self(sim, name)
      const reason = yield* reasonOf(
        fixture,
        name,
        (membership) => membership.setMetadata(new Uint8Array(limit + 1))
      )
      assert.deepInclude(reason, { _tag: "MetadataTooLarge", size: limit + 1, limit })
      yield* sim.advance("5 seconds")
      assert.deepStrictEqual(yield* self(sim, name), before)
      assertNone(yield* agreed(fixture))
    }))

  test("a node keeps the bytes it was given, whatever becomes of them at the caller's", (fixture) =>
    Effect.gen(function*() {
      const { bounds, names } = fixture
      yield* agree(fixture)
      const name = names[1]!
      const given = Uint8Array.of(1, 2, 3)
      yield* command(fixture, name, (membership) => membership.setMetadata(given))
      given.fill(9)
      yield* eventually(
        fixture,
        `${name}'s metadata are to be known`,
        bounds.updated,
        everyoneSees(fixture, name, has(Uint8Array.of(1, 2, 3)))
      )
    }))
}
