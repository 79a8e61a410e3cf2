/** The tests of `ReplicaSuite`. */
import * as ReplicatedCrdt from "@effect-gossip/core/ReplicatedCrdt"
import * as ReplicatedMap from "@effect-gossip/core/ReplicatedMap"
import * as PNCounter from "@effect-gossip/core/replication/PNCounter"
import * as ReplicaStore from "@effect-gossip/core/replication/ReplicaStore"
import type { InvalidOption } from "@effect-gossip/core/Transport"
import { assert } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import type { Link } from "../../SimulatedNetwork.ts"
import * as Simulation from "../../Simulation.ts"
import type { VirtualTime } from "../../VirtualTime.ts"

// -----------------------------------------------------------------------------
// options
// -----------------------------------------------------------------------------

/** How soon, in virtual time. */
export interface Bounds {
  /** What is written is at all nodes that reach each other, on a network that loses nothing. */
  readonly spread: Duration.Input
  /** All agree, in spite of losses, and from when a partition has healed or a node has joined. */
  readonly repaired: Duration.Input
}

/** What the suite is given. */
export interface Options {
  /** Layers beneath each node: `AntiEntropy.layer(…)`, `PeerSelection.layerRing`, and so on. */
  readonly protocol?: Layer.Layer<never, InvalidOption> | undefined
  /** How many nodes the clusters have, 3 or more. Default: {@link defaults}. */
  readonly nodes?: number | undefined
  /** How soon all must agree. Default: {@link defaults}. */
  readonly bounds?: Partial<Bounds> | undefined
  /** All randomness comes from it, in every test. Default: {@link defaults}. */
  readonly seed?: string | number | undefined
  /** How long one test may take in the machine's time. Default: {@link defaults}. */
  readonly timeout?: Duration.Input | undefined
}

/** The defaults of {@link Options}: 5 nodes; written within 5 s, repaired within a minute; seed 0; a minute a test. */
export const defaults = {
  nodes: 5,
  bounds: { spread: "5 seconds", repaired: "1 minute" },
  seed: 0,
  timeout: "1 minute"
} as const satisfies Partial<Options>

export interface Case {
  readonly name: string
  readonly run: () => void
}

// -----------------------------------------------------------------------------
// fixture
// -----------------------------------------------------------------------------

class Numbers extends ReplicatedMap.Service<Numbers>()("testkit/Numbers", { key: Schema.Int, value: Schema.Int }) {}
class Count extends ReplicatedCrdt.Service<Count>()("testkit/Count", { crdt: PNCounter.definition }) {}

type Services = Numbers | Count
type Sim = Simulation.Simulation<Services>

const inMemory = Layer.merge(Numbers.layer, Count.layer)
const stored = inMemory.pipe(Layer.provide(ReplicaStore.layerKeyValueStore()))

const map = <A, E>(sim: Sim, name: string, use: (numbers: Numbers["Service"]) => Effect.Effect<A, E>) =>
  sim.on(name, Numbers.use(use))

const held = (sim: Sim, name: string) =>
  Effect.map(
    map(sim, name, (numbers) => numbers.entries),
    (entries) => entries.toSorted(([a], [b]) => a - b).map(([key, value]) => `${key}=${value}`).join(" ")
  )

const counted = (sim: Sim, name: string) => sim.on(name, Count.use((count) => count.value))

const count = (sim: Sim, name: string) =>
  sim.on(name, Count.use((count) => count.update(PNCounter.definition.increment)))

/** Moves time until all that run hold the same, at most so long, and gives what that is. */
const agree = Effect.fnUntraced(function*(sim: Sim, atMost: Duration.Input) {
  const end = sim.now() + Duration.toMillis(Duration.fromInputUnsafe(atMost))
  while (true) {
    const views = yield* Effect.forEach(sim.running(), (name) => held(sim, name))
    const counts = yield* Effect.forEach(sim.running(), (name) => counted(sim, name))
    if (views.every((view) => view === views[0]) && counts.every((count) => count === counts[0])) {
      return { numbers: views[0]!, count: counts[0]! }
    }
    if (sim.now() >= end) return assert.fail(`nodes do not agree: ${JSON.stringify({ views, counts })}`)
    yield* sim.advance("250 millis")
  }
})

// -----------------------------------------------------------------------------
// cases
// -----------------------------------------------------------------------------

type Failure =
  | ReplicatedMap.ReplicatedMapError
  | ReplicatedCrdt.ReplicatedCrdtError
  | Effect.Error<ReturnType<Sim["start"]>>

interface Settings {
  readonly names: ReadonlyArray<string>
  readonly spread: Duration.Input
  readonly repaired: Duration.Input
}

interface Test {
  readonly name: string
  readonly link?: Partial<Link>
  readonly layer?: typeof stored
  readonly run: (sim: Sim, settings: Settings) => Effect.Effect<void, Failure, Scope.Scope | VirtualTime>
}

const harsh: Partial<Link> = {
  latency: { _tag: "Uniform", min: "1 millis", max: "20 millis" },
  loss: 0.2,
  duplication: 0.2,
  reordering: { probability: 0.3, delay: { _tag: "Uniform", min: "10 millis", max: "100 millis" } }
}

/** Longer than news is held by default: only comparing makes up for it. */
const outage = "3 minutes"

const writes = (sim: Sim, names: ReadonlyArray<string>, perNode: number) =>
  Effect.forEach(
    Array.from({ length: perNode * names.length }, (_, i) => i),
    Effect.fnUntraced(function*(i) {
      const name = names[i % names.length]!
      yield* map(sim, name, (numbers) => numbers.set(i % 17, i))
      if (i % 5 === 0) yield* map(sim, name, (numbers) => numbers.delete((i + 3) % 17))
      yield* count(sim, name)
      yield* sim.advance("37 millis")
    }),
    { discard: true }
  )

const tests: ReadonlyArray<Test> = [
  {
    name: "all agree on what all write at once",
    run: Effect.fnUntraced(function*(sim, { names, spread }) {
      yield* writes(sim, names, 10)
      assert.strictEqual((yield* agree(sim, spread)).count, 10 * names.length)
    })
  },
  {
    name: "all agree on a network that loses, delays, duplicates and reorders",
    link: harsh,
    run: Effect.fnUntraced(function*(sim, { names, repaired }) {
      yield* writes(sim, names, 10)
      assert.strictEqual((yield* agree(sim, repaired)).count, 10 * names.length)
    })
  },
  {
    name: "all agree after a partition in which both sides wrote, longer than news is held",
    run: Effect.fnUntraced(function*(sim, { names, repaired }) {
      yield* writes(sim, names, 4)
      const side = names.slice(0, Math.floor(names.length / 2))
      const other = names.find((name) => !side.includes(name))!
      const partition = yield* sim.partition(side)
      yield* writes(sim, names, 6)
      for (const name of side) yield* map(sim, name, (numbers) => numbers.set(100, names.indexOf(name)))
      yield* sim.advance("5 seconds")
      yield* map(sim, other, (numbers) => numbers.set(100, 99))
      yield* map(sim, other, (numbers) => numbers.set(101, 1))
      yield* sim.advance(outage)
      yield* partition.heal
      const { count, numbers } = yield* agree(sim, repaired)
      assert.strictEqual(count, 10 * names.length)
      assert.include(numbers, "100=99 101=1")
    })
  },
  {
    name: "what one side deleted in a partition stays deleted, and what the other wrote later stays",
    run: Effect.fnUntraced(function*(sim, { names, repaired }) {
      const [first, second] = [names[0]!, names[1]!]
      yield* map(sim, first, (numbers) => numbers.setAll([[1, 1], [2, 2], [3, 3]]))
      yield* sim.advance("3 seconds")
      const partition = yield* sim.partition([first])
      yield* map(sim, first, (numbers) => numbers.delete(1))
      yield* map(sim, first, (numbers) => numbers.delete(2))
      yield* sim.advance("1 second")
      yield* map(sim, second, (numbers) => numbers.set(2, 20))
      yield* sim.advance(outage)
      yield* partition.heal
      assert.strictEqual((yield* agree(sim, repaired)).numbers, "2=20 3=3")
      // when it is known everywhere that they were deleted, they are forgotten, and still do not come back
      yield* sim.advance("1 minute")
      assert.strictEqual((yield* agree(sim, repaired)).numbers, "2=20 3=3")
    })
  },
  {
    name: "a node that joins late, or comes back with nothing, gets all there is",
    run: Effect.fnUntraced(function*(sim, { names, repaired }) {
      const last = names.at(-1)!
      yield* sim.crash(last)
      yield* writes(sim, names.slice(0, -1), 10)
      yield* sim.advance(outage)
      const before = yield* agree(sim, repaired)
      yield* sim.start(last)
      yield* sim.advance("1 second")
      assert.deepStrictEqual(yield* agree(sim, repaired), before)
    })
  },
  {
    name: "nodes that are killed among writes come back with what they acknowledged",
    layer: stored,
    run: Effect.fnUntraced(function*(sim, { names, repaired }) {
      for (let round = 0; round < 3; round++) {
        yield* writes(sim, names, 2)
        yield* map(sim, names[round]!, (numbers) => numbers.set(200 + round, round))
        for (const name of names.slice(round, round + 2)) yield* sim.crash(name)
        yield* sim.advance("2 seconds")
        for (const name of names.slice(round, round + 2)) yield* sim.start(name)
      }
      const { count, numbers } = yield* agree(sim, repaired)
      assert.strictEqual(count, 6 * names.length)
      assert.include(numbers, "200=0 201=1 202=2")
    })
  },
  {
    name: "a write is stable once all have it, and not before",
    link: harsh,
    run: Effect.fnUntraced(function*(sim, { names, repaired }) {
      const last = names.at(-1)!
      for (let i = 0; i < 5; i++) {
        const partition = yield* sim.partition([last])
        const version = yield* map(sim, names[0]!, (numbers) => numbers.set(i, i))
        const waiting = yield* Effect.forkScoped(
          sim.on(
            names[0]!,
            Effect.forkDetach(Numbers.use((numbers) => numbers.awaitStable(version, { timeout: repaired })))
          )
        )
        const fiber = yield* Fiber.join(waiting)
        yield* sim.advance("1 second")
        assert.isUndefined(fiber.pollUnsafe())
        yield* partition.heal
        while (fiber.pollUnsafe() === undefined) yield* sim.advance("50 millis")
        const views = yield* Effect.forEach(
          sim.running(),
          (name) => map(sim, name, (numbers) => numbers.get(i))
        )
        yield* Fiber.join(fiber)
        assert.isTrue(views.every(Option.isSome))
      }
    })
  }
]

/** The tests that the options ask for. */
export const cases = (options: Options): ReadonlyArray<Case> => {
  const { nodes = defaults.nodes, protocol, seed = defaults.seed } = options
  if (nodes < 3) throw new RangeError(`a cluster of ${nodes} nodes is too small: 3 or more`)
  const names = Array.from({ length: nodes }, (_, index) => `n${index}`)
  const settings = { names, ...defaults.bounds, ...options.bounds }
  return tests.map(({ layer = inMemory, link, name, run }) => ({
    name,
    run: () =>
      Simulation.runUnsafe(
        { nodes: names, seed: `${seed}/${name}`, link, protocol, layer },
        (sim) => Effect.andThen(sim.until(sim.isAgreed, { atMost: "1 minute" }), run(sim, settings))
      )
  }))
}
