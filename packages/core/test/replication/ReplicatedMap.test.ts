import * as Fault from "@effect-gossip/testkit/Fault"
import * as Simulation from "@effect-gossip/testkit/Simulation"
import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Latch from "effect/Latch"
import * as Layer from "effect/Layer"
import * as Metric from "effect/Metric"
import * as Option from "effect/Option"
import { KeyValueStore } from "effect/persistence/KeyValueStore"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as GossipMetrics from "../../src/GossipMetrics.ts"
import * as ReplicatedMap from "../../src/ReplicatedMap.ts"
import { Replica } from "../../src/replication/Replica.ts"
import * as ReplicaOptions from "../../src/replication/ReplicaOptions.ts"
import * as ReplicaStore from "../../src/replication/ReplicaStore.ts"
import * as Breaking from "./breaking.ts"

class Flags extends ReplicatedMap.Service<Flags>()("test/Flags", {
  key: Schema.String,
  value: Schema.Struct({ on: Schema.Boolean }),
  maxValueSize: 1000,
  maxKeys: 100,
  changesCapacity: 10
}) {}

class Numbers extends ReplicatedMap.Service<Numbers>()("test/Numbers", {
  key: Schema.Int,
  value: Schema.Int
}) {}

type Maps = Flags | Numbers

const maps = Layer.mergeAll(Flags.layer, Numbers.layer)
const durable = maps.pipe(Layer.provide(ReplicaStore.layerKeyValueStore()), Layer.orDie)

type Sim = Simulation.Simulation<Maps>

const agree = (sim: Sim) => sim.until(sim.isAgreed, { atMost: "30 seconds" })
const flags = <A, E>(sim: Sim, name: string, use: (flags: Flags["Service"]) => Effect.Effect<A, E>) =>
  sim.on(name, Flags.use(use))
const numbers = <A, E>(sim: Sim, name: string, use: (numbers: Numbers["Service"]) => Effect.Effect<A, E>) =>
  sim.on(name, Numbers.use(use))
const entriesOf = (sim: Sim, name: string) =>
  Effect.map(
    numbers(sim, name, (numbers) => numbers.entries),
    (entries) => Object.fromEntries([...entries].sort(([a], [b]) => a - b))
  )

/** Waits until all of these hold the same numbers as the first. */
const converge = Effect.fnUntraced(function*(sim: Sim, names: ReadonlyArray<string> = sim.running()) {
  for (let i = 0; i < 200; i++) {
    const held = yield* Effect.forEach(names, (name) => entriesOf(sim, name))
    if (held.every((entries) => JSON.stringify(entries) === JSON.stringify(held[0]))) return held[0]!
    yield* sim.advance("100 millis")
  }
  return assert.fail("the maps do not agree")
})

const collect = Effect.fnUntraced(function*(
  sim: Sim,
  name: string,
  options?: Parameters<Numbers["Service"]["changes"]>[0]
) {
  const told: Array<ReplicatedMap.Change<number, number>> = []
  const changes = yield* sim.on(name, Numbers.useSync((numbers) => numbers.changes(options)))
  const fiber = yield* Effect.forkScoped(
    Stream.runForEach(changes, (change) => Effect.sync(() => void told.push(change))),
    { startImmediately: true }
  )
  return { told, fiber }
})

const gauge = (sim: Sim, name: string, metric: Metric.Gauge<number>) =>
  sim.on(
    name,
    Effect.map(Metric.value(Metric.withAttributes(metric, { node: name, space: "test/Numbers" })), ({ value }) => value)
  )

const brief = (changes: ReadonlyArray<ReplicatedMap.Change<number, number>>) =>
  changes.map((change) =>
    change._tag === "Set" ? [change.key, change.value] : change._tag === "Deleted" ? [change.key] : []
  )

describe("ReplicatedMap", () => {
  it("is read at the node that wrote at once, and at the others within a second", () => {
    Simulation.runUnsafe({ nodes: 3, layer: maps }, (sim) =>
      Effect.gen(function*() {
        yield* agree(sim)
        const version = yield* flags(sim, "n0", (flags) => flags.set("dark-mode", { on: true }))
        assert.strictEqual(version.timestamp.node, "n0")
        assert.deepStrictEqual(yield* flags(sim, "n0", (flags) => flags.get("dark-mode")), Option.some({ on: true }))
        yield* sim.advance("1 second")
        for (const name of ["n1", "n2"]) {
          assert.deepStrictEqual(yield* flags(sim, name, (flags) => flags.get("dark-mode")), Option.some({ on: true }))
          assert.strictEqual(yield* flags(sim, name, (flags) => flags.size), 1)
          assert.deepStrictEqual(yield* flags(sim, name, (flags) => flags.entries), [["dark-mode", { on: true }]])
          assert.deepStrictEqual(yield* flags(sim, name, (flags) => flags.get("other")), Option.none())
        }
      }))
  })

  it("deletes everywhere, also what is not there", () => {
    Simulation.runUnsafe({ nodes: 3, layer: maps }, (sim) =>
      Effect.gen(function*() {
        yield* agree(sim)
        yield* numbers(sim, "n0", (numbers) => numbers.setAll([[1, 10], [2, 20]]))
        yield* converge(sim)
        yield* numbers(sim, "n1", (numbers) => numbers.delete(1))
        assert.deepStrictEqual(yield* numbers(sim, "n1", (numbers) => numbers.get(1)), Option.none())
        yield* numbers(sim, "n1", (numbers) => numbers.delete(7))
        assert.isTrue(Option.isNone(yield* numbers(sim, "n1", (numbers) => numbers.setAll([]))))
        yield* sim.advance("1 second")
        assert.deepStrictEqual(yield* converge(sim), { 2: 20 })
      }))
  })

  it("agrees on the last write after a partition, keys that were deleted on one side included", () => {
    Simulation.runUnsafe({ nodes: 4, layer: maps }, (sim) =>
      Effect.gen(function*() {
        yield* agree(sim)
        yield* numbers(sim, "n0", (numbers) => numbers.setAll([[1, 1], [2, 2], [3, 3]]))
        yield* converge(sim)
        yield* sim.inject(Fault.partition(["n2", "n3"], { for: "1 minute" }))
        yield* sim.advance("1 second")
        yield* numbers(sim, "n0", (numbers) => numbers.set(1, 100))
        yield* numbers(sim, "n1", (numbers) => numbers.delete(2))
        yield* sim.advance("1 second")
        yield* numbers(sim, "n2", (numbers) => numbers.set(1, 200))
        yield* numbers(sim, "n3", (numbers) => numbers.set(4, 4))
        yield* sim.advance("10 seconds")
        // each side goes on with what it has
        assert.deepStrictEqual(yield* entriesOf(sim, "n1"), { 1: 100, 3: 3 })
        assert.deepStrictEqual(yield* entriesOf(sim, "n3"), { 1: 200, 2: 2, 3: 3, 4: 4 })
        yield* sim.advance("1 minute")
        assert.deepStrictEqual(yield* converge(sim), { 1: 200, 3: 3, 4: 4 })
      }))
  })

  it("gives a node that joins late all there is", () => {
    Simulation.runUnsafe({ nodes: 3, layer: maps, start: false }, (sim) =>
      Effect.gen(function*() {
        yield* sim.start("n0")
        yield* sim.start("n1")
        yield* sim.advance("2 seconds")
        yield* numbers(sim, "n0", (numbers) => numbers.setAll(Array.from({ length: 2000 }, (_, i) => [i, i * i])))
        yield* numbers(sim, "n0", (numbers) => numbers.delete(7))
        yield* sim.advance("1 minute")
        yield* sim.start("n2")
        yield* sim.advance("5 seconds")
        assert.strictEqual(yield* numbers(sim, "n2", (numbers) => numbers.size), 1999)
        yield* converge(sim)
      }))
  })

  it("comes back with what was acknowledged from a durable store, and with nothing from none", () => {
    for (const [layer, expected] of [[durable, { 1: 1, 2: 2 }], [maps, {}]] as const) {
      Simulation.runUnsafe({ nodes: 1, layer }, (sim) =>
        Effect.gen(function*() {
          yield* numbers(sim, "n0", (numbers) => numbers.setAll([[1, 1], [3, 3]]))
          yield* numbers(sim, "n0", (numbers) => numbers.set(2, 2))
          yield* numbers(sim, "n0", (numbers) => numbers.delete(3))
          yield* sim.crash("n0")
          yield* sim.start("n0")
          assert.deepStrictEqual(yield* entriesOf(sim, "n0"), expected)
        }))
    }
  })

  it("does not bring back what was deleted while a node with a store was away", () => {
    Simulation.runUnsafe({ nodes: 3, layer: durable }, (sim) =>
      Effect.gen(function*() {
        yield* agree(sim)
        yield* numbers(sim, "n2", (numbers) => numbers.setAll([[1, 1], [2, 2]]))
        yield* converge(sim)
        yield* sim.crash("n2")
        yield* sim.advance("30 seconds")
        yield* numbers(sim, "n0", (numbers) => numbers.delete(1))
        yield* sim.advance("10 seconds")
        yield* sim.start("n2")
        yield* sim.advance("10 seconds")
        assert.deepStrictEqual(yield* converge(sim), { 2: 2 })
      }))
  })

  it("drops what a node brings back after longer than the retention, and says so", () => {
    Simulation.runUnsafe({
      nodes: 3,
      layer: durable,
      protocol: ReplicaOptions.layer({ retention: "1 minute" })
    }, (sim) =>
      Effect.gen(function*() {
        yield* agree(sim)
        yield* numbers(sim, "n2", (numbers) => numbers.setAll([[1, 1], [2, 2]]))
        yield* converge(sim)
        yield* sim.crash("n2")
        yield* sim.advance("10 seconds")
        yield* numbers(sim, "n0", (numbers) => numbers.delete(1))
        yield* sim.advance("5 minutes")
        yield* sim.start("n2")
        const news = yield* sim.on("n2", Replica.useSync((replica) => replica.news))
        const resets: Array<unknown> = []
        yield* Effect.forkScoped(
          Stream.runForEach(news, (event) => Effect.sync(() => event._tag === "Reset" && resets.push(event))),
          { startImmediately: true }
        )
        yield* sim.advance("10 seconds")
        assert.deepStrictEqual(yield* converge(sim), { 2: 2 })
        assert.strictEqual(resets.length, 1, JSON.stringify(resets))
        assert.deepInclude(resets[0], { space: "test/Numbers", dropped: 1 })
      }))
  })

  it("takes no write of a clock that is too far ahead until it no longer is, and names the node", () => {
    Simulation.runUnsafe({ nodes: 3, layer: maps }, (sim) =>
      Effect.gen(function*() {
        yield* agree(sim)
        const news = yield* sim.on("n0", Replica.useSync((replica) => replica.news))
        const refused: Array<string> = []
        yield* Effect.forkScoped(
          Stream.runForEach(news, (event) =>
            Effect.sync(() => event._tag === "Refused" && refused.push(`${event.reason} ${event.node}`))),
          { startImmediately: true }
        )
        yield* sim.inject(Fault.clockJump("n1", "90 seconds"))
        yield* numbers(sim, "n1", (numbers) =>
          numbers.set(1, 1))
        yield* numbers(sim, "n2", (numbers) => numbers.set(2, 2))
        yield* sim.advance("10 seconds")
        assert.deepStrictEqual(yield* entriesOf(sim, "n0"), { 2: 2 })
        assert.include(refused, "ClockAhead n1")
        yield* sim.advance("30 seconds")
        assert.deepStrictEqual(yield* converge(sim), { 1: 1, 2: 2 })
      }))
  })

  it("updates by what is there, with no other write of this node between", () => {
    Simulation.runUnsafe({ nodes: 1, layer: durable }, (sim) =>
      Effect.gen(function*() {
        const disk = yield* sim.disk("n0")
        disk.setFaultsUnsafe({ latency: "5 millis" })
        yield* numbers(sim, "n0", (numbers) =>
          Effect.forEach(
            Array.from({ length: 20 }, (_, i) => i),
            () => numbers.update(1, (n) => Option.some(Option.getOrElse(n, () => 0) + 1)),
            { concurrency: "unbounded" }
          ))
        assert.deepStrictEqual(yield* entriesOf(sim, "n0"), { 1: 20 })
        yield* numbers(sim, "n0", (numbers) => numbers.update(1, () => Option.none()))
        assert.deepStrictEqual(yield* entriesOf(sim, "n0"), {})
      }))
  })

  it("refuses what is not of the schema, too large, or too much", () => {
    Simulation.runUnsafe({ nodes: 1, layer: maps }, (sim) =>
      Effect.gen(function*() {
        const reason = <A>(effect: (flags: Flags["Service"]) => Effect.Effect<A, ReplicatedMap.ReplicatedMapError>) =>
          Effect.map(flags(sim, "n0", (flags) => Effect.flip(effect(flags))), (error) => error.reason)
        assert.strictEqual((yield* reason((flags) => flags.set(7 as never, { on: true })))._tag, "InvalidKey")
        assert.strictEqual((yield* reason((flags) => flags.get(7 as never)))._tag, "InvalidKey")
        const value = yield* reason((flags) => flags.set("a", { on: "yes" } as never))
        assert.strictEqual(value._tag, "InvalidValue")
        assert.match(value.message, /^the value is not of the schema of test\/Flags: /)
        const key = yield* reason((flags) => flags.set("k".repeat(2000), { on: true }))
        assert.deepInclude(key, { _tag: "EntryTooLarge", what: "key", limit: 1024 })
        yield* flags(sim, "n0", (flags) => flags.setAll(Array.from({ length: 100 }, (_, i) => [`${i}`, { on: true }])))
        assert.deepInclude(yield* reason((flags) => flags.set("more", { on: true })), {
          _tag: "ReplicaFull",
          what: "keys"
        })
        yield* flags(sim, "n0", (flags) => flags.set("7", { on: false }))
      }))
  })

  it("refuses a second map of one name, until the first has closed, and names that are none", () => {
    Simulation.runUnsafe({ nodes: 1, layer: maps }, (sim) =>
      Effect.gen(function*() {
        const build = (id: string) => {
          class Map extends ReplicatedMap.Service<Map>()(id, { key: Schema.String, value: Schema.String }) {}
          return sim.on("n0", Effect.result(Effect.scoped(Layer.build(Map.layer))))
        }
        const tag = (result: Effect.Success<ReturnType<typeof build>>) =>
          result._tag === "Failure" ? result.failure.reason._tag : "opened"
        assert.strictEqual(tag(yield* build("test/Flags")), "SpaceTaken")
        assert.strictEqual(tag(yield* build("two words")), "InvalidOption")
        assert.strictEqual(tag(yield* build("x".repeat(121))), "InvalidOption")
        for (let i = 0; i < 2; i++) assert.strictEqual(tag(yield* build("x".repeat(120))), "opened")
      }))
  })

  it("tells of each change, beginning with what there is if asked to", () => {
    Simulation.runUnsafe({ nodes: 2, layer: maps }, (sim) =>
      Effect.gen(function*() {
        yield* agree(sim)
        yield* numbers(sim, "n0", (numbers) => numbers.setAll([[1, 1], [2, 2]]))
        yield* converge(sim)
        const all = yield* collect(sim, "n1", { withPresent: true })
        const some = yield* collect(sim, "n1")
        yield* sim.advance("1 second")
        assert.deepStrictEqual(brief(all.told).sort(), [[1, 1], [2, 2]])
        assert.deepStrictEqual(some.told, [])
        yield* numbers(sim, "n0", (numbers) => numbers.set(3, 3))
        yield* numbers(sim, "n1", (numbers) => numbers.set(1, 10))
        yield* sim.advance("1 second")
        yield* numbers(sim, "n0", (numbers) => numbers.delete(2))
        yield* sim.advance("1 second")
        assert.sameDeepMembers(brief(some.told), [[3, 3], [1, 10], [2]])
        assert.deepStrictEqual(brief(all.told).slice(2), brief(some.told))
      }))
  })

  it("shows nothing of what is not of its schema, in changes neither", () => {
    class Old
      extends ReplicatedMap.Service<Old>()("test/Mixed", { key: Schema.String, value: Schema.Literal("old") })
    {}
    class New extends ReplicatedMap.Service<New>()("test/Mixed", {
      key: Schema.String,
      value: Schema.Literals(["old", "new"])
    }) {}
    Simulation.runUnsafe({ nodes: 2, layer: maps }, (sim) =>
      Effect.gen(function*() {
        yield* agree(sim)
        const scope = yield* Effect.scope
        const newer = Context.get(yield* sim.on("n0", Layer.buildWithScope(New.layer, scope)), New)
        const older = Context.get(yield* sim.on("n1", Layer.buildWithScope(Old.layer, scope)), Old)
        const told: Array<ReplicatedMap.Change<string, "old">> = []
        yield* Effect.forkScoped(
          Stream.runForEach(older.changes(), (change) => Effect.sync(() => void told.push(change))),
          { startImmediately: true }
        )
        yield* newer.setAll([["a", "old"], ["b", "old"]])
        yield* sim.advance("1 second")
        yield* newer.setAll([["a", "new"], ["c", "new"]])
        yield* sim.advance("1 second")
        assert.deepStrictEqual(yield* older.entries, [["b", "old"]])
        assert.deepStrictEqual(yield* older.get("a"), Option.none())
        assert.deepStrictEqual(sim.count("n1", GossipMetrics.drops, { reason: "InvalidEntry" }), 2)
        // whoever goes by what it was told holds the same
        const view = new Map<string, string>()
        for (const change of told) {
          if (change._tag === "Set") view.set(change.key, change.value)
          else if (change._tag === "Deleted") view.delete(change.key)
        }
        assert.deepStrictEqual([...view], [["b", "old"]])
      }))
  })

  it("tells a slow consumer once of each key, and of all there is when it missed too much", () => {
    Simulation.runUnsafe({ nodes: 1, layer: maps }, (sim) =>
      Effect.gen(function*() {
        const set = (key: string, on: boolean) => flags(sim, "n0", (flags) => flags.set(key, { on }))
        const told: Array<ReplicatedMap.Change<string, { readonly on: boolean }>> = []
        const gate = yield* Latch.make(false)
        const changes = yield* sim.on("n0", Flags.useSync((flags) => flags.changes()))
        yield* Effect.forkScoped(
          Stream.runForEach(changes, (change) => Effect.andThen(Effect.sync(() => void told.push(change)), gate.await)),
          { startImmediately: true }
        )
        yield* set("first", true)
        yield* sim.advance("10 millis")
        for (let i = 0; i < 20; i++) yield* set("a", i % 2 === 0)
        for (let i = 0; i < 40; i++) {
          yield* set(`gone ${i}`, true)
          yield* flags(sim, "n0", (flags) => flags.delete(`gone ${i}`))
        }
        gate.openUnsafe()
        yield* sim.advance("10 millis")
        const tags = told.map((change) => change._tag === "Set" ? `${change.key}=${change.value.on}` : change._tag)
        assert.strictEqual(tags[0], "first=true")
        const lagged = tags.lastIndexOf("Lagged")
        assert.isAbove(lagged, 0)
        assert.isBelow(tags.length, 40)
        assert.includeMembers(tags.slice(lagged), ["first=true", "a=false"])
      }))
  })

  it("waits until all live members have a write, and names who lacks it", () => {
    Simulation.runUnsafe({ nodes: 4, layer: maps }, (sim) =>
      Effect.gen(function*() {
        yield* agree(sim)
        const version = yield* numbers(sim, "n0", (numbers) => numbers.set(1, 1))
        yield* numbers(sim, "n0", (numbers) => numbers.awaitStable(version, { timeout: "10 seconds" }))
        for (const name of sim.running()) assert.deepStrictEqual(yield* entriesOf(sim, name), { 1: 1 })

        const partition = yield* sim.partition(["n3"])
        const next = yield* numbers(sim, "n0", (numbers) => numbers.set(1, 2))
        const error = yield* numbers(sim, "n0", (numbers) =>
          Effect.flip(numbers.awaitStable(next, { timeout: "2 seconds" })))
        assert.deepInclude(error.reason, { _tag: "NotStable", timeout: 2000 })
        assert.match(error.message, /after 2000 ms; it may be lacking at n3$/)
        // it is suspected, then dead; or comes back
        const waiting = yield* sim.on(
          "n0",
          Effect.forkDetach(Numbers.use((numbers) =>
            numbers.awaitStable(next, { timeout: "2 minutes" })
          ))
        )
        const seen: Array<ReadonlyArray<string>> = []
        const progress = yield* sim.on("n0", Numbers.useSync((numbers) => numbers.progress(next)))
        const told = yield* Effect.forkScoped(
          Stream.runForEach(
            progress,
            ({ lacking }) => Effect.sync(() => void seen.push(lacking.map(({ node }) => node)))
          )
        )
        yield* sim.advance("3 seconds")
        yield* partition.heal
        yield* sim.advance("20 seconds")
        yield* Fiber.join(waiting)
        yield* Fiber.join(told)
        assert.deepStrictEqual(yield* entriesOf(sim, "n3"), { 1: 2 })
        assert.deepStrictEqual(seen[0], ["n3"])
        assert.deepStrictEqual(seen.at(-1), [])
      }))
  })

  it("is not stable where a member does not hold the map", () => {
    Simulation.runUnsafe({
      nodes: 3,
      layer: (node) => node.name === "n2" ? Layer.empty as unknown as typeof maps : maps
    }, (sim) =>
      Effect.gen(function*() {
        yield* agree(sim)
        const version = yield* numbers(sim, "n0", (numbers) => numbers.set(1, 1))
        const error = yield* numbers(sim, "n0", (numbers) =>
          Effect.flip(numbers.awaitStable(version, { timeout: "5 seconds" })))
        assert.match(error.message, /n2 \(which does not hold the space\)/)
      }))
  })

  it("keeps what is not of its schema, and does not show it", () => {
    class Wide extends ReplicatedMap.Service<Wide>()("test/Numbers", { key: Schema.Int, value: Schema.String }) {}
    // all are given to all
    const held: Array<Wide["Service"]> = []
    const hold = Layer.effectDiscard(Effect.map(Wide, (wide) => void held.push(wide))).pipe(Layer.provide(Wide.layer))
    const wide = Layer.mergeAll(Flags.layer, hold) as unknown as typeof maps
    Simulation.runUnsafe(
      { nodes: 3, layer: (node) => node.name === "n1" ? wide : maps },
      (sim) =>
        Effect.gen(function*() {
          yield* agree(sim)
          const { told } = yield* collect(sim, "n0")
          yield* sim.on("n1", held[0]!.set(1, "one"))
          yield* numbers(sim, "n2", (numbers) => numbers.set(2, 2))
          yield* sim.advance("3 seconds")
          assert.deepStrictEqual(yield* entriesOf(sim, "n0"), { 2: 2 })
          assert.strictEqual(yield* numbers(sim, "n0", (numbers) => numbers.size), 2)
          assert.deepStrictEqual(yield* numbers(sim, "n0", (numbers) => numbers.get(1)), Option.none())
          // there might have been something
          assert.deepStrictEqual(brief(told), [[1], [2, 2]])
        })
    )
  })

  it("says that its store fails, and stores what it holds once it works again", () => {
    Simulation.runUnsafe({ nodes: 1, layer: durable }, (sim) =>
      Effect.gen(function*() {
        const disk = yield* sim.disk("n0")
        yield* numbers(sim, "n0", (numbers) => numbers.set(1, 1))
        disk.setFaultsUnsafe({ full: true })
        const error = yield* numbers(sim, "n0", (numbers) => Effect.flip(numbers.set(2, 2)))
        assert.strictEqual(error.reason._tag, "StoreFailed")
        assert.deepStrictEqual(yield* entriesOf(sim, "n0"), { 1: 1, 2: 2 })
        disk.setFaultsUnsafe({})
        yield* sim.advance("30 seconds")
        yield* sim.crash("n0")
        yield* sim.start("n0")
        assert.deepStrictEqual(yield* entriesOf(sim, "n0"), { 1: 1, 2: 2 })
      }))
  })

  it("can be opened again after opening it was interrupted half way through what it holds", () => {
    class Much extends ReplicatedMap.Service<Much>()("test/Much", { key: Schema.Int, value: Schema.Int }) {}
    const layer = Much.layer.pipe(Layer.provide(ReplicaStore.layerKeyValueStore()))
    const keys = Array.from({ length: 5000 }, (_, key) => key)
    Simulation.runUnsafe({ nodes: 1, layer: durable }, (sim) =>
      Effect.gen(function*() {
        const use = <A, E>(use: (much: Much["Service"]) => Effect.Effect<A, E>) =>
          sim.on("n0", Effect.scoped(Effect.flatMap(Layer.build(layer), (context) => use(Context.get(context, Much)))))
        yield* use((much) => Effect.forEach(keys, (key) => much.set(key, key), { concurrency: "unbounded" }))
        const opening = yield* Effect.forkScoped(use(() => Effect.succeed("open")))
        yield* sim.advance("1 millis")
        assert.isUndefined(opening.pollUnsafe())
        yield* Fiber.interrupt(opening)
        assert.strictEqual((yield* use((much) => much.entries)).length, keys.length)
      }))
  })

  it("takes nothing from others that was lost of its store, when it was started again before it heard of anybody", () => {
    const layer = maps.pipe(Layer.provide(ReplicaStore.layerKeyValueStore({ onDamage: "recover" })), Layer.orDie)
    Simulation.runUnsafe({ nodes: 2, layer }, (sim) =>
      Effect.gen(function*() {
        yield* agree(sim)
        for (const key of [1, 2, 3]) {
          yield* numbers(sim, "n0", (numbers) => numbers.set(key, key))
          yield* sim.advance("2 seconds")
        }
        // what is older than a delete that is forgotten, and not held by who has heard of it, was deleted
        yield* numbers(sim, "n0", (numbers) => numbers.delete(3))
        yield* sim.advance("1 minute")
        assert.strictEqual(yield* gauge(sim, "n0", GossipMetrics.replicaCertificates), 0)
        yield* sim.crash("n1")
        const disk = yield* sim.disk("n1")
        const [key, batch] = [...disk.entries()].find(([key]) =>
          key.includes("test/Numbers@") && key.endsWith("1.batch")
        )!
        const damaged = Uint8Array.from(batch as Uint8Array, (byte, at) => at === 30 ? byte ^ 1 : byte)
        yield* Effect.scoped(
          Effect.flatMap(disk.open, (context) => Context.get(context, KeyValueStore).set(key, damaged))
        )
        const partition = yield* sim.partition(["n1"])
        yield* sim.start("n1")
        assert.deepStrictEqual(yield* entriesOf(sim, "n1"), { 2: 2 })
        yield* sim.crash("n1")
        yield* sim.start("n1")
        yield* partition.heal
        yield* sim.advance("1 minute")
        assert.deepStrictEqual(yield* converge(sim), { 1: 1, 2: 2 })
      }))
  })

  it("goes on with a store that has broken, and keeps nothing of those who were told that it failed", () => {
    let isBroken = false
    const breaking = Layer.succeed(ReplicaStore.ReplicaStore, {
      isDurable: true,
      open: () =>
        Effect.succeed({
          load: Effect.succeed({ entries: [], meta: undefined, losses: [], isConsistent: true }),
          commit: () => isBroken ? Effect.die(new Error("planted")) : Effect.void
        })
    })
    Simulation.runUnsafe({ nodes: 1, layer: Layer.provide(maps, breaking) }, (sim) =>
      Effect.gen(function*() {
        isBroken = true
        for (let i = 0; i < 3; i++) {
          const { reason } = yield* numbers(sim, "n0", (numbers) => Effect.flip(numbers.set(i, i)))
          assert.deepInclude(reason, { _tag: "StoreFailed", space: "test/Numbers", operation: "commit" })
          assert.match(reason.message, /planted/)
        }
        isBroken = false
        yield* numbers(sim, "n0", (numbers) => numbers.set(3, 3))
        assert.deepStrictEqual(yield* entriesOf(sim, "n0"), { 0: 0, 1: 1, 2: 2, 3: 3 })
      }))
  })

  describe("when its node breaks", () => {
    const broken = (sim: Simulation.Simulation<Breaking.Break>, name: string) =>
      Effect.gen(function*() {
        const failing = yield* Effect.forkScoped(sim.on(name, Breaking.breakNode))
        yield* sim.advance("3 seconds")
        yield* Fiber.join(failing)
      })
    for (const [kind, layer] of [["in memory", maps], ["with a store", durable]] as const) {
      it(`goes on with what it held, ${kind}`, () => {
        Simulation.runUnsafe(
          { nodes: 3, layer: Layer.merge(layer, Breaking.layer) },
          (sim) =>
            Effect.gen(function*() {
              yield* agree(sim)
              yield* numbers(sim, "n0", (numbers) => numbers.setAll([[1, 1], [2, 2]]))
              yield* numbers(sim, "n0", (numbers) => numbers.delete(2))
              const { told } = yield* collect(sim, "n0")
              yield* broken(sim, "n0")
              assert.deepStrictEqual(yield* entriesOf(sim, "n0"), { 1: 1 })
              assert.strictEqual(sim.count("n0", GossipMetrics.restarts), 1)
              yield* sim.advance("10 seconds")
              const version = yield* numbers(sim, "n0", (numbers) => numbers.set(3, 3))
              yield* numbers(sim, "n1", (numbers) => numbers.set(4, 4))
              yield* sim.advance("5 seconds")
              assert.deepStrictEqual(yield* converge(sim), { 1: 1, 3: 3, 4: 4 })
              yield* numbers(sim, "n0", (numbers) => numbers.awaitStable(version, { timeout: "10 seconds" }))
              assert.deepStrictEqual(told[0], { _tag: "Lagged" })
              assert.sameDeepMembers(brief(told.slice(1)), [[1, 1], [3, 3], [4, 4]])
            })
        )
      })

      it(`loses nothing that was acknowledged when it breaks again and again among writes, ${kind}`, () => {
        Simulation.runUnsafe(
          { nodes: 3, layer: Layer.merge(layer, Breaking.layer) },
          (sim) =>
            Effect.gen(function*() {
              yield* agree(sim)
              const expected: Record<number, number> = {}
              const writing = yield* Effect.forkScoped(sim.on(
                "n0",
                Effect.forkDetach(Numbers.use((numbers) =>
                  Effect.forEach(Array.from({ length: 300 }, (_, i) => i), (i) =>
                    Effect.andThen(
                      Effect.matchEffect(numbers.set(i, i), {
                        onFailure: () => Effect.void,
                        onSuccess: () => Effect.sync(() => void (expected[i] = i))
                      }),
                      Effect.sleep("50 millis")
                    ))
                ))
              ))
              const fiber = yield* Fiber.join(writing)
              for (let i = 0; i < 4; i++) {
                yield* broken(sim, "n0")
              }
              yield* sim.advance("20 seconds")
              yield* Fiber.join(fiber)
              assert.isAbove(Object.keys(expected).length, 200)
              const held = yield* converge(sim)
              assert.deepInclude(held, expected)
              assert.strictEqual(sim.count("n0", GossipMetrics.restarts), 4)
            })
        )
      })
    }

    for (const [kind, layer] of [["in memory", maps], ["with a store", durable]] as const) {
      it(`goes on when it breaks again before a map was opened again, ${kind}`, () => {
        Simulation.runUnsafe({ nodes: 1, layer: Layer.merge(layer, Breaking.layer) }, (sim) =>
          Effect.gen(function*() {
            const version = yield* numbers(sim, "n0", (numbers) => numbers.set(1, 1))
            const publish = sim.on("n0", Effect.forkDetach(Breaking.breakNode))
            const breaks = [yield* publish, yield* publish]
            yield* sim.advance("200 millis")
            // asked while there is nobody to answer
            const waiting = yield* Effect.forkScoped(
              numbers(sim, "n0", (numbers) => Effect.exit(numbers.awaitStable(version, { timeout: "20 seconds" })))
            )
            const writing = yield* Effect.forEach([2, 3, 4, 5, 6, 7, 8, 9], (i) =>
              Effect.tap(
                Effect.forkScoped(numbers(sim, "n0", (numbers) => numbers.set(i, i))),
                sim.advance("150 millis")
              ))
            yield* sim.advance("10 seconds")
            for (const fiber of breaks) assert.isTrue(Exit.isFailure(yield* Fiber.join(fiber)))
            assert.strictEqual(sim.count("n0", GossipMetrics.restarts), 2)
            for (const fiber of writing) yield* Fiber.join(fiber)
            const isStable = Exit.isSuccess(yield* Fiber.join(waiting))
            // what breaks a node twice may be what it holds in memory
            const hasAll = kind === "with a store"
            assert.deepStrictEqual(
              Object.keys(yield* entriesOf(sim, "n0")).map(Number),
              hasAll ? [1, 2, 3, 4, 5, 6, 7, 8, 9] : [2, 3, 4, 5, 6, 7, 8, 9]
            )
            assert.strictEqual(isStable, hasAll)
          }))
      })
    }

    it("goes on with what it held in memory, when it breaks again after it was busy with something else", () => {
      Simulation.runUnsafe({ nodes: 1, layer: Layer.merge(maps, Breaking.layer) }, (sim) =>
        Effect.gen(function*() {
          yield* numbers(sim, "n0", (numbers) => numbers.set(0, 0))
          const publish = Breaking.breakNode
          // all of it waits in the mailbox before what opens the maps again
          yield* sim.on(
            "n0",
            Effect.forEach([
              publish,
              ...Array.from({ length: 150 }, (_, i) => Numbers.use((n) => n.set(i + 1, i))),
              publish
            ], (
              effect
            ) => Effect.forkDetach(effect, { startImmediately: true }))
          )
          yield* sim.advance("10 seconds")
          assert.strictEqual(sim.count("n0", GossipMetrics.restarts), 2)
          yield* numbers(sim, "n0", (numbers) => numbers.set(1000, 1000))
          assert.deepInclude(yield* entriesOf(sim, "n0"), { 0: 0, 150: 149, 1000: 1000 })
        }))
    })

    it("fails its streams and what is asked of it when it gives up", () => {
      Simulation.runUnsafe({
        nodes: 1,
        layer: Layer.merge(maps, Breaking.layer),
        gossip: { defectRetryPolicy: Schedule.recurs(0) }
      }, (sim) =>
        Effect.gen(function*() {
          const { fiber } = yield* collect(sim, "n0")
          yield* broken(sim, "n0")
          assert.strictEqual((yield* Effect.flip(Fiber.join(fiber))).reason._tag, "GaveUp")
          const error = yield* numbers(sim, "n0", (numbers) => Effect.flip(numbers.set(1, 1)))
          assert.strictEqual(error.reason._tag, "GaveUp")
        }))
    })
  })

  it("ends its streams when its node stops", () => {
    Simulation.runUnsafe({ nodes: 2, layer: maps }, (sim) =>
      Effect.gen(function*() {
        yield* agree(sim)
        const { fiber } = yield* collect(sim, "n0")
        const news = yield* sim.on("n0", Replica.useSync((replica) => replica.news))
        const draining = yield* Effect.forkScoped(Stream.runDrain(news), { startImmediately: true })
        yield* sim.stop("n0")
        yield* Fiber.join(fiber)
        yield* Fiber.join(draining)
      }))
  })

  it("lets go of whoever waits when it is closed, and does not wait for the store meanwhile", () => {
    const slow = Layer.succeed(ReplicaStore.ReplicaStore, {
      isDurable: true,
      open: () =>
        Effect.succeed({
          load: Effect.succeed({ entries: [], meta: undefined, losses: [], isConsistent: true }),
          commit: () => Effect.uninterruptible(Effect.sleep("5 seconds"))
        })
    })
    class Slow extends ReplicatedMap.Service<Slow>()("test/Slow", { key: Schema.Int, value: Schema.Int }) {}
    Simulation.runUnsafe({ nodes: 1, layer: maps }, (sim) =>
      Effect.gen(function*() {
        const scope = yield* Scope.make()
        const built = yield* sim.on("n0", Layer.buildWithScope(Layer.provide(Slow.layer, slow), scope))
        const opened = Context.get(built, Slow)
        const version = yield* opened.set(1, 1)
        const writing = yield* Effect.forkScoped(Effect.flip(opened.set(2, 2)))
        const { timestamp } = version
        const missing = { ...version, timestamp: { ...timestamp, millis: timestamp.millis + 3_600_000 } }
        const waiting = yield* Effect.forkScoped(Effect.flip(Stream.runDrain(opened.progress(missing))))
        yield* sim.advance("1 second")
        assert.isUndefined(writing.pollUnsafe())
        assert.isUndefined(waiting.pollUnsafe())
        const closing = yield* Effect.forkScoped(Scope.close(scope, Exit.void))
        yield* sim.advance("1 second")
        assert.strictEqual((yield* Fiber.join(writing)).reason._tag, "SpaceClosed")
        assert.strictEqual((yield* Fiber.join(waiting)).reason._tag, "SpaceClosed")
        yield* Fiber.join(closing)
      }))
  })

  it("counts what it holds, and what it did not take, in metrics", () => {
    Simulation.runUnsafe({ nodes: 2, layer: maps }, (sim) =>
      Effect.gen(function*() {
        yield* agree(sim)
        yield* numbers(sim, "n0", (numbers) => numbers.setAll([[1, 1], [2, 2], [3, 3]]))
        const partition = yield* sim.partition(["n1"])
        yield* numbers(sim, "n0", (numbers) => numbers.delete(1))
        assert.strictEqual(yield* gauge(sim, "n0", GossipMetrics.replicaKeys), 2)
        assert.strictEqual(yield* gauge(sim, "n0", GossipMetrics.replicaCertificates), 1)
        assert.isAbove(yield* gauge(sim, "n0", GossipMetrics.replicaBytes), 10)
        yield* partition.heal
        yield* sim.advance("1 minute")
        assert.strictEqual(yield* gauge(sim, "n0", GossipMetrics.replicaCertificates), 0)
        assert.strictEqual(sim.count("n0", GossipMetrics.replicaPurged), 1)
      }))
  })
})
