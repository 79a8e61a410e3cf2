import * as Effect from "effect/Effect"
import type { Register } from "./fixture.ts"
import { agree, areAll, eventually } from "./helpers.ts"

export const loss = (test: Register): void => {
  test("nobody is dead for good who is there, and all agree when the loss ends", (fixture) =>
    Effect.gen(function*() {
      const { bounds, names, sim } = fixture
      yield* sim.advance("5 minutes")
      // the loss goes on: whoever was declared dead wrongly has to be heard through it
      yield* eventually(
        fixture,
        "nobody is to be dead",
        bounds.healed,
        Effect.gen(function*() {
          for (const observer of names) {
            const members = yield* sim.members(observer)
            if (members.length < names.length) return `${observer} knows ${members.length} of ${names.length}`
            const gone = members.find((member) => member.status === "Dead" || member.status === "Left")
            if (gone !== undefined) return `${observer} sees ${gone.id} as ${gone.status}`
          }
          return undefined
        })
      )
      yield* sim.network.setDefaultLink({})
      yield* agree(fixture, bounds.healed)
    }))

  test("a crashed node is dead to all in the end, and one that leaves is gone", (fixture) =>
    Effect.gen(function*() {
      const { bounds, names, sim } = fixture
      yield* agree(fixture, bounds.healed)
      const crashed = names.at(-1)!
      yield* sim.crash(crashed)
      yield* eventually(fixture, `${crashed} is to be dead`, bounds.healed, areAll(fixture, "Dead", [crashed]))
      yield* sim.stop(names.at(-2)!)
      yield* agree(fixture, bounds.healed)
    }))
}
