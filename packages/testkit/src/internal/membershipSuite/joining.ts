import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type { Fixture, Register, Setup } from "./fixture.ts"
import { agree, agreed, areAll, assertNone, command, eventually, find, reasonOf } from "./helpers.ts"

const nowhere = "10.255.255.254:1"

// the last node's only seed is itself, which is as good as none
const withStranger: Setup = (nodes) => ({
  gossip: (node, index) => index === nodes - 1 ? { seeds: [node.name] } : {}
})

const refused = (fixture: Fixture, name: string, seeds: ReadonlyArray<string>) =>
  reasonOf(fixture, name, (membership) => membership.join(seeds))

export const joining = (test: Register): void => {
  test("nodes that join through one seed agree who is there", (fixture) =>
    Effect.gen(function*() {
      const { names, sim } = fixture
      yield* agree(fixture)
      for (const name of names) {
        assert.sameMembers((yield* sim.members(name)).map((member) => member.id), [...names])
      }
    }))

  test("a node that joins later is learned by all", (fixture) =>
    Effect.gen(function*() {
      const { names, sim } = fixture
      const late = names.at(-1)!
      for (const name of names.slice(0, -1)) yield* sim.start(name)
      yield* agree(fixture)
      yield* sim.advance("20 seconds")
      assert.isUndefined(yield* find(sim, names[0]!, late))
      yield* sim.start(late)
      yield* eventually(fixture, `${late} is to be known`, fixture.bounds.joined, areAll(fixture, "Alive", [late]))
      yield* agree(fixture)
    }), () => ({ start: false }))

  test("a node that starts before its seed joins when that comes up", (fixture) =>
    Effect.gen(function*() {
      const { bounds, names, sim } = fixture
      for (const name of names.slice(1)) yield* sim.start(name)
      yield* sim.advance("1 minute")
      yield* sim.start(names[0]!)
      // who waited for long asks more seldom
      yield* agree(fixture, bounds.healed)
    }), () => ({ start: false }))

  test("a node that was given no seed is alone until it is told one", (fixture) =>
    Effect.gen(function*() {
      const { bounds, names, sim } = fixture
      const stranger = names.at(-1)!
      yield* sim.advance(bounds.joined)
      assert.deepStrictEqual((yield* sim.members(stranger)).map((member) => member.id), [stranger])
      assert.isUndefined(yield* find(sim, names[0]!, stranger))
      // one that answers is enough
      yield* command(fixture, stranger, (membership) => membership.join([nowhere, sim.nodes[1]!.address]))
      yield* agree(fixture)
    }), withStranger)

  test("joining through no seeds fails with NoSeeds", (fixture) =>
    Effect.gen(function*() {
      yield* agree(fixture)
      const reason = yield* refused(fixture, fixture.names[1]!, [])
      assert.strictEqual(reason._tag, "NoSeeds")
      assertNone(yield* agreed(fixture))
    }))

  test("joining through what is no address fails with InvalidSeed, which names it", (fixture) =>
    Effect.gen(function*() {
      yield* agree(fixture)
      const seeds = [fixture.sim.nodes[0]!.address, "not an address"]
      const reason = yield* refused(fixture, fixture.names[1]!, seeds)
      assert.strictEqual(reason._tag, "InvalidSeed")
      assert.include(reason.message, "not an address")
      assertNone(yield* agreed(fixture))
    }))

  test(
    "joining through seeds that do not answer fails with NoSeedAnswered, and the node runs on",
    (fixture) =>
      Effect.gen(function*() {
        const { bounds, names, sim } = fixture
        const stranger = names.at(-1)!
        yield* eventually(
          fixture,
          "those who have a seed are to know each other",
          bounds.joined,
          areAll(fixture, "Alive", names.slice(0, -1), names.slice(0, -1))
        )
        const reason = yield* refused(fixture, stranger, [nowhere])
        assert(reason._tag === "NoSeedAnswered", reason._tag)
        assert.deepStrictEqual(reason.failures.map((failure) => failure.seed), [nowhere])
        assert.deepStrictEqual((yield* sim.members(stranger)).map((member) => member.id), [stranger])
        yield* command(fixture, stranger, (membership) => membership.join([sim.nodes[0]!.address]))
        yield* agree(fixture)
      }),
    withStranger
  )
}
