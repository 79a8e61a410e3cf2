import * as Simulation from "@effect-gossip/testkit/Simulation"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as ReplicatedCrdt from "../../src/ReplicatedCrdt.ts"
import * as LWWRegister from "../../src/replication/LWWRegister.ts"
import * as ORMap from "../../src/replication/ORMap.ts"
import * as ORSet from "../../src/replication/ORSet.ts"
import * as PNCounter from "../../src/replication/PNCounter.ts"
import * as ReplicaStore from "../../src/replication/ReplicaStore.ts"
import * as Breaking from "./breaking.ts"

const { decrement, increment } = PNCounter.definition
const Tags = ORSet.make(Schema.String)
const Leader = LWWRegister.make(Schema.String)
const Stock = ORMap.make({ key: Schema.String, value: PNCounter.definition })

class Visits extends ReplicatedCrdt.Service<Visits>()("test/Visits", { crdt: PNCounter.definition }) {}
class Labels extends ReplicatedCrdt.Service<Labels>()("test/Labels", { crdt: Tags }) {}
class Leads extends ReplicatedCrdt.Service<Leads>()("test/Leads", { crdt: Leader }) {}
class Stocks extends ReplicatedCrdt.Service<Stocks>()("test/Stocks", { crdt: Stock }) {}

const all = Layer.mergeAll(Visits.layer, Labels.layer, Leads.layer, Stocks.layer)
const durable = all.pipe(Layer.provide(ReplicaStore.layerKeyValueStore()))

type Sim = Simulation.Simulation<Visits | Labels | Leads | Stocks>

const agree = (sim: Sim) => sim.until(sim.isAgreed, { atMost: "30 seconds" })
const visits = <A, E>(sim: Sim, name: string, use: (visits: Visits["Service"]) => Effect.Effect<A, E>) =>
  sim.on(name, Visits.use(use))
const valueOf = (sim: Sim, name: string) => visits(sim, name, (visits) => visits.value)

describe("ReplicatedCrdt", () => {
  it("counts what is counted anywhere, also while nodes are cut off from each other", () => {
    Simulation.runUnsafe({ nodes: 4, layer: all }, (sim) =>
      Effect.gen(function*() {
        yield* agree(sim)
        const partition = yield* sim.partition(["n2", "n3"])
        for (const name of sim.running()) {
          for (let i = 0; i < 10; i++) yield* visits(sim, name, (visits) => visits.update(increment))
          yield* visits(sim, name, (visits) => visits.update((state, writer) => decrement(state, writer, 3)))
        }
        yield* sim.advance("3 seconds")
        assert.strictEqual(yield* valueOf(sim, "n0"), 14)
        assert.strictEqual(yield* valueOf(sim, "n3"), 14)
        yield* partition.heal
        yield* sim.advance("1 minute")
        for (const name of sim.running()) assert.strictEqual(yield* valueOf(sim, name), 28)
      }))
  })

  it("comes back from a store with what it counted, and goes on from there", () => {
    Simulation.runUnsafe({ nodes: 2, layer: durable }, (sim) =>
      Effect.gen(function*() {
        yield* agree(sim)
        for (let life = 1; life <= 4; life++) {
          for (let i = 0; i < 5; i++) yield* visits(sim, "n0", (visits) => visits.update(increment))
          yield* sim.crash("n0")
          yield* sim.advance("1 second")
          yield* sim.start("n0")
          assert.strictEqual(yield* valueOf(sim, "n0"), 5 * life)
        }
        yield* sim.advance("20 seconds")
        assert.strictEqual(yield* valueOf(sim, "n1"), 20)
      }))
  })

  it("counts once what was not stored yet when its node broke", () => {
    const layer = Layer.merge(durable, Breaking.layer)
    Simulation.runUnsafe({ nodes: 2, layer }, (sim) =>
      Effect.gen(function*() {
        yield* agree(sim)
        const disk = yield* sim.disk("n0")
        disk.setFaultsUnsafe({ latency: 200 })
        // before the commit, while it is under way, and when it is done and nobody was told
        for (const [at, count] of [[1, 1], [50, 2], [199, 3]] as const) {
          const counting = yield* Effect.forkScoped(visits(sim, "n0", (visits) => visits.update(increment)))
          yield* sim.advance(at)
          yield* Effect.forkScoped(sim.on("n0", Breaking.breakNode))
          yield* sim.advance("10 seconds")
          const version = Option.getOrThrow(yield* Fiber.join(counting))
          yield* visits(sim, "n0", (visits) => visits.awaitStable(version, { timeout: "10 seconds" }))
          assert.strictEqual(yield* valueOf(sim, "n0"), count)
          assert.strictEqual(yield* valueOf(sim, "n1"), count)
        }
      }))
  })

  it("tells what it says now and whenever that changes, and a slow consumer the latest", () => {
    Simulation.runUnsafe({ nodes: 2, layer: all }, (sim) =>
      Effect.gen(function*() {
        yield* agree(sim)
        const told: Array<number> = []
        const changes = yield* sim.on("n1", Visits.useSync((visits) => visits.changes))
        yield* Effect.forkScoped(
          Stream.runForEach(changes, (value) =>
            Effect.andThen(Effect.sync(() => void told.push(value)), Effect.sleep("1 second"))),
          { startImmediately: true }
        )
        for (let i = 0; i < 30; i++) {
          yield* visits(sim, "n0", (visits) =>
            visits.update(increment))
          yield* sim.advance("100 millis")
        }
        yield* sim.advance("3 seconds")
        assert.strictEqual(told[0], 0)
        assert.strictEqual(told.at(-1), 30)
        assert.isBelow(told.length, 8)
      }))
  })

  it("holds sets, registers and maps of counters", () => {
    Simulation.runUnsafe({ nodes: 3, layer: all }, (sim) =>
      Effect.gen(function*() {
        yield* agree(sim)
        yield* sim.on("n0", Labels.use((labels) => labels.update((state, writer) => Tags.add(state, writer, "red"))))
        yield* sim.on("n1", Labels.use((labels) => labels.update((state, writer) => Tags.add(state, writer, "blue"))))
        yield* sim.advance("1 second")
        yield* sim.on("n2", Labels.use((labels) => labels.update((state) => Tags.remove(state, "red"))))
        yield* sim.on(
          "n1",
          Stocks.use((stocks) =>
            stocks.update((state, writer) => Stock.update(state, "apples", (apples) => increment(apples, writer, 7)))
          )
        )
        for (const [name, leader] of [["n0", "a"], ["n2", "c"], ["n1", "b"]] as const) {
          yield* sim.on(
            name,
            Leads.use((leads) => leads.update((state, writer) => Leader.set(state, writer, writer.time, leader)))
          )
          yield* sim.advance("500 millis")
        }
        for (const name of sim.running()) {
          assert.deepStrictEqual(yield* sim.on(name, Labels.use((labels) => labels.value)), ["blue"])
          assert.deepStrictEqual(yield* sim.on(name, Stocks.use((stocks) => stocks.value)), [["apples", 7]])
          assert.deepStrictEqual(yield* sim.on(name, Leads.use((leads) => leads.value)), Option.some("b"))
        }
      }))
  })

  it("writes nothing where a mutator changes nothing, and fails where it throws", () => {
    Simulation.runUnsafe({ nodes: 1, layer: all }, (sim) =>
      Effect.gen(function*() {
        const none = yield* visits(
          sim,
          "n0",
          (visits) => visits.update((state, writer) => increment(state, writer, 0))
        )
        assert.isTrue(Option.isNone(none))
        const error = yield* visits(
          sim,
          "n0",
          (visits) => Effect.flip(visits.update((state, writer) => increment(state, writer, -1)))
        )
        assert.strictEqual(error.reason._tag, "UpdateFailed")
        assert.match(error.message, /^an update of test\/Visits failed: /)
        assert.strictEqual(yield* valueOf(sim, "n0"), 0)
      }))
  })

  it("waits until all live members have a write", () => {
    Simulation.runUnsafe({ nodes: 5, layer: all }, (sim) =>
      Effect.gen(function*() {
        yield* agree(sim)
        const version = yield* visits(sim, "n2", (visits) => visits.update(increment))
        yield* visits(sim, "n2", (visits) => visits.awaitStable(Option.getOrThrow(version), { timeout: "10 seconds" }))
        for (const name of sim.running()) assert.strictEqual(yield* valueOf(sim, name), 1)
      }))
  })
})
