import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as KeyValueStore from "effect/persistence/KeyValueStore"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/testing/TestClock"
import * as SimulatedDisk from "../src/SimulatedDisk.ts"
import * as VirtualTime from "../src/VirtualTime.ts"

// -----------------------------------------------------------------------------
// helpers
// -----------------------------------------------------------------------------

const storeOf = (disk: SimulatedDisk.SimulatedDisk) =>
  Effect.map(disk.open, (context) => Context.get(context, KeyValueStore.KeyValueStore))

/** A disk, and a process that has it until the test is over. */
const opened = (options?: SimulatedDisk.Options) =>
  Effect.gen(function*() {
    const disk = yield* SimulatedDisk.make(options)
    return { disk, store: yield* storeOf(disk) }
  })

const contents = (disk: SimulatedDisk.SimulatedDisk) => Object.fromEntries(disk.entries())

/** The same test under virtual time and under Effect's `TestClock`. */
const both = <E>(name: string, program: Effect.Effect<void, E, Scope.Scope>): void => {
  it.effect(`${name} (VirtualTime)`, () => Effect.provide(program, VirtualTime.layer()))
  it.effect(`${name} (TestClock)`, () => program)
}

/** Many writes at once, the process's end in the middle of them, and what is on the disk then. */
const interrupted = (seed: string | number, writes = 20) =>
  VirtualTime.runUnsafe(
    Effect.gen(function*() {
      const { disk, store } = yield* opened({ seed })
      yield* disk.setFaults({ latency: "10 millis" })
      const fibers = yield* Effect.forEach(
        Array.from({ length: writes }, (_, i) => i),
        (i) => Effect.forkChild(store.set(`key${i}`, "value"), { startImmediately: true })
      )
      yield* Effect.sleep("5 millis")
      yield* disk.crash
      const exits = yield* Effect.forEach(fibers, Fiber.await)
      yield* Effect.sleep("1 second")
      return { keys: Array.from(disk.entries().keys()), counters: disk.counters(), exits }
    }).pipe(Effect.scoped)
  )

// -----------------------------------------------------------------------------
// tests
// -----------------------------------------------------------------------------

describe("SimulatedDisk", () => {
  both(
    "does what a KeyValueStore does",
    Effect.gen(function*() {
      const { store } = yield* opened()
      assert.isUndefined(yield* store.get("a"))
      assert.isTrue(yield* store.isEmpty)
      yield* store.set("a", "1")
      yield* store.set("a", "2")
      yield* store.set("b/1", Uint8Array.of(1, 2))
      yield* store.set("b/2", "two")
      assert.strictEqual(yield* store.get("a"), "2")
      assert.deepStrictEqual(yield* store.getUint8Array("b/1"), Uint8Array.of(1, 2))
      assert.strictEqual(yield* store.size, 3)
      assert.deepStrictEqual(Array.from(yield* store.keys), ["a", "b/1", "b/2"])
      assert.isTrue(yield* store.has("b/1"))
      assert.isFalse(yield* store.has("b"))
      assert.strictEqual(yield* store.modify("a", (value) => `${value}!`), "2!")
      assert.isUndefined(yield* store.modify("none", (value) => value))
      yield* store.clearPrefix("b/")
      assert.deepStrictEqual(Array.from(yield* store.keys), ["a"])
      yield* store.remove("a")
      assert.isTrue(yield* store.isEmpty)
      yield* store.set("a", "1")
      yield* store.clear
      assert.isFalse(yield* store.has("a"))
    })
  )

  it.effect("reads text as bytes and bytes as text as Effect's store in memory does", () =>
    Effect.gen(function*() {
      const { store } = yield* opened()
      const memory = yield* KeyValueStore.KeyValueStore
      for (const value of ["text with ü", "", Uint8Array.of(0, 200, 255), new Uint8Array(0)]) {
        yield* store.set("key", value)
        yield* memory.set("key", value)
        assert.strictEqual(yield* store.get("key"), yield* memory.get("key"))
        assert.deepStrictEqual(yield* store.getUint8Array("key"), yield* memory.getUint8Array("key"))
      }
    }).pipe(Effect.provide(KeyValueStore.layerMemory), Effect.provide(VirtualTime.layer())))

  it.effect("serves schemas and prefixes as any KeyValueStore", () =>
    Effect.gen(function*() {
      const { disk, store } = yield* opened()
      const numbers = KeyValueStore.toSchemaStore(KeyValueStore.prefix(store, "numbers/"), Schema.Finite)
      yield* numbers.set("one", 1)
      assert.deepStrictEqual(contents(disk), { "numbers/one": "1" })
    }).pipe(Effect.provide(VirtualTime.layer())))

  both(
    "keeps bytes of its own",
    Effect.gen(function*() {
      const { disk, store } = yield* opened()
      yield* disk.setFaults({ latency: "10 millis" })
      const bytes = Uint8Array.of(1, 2)
      const setting = yield* Effect.forkChild(store.set("a", bytes), { startImmediately: true })
      bytes.fill(9)
      yield* TestClock.adjust("10 millis")
      yield* Fiber.join(setting)
      yield* disk.resetFaults
      const read = yield* store.getUint8Array("a")
      read!.fill(9)
      assert.deepStrictEqual(yield* store.getUint8Array("a"), Uint8Array.of(1, 2))
    })
  )

  both(
    "is the same disk for the next process, whose predecessor reads and writes nothing more",
    Effect.gen(function*() {
      const disk = yield* SimulatedDisk.make()
      const scope = yield* Scope.make()
      const first = yield* Scope.provide(storeOf(disk), scope)
      yield* first.set("a", "1")
      yield* Scope.close(scope, Exit.void)
      const second = yield* storeOf(disk)
      assert.strictEqual(yield* second.get("a"), "1")
      const error = yield* Effect.flip(first.set("a", "2"))
      assert.deepInclude(error, { _tag: "KeyValueStoreError", method: "set", key: "a" })
      assert.include(error.message, "process")
      assert.strictEqual((yield* Effect.flip(first.get("a"))).method, "get")
      assert.deepStrictEqual(contents(disk), { a: "1" })
    })
  )

  both(
    "ends all processes in a crash",
    Effect.gen(function*() {
      const { disk, store } = yield* opened()
      const other = yield* storeOf(disk)
      yield* disk.crash
      yield* Effect.flip(store.set("a", "1"))
      yield* Effect.flip(other.set("a", "1"))
      yield* (yield* storeOf(disk)).set("a", "1")
      assert.deepStrictEqual(contents(disk), { a: "1" })
    })
  )

  it("keeps what was written before a crash, and of writes under way some, which the seed decides", () => {
    const { counters, exits, keys } = interrupted(1)
    assert.isTrue(exits.every(Exit.isFailure))
    assert.isAbove(counters.savedWrites, 0)
    assert.isAbove(counters.lostWrites, 0)
    assert.strictEqual(counters.savedWrites + counters.lostWrites, 20)
    assert.strictEqual(keys.length, counters.savedWrites)
    assert.deepStrictEqual(interrupted(1).keys, keys)
    assert.strictEqual(new Set(Array.from({ length: 10 }, (_, seed) => interrupted(seed).keys.join())).size, 10)
  })

  it("does all of a write under way, or nothing of it", () => {
    const sizes = Array.from({ length: 20 }, (_, seed) =>
      VirtualTime.runUnsafe(
        Effect.gen(function*() {
          const { disk, store } = yield* opened({ seed })
          for (let i = 0; i < 10; i++) yield* store.set(`a${i}`, "1")
          yield* store.set("b", "1")
          yield* disk.setFaults({ latency: "10 millis" })
          yield* Effect.forkChild(store.clearPrefix("a"), { startImmediately: true })
          yield* disk.crash
          return disk.entries().size
        }).pipe(Effect.scoped)
      ))
    assert.deepStrictEqual(new Set(sizes), new Set([1, 11]))
  })

  both(
    "fails a read under way in a crash",
    Effect.gen(function*() {
      const { disk, store } = yield* opened()
      yield* disk.setFaults({ latency: "10 millis" })
      const reading = yield* Effect.forkChild(Effect.flip(store.get("a")), { startImmediately: true })
      yield* disk.crash
      assert.include((yield* Fiber.join(reading)).message, "process")
      assert.deepInclude(disk.counters(), { lostWrites: 0, savedWrites: 0, failedReads: 0 })
    })
  )

  both(
    "takes its time for each read and write",
    Effect.gen(function*() {
      const { disk, store } = yield* opened()
      yield* disk.setFaults({ latency: "10 millis" })
      const setting = yield* Effect.forkChild(store.set("a", "1"), { startImmediately: true })
      yield* TestClock.adjust("9999 micros")
      assert.deepStrictEqual(contents(disk), {})
      assert.isUndefined(setting.pollUnsafe())
      yield* TestClock.adjust("1 micros")
      yield* Fiber.join(setting)
      assert.deepStrictEqual(contents(disk), { a: "1" })
    })
  )

  both(
    "does a write that its writer does not wait for any more",
    Effect.gen(function*() {
      const { disk, store } = yield* opened()
      yield* disk.setFaults({ latency: "10 millis" })
      const setting = yield* Effect.forkChild(store.set("a", "1"), { startImmediately: true })
      yield* Fiber.interrupt(setting)
      yield* TestClock.adjust("10 millis")
      assert.deepStrictEqual(contents(disk), { a: "1" })
    })
  )

  both(
    "fails as many writes and reads as it is told to, which change nothing, and counts them",
    Effect.gen(function*() {
      const { disk, store } = yield* opened()
      yield* disk.setFaults({ writeFailures: 0.3, readFailures: 0.1 })
      let failures = 0
      for (let i = 0; i < 1000; i++) {
        const exit = yield* Effect.exit(store.set(`${i}`, "1"))
        assert.strictEqual(disk.entries().has(`${i}`), Exit.isSuccess(exit))
        if (Exit.isFailure(exit)) failures++
      }
      assert.closeTo(failures, 300, 60)
      let misread = 0
      for (let i = 0; i < 1000; i++) if (Exit.isFailure(yield* Effect.exit(store.size))) misread++
      assert.closeTo(misread, 100, 40)
      assert.deepStrictEqual(disk.counters(), {
        reads: 1000,
        writes: 1000,
        failedReads: misread,
        failedWrites: failures,
        lostWrites: 0,
        savedWrites: 0
      })
      yield* disk.setFaults({ writeFailures: 1 })
      const error = yield* Effect.flip(store.remove("a"))
      assert.strictEqual(error.message, "Unable to remove item with key a: disk failed")
      yield* disk.setFaults({})
      yield* store.clear
      yield* disk.setFaults({ readFailures: 1 })
      yield* disk.resetFaults
      assert.strictEqual(yield* store.size, 0)
    })
  )

  both(
    "takes nothing more when it is full, but gives and removes",
    Effect.gen(function*() {
      const { disk, store } = yield* opened({ name: "disk of n1" })
      yield* store.set("a", "1")
      yield* disk.setFaults({ full: true })
      const error = yield* Effect.flip(store.set("b", "1"))
      assert.strictEqual(error.message, "Unable to set item with key b: no space is left on disk of n1")
      assert.strictEqual(yield* store.get("a"), "1")
      yield* store.remove("a")
      assert.deepStrictEqual(contents(disk), {})
    })
  )

  both(
    "is empty when it is wiped",
    Effect.gen(function*() {
      const { disk, store } = yield* opened()
      yield* store.set("a", "1")
      yield* disk.wipe
      assert.isUndefined(yield* store.get("a"))
    })
  )

  it("fails the same operations of one seed whatever their latency, and others of another seed", () => {
    const failed = (seed: number, faults: Partial<SimulatedDisk.Faults>) =>
      VirtualTime.runUnsafe(
        Effect.gen(function*() {
          const { disk, store } = yield* opened({ seed })
          yield* disk.setFaults({ writeFailures: 0.5, ...faults })
          for (let i = 0; i < 50; i++) yield* Effect.ignore(store.set(`${i}`, "1"))
          return Array.from(disk.entries().keys()).join()
        }).pipe(Effect.scoped)
      )
    assert.strictEqual(failed(1, {}), failed(1, { latency: { _tag: "Uniform", min: 1, max: 20 } }))
    assert.notStrictEqual(failed(1, {}), failed(2, {}))
  })

  it.effect("refuses faults that cannot be, and goes on as before", () =>
    Effect.gen(function*() {
      const { disk, store } = yield* opened()
      yield* disk.setFaults({ full: true })
      const problemOf = (faults: Partial<SimulatedDisk.Faults>) =>
        Effect.map(Effect.flip(disk.setFaults(faults)), (error) => {
          assert.strictEqual(error.reason._tag, "InvalidFaults")
          return error.message
        })
      assert.include(yield* problemOf({ writeFailures: 1.5 }), "writeFailures")
      assert.include(yield* problemOf({ readFailures: NaN }), "readFailures")
      assert.include(yield* problemOf({ latency: -1 }), "latency")
      assert.throws(() => disk.setFaultsUnsafe({ readFailures: -1 }), "readFailures")
      yield* Effect.flip(store.set("a", "1"))
    }).pipe(Effect.provide(VirtualTime.layer())))

  it.effect("provides each process with the store by a layer", () =>
    Effect.gen(function*() {
      const disk = yield* SimulatedDisk.make()
      const life = <A, E>(program: (store: KeyValueStore.KeyValueStore) => Effect.Effect<A, E>) =>
        KeyValueStore.KeyValueStore.use(program).pipe(Effect.provide(disk.layer))
      const former = yield* life((store) => Effect.as(store.set("a", "1"), store))
      assert.strictEqual(yield* life((store) => store.get("a")), "1")
      assert.include((yield* Effect.flip(former.get("a"))).message, "process")
      const own = KeyValueStore.KeyValueStore.use((store) => store.size)
      assert.strictEqual(yield* Effect.provide(own, SimulatedDisk.layer()), 0)
    }).pipe(Effect.provide(VirtualTime.layer())))
})
