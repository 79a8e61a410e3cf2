/** The laws of joins hold for whatever states, of whatever history or none. */
import { assert, describe, it } from "@effect/vitest"
import * as Context from "../../../../src/replication/internal/crdt/context.ts"
import * as State from "../../../../src/replication/internal/crdt/state.ts"
import { maps, state, universe } from "./arbitraries.ts"

type MapState = State.State<typeof maps.bottom>

const many = { arbitrary: { runs: 1000 } }

const merge = (a: MapState, b: MapState) => State.merge(maps, a, b)

const same = (a: MapState, b: MapState) => {
  assert.isTrue(State.isEqual(maps, a, b))
  assert.deepStrictEqual(State.encode(maps, [0], a), State.encode(maps, [0], b))
}

/** What a state says of a dot at a key: that it was not seen (0), is held (1 and more), or was removed. */
const level = ({ context, store }: MapState, key: string, dot: Context.Dot): number => {
  const entry = store.get(key)?.store.find((entry) => Context.compareDots(entry.dot, dot) === 0)
  return entry?.payload ?? (Context.contains(context, dot) ? Infinity : 0)
}

describe("a join", () => {
  it.prop("takes at each dot and key what is later of unseen, held and removed", { a: state, b: state }, ({ a, b }) => {
    const joined = merge(a, b)
    for (const key of ["x", "y"]) {
      for (const dot of universe) {
        assert.strictEqual(level(joined, key, dot), Math.max(level(a, key, dot), level(b, key, dot)))
      }
    }
    assert.isTrue(Context.isEqual(joined.context, Context.unite(a.context, b.context)))
  }, many)

  it.prop("is commutative", { a: state, b: state }, ({ a, b }) => same(merge(a, b), merge(b, a)), many)

  it.prop("is associative", { a: state, b: state, c: state }, ({ a, b, c }) => {
    same(merge(merge(a, b), c), merge(a, merge(b, c)))
  }, many)

  it.prop("is idempotent, and gives back what it got where nothing is new", { a: state, b: state }, ({ a, b }) => {
    const joined = merge(a, b)
    assert.strictEqual(merge(a, { ...a }), a)
    assert.strictEqual(merge(joined, a), joined)
    assert.strictEqual(merge(joined, b), joined)
    assert.strictEqual(joined === a, State.isEqual(maps, joined, a))
  }, many)

  it.prop("holds nothing but what is in its context, and no key without a dot", { a: state, b: state }, ({ a, b }) => {
    const { context, store } = merge(a, b)
    maps.forEachDot(store, (dot) => assert.isTrue(Context.contains(context, dot)))
    for (const child of store.values()) assert.isAbove(child.store.length, 0)
  }, many)
})

describe("states", () => {
  it.prop("come back from their encoding as they were", { a: state }, ({ a }) => {
    const decoded = State.decode(maps, [0], State.encode(maps, [0], a)) as MapState
    same(decoded, a)
    assert.deepStrictEqual(decoded, { store: new Map([...a.store].sort()), context: decoded.context })
  }, many)

  it.prop("are equal where their encodings are, and nowhere else", { a: state, b: state }, ({ a, b }) => {
    assert.strictEqual(
      State.isEqual(maps, a, b),
      `${State.encode(maps, [0], a)}` === `${State.encode(maps, [0], b)}`
    )
  }, many)
})
