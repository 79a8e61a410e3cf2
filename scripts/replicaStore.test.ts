/**
 * The stores of replicas on real files: the conformance suite, a process that is killed again and again, and damage.
 */
import { ReplicaStore } from "@effect-gossip/core/replication"
import * as ReplicaStoreSuite from "@effect-gossip/testkit/ReplicaStoreSuite"
import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, Layer, PlatformError, References } from "effect"
import { KeyValueStore } from "effect/persistence"
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import { rolldown } from "rolldown"
import { afterAll, beforeAll } from "vitest"
import * as Sqlite from "./replicaStore/sqlite.ts"

const temporary = Effect.flatMap(
  FileSystem.FileSystem,
  (fs) => fs.makeTempDirectoryScoped({ prefix: "effect-gossip-store-" })
).pipe(Effect.orDie, Effect.provide(NodeServices.layer))

const files = (directory: string, options: Partial<ReplicaStore.FileSystemOptions> = {}) =>
  ReplicaStore.layerFileSystem({ directory, ...options }).pipe(Layer.provide(NodeServices.layer), Layer.orDie)

const keys = (directory: string, options: ReplicaStore.KeyValueStoreOptions = {}) =>
  ReplicaStore.layerKeyValueStore(options).pipe(
    Layer.provide(KeyValueStore.layerFileSystem(directory)),
    Layer.provide(NodeServices.layer),
    Layer.orDie
  )

ReplicaStoreSuite.suite("a replica store in files", { storage: Effect.map(temporary, (directory) => files(directory)) })

ReplicaStoreSuite.suite("a replica store in files that are not flushed", {
  storage: Effect.map(temporary, (directory) => files(directory, { isFlushed: false }))
})

ReplicaStoreSuite.suite("a replica store over a KeyValueStore in files", {
  storage: Effect.map(temporary, (directory) => keys(directory))
})

ReplicaStoreSuite.suite("a replica store over a KeyValueStore in SQLite", {
  storage: Effect.map(temporary, (directory) =>
    ReplicaStore.layerKeyValueStore().pipe(
      Layer.provide(KeyValueStore.layerSql()),
      Layer.provide(Sqlite.layer(path.join(directory, "replicas.sqlite")))
    ))
})

// -----------------------------------------------------------------------------
// killing
// -----------------------------------------------------------------------------

interface Life {
  readonly child: ChildProcessWithoutNullStreams
  output: string
  readonly ended: Promise<unknown>
}

/** Starting is most of what a life costs: all is put into one file, and what is compiled is kept. */
const bundled = fs.mkdtempSync(path.join(os.tmpdir(), "effect-gossip-writer-"))
const writer = path.join(bundled, "writer.mjs")

beforeAll(async () => {
  const bundle = await rolldown({
    input: path.join(import.meta.dirname, "replicaStore/writer.ts"),
    platform: "node",
    resolve: { conditionNames: ["development", "import", "node"] }
  })
  await bundle.write({ file: writer, format: "esm", codeSplitting: false })
})

afterAll(() => fs.rmSync(bundled, { recursive: true, force: true }))

const begin = (medium: string, directory: string): Life => {
  const child = spawn(process.execPath, [writer, medium, directory], {
    // SQLite is said to be experimental, in between what the process says
    env: { ...process.env, NODE_COMPILE_CACHE: path.join(bundled, "cache"), NODE_NO_WARNINGS: "1" }
  })
  const life: Life = { child, output: "", ended: new Promise((resolve) => child.on("close", resolve)) }
  child.stdout.on("data", (data) => (life.output += data))
  child.stderr.on("data", (data) => (life.output += data))
  child.stdin.on("error", () => {})
  return life
}

const killing = (medium: string, times: number) =>
  Effect.gen(function*() {
    const directory = yield* temporary
    let acknowledged = 0
    let wasTorn = 0
    // they start while others write, and wait
    const waiting = [begin(medium, directory), begin(medium, directory)]
    for (let kill = 0; kill < times; kill++) {
      waiting.push(begin(medium, directory))
      const life = waiting.shift()!
      life.child.stdin.write("\n")
      yield* Effect.promise(async () => {
        while (!/opened|failed|Error/.test(life.output)) await new Promise((resolve) => setTimeout(resolve, 2))
        await new Promise((resolve) => setTimeout(resolve, Math.random() * 40))
        life.child.kill("SIGKILL")
        await life.ended
      })
      const [opened, ...written] = life.output.split("\n")
      const match = /^opened (\d+) (right|wrong) (.*)$/.exec(opened!)
      assert.isNotNull(match, life.output)
      const [, found, verdict, losses] = match!
      // a commit that was not acknowledged may be there or not
      assert.isTrue(
        Number(found) === acknowledged || Number(found) === acknowledged + 1,
        `${found}, not ${acknowledged}`
      )
      assert.strictEqual(verdict, "right", life.output)
      for (const { isTail } of JSON.parse(losses!)) assert.isTrue(isTail, losses)
      if (losses !== "[]") wasTorn++
      // what it said is cut off anywhere
      acknowledged = Math.max(Number(found), ...written.slice(0, -1).map(Number))
    }
    for (const { child, ended } of waiting) {
      child.kill("SIGKILL")
      yield* Effect.promise(() => ended)
    }
    assert.isAbove(acknowledged, times)
    return { acknowledged, wasTorn }
  })

describe("a process that is killed while it writes", () => {
  for (
    const [medium, name, times] of [
      ["files", "files", 100],
      ["keys", "KeyValueStore in files", 60],
      ["sqlite", "KeyValueStore in SQLite", 40]
    ] as const
  ) {
    it.live(
      `finds all that was acknowledged in its ${name}, ${times} times`,
      () => Effect.asVoid(killing(medium, times)),
      240_000
    )
  }
})

// -----------------------------------------------------------------------------
// damage
// -----------------------------------------------------------------------------

const bytes = (text: string) => new TextEncoder().encode(text)

const write = (layer: Layer.Layer<never>, from: number, to: number) =>
  Effect.gen(function*() {
    const space = yield* (yield* ReplicaStore.ReplicaStore)!.open("space")
    for (let i = from; i < to; i++) {
      yield* space.commit({ puts: [[bytes(`key ${i}`), bytes(`value ${i}`)]], removes: [], meta: bytes(`${i}`) })
    }
  }).pipe(Effect.scoped, Effect.provide(Layer.fresh(layer)))

const open = (layer: Layer.Layer<never>) =>
  Effect.gen(function*() {
    const recovered = yield* (yield* (yield* ReplicaStore.ReplicaStore)!.open("space")).load
    return { ...recovered, count: [...recovered.entries].length }
  }).pipe(Effect.scoped, Effect.provide(Layer.fresh(layer)), Effect.provideService(References.MinimumLogLevel, "None"))

describe("a file that was changed", () => {
  it.live("is named, or what is whole is recovered, at each of its bytes", () =>
    Effect.gen(function*() {
      const directory = yield* temporary
      yield* write(files(directory, { isFlushed: false }), 0, 5)
      const name = fs.readdirSync(directory)[0]!
      const file = path.join(directory, name)
      const whole = fs.readFileSync(file)
      for (let at = 0; at < whole.length; at++) {
        for (const damaged of [whole.subarray(0, at), whole.map((byte, i) => i === at ? byte ^ 0x10 : byte)]) {
          fs.rmSync(directory, { recursive: true })
          fs.mkdirSync(directory)
          fs.writeFileSync(file, damaged)
          const exit = yield* Effect.result(open(files(directory, { isFlushed: false })))
          if (exit._tag === "Failure") {
            assert.strictEqual(exit.failure.reason._tag, "StoreDamaged")
            assert.include(exit.failure.message, name)
            assert.deepStrictEqual(fs.readFileSync(file), Buffer.from(damaged))
            const recovered = yield* open(files(directory, { isFlushed: false, onDamage: "recover" }))
            assert.isFalse(recovered.isConsistent)
            assert.strictEqual(recovered.count, 4)
            assert.isTrue(fs.existsSync(`${file}.damaged`))
          } else {
            assert.strictEqual(exit.success.losses[0]?.piece, name)
            assert.isTrue(exit.success.isConsistent)
            assert.deepStrictEqual(
              Array.from(exit.success.entries, ([key]) => new TextDecoder().decode(key)),
              Array.from({ length: exit.success.count }, (_, i) => `key ${i}`)
            )
          }
          const after = yield* open(files(directory, { isFlushed: false }))
          assert.deepStrictEqual(after.losses, [])
        }
      }
    }))
})

describe("a directory of several spaces", () => {
  it.live("keeps them apart where capitals and small letters are the same to the system", () =>
    Effect.gen(function*() {
      const directory = yield* temporary
      const names = [
        "app/Flags",
        "app/flags",
        "APP/FLAGS",
        "app%2fflags",
        "ä",
        "Ä",
        `${"X".repeat(119)}a`,
        "x".repeat(120)
      ]
      const store = yield* Effect.provide(ReplicaStore.ReplicaStore, files(directory))
      for (const name of names) yield* store!.open(name)
      const stems = fs.readdirSync(directory).map((file) => file.toLowerCase())
      assert.strictEqual(new Set(stems).size, names.length, stems.join("\n"))
    }).pipe(Effect.scoped))
})

describe("a directory that two processes write", () => {
  it.live("keeps what was acknowledged to either: one of them is told", () =>
    Effect.gen(function*() {
      for (const isAlternating of [false, true]) {
        const directory = yield* temporary
        const acknowledged: Array<string> = []
        const errors: Array<string> = []
        yield* Effect.gen(function*() {
          const open = Effect.gen(function*() {
            return yield* (yield* ReplicaStore.ReplicaStore)!.open("space")
          }).pipe(Effect.provide(Layer.fresh(files(directory, { isFlushed: false }))))
          const first = yield* open
          const commit = (space: ReplicaStore.SpaceStore, key: string) =>
            space.commit({ puts: [[bytes(key), bytes(key)]], removes: [], meta: bytes(key) }).pipe(
              Effect.match({
                onFailure: (error) => void errors.push(error.message),
                onSuccess: () => void acknowledged.push(key)
              })
            )
          yield* commit(first, "a 0")
          const second = yield* open
          if (!isAlternating) yield* commit(first, "a 1")
          for (let i = 2; i < 5; i++) {
            yield* commit(second, `b ${i}`)
            yield* commit(first, `a ${i}`)
          }
        }).pipe(Effect.scoped)
        const recovered = yield* open(files(directory))
        const found = Array.from(recovered.entries, ([key]) => new TextDecoder().decode(key))
        assert.sameMembers(found, acknowledged)
        assert.strictEqual(errors.length, 3)
        for (const error of errors) assert.match(error, /another process/)
      }
    }))
})

describe("a file that is larger than may be read at once", () => {
  it.live("is read part by part", () =>
    Effect.gen(function*() {
      const directory = yield* temporary
      yield* write(files(directory), 0, 5)
      const limited = Layer.effect(
        FileSystem.FileSystem,
        Effect.map(FileSystem.FileSystem, (files) => ({
          ...files,
          // as it does beyond 2 GiB
          readFile: () => Effect.die(new Error("ERR_FS_FILE_TOO_LARGE")),
          open: (...args: Parameters<typeof files.open>) =>
            Effect.map(files.open(...args), (file) =>
              Object.create(file, {
                read: { value: (into: Uint8Array) => file.read(into.subarray(0, 100)) }
              }) as FileSystem.File)
        }))
      )
      const layer = ReplicaStore.layerFileSystem({ directory }).pipe(
        Layer.provide(limited),
        Layer.provide(NodeServices.layer),
        Layer.orDie
      )
      const { count, losses } = yield* open(layer)
      assert.deepStrictEqual({ count, losses }, { count: 5, losses: [] })
    }))
})

// -----------------------------------------------------------------------------
// snapshots
// -----------------------------------------------------------------------------

/** The file system, with what is done to which files told in order, and a fault for what is yet to be written. */
const observed = (told: Array<string>, fault: { isFull: boolean }) =>
  Layer.effect(
    FileSystem.FileSystem,
    Effect.map(FileSystem.FileSystem, (files) => {
      const tell = <A, E>(what: string, file: string, effect: Effect.Effect<A, E>) =>
        Effect.tap(effect, () => Effect.sync(() => void told.push(`${what} ${path.extname(file)}`)))
      const full = Effect.fail(PlatformError.systemError({ _tag: "Unknown", module: "test", method: "ENOSPC" }))
      return {
        ...files,
        open: (name: string, options?: Parameters<typeof files.open>[1]) =>
          Effect.map(files.open(name, options), (file) =>
            Object.create(file, {
              seek: { value: file.seek.bind(file) },
              sync: { get: () => tell("flush", name, file.sync) },
              writeAll: {
                value: (bytes: Uint8Array) =>
                  fault.isFull && name.endsWith(".tmp") ? full : tell("write", name, file.writeAll(bytes))
              }
            }) as FileSystem.File),
        rename: (from: string, to: string) => tell("rename", from, files.rename(from, to)),
        remove: (name: string, options?: Parameters<typeof files.remove>[1]) =>
          tell("remove", name, files.remove(name, options))
      }
    })
  )

describe("a snapshot", () => {
  const run = Effect.fnUntraced(function*(directory: string, told: Array<string>, fault: { isFull: boolean }) {
    const layer = ReplicaStore.layerFileSystem({ directory, isFlushed: false }).pipe(
      Layer.provide(observed(told, fault)),
      Layer.provide(NodeServices.layer),
      Layer.orDie
    )
    yield* Effect.gen(function*() {
      const space = yield* (yield* ReplicaStore.ReplicaStore)!.open("space")
      for (let i = 0; i < 24; i++) {
        yield* space.commit({ puts: [[bytes(`${i % 5}`), new Uint8Array(100_000)]], removes: [], meta: undefined })
      }
      // a snapshot may be under way
      yield* Effect.sleep("300 millis")
    }).pipe(
      Effect.scoped,
      Effect.provide(Layer.fresh(layer)),
      Effect.provideService(References.MinimumLogLevel, "None")
    )
  })

  it.live("is flushed before what it is made of is removed, whether commits are or not", () =>
    Effect.gen(function*() {
      const told: Array<string> = []
      yield* run(yield* temporary, told, { isFull: false })
      assert.isAbove(told.indexOf("remove .log"), 0, told.join(", "))
      const of = told.filter((what) => what !== "write .log")
      assert.deepStrictEqual(of.slice(of.indexOf("flush .tmp"), of.indexOf("remove .log") + 1), [
        "flush .tmp",
        "rename .tmp",
        // the directory
        "flush ",
        "remove .log"
      ])
    }))

  it.live("that could not be written leaves nothing behind on a disk that is full", () =>
    Effect.gen(function*() {
      const directory = yield* temporary
      yield* run(directory, [], { isFull: true })
      assert.deepStrictEqual(fs.readdirSync(directory).filter((name) => !name.endsWith(".log")), [])
      const { count, losses } = yield* open(files(directory))
      assert.deepStrictEqual({ count, losses }, { count: 5, losses: [] })
    }))
})
