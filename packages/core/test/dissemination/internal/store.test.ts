import { assert, describe, it } from "@effect/vitest"
import { type Config, defaultConfig } from "../../../src/dissemination/internal/config.ts"
import { Store } from "../../../src/dissemination/internal/store.ts"

const make = (config: Partial<Config> = {}) => new Store<string>({ ...defaultConfig, ...config }, 0)

const held = (id: number, { bornAt = 0, size = 10 } = {}) => ({
  rumor: {
    id,
    topic: "t",
    origin: "n1",
    publishedAt: 0,
    bornAt,
    hops: 0,
    strategy: 3,
    payload: new Uint8Array(size),
    large: false
  },
  running: "running"
})

const idsOf = (all: Iterable<{ readonly rumor: { readonly id: number } }>) => [...all].map(({ rumor }) => rumor.id)

describe("Store", () => {
  it("holds so many rumors, and lets the oldest go", () => {
    const store = make({ maxRumors: 3 })
    for (const id of [1, 2, 3]) assert.deepStrictEqual(store.add(held(id), 0), [])
    assert.deepStrictEqual(idsOf(store.add(held(4), 0)), [1])
    assert.deepStrictEqual(idsOf(store.held()), [2, 3, 4])
    assert.strictEqual(store.size, 3)
  })

  it("holds so many bytes, and lets as many go as it takes", () => {
    const store = make({ maxBytes: 100 })
    for (const id of [1, 2, 3]) store.add(held(id, { size: 30 }), 0)
    assert.deepStrictEqual(idsOf(store.add(held(4, { size: 50 }), 0)), [1, 2])
    assert.strictEqual(store.bytes, 80)
    // one that is larger than all it may hold is held alone
    assert.deepStrictEqual(idsOf(store.add(held(5, { size: 200 }), 0)), [3, 4])
    assert.deepStrictEqual(idsOf(store.held()), [5])
  })

  it("knows what it has let go for one that it has heard", () => {
    const store = make({ maxRumors: 1 })
    store.add(held(1), 0)
    store.add(held(2), 0)
    assert.isUndefined(store.get(1))
    assert.isTrue(store.has(1))
    assert.deepStrictEqual([...store.known()].map(({ id }) => id), [1, 2])
  })

  it("keeps names of late for no more than four times the rumors that it may hold", () => {
    const store = make({ maxRumors: 2 })
    for (let id = 0; id < 20; id++) store.add(held(id), 0)
    assert.deepStrictEqual([...store.known()].map(({ id }) => id), [12, 13, 14, 15, 16, 17, 18, 19])
    assert.isTrue(store.has(0))
  })

  it("lets go what is older than the retention, whenever it came", () => {
    const store = make({ retention: 1000 })
    store.add(held(1, { bornAt: 500 }), 500)
    store.add(held(2, { bornAt: 100 }), 500)
    // two seconds more, so that those who count otherwise by a little still agree
    assert.deepStrictEqual(idsOf(store.sweep(3099)), [])
    assert.deepStrictEqual(idsOf(store.sweep(3100)), [2])
    assert.deepStrictEqual([...store.known()].map(({ id }) => id), [1])
    assert.deepStrictEqual(idsOf(store.sweep(3500)), [1])
    assert.isTrue(store.isEmpty)
    assert.strictEqual(store.bytes, 0)
    assert.isTrue(store.has(1))
  })

  it("is told what another knows, and what it held", () => {
    const store = make()
    store.add(held(1), 0)
    store.add(held(2), 0)
    const heir = make()
    heir.inherit(store)
    assert.isTrue(heir.has(1))
    assert.strictEqual(heir.size, 0)
    heir.restore(held(1))
    heir.restore(held(1))
    assert.strictEqual(heir.bytes, 10)
    assert.deepStrictEqual([...heir.known()].map(({ id }) => id), [1, 2])
  })
})
