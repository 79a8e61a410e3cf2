import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import { Handle, KeyValueState } from "../../../../src/membership/internal/heartbeat/state.ts"
import { type Delta, maxKeyValues } from "../../../../src/wire/HeartbeatMessage.ts"
import { between } from "../../../support/arbitraries.ts"
import { addressOf } from "../swim/harness.ts"

/** A delta of what is held above a version, cut after so many. */
const deltaOf = (state: KeyValueState, since: number, count = Infinity): Delta => {
  const keyValues = state.after(since).slice(0, count)
  return {
    id: "n1",
    address: addressOf(1),
    incarnation: state.generation,
    heartbeat: 1,
    since,
    version: keyValues.at(-1)?.version ?? since,
    keyValues
  }
}

const valuesOf = (state: KeyValueState) => Object.fromEntries(state.said)

/** Deltas that a node gave at different times, with what it held then. */
const history = (writes: ReadonlyArray<number>) => {
  const handle = new Handle()
  handle.begin(1)
  const deltas: Array<Delta> = []
  writes.forEach((write, index) => {
    // at times the node begins anew
    if (write === 9) handle.begin(handle.own.generation + 1)
    else if (write === 8) handle.remove("n1", "k0")
    else handle.set("n1", `k${write % 3}`, `v${index}`)
    for (let since = 0; since <= handle.own.version; since++) {
      deltas.push(deltaOf(handle.own, since), deltaOf(handle.own, since, 1))
    }
  })
  return { own: handle.own, deltas }
}

const writes = Arbitrary.array(Arbitrary.schema(between(0, 9)), { minLength: 1, maxLength: 8 })
const order = Arbitrary.array(Arbitrary.schema(between(0, 1000)), { maxLength: 60 })

describe("key-values", () => {
  it.prop(
    "are the same for all who heard all, in whatever order and however often deltas came, and in whatever parts",
    { writes, order },
    ({ order, writes }) => {
      const { deltas, own } = history(writes)
      const state = new KeyValueState()
      for (const index of order) assert.isDefined(state.merge(deltas[index % deltas.length]!))
      // what is missing is asked for by version
      while (state.generation < own.generation || state.version < own.version) {
        const since = state.generation === own.generation ? state.version : 0
        assert.isDefined(state.merge(deltaOf(own, since, 1)))
        if (deltaOf(own, since, 1).keyValues!.length === 0) break
      }
      assert.deepStrictEqual(valuesOf(state), valuesOf(own))
      assert.strictEqual(state.version, own.version)
    }
  )

  it.prop("change nothing when a delta comes again", { writes, order }, ({ order, writes }) => {
    const { deltas } = history(writes)
    const state = new KeyValueState()
    for (const index of order) {
      const delta = deltas[index % deltas.length]!
      state.merge(delta)
      const before = { version: state.version, generation: state.generation, values: valuesOf(state) }
      assert.deepStrictEqual(state.merge(delta), [])
      assert.deepStrictEqual(
        { version: state.version, generation: state.generation, values: valuesOf(state) },
        before
      )
    }
  })

  it.prop("never go back to an older version or generation", { writes, order }, ({ order, writes }) => {
    const { deltas } = history(writes)
    const state = new KeyValueState()
    for (const index of order) {
      const { generation, version } = state
      state.merge(deltas[index % deltas.length]!)
      assert.isTrue(state.generation > generation || state.generation === generation && state.version >= version)
      for (const held of state.values.values()) assert.isAtMost(held.version, state.version)
    }
  })

  it("above a gap are not taken in, for what lies between is not known", () => {
    const { own } = history([0, 1, 2])
    const state = new KeyValueState()
    assert.deepStrictEqual(state.merge(deltaOf(own, 2)), [])
    assert.strictEqual(state.version, 0)
  })

  it("that cannot be are refused", () => {
    const { own } = history([0, 1, 2])
    const good = deltaOf(own, 0)
    const [first, second] = good.keyValues!
    const wrong: ReadonlyArray<Partial<Delta>> = [
      { keyValues: [second!, first!] },
      { keyValues: [first!, first!] },
      { keyValues: [{ ...first!, version: 0 }] },
      { version: 1 },
      { generation: good.incarnation + 1 }
    ]
    for (const fields of wrong) {
      const state = new KeyValueState()
      assert.isUndefined(state.merge({ ...good, ...fields }))
      assert.strictEqual(state.values.size, 0)
    }
  })

  it("of one node are never more than so many, whatever it says", () => {
    const state = new KeyValueState()
    for (let i = 0; i < 10; i++) {
      const keyValues = Array.from({ length: maxKeyValues }, (_, j) => ({
        key: `${i}-${j}`,
        value: "",
        version: i * maxKeyValues + j + 1
      }))
      const since = i * maxKeyValues
      state.merge({
        ...{ id: "n1", address: addressOf(1), incarnation: 1, heartbeat: 1 },
        since,
        version: since + maxKeyValues,
        keyValues
      })
      assert.isAtMost(state.values.size, maxKeyValues)
    }
  })

  it("that were removed are told of as such, and take a key's place until another needs it", () => {
    const handle = new Handle()
    const told: Array<string> = []
    handle.listeners.add(({ key, value }) => told.push(`${key} ${value}`))
    handle.begin(1)
    for (let i = 0; i < maxKeyValues; i++) handle.set("n0", `k${i}`, "v")
    assert.isFalse(handle.set("n0", "more", "v"))
    told.length = 0
    for (const key of ["k3", "k5", "k5", "nothing"]) handle.remove("n0", key)
    assert.deepStrictEqual(told, ["k3 undefined", "k5 undefined"])
    assert.deepStrictEqual(handle.own.after(maxKeyValues), [
      { key: "k3", value: "", version: maxKeyValues + 1, removed: true },
      { key: "k5", value: "", version: maxKeyValues + 2, removed: true }
    ])
    assert.isFalse("k3" in valuesOf(handle.own))
    // the same key is no other
    assert.isTrue(handle.set("n0", "k5", ""))
    assert.strictEqual(valuesOf(handle.own)["k5"], "")
    assert.isFalse(handle.needsGeneration)
    assert.isTrue(handle.set("n0", "more", "v"))
    assert.isTrue(handle.needsGeneration)
    assert.isFalse(handle.set("n0", "yet another", "v"))
    handle.begin(2)
    assert.isFalse(handle.needsGeneration)
    assert.strictEqual(handle.own.values.size, maxKeyValues)
  })

  it("of this node keep what was set through a new generation, and count versions anew", () => {
    const handle = new Handle()
    handle.begin(1)
    for (let i = 0; i < 5; i++) handle.set("n0", "k", `${i}`)
    handle.set("n0", "other", "x")
    assert.strictEqual(handle.own.version, 6)
    handle.begin(7)
    assert.deepStrictEqual(valuesOf(handle.own), { k: "4", other: "x" })
    assert.strictEqual(handle.own.version, 2)
    // what is said already is no news
    handle.set("n0", "k", "4")
    assert.strictEqual(handle.own.version, 2)
  })
})
