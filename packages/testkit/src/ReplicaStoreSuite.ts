/**
 * The conformance suite for authors of a store: what nodes take for granted of a durable `ReplicaStore`.
 *
 * It needs `vitest` and `@effect/vitest`, which are optional peer dependencies of the testkit, and is therefore not part
 * of its main module.
 *
 * **Example** (Checking a store of one's own)
 *
 * ```ts
 * import * as ReplicaStoreSuite from "@effect-gossip/testkit/ReplicaStoreSuite"
 * import { Effect } from "effect"
 * import { layerDatabase, makeDatabase } from "./MyStore.ts"
 *
 * ReplicaStoreSuite.suite("MyStore", { storage: Effect.map(makeDatabase, (database) => layerDatabase(database)) })
 * ```
 *
 * @since 0.1.0
 */
import { ReplicaStore } from "@effect-gossip/core/replication"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"

// -----------------------------------------------------------------------------
// model
// -----------------------------------------------------------------------------

/** What the suite is given. */
export interface Options {
  /** Makes an empty storage, and gives the layer of its store. Each time that is built is another process. */
  readonly storage: Effect.Effect<Layer.Layer<never>, never, Scope.Scope>
  /** Milliseconds that a test may take: 30 s by default. */
  readonly timeout?: number | undefined
}

// -----------------------------------------------------------------------------
// suite
// -----------------------------------------------------------------------------

type Process = <A, E>(
  run: (store: ReplicaStore.Store) => Effect.Effect<A, E, Scope.Scope>
) => Effect.Effect<A, E>

const cases: ReadonlyArray<
  readonly [name: string, run: (process: Process) => Effect.Effect<void, ReplicaStore.ReplicaStoreError>]
> = [
  ["is durable, and begins with nothing", (process) =>
    process(Effect.fnUntraced(function*(store) {
      assert.isTrue(store.isDurable)
      assert.deepStrictEqual(yield* contents(yield* store.open("space")), { entries: {}, meta: undefined, losses: [] })
    }))],

  [
    "gives the next process what was put, and not what was removed",
    Effect.fnUntraced(function*(process) {
      yield* process(Effect.fnUntraced(function*(store) {
        const space = yield* store.open("space")
        yield* space.commit({ puts: [put("a", "1"), put("b", "2")], removes: [], meta: bytes("m1") })
        yield* space.commit({ puts: [put("a", "3"), put("c", "")], removes: [bytes("b")], meta: bytes("m2") })
      }))
      yield* process(Effect.fnUntraced(function*(store) {
        const expected = { entries: { a: "3", c: "" }, meta: "m2", losses: [] }
        assert.deepStrictEqual(yield* contents(yield* store.open("space")), expected)
      }))
    })
  ],

  [
    "keeps the meta where a batch has none, and removes what is not there",
    Effect.fnUntraced(function*(process) {
      yield* process(Effect.fnUntraced(function*(store) {
        const space = yield* store.open("space")
        yield* space.commit({ puts: [], removes: [], meta: bytes("m") })
        yield* space.commit({ puts: [put("a", "1")], removes: [bytes("none")], meta: undefined })
      }))
      yield* process(Effect.fnUntraced(function*(store) {
        assert.deepStrictEqual(yield* contents(yield* store.open("space")), {
          entries: { a: "1" },
          meta: "m",
          losses: []
        })
      }))
    })
  ],

  [
    "keeps spaces apart, whatever their names are like",
    Effect.fnUntraced(function*(process) {
      const names = ["a", "a@1", "a/b", "..", "a%2Fb", "ä😀", "A", "x".repeat(100)]
      yield* process(Effect.fnUntraced(function*(store) {
        for (const name of names) {
          const space = yield* store.open(name)
          yield* space.commit({ puts: [put("name", name)], removes: [], meta: undefined })
        }
      }))
      yield* process(Effect.fnUntraced(function*(store) {
        for (const name of names) {
          assert.deepStrictEqual((yield* contents(yield* store.open(name))).entries, { name }, name)
        }
      }))
    })
  ],

  [
    "takes keys of no bytes and of any, and large records",
    Effect.fnUntraced(function*(process) {
      const all = Uint8Array.from({ length: 256 }, (_, byte) => byte)
      const large = Uint8Array.from({ length: 1_000_000 }, (_, at) => at % 251)
      yield* process(Effect.fnUntraced(function*(store) {
        const space = yield* store.open("space")
        yield* space.commit({ puts: [[new Uint8Array(0), all], [all, large]], removes: [], meta: all })
      }))
      yield* process(Effect.fnUntraced(function*(store) {
        const recovered = yield* (yield* store.open("space")).load
        assert.deepStrictEqual([...recovered.entries], [[new Uint8Array(0), all], [all, large]])
        assert.deepStrictEqual(recovered.meta, all)
      }))
    })
  ],

  [
    "does as told in the order of the commits, also of those that wait for each other",
    Effect.fnUntraced(
      function*(process) {
        yield* process(Effect.fnUntraced(function*(store) {
          const space = yield* store.open("space")
          yield* Effect.forEach(
            Array.from({ length: 100 }, (_, i) => i),
            (i) =>
              space.commit({ puts: [put("last", `${i}`), put(`${i % 7}`, `${i}`)], removes: [], meta: bytes(`${i}`) }),
            { concurrency: "unbounded" }
          )
        }))
        yield* process(Effect.fnUntraced(function*(store) {
          const { entries, meta } = yield* contents(yield* store.open("space"))
          const expected = { last: "99", 0: "98", 1: "99", 2: "93", 3: "94", 4: "95", 5: "96", 6: "97" }
          assert.deepStrictEqual({ entries, meta }, { entries: expected, meta: "99" })
        }))
      }
    )
  ],

  [
    "holds what there is, and not all that there was",
    Effect.fnUntraced(function*(process) {
      const text = "x".repeat(1000)
      for (let round = 0; round < 3; round++) {
        yield* process(Effect.fnUntraced(function*(store) {
          const space = yield* store.open("space")
          for (let i = 0; i < 700; i++) {
            yield* space.commit({
              puts: [put(`${i % 50}`, `${round} ${i} ${text}`)],
              removes: [bytes(`${(i + 25) % 50}`)],
              meta: bytes(`${round} ${i}`)
            })
          }
          // a snapshot may be under way
          yield* Effect.yieldNow
        }))
      }
      yield* process(Effect.fnUntraced(function*(store) {
        const space = yield* store.open("space")
        const { entries, losses, meta } = yield* contents(space)
        assert.deepStrictEqual({ losses, meta }, { losses: [], meta: "2 699" })
        const expected: Array<readonly [string, string]> = []
        for (let i = 675; i < 700; i++) expected.push([`${i % 50}`, `2 ${i} ${text}`])
        assert.deepStrictEqual(entries, Object.fromEntries(expected))
      }))
    })
  ],

  [
    "goes on from what it has recovered",
    Effect.fnUntraced(function*(process) {
      for (let i = 0; i < 20; i++) {
        yield* process(Effect.fnUntraced(function*(store) {
          const space = yield* store.open("space")
          assert.deepStrictEqual(Object.keys((yield* contents(space)).entries).length, i)
          yield* space.commit({ puts: [put(`${i}`, "")], removes: [], meta: undefined })
        }))
      }
    })
  ],

  [
    "says what has been committed, also in this process",
    (process) =>
      process(Effect.fnUntraced(function*(store) {
        const space = yield* store.open("space")
        yield* space.commit({ puts: [put("a", "1")], removes: [], meta: bytes("m") })
        assert.deepStrictEqual(yield* contents(space), { entries: { a: "1" }, meta: "m", losses: [] })
      }))
  ]
]

/** Registers the tests of the suite with vitest, in a block of this name. */
export const suite = (name: string, options: Options): void => {
  describe(name, { timeout: options.timeout ?? 30_000 }, () => {
    for (const [title, run] of cases) {
      it.live(title, () =>
        Effect.flatMap(options.storage, (layer) =>
          run((use) =>
            Effect.gen(function*() {
              return yield* use((yield* ReplicaStore.ReplicaStore) ?? assert.fail("the layer provides no store"))
            }).pipe(Effect.scoped, Effect.provide(Layer.fresh(layer)))
          )))
    }
  })
}

// -----------------------------------------------------------------------------
// internals
// -----------------------------------------------------------------------------

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes)
const put = (key: string, value: string) => [bytes(key), bytes(value)] as const

const contents = ({ load }: ReplicaStore.SpaceStore) =>
  Effect.map(load, ({ entries, losses, meta }) => ({
    entries: Object.fromEntries(Array.from(entries, ([key, record]) => [text(key), text(record)])),
    meta: meta === undefined ? undefined : text(meta),
    losses
  }))
