import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import type { Partition } from "../../SimulatedNetwork.ts"
import type { Register } from "./fixture.ts"
import { agree, publish } from "./helpers.ts"

const steps = 40

export const churn = (test: Register): void => {
  test("who runs from before a message is published until all is well is told of it, and nobody of older ones", (fixture) =>
    Effect.gen(function*() {
      const { bounds, journal, names, sim } = fixture
      const draw = (bound: number) => Random.nextIntBetween(0, bound, { halfOpen: true })
      yield* agree(fixture)
      // when what was published, by nodes that have not crashed since
      const published: Array<{ readonly n: number; readonly by: string; readonly at: number }> = []
      const others = names.slice(1)
      const fewest = (names.length >> 1) + 1
      let cut: Partition | undefined
      for (let step = 0; step < steps; step++) {
        const name = others[yield* draw(others.length)]!
        const isRunning = sim.running().includes(name)
        switch (yield* draw(6)) {
          case 0: {
            if (!isRunning || sim.running().length <= fewest) continue
            yield* sim.crash(name)
            // what it published last may be with nobody else
            for (let i = published.length - 1; i >= 0; i--) {
              if (published[i]!.by === name && published[i]!.at > sim.now() - 5000) published.splice(i, 1)
            }
            break
          }
          case 1: {
            if (!isRunning || sim.running().length <= fewest) continue
            yield* sim.stop(name)
            break
          }
          case 2: {
            if (!isRunning) yield* sim.start(name)
            break
          }
          case 3: {
            if (cut !== undefined) yield* cut.heal
            cut = cut === undefined && isRunning ? yield* sim.partition([name]) : undefined
            break
          }
          default: {
            const by = isRunning ? name : names[0]!
            yield* publish(fixture, by, step)
            published.push({ n: step, by, at: sim.now() })
          }
        }
        yield* sim.advance(100 * (1 + (yield* draw(10))))
      }
      if (cut !== undefined) yield* cut.heal
      yield* sim.advance(bounds.repaired)
      for (const name of sim.running()) {
        const { since, told } = journal.of(name)
        const heard = new Set(told.map(({ payload }) => payload.n))
        for (const { at, by, n } of published) {
          if (at <= since) assert.isFalse(heard.has(n), `${name}, which runs since ${since}, was told ${n} of ${at}`)
          // a node that has just started is not known to all
          else if (at > since + 5000) assert.isTrue(heard.has(n), `${name} was not told ${n}, which ${by} published`)
        }
      }
    }))
}
