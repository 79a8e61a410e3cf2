import * as Effect from "effect/Effect"
import * as Fault from "../../Fault.ts"
import type { Fixture, Register } from "./fixture.ts"
import { agree, agreed, areAll, assertNone, eventually } from "./helpers.ts"

// a process that is stopped, and goes on when all others have given it up
const stall = (fixture: Fixture, stalled: ReadonlyArray<string>) =>
  Effect.gen(function*() {
    const { bounds, names, outage, sim } = fixture
    yield* agree(fixture)
    const others = names.filter((name) => !stalled.includes(name))
    const stalls = yield* Effect.forEach(stalled, (name) => sim.inject(Fault.pause(name)))
    yield* eventually(fixture, "who stalls is to be dead", bounds.crashed, areAll(fixture, "Dead", stalled, others))
    yield* sim.advance(outage)
    yield* Effect.forEach(stalls, ({ end }) => end, { discard: true })
    yield* agree(fixture, bounds.healed)
    yield* sim.advance(bounds.crashed)
    assertNone(yield* agreed(fixture))
  })

export const pauses = (test: Register): void => {
  test(
    "a node that stalls for longer than any timeout is missed, and is back when it goes on",
    (fixture) => stall(fixture, fixture.names.slice(-1))
  )

  test(
    "as many as leave a majority, the seed of all among them, may stall at once, and are back when they go on",
    (fixture) => stall(fixture, fixture.names.slice(0, Math.ceil(fixture.names.length / 2) - 1))
  )
}
