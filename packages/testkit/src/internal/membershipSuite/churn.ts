import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import type { Partition } from "../../SimulatedNetwork.ts"
import type { Fixture } from "./fixture.ts"
import { agree, command, type Watch, watch, watchAll } from "./helpers.ts"

const steps = 30

/**
 * Nodes crash, leave, come back, change their metadata and are cut off, as the seed has it; then all is well again, and
 * the nodes that run agree. The seed of all is spared, and a majority always runs and reaches each other. Returns the
 * changes that each node that runs now was told in its present life, and the first incarnation that was seen to go
 * back, if any was.
 */
export const churn = Effect.fnUntraced(function*(fixture: Fixture) {
  const { bounds, names, sim } = fixture
  const majority = Math.floor(names.length / 2) + 1
  yield* agree(fixture)
  const watches = new Map<string, Watch>()
  for (const watch of yield* watchAll(fixture)) watches.set(watch.observer, watch)
  const views = new Map<string, Map<string, number>>()
  let setBack: string | undefined
  const look = Effect.gen(function*() {
    for (const observer of sim.running()) {
      const now = new Map<string, number>()
      const before = views.get(observer)
      for (const { address, id, incarnation } of yield* sim.members(observer)) {
        const identity = `${id} at ${address}`
        const former = before?.get(identity) ?? incarnation
        if (incarnation < former) setBack ??= `${observer} saw ${identity} in ${former}, and then in ${incarnation}`
        now.set(identity, incarnation)
      }
      views.set(observer, now)
    }
  })
  yield* Effect.forkScoped(Effect.forever(Effect.andThen(look, Effect.sleep(10 * names.length))))

  const draw = (bound: number) => Random.nextIntBetween(0, bound, { halfOpen: true })
  const others = names.slice(1)
  let cut: { readonly name: string; readonly partition: Partition } | undefined
  const heal = Effect.suspend(() => cut === undefined ? Effect.void : cut.partition.heal)
  for (let step = 0; step < steps; step++) {
    const name = others[yield* draw(others.length)]!
    const isRunning = sim.running().includes(name)
    const mayMiss = sim.running().length - (cut === undefined || cut.name === name ? 0 : 1) > majority
    switch (yield* draw(5)) {
      case 0: {
        if (isRunning && mayMiss) yield* sim.crash(name)
        break
      }
      case 1: {
        if (isRunning && mayMiss) yield* sim.stop(name)
        break
      }
      case 2: {
        if (!isRunning) continue
        yield* command(fixture, name, (membership) => membership.setMetadata(Uint8Array.of(step)))
        break
      }
      case 3: {
        yield* heal
        cut = undefined
        if (isRunning && sim.running().length > majority) cut = { name, partition: yield* sim.partition([name]) }
        break
      }
      case 4: {
        if (isRunning) continue
        views.delete(name)
        yield* sim.start(name)
        watches.set(name, yield* watch(fixture, name))
        break
      }
    }
    yield* sim.advance(100 * (1 + (yield* draw(100))))
  }
  yield* heal
  yield* agree(fixture, bounds.healed)
  // what was under way has arrived
  yield* sim.advance("5 seconds")
  return { watches: sim.running().map((name) => watches.get(name)!), setBack }
})
