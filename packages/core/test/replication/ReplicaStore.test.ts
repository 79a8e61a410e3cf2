import * as ReplicaStoreSuite from "@effect-gossip/testkit/ReplicaStoreSuite"
import * as SimulatedDisk from "@effect-gossip/testkit/SimulatedDisk"
import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { KeyValueStore, layerMemory, make } from "effect/persistence/KeyValueStore"
import * as Schema from "effect/Schema"
import { encode as encodeBatch } from "../../src/replication/internal/store/batches.ts"
import { encode, Kind, spaceOf } from "../../src/replication/internal/store/frames.ts"
import { restore } from "../../src/replication/internal/store/recovery.ts"
import * as ReplicaStore from "../../src/replication/ReplicaStore.ts"

/** A store of keys that can be reached into. */
const makeKeyValues = () => {
  const values = new Map<string, Uint8Array>()
  const store = make({
    get: () => Effect.die("not used"),
    getUint8Array: (key) => Effect.sync(() => values.get(key)),
    set: (key, value) => Effect.sync(() => void values.set(key, Uint8Array.from(value as Uint8Array))),
    remove: (key) => Effect.sync(() => void values.delete(key)),
    clear: Effect.sync(() => values.clear()),
    size: Effect.sync(() => values.size),
    keys: Effect.sync(() => [...values.keys()])
  })
  const layer = (options?: ReplicaStore.KeyValueStoreOptions) =>
    ReplicaStore.layerKeyValueStore(options).pipe(Layer.provide(Layer.succeed(KeyValueStore, store)))
  return { values, layer }
}

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes)

const batch = (key: string, value: string) => ({
  puts: [[bytes(key), bytes(value)] as const],
  removes: [],
  meta: bytes(`${key} ${value}`)
})

const open = <A, E>(
  layer: Layer.Layer<never>,
  use: (space: ReplicaStore.SpaceStore) => Effect.Effect<A, E>
) =>
  Effect.gen(function*() {
    return yield* use(yield* (yield* ReplicaStore.ReplicaStore)!.open("space"))
  }).pipe(Effect.scoped, Effect.provide(Layer.fresh(layer)))

const recovered = (layer: Layer.Layer<never>) =>
  open(layer, ({ load }) =>
    Effect.map(load, ({ entries, isConsistent, losses, meta }) => ({
      entries: Object.fromEntries(Array.from(entries, ([key, value]) => [text(key), text(value)])),
      isConsistent,
      losses,
      meta: meta && text(meta)
    })))

const commit = (layer: Layer.Layer<never>, ...batches: ReadonlyArray<ReplicaStore.Batch>) =>
  open(layer, (space) => Effect.forEach(batches, space.commit, { discard: true }))

// -----------------------------------------------------------------------------

ReplicaStoreSuite.suite("a replica store over a KeyValueStore", {
  storage: Effect.sync(() => makeKeyValues().layer())
})

ReplicaStoreSuite.suite("a replica store over the KeyValueStore in memory", {
  storage: Effect.map(
    Layer.build(layerMemory),
    (context) => ReplicaStore.layerKeyValueStore().pipe(Layer.provide(Layer.succeedContext(context)))
  )
})

ReplicaStoreSuite.suite("a replica store over a simulated disk that takes its time", {
  storage: Effect.gen(function*() {
    const disk = yield* SimulatedDisk.make()
    return ReplicaStore.layerKeyValueStore({ prefix: "app/" }).pipe(Layer.provide(disk.layer))
  })
})

describe("the replica store", () => {
  it.effect("is none by default, and in memory keeps nothing", () =>
    Effect.gen(function*() {
      assert.isUndefined(yield* ReplicaStore.ReplicaStore)
      yield* commit(ReplicaStore.layerMemory, batch("a", "1"))
      assert.deepStrictEqual((yield* recovered(ReplicaStore.layerMemory)).entries, {})
      assert.isFalse(ReplicaStore.memory.isDurable)
    }))

  it.effect("says which operation failed, and takes the commit when it is tried again", () =>
    Effect.gen(function*() {
      const disk = yield* SimulatedDisk.make()
      const layer = ReplicaStore.layerKeyValueStore().pipe(Layer.provide(disk.layer))
      yield* open(layer, (space) =>
        Effect.gen(function*() {
          yield* space.commit(batch("a", "1"))
          yield* disk.setFaults({ full: true })
          const error = yield* Effect.flip(space.commit(batch("a", "2")))
          assert.deepInclude(error.reason, { _tag: "StoreFailed", space: "space", operation: "commit" })
          assert.match(error.message, /^the store of space failed to commit: .*no space is left on disk/)
          yield* disk.resetFaults
          yield* space.commit(batch("a", "3"))
        }))
      yield* disk.setFaults({ readFailures: 1 })
      const error = yield* Effect.flip(recovered(layer))
      assert.match(error.message, /^the store of space failed to open: /)
      yield* disk.resetFaults
      assert.deepStrictEqual((yield* recovered(layer)).entries, { a: "3" })
    }))

  it.effect("keeps what it has when a snapshot cannot be written", () =>
    Effect.gen(function*() {
      const disk = yield* SimulatedDisk.make()
      const layer = ReplicaStore.layerKeyValueStore().pipe(Layer.provide(disk.layer))
      yield* open(layer, (space) =>
        Effect.gen(function*() {
          for (let i = 0; i < 400; i++) {
            yield* disk.setFaults({ writeFailures: i % 60 > 50 ? 0.5 : 0 })
            yield* Effect.retry(space.commit(batch(`${i}`, `${i}`)), { times: 50 })
          }
        }))
      yield* disk.resetFaults
      const { entries, losses } = yield* recovered(layer)
      assert.deepStrictEqual(losses, [])
      assert.strictEqual(Object.keys(entries).length, 400)
    }))

  it.effect("names the key that is damaged and changes nothing, or goes on with what is whole and keeps the rest apart", () =>
    Effect.gen(function*() {
      const { layer, values } = makeKeyValues()
      yield* commit(layer(), batch("a", "1"), batch("b", "2"), batch("c", "3"))
      const [, key] = [...values.keys()]
      values.get(key!)![30]! ^= 1
      const before = new Map(values)
      const error = yield* Effect.flip(recovered(layer()))
      assert.strictEqual(error.reason._tag, "StoreDamaged")
      assert.include(error.message, `what is stored of space is damaged (${key}: `)
      assert.include(error.message, `onDamage: "recover"`)
      assert.deepStrictEqual(values, before)

      const found = yield* recovered(layer({ onDamage: "recover" }))
      assert.deepStrictEqual(found.entries, { a: "1", c: "3" })
      assert.strictEqual(found.meta, "c 3")
      assert.isFalse(found.isConsistent)
      assert.deepStrictEqual(found.losses.map(({ piece }) => piece), [key])
      assert.deepStrictEqual(values.get(`${key}.damaged`), before.get(key!))
      // what is damaged is told once; that the meta speaks of what is not there, until there is another
      const again = yield* recovered(layer())
      assert.deepStrictEqual(again, { ...found, losses: [] })
      yield* commit(layer(), { puts: [], removes: [], meta: undefined })
      assert.deepStrictEqual(yield* recovered(layer()), again)
      yield* commit(layer(), { puts: [], removes: [], meta: bytes("honest") })
      assert.deepStrictEqual(yield* recovered(layer()), { ...again, meta: "honest", isConsistent: true })
    }))

  it.effect("notices a commit that is missing before another", () =>
    Effect.gen(function*() {
      const { layer, values } = makeKeyValues()
      yield* commit(layer(), batch("a", "1"), batch("b", "2"), batch("c", "3"))
      values.delete([...values.keys()][1]!)
      const error = yield* Effect.flip(recovered(layer()))
      assert.match(error.message, /batch 2 is missing before it/)
    }))

  it.effect("leaves out a commit at the tail that was not finished, says so, and goes on", () =>
    Effect.gen(function*() {
      const { layer, values } = makeKeyValues()
      yield* commit(layer(), batch("a", "1"), batch("b", "2"))
      const key = [...values.keys()].at(-1)!
      for (const size of [0, 1, 26, 30]) {
        yield* commit(layer(), batch("torn", "1"))
        const torn = [...values.keys()].filter((key) => key.endsWith(".batch")).sort().at(-1)!
        assert.isAtLeast(torn.localeCompare(key), 0)
        values.set(torn, values.get(torn)!.slice(0, size))
        const found = yield* recovered(layer())
        assert.deepStrictEqual(found.entries, { a: "1", b: "2" })
        assert.isTrue(found.isConsistent)
        assert.deepStrictEqual(found.losses.map(({ isTail, piece }) => ({ isTail, piece })), [{
          isTail: true,
          piece: torn
        }])
        assert.deepStrictEqual((yield* recovered(layer())).losses, [])
      }
    }))

  const between = (minimum: number, maximum: number) => Schema.Int.check(Schema.isBetween({ minimum, maximum }))
  const damage = Schema.Struct({
    commits: between(1, 12),
    snapshotAt: between(0, 12),
    piece: between(0, 100),
    at: between(0, 10_000),
    flip: Schema.Union([between(1, 255), Schema.Literal("cut"), Schema.Literal("grow")])
  })

  // all of these go through `restore`, with the pieces as the media have them
  const restored = (...of: Parameters<typeof restore>) => {
    const restoring = restore(...of)
    for (let next = restoring.next();; next = restoring.next()) if (next.done === true) return next.value
  }
  const spaceId = spaceOf("space")
  const batchFrame = (number: number) => ({
    kind: Kind.batch,
    number,
    payload: encodeBatch(batch(`${number}`, `v${number}`))
  })
  const snapshotOf = (number: number, name: string) => ({
    name,
    number,
    bytes: encode(
      spaceId,
      ...Array.from({ length: number }, (_, part) => ({
        kind: part === number - 1 ? Kind.lastPart : Kind.part,
        number,
        part,
        payload: encodeBatch(batch(`${part + 1}`, `v${part + 1}`))
      }))
    )
  })
  const makePieces = (commits: number, snapshotAt: number, marksEnd: boolean) => {
    const at = Math.min(snapshotAt, commits)
    const rest = Array.from({ length: commits - at }, (_, i) => batchFrame(at + 1 + i))
    const snapshots = at === 0 ? [] : [snapshotOf(at, "snapshot")]
    const logs = marksEnd
      ? [{ name: "log", number: at + 1, bytes: encode(spaceId, ...rest, { kind: Kind.end, number: commits + 1 }) }]
      : rest.map((frame) => ({ name: `batch ${frame.number}`, number: frame.number, bytes: encode(spaceId, frame) }))
    return { snapshots, logs }
  }

  for (const marksEnd of [true, false]) {
    it.effect.prop(
      `loses nothing silently, whatever byte is changed, cut off or added (${marksEnd ? "files" : "keys"})`,
      { damage },
      ({ damage: { at, commits, flip, piece, snapshotAt } }) =>
        Effect.sync(() => {
          const found = makePieces(commits, snapshotAt, marksEnd)
          const whole = restored(spaceId, found, marksEnd)
          assert.deepStrictEqual(whole.losses, [])
          assert.strictEqual(whole.contents.entries.size, commits)
          assert.strictEqual(whole.number, commits)
          const pieces = [...found.snapshots, ...found.logs]
          const target = pieces[piece % pieces.length]!
          const position = at % target.bytes.length
          const damaged = flip === "cut"
            ? target.bytes.slice(0, position)
            : flip === "grow"
            ? Uint8Array.of(...target.bytes, ...target.bytes.subarray(0, position + 1))
            : target.bytes.map((byte, at) => at === position ? byte ^ flip : byte)
          const put = <A extends { readonly name: string }>(of: A) =>
            of.name === target.name ? { ...of, bytes: damaged } : of
          const outcome = restored(
            spaceId,
            { snapshots: found.snapshots.map(put), logs: found.logs.map(put) },
            marksEnd
          )
          assert.isAtLeast(outcome.losses.length, 1)
          assert.isTrue(outcome.losses.every((loss) => loss.piece === target.name), JSON.stringify(outcome.losses))
          assert.isUndefined(outcome.log)
          // what was not in the damaged frame is there, as it was
          for (const [key, value] of outcome.contents.entries) assert.strictEqual(text(value), `v${key}`)
          assert.isAtLeast(outcome.contents.entries.size, flip === "cut" ? 0 : commits - 1)
          if (outcome.losses.every(({ isTail }) => isTail)) {
            // the state as it once was
            const count = outcome.contents.entries.size
            for (let number = 1; number <= count; number++) assert.isTrue(outcome.contents.entries.has(`${number}`))
          }
        })
    )
  }

  it("finds out that a log is missing, out of order, or was written by two", () => {
    const log = (
      name: string,
      number: number,
      ...frames: Parameters<typeof encode> extends [number, ...infer F] ? F : never
    ) => ({
      name,
      number,
      bytes: encode(spaceId, ...frames)
    })
    const problems = (...found: Array<Parameters<typeof restore>[1]>) =>
      found.map((pieces) => restored(spaceId, pieces, true).losses.map(({ problem }) => problem).join("; "))
    const end = (number: number) => ({ kind: Kind.end, number })
    const sealed = (number: number) => ({ kind: Kind.sealed, number })
    assert.deepStrictEqual(
      problems(
        { snapshots: [], logs: [log("a", 1, batchFrame(1), sealed(2))] },
        { snapshots: [], logs: [log("b", 2, batchFrame(2), end(3))] },
        { snapshots: [snapshotOf(1, "s")], logs: [] },
        { snapshots: [], logs: [log("a", 1, batchFrame(1), batchFrame(1), end(2))] },
        { snapshots: [], logs: [log("a", 1, batchFrame(1), batchFrame(3), end(4))] },
        { snapshots: [], logs: [log("a", 1, batchFrame(1), sealed(2)), log("b", 2, batchFrame(2), end(3))] },
        // a log was begun, and the one before it not yet sealed
        { snapshots: [], logs: [log("a", 1, batchFrame(1), end(2)), log("b", 2, end(2))] },
        // it was being sealed: of its mark a part is there
        {
          snapshots: [],
          logs: [
            { ...log("a", 1, batchFrame(1)), bytes: encode(spaceId, batchFrame(1), sealed(2)).slice(0, -5) },
            log("b", 2, batchFrame(2), end(3))
          ]
        },
        {
          snapshots: [],
          logs: [
            { ...log("a", 1, batchFrame(1)), bytes: encode(spaceId, batchFrame(1), sealed(2)).slice(0, -5) },
            log("b", 3, batchFrame(3), end(4))
          ]
        },
        // a snapshot was written, and what it is made of not yet removed
        { snapshots: [snapshotOf(1, "s")], logs: [log("a", 1, batchFrame(1), sealed(2)), log("b", 2, end(2))] }
      ),
      [
        "the log from batch 2 on, which is to follow it, is missing",
        "batch 1 is missing before it",
        "the log from batch 2 on, which is to follow it, is missing",
        "batch 1 is out of order, as if two processes had written it",
        "batch 2 is missing before batch 3",
        "",
        "",
        "",
        "22 bytes from byte 40 on are unfinished or damaged; batch 2 is missing before it",
        ""
      ]
    )
  })

  it("takes a frame of another space for damage", () => {
    const found = makePieces(3, 0, true)
    const other = restored(spaceOf("other"), found, true)
    assert.strictEqual(other.contents.entries.size, 0)
    assert.strictEqual(other.losses.length, 1)
  })

  it.effect.prop(
    "holds after any commits what a map would",
    {
      steps: Arbitrary.array(
        Arbitrary.schema(
          Schema.Struct({ key: between(0, 8), value: Schema.Union([between(0, 99), Schema.Literal("remove")]) })
        ),
        { maxLength: 60 }
      ),
      reopen: between(1, 20)
    },
    ({ reopen, steps }) =>
      Effect.gen(function*() {
        const { layer } = makeKeyValues()
        const model: Record<string, string> = {}
        for (let at = 0; at < steps.length; at += reopen) {
          yield* commit(
            layer(),
            ...steps.slice(at, at + reopen).map(({ key, value }) => {
              if (value === "remove") delete model[key]
              else model[key] = `${value}`
              return value === "remove"
                ? { puts: [], removes: [bytes(`${key}`)], meta: undefined }
                : { puts: [[bytes(`${key}`), bytes(`${value}`)] as const], removes: [], meta: undefined }
            })
          )
          assert.deepStrictEqual((yield* recovered(layer())).entries, model)
        }
      })
  )
})
