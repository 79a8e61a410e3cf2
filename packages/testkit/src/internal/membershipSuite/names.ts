import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type { Fixture, Register, Setup } from "./fixture.ts"
import { areAll, eventually, find, type Watch, watchAll } from "./helpers.ts"

const taken = "n1"
const twin = "twin"

// another process that was given a name which is taken
const withTwin: Setup = (nodes) => ({
  nodes: [...Array.from({ length: nodes - 1 }, (_, index) => `n${index}`), twin],
  start: false,
  gossip: (node) => node.name === twin ? { name: taken } : {}
})

const startWithoutTwin = (fixture: Fixture) =>
  Effect.gen(function*() {
    const others = fixture.names.slice(0, -1)
    for (const name of others) yield* fixture.sim.start(name)
    yield* eventually(
      fixture,
      "all but the twin are to know each other",
      fixture.bounds.joined,
      areAll(fixture, "Alive", others)
    )
    // the twin comes later, by every clock
    yield* fixture.sim.advance("5 seconds")
  })

export const names = (test: Register): void => {
  test("two nodes that claim one name are reported as a conflict, to all", (fixture) =>
    Effect.gen(function*() {
      const { bounds, sim } = fixture
      yield* startWithoutTwin(fixture)
      const addresses = [sim.nodes[1]!.address, sim.nodes.at(-1)!.address]
      const watches: Array<Watch> = [...(yield* watchAll(fixture))]
      yield* sim.start(twin)
      const heard = ({ events }: Watch) =>
        events.some((event) =>
          event._tag === "Conflict" && event.id === taken &&
          addresses.every((address) => event.addresses.includes(address))
        )
      yield* eventually(
        fixture,
        `all are to be told that two claim ${taken}`,
        bounds.joined,
        Effect.sync(() => {
          const deaf = watches.find((watch) => !heard(watch))
          return deaf === undefined ? undefined : `${deaf.observer} was not`
        })
      )
    }), withTwin)

  test(
    "whoever had a name first keeps it, and each of those who claim it knows itself",
    (fixture) =>
      Effect.gen(function*() {
        const { bounds, names, sim } = fixture
        yield* startWithoutTwin(fixture)
        const watches = yield* watchAll(fixture)
        const first = sim.nodes[1]!.address
        const second = sim.nodes.at(-1)!.address
        yield* sim.start(twin)
        // long enough for the one to be missed, were it taken for the other
        yield* sim.advance(bounds.crashed)
        for (const { events, observer } of watches) {
          for (const event of events) {
            if (event._tag === "Conflict" || event.member.id !== taken) continue
            assert.strictEqual(event.member.address, first, `${observer} was told ${event._tag} of ${taken}`)
            assert.notInclude(["Died", "Left"], event._tag, `what ${observer} was told of ${taken}`)
          }
        }
        for (const observer of names) {
          const expected = observer === twin ? second : first
          assert.strictEqual((yield* find(sim, observer, taken))?.address, expected, `${taken} as ${observer} sees it`)
        }
      }),
    withTwin
  )
}
