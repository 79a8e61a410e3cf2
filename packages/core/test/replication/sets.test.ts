import { assert, describe, it } from "@effect/vitest"
import * as HashSet from "effect/HashSet"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as SchemaGetter from "effect/SchemaGetter"
import * as GCounter from "../../src/replication/GCounter.ts"
import * as MVRegister from "../../src/replication/MVRegister.ts"
import * as ORMap from "../../src/replication/ORMap.ts"
import * as ORSet from "../../src/replication/ORSet.ts"

const a = { node: "a", incarnation: 1 }
const b = { node: "b", incarnation: 1 }

describe("ORSet", () => {
  const set = ORSet.make(Schema.String)

  it("has an element that was added while another removed it", () => {
    const before = set.add(set.empty, a, "x")
    const removed = set.merge(before, set.remove(before, "x"))
    const added = set.merge(before, set.add(before, b, "x"))
    assert.deepStrictEqual(set.value(removed), [])
    for (const both of [set.merge(removed, added), set.merge(added, removed)]) {
      assert.deepStrictEqual(set.value(both), ["x"])
      assert.isTrue(set.has(both, "x"))
    }
  })

  it("has no element whose removal came before it", () => {
    const add = set.add(set.empty, a, "x")
    const remove = set.remove(add, "x")
    assert.deepStrictEqual(set.value([remove, add].reduce(set.merge, set.empty)), [])
  })

  it("has an element that was added again", () => {
    const once = set.add(set.empty, a, "x")
    const never = set.merge(once, set.remove(once, "x"))
    const again = set.merge(never, set.add(never, a, "x"))
    assert.deepStrictEqual(set.value(again), ["x"])
    assert.deepStrictEqual(set.value(set.merge(again, once)), ["x"])
  })

  it("holds one write for an element that was added often", () => {
    let state = set.empty
    for (let i = 0; i < 100; i++) state = set.merge(state, set.add(state, i % 2 === 0 ? a : b, "x"))
    assert.isAtMost(Schema.encodeSync(set.schema)(state).length, 28)
  })

  it("tells elements apart by what they are, not by which object", () => {
    const points = ORSet.make(Schema.Struct({ x: Schema.Int, y: Schema.optionalKey(Schema.Int) }))
    const state = points.add(points.empty, a, { x: 1, y: 2 })
    assert.isTrue(points.has(state, { y: 2, x: 1 }))
    assert.isFalse(points.has(state, { x: 1 }))
    assert.deepStrictEqual(points.value(points.merge(state, points.remove(state, { x: 1, y: 2 }))), [])
  })

  it("takes elements of its schema only", () => {
    const ports = ORSet.make(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 65_535 })))
    assert.throws(() => ports.add(ports.empty, a, 0))
    assert.throws(() => ports.add(ports.empty, a, "x" as never))
    assert.strictEqual(ports.remove(ports.empty, 80), ports.empty)
  })

  it("takes no elements that are encoded now in one way and now in another", () => {
    let odd = 0
    const fickle = ORSet.make(Schema.String.pipe(
      Schema.decodeTo(Schema.String, {
        decode: SchemaGetter.transform((text: string) => text.slice(1)),
        encode: SchemaGetter.transform((text: string) => `${odd++ % 10}${text}`)
      })
    ))
    assert.throws(() => fickle.add(fickle.empty, a, "x"), /encoded in one way only/)
    // sets of sets are fine as long as their order is
    const sets = ORSet.make(Schema.HashSet(Schema.String))
    assert.isTrue(sets.has(sets.add(sets.empty, a, HashSet.make("x", "y")), HashSet.make("y", "x")))
  })
})

describe("ORMap", () => {
  const counter = GCounter.definition
  const names = MVRegister.make(Schema.String)
  const map = ORMap.make({ key: Schema.String, value: names })
  const counts = ORMap.make({ key: Schema.String, value: counter })

  it("merges what is written under one key as its kind says", () => {
    const atA = map.update(map.empty, "k", (name) => names.set(name, a, "one"))
    const atB = map.update(map.empty, "k", (name) => names.set(name, b, "two"))
    const both = map.merge(atA, atB)
    assert.deepStrictEqual(map.value(both), [["k", ["one", "two"]]])
    assert.deepStrictEqual(map.get(both, "k"), Option.some(["one", "two"]))
    assert.deepStrictEqual(map.get(both, "l"), Option.none())
  })

  it("has a key that was updated while another removed it, without what that one had seen", () => {
    const sets = ORSet.make(Schema.String)
    const map = ORMap.make({ key: Schema.String, value: sets })
    const before = map.update(map.empty, "k", (set) => sets.add(set, a, "old"))
    const removed = map.merge(before, map.remove(before, "k"))
    const updated = map.merge(before, map.update(before, "k", (set) => sets.add(set, b, "new")))
    assert.isFalse(map.has(removed, "k"))
    assert.deepStrictEqual(map.value(map.merge(removed, updated)), [["k", ["new"]]])
  })

  it("has no key whose value holds nothing", () => {
    const before = map.update(map.empty, "k", (name) => names.set(name, a, "one"))
    const cleared = map.merge(before, map.update(before, "k", (name) => names.clear(name)))
    assert.isFalse(map.has(cleared, "k"))
    assert.deepStrictEqual(map.value(cleared), [])
  })

  it("keeps what is under other keys, even where a mutator returns more than a delta", () => {
    let state = map.empty
    for (const key of ["k", "l", "m"]) {
      state = map.merge(
        state,
        map.update(state, key, (name) => names.set(name, a, key))
      )
    }
    const whole = map.update(state, "l", (name) => names.merge(name, names.set(name, a, "new")))
    const delta = map.update(state, "l", (name) => names.set(name, a, "new"))
    for (const change of [whole, delta]) {
      assert.deepStrictEqual(map.value(map.merge(state, change)), [["k", ["k"]], ["l", ["new"]], ["m", ["m"]]])
    }
    assert.isTrue(map.isEqual(whole, delta))
    assert.deepStrictEqual(map.value(map.merge(state, map.update(state, "l", (name) => name))), map.value(state))
    assert.strictEqual(map.update(state, "x", (name) => name), map.empty)
    // nor is another key's life ended by one that retires them where it cannot
    const retired = map.update(state, "l", (name) => names.retire(name, "a", 2))
    assert.deepStrictEqual(map.value(map.merge(state, retired)), map.value(state))
  })

  it("of counters lacks nothing that was not removed, when a key is removed and counted on at the same time", () => {
    const increment = (state: typeof counts.empty, replica: typeof a, by: number) =>
      counts.merge(state, counts.update(state, "k", (count) => counter.increment(count, replica, by)))
    const before = increment(increment(counts.empty, a, 10), b, 20)
    const removed = counts.merge(before, counts.remove(before, "k"))
    const counted = increment(before, a, 1)
    // b's is removed, a's total stays as a whole: 1 at the least
    assert.deepStrictEqual(counts.value(counts.merge(removed, counted)), [["k", 11]])
    assert.deepStrictEqual(counts.value(increment(removed, a, 1)), [["k", 1]])
  })

  it("gives each write one number, whatever the key", () => {
    let state = counts.empty
    for (const key of ["k", "l", "k"]) {
      state = counts.merge(state, counts.update(state, key, (count) => counter.increment(count, a)))
    }
    assert.strictEqual(counts.lastWrite(state, a), 3)
    assert.strictEqual(counter.value(counts.child(state, "k")), 2)
    assert.strictEqual(counter.value(counts.child(state, "x")), 0)
  })

  it("takes keys of its schema only", () => {
    const map = ORMap.make({ key: Schema.NonEmptyString, value: counter })
    assert.throws(() => map.update(map.empty, "", (count) => counter.increment(count, a)))
    assert.strictEqual(map.remove(map.empty, "x"), map.empty)
  })
})
