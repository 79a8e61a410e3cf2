/** What replicas, deltas and states are like whatever their kind: who may write, and how large it all becomes. */
import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import * as Crdt from "../../src/replication/Crdt.ts"
import * as GCounter from "../../src/replication/GCounter.ts"
import * as LWWRegister from "../../src/replication/LWWRegister.ts"
import * as MVRegister from "../../src/replication/MVRegister.ts"
import * as ORMap from "../../src/replication/ORMap.ts"
import * as ORSet from "../../src/replication/ORSet.ts"
import * as PNCounter from "../../src/replication/PNCounter.ts"

const started = 1_700_000_000_000
const a = { node: "node-a", incarnation: started }
const b = { node: "node-b", incarnation: started }

const strings = ORSet.make(Schema.String)
const multi = MVRegister.make(Schema.String)
const last = LWWRegister.make(Schema.String)
const counters = ORMap.make({ key: Schema.String, value: PNCounter.definition })

const sizeOf = (crdt: Crdt.Any, state: Crdt.StateOf<Crdt.Any>) => Schema.encodeSync(crdt.schema)(state).length

/** The state after so many writes. */
const after = <S, A>(
  crdt: Crdt.Crdt<S, A>,
  count: number,
  write: (state: Crdt.State<S>, i: number) => Crdt.State<S>
): Crdt.State<S> => {
  let state = crdt.empty
  for (let i = 0; i < count; i++) state = crdt.merge(state, write(state, i))
  return state
}

describe("a delta", () => {
  const thousand: ReadonlyArray<readonly [name: string, limit: number, size: () => number]> = [
    ["of a counter of 1000 replicas", 32, () => {
      const state = after(
        GCounter.definition,
        1000,
        (state, i) => GCounter.definition.increment(state, { node: `node-${i}`, incarnation: started }, i + 1)
      )
      return sizeOf(GCounter.definition, GCounter.definition.increment(state, { ...a, node: "node-500" }))
    }],
    ["of a counter that was changed 1000 times", 32, () => {
      const state = after(PNCounter.definition, 1000, (state) => PNCounter.definition.increment(state, a, 7))
      return sizeOf(PNCounter.definition, PNCounter.definition.decrement(state, a))
    }],
    ["that adds to a set of 1000 elements", 40, () => {
      const state = after(strings, 1000, (state, i) => strings.add(state, a, `element ${i}`))
      return sizeOf(strings, strings.add(state, b, "element x"))
    }],
    ["that removes from a set of 1000 elements", 24, () => {
      const state = after(strings, 1000, (state, i) => strings.add(state, a, `element ${i}`))
      return sizeOf(strings, strings.remove(state, "element 500"))
    }],
    ["that clears a set of 1000 elements of one replica", 24, () => {
      const state = after(strings, 1000, (state, i) => strings.add(state, a, `element ${i}`))
      return sizeOf(strings, strings.clear(state))
    }],
    ["of a register that was written 1000 times", 56, () => {
      const state = after(multi, 1000, (state, i) => multi.set(state, i % 2 === 0 ? a : b, `value ${i}`))
      return sizeOf(multi, multi.set(state, a, "value x"))
    }],
    ["of a register with timestamps", 64, () => {
      const state = after(
        last,
        1000,
        (state, i) => last.set(state, i % 2 === 0 ? a : b, { millis: started + i, counter: 0 }, `value ${i}`)
      )
      return sizeOf(last, last.set(state, a, { millis: started + 1000, counter: 0 }, "value x"))
    }],
    ["of a map of 1000 keys", 48, () => {
      const state = after(
        counters,
        1000,
        (state, i) => counters.update(state, `key ${i}`, (value) => PNCounter.definition.increment(value, a))
      )
      return sizeOf(counters, counters.update(state, "key 500", (value) => PNCounter.definition.increment(value, a)))
    }]
  ]
  for (const [name, limit, size] of thousand) {
    it(`${name} takes at most ${limit} bytes`, () => assert.isAtMost(size(), limit))
  }

  it("that several mutations make is what they come to one after the other", () => {
    const before = strings.add(strings.empty, a, "x")
    const delta = Crdt.sequence(strings, before, [
      (state) => strings.remove(state, "x"),
      (state) => strings.add(state, a, "y"),
      (state) => strings.add(state, a, "z"),
      (state) => strings.remove(state, "y")
    ])
    assert.deepStrictEqual(strings.value(strings.merge(before, delta)), ["z"])
    assert.deepStrictEqual(strings.value(delta), ["z"])
    assert.strictEqual(strings.lastWrite(delta, a), 3)
    assert.strictEqual(Crdt.sequence(strings, before, []), strings.empty)
  })
})

describe("a state", () => {
  it("takes about 20 bytes for each replica that wrote, however much it wrote", () => {
    const state = after(
      GCounter.definition,
      1000,
      (state, i) => GCounter.definition.increment(state, { node: `node-${i % 100}`, incarnation: started }, 1000)
    )
    assert.isAtMost(sizeOf(GCounter.definition, state), 100 * 24)
  })

  it("keeps nothing of what was removed but that it was seen", () => {
    const small = sizeOf(strings, strings.merge(strings.add(strings.empty, a, "x"), strings.remove(strings.empty, "x")))
    const state = after(
      strings,
      1000,
      (state, i) =>
        Crdt.sequence(strings, state, [
          (state) => strings.add(state, a, `element ${i}`),
          (state) => strings.remove(state, `element ${i}`)
        ])
    )
    assert.deepStrictEqual(strings.value(state), [])
    assert.isAtMost(sizeOf(strings, state), small + 2)
  })

  it("that lost deltas were made up for has no gaps left", () => {
    const whole = after(strings, 100, (state, i) => strings.add(state, a, `${i}`))
    const holes = Array.from({ length: 100 }, (_, i) => i).filter((i) => i % 2 === 0).reduce(
      (state, i) => {
        const before = after(strings, i, (state, i) => strings.add(state, a, `${i}`))
        return strings.merge(state, strings.add(before, a, `${i}`))
      },
      strings.empty
    )
    assert.strictEqual(strings.value(holes).length, 50)
    assert.strictEqual(sizeOf(strings, strings.merge(holes, whole)), sizeOf(strings, whole))
  })

  const restarted: ReadonlyArray<
    readonly [
      name: string,
      crdt: Crdt.Any,
      write: (state: any, replica: Crdt.Replica) => any
    ]
  > = [
    ["a counter", GCounter.definition, (state, replica) => GCounter.definition.increment(state, replica, 2)],
    ["a set", strings, (state, replica) => strings.add(state, replica, "x")],
    ["a register", multi, (state, replica) => multi.set(state, replica, "x")],
    [
      "a map",
      counters,
      (state, replica) => counters.update(state, "k", (value) => PNCounter.definition.increment(value, replica))
    ]
  ]
  for (const [name, crdt, write] of restarted) {
    it(`of ${name} does not grow with lives that are retired when they have ended`, () => {
      const grow = (lives: number, retires: boolean) => {
        let state = crdt.empty
        for (let life = 0; life < lives; life++) {
          const replica = { node: "node-a", incarnation: started + life }
          state = crdt.merge(state, write(state, replica))
          if (retires) state = crdt.merge(state, crdt.retire(state, "node-a", started + life))
        }
        return state
      }
      const size = (state: any) => sizeOf(crdt, state)
      assert.isAtMost(size(grow(100, true)), size(grow(3, true)) + 2)
      assert.isAbove(size(grow(100, false)), size(grow(100, true)) + 100)
      assert.deepStrictEqual(crdt.value(grow(100, true)), crdt.value(grow(100, false)))
    })
  }
})

describe("retiring", () => {
  const counter = GCounter.definition
  const former = { node: "node-a", incarnation: started - 1 }

  it("says nothing where there is nothing to retire, or all is", () => {
    const state = counter.increment(counter.empty, former)
    assert.strictEqual(counter.retire(state, "node-b", started), counter.empty)
    const retired = counter.merge(state, counter.retire(state, "node-a", started))
    assert.notStrictEqual(retired, state)
    assert.strictEqual(counter.retire(retired, "node-a", started), counter.empty)
    assert.strictEqual(counter.retire(retired, "node-a", started - 1), counter.empty)
  })

  it("keeps the sum, and forgets who counted", () => {
    const state = counter.merge(
      after(counter, 5, (state, i) => counter.increment(state, { node: "node-a", incarnation: i }, 10)),
      counter.increment(counter.empty, a, 1)
    )
    const retired = counter.merge(state, counter.retire(state, "node-a", started))
    assert.strictEqual(counter.value(retired), 51)
    assert.strictEqual(counter.lastWrite(retired, { node: "node-a", incarnation: 3 }), undefined)
    assert.strictEqual(counter.lastWrite(retired, a), 1)
  })

  it("is for lives that have ended: they can write no more", () => {
    const state = counter.increment(counter.empty, former)
    const retired = counter.merge(state, counter.retire(state, "node-a", started))
    assert.throws(() => counter.increment(retired, former), /node-a has retired its lives below 1700000000000/)
    assert.strictEqual(counter.value(counter.merge(retired, counter.increment(retired, a))), 2)
  })

  it("too early loses what was not known, but replicas agree", () => {
    const known = counter.increment(counter.empty, former)
    const unknown = counter.merge(known, counter.increment(known, former))
    const retired = counter.merge(known, counter.retire(known, "node-a", started))
    const left = counter.merge(retired, unknown)
    assert.isTrue(counter.isEqual(left, counter.merge(unknown, retired)))
    assert.isAtMost(counter.value(left), 1)
  })

  it("takes an incarnation", () => {
    for (const wrong of [-1, 0.5, Number.NaN, 2 ** 48]) {
      assert.throws(() => counter.retire(counter.empty, "node-a", wrong), /is not an incarnation/)
    }
  })
})

describe("a replica", () => {
  const counter = GCounter.definition

  it("is a node's name and an incarnation", () => {
    for (const node of ["", "a b", "a".repeat(129), "\ud800"]) {
      assert.throws(() => counter.increment(counter.empty, { node, incarnation: 1 }), /is not the name of a node/)
    }
    for (const incarnation of [-1, 0.5, Number.NaN, 2 ** 48]) {
      assert.throws(() => counter.increment(counter.empty, { node: "a", incarnation }), /is not an incarnation/)
    }
    assert.isTrue(Schema.is(Crdt.Replica)(a))
  })

  it("that meets writes of its own that it never made is told by their number", () => {
    const mine = counter.increment(counter.empty, a)
    // another process that took the same name and incarnation, or this one before it lost what it had
    const theirs = after(counter, 3, (state) => counter.increment(state, a))
    assert.strictEqual(counter.lastWrite(mine, a), 1)
    assert.strictEqual(counter.lastWrite(counter.merge(mine, theirs), a), 3)
  })

  it("whose numbers are used up says so", () => {
    const full = Schema.decodeSync(counter.schema)(
      // one run, up to 2^53 - 1
      Uint8Array.from([1, 1, 1, 0x61, 0, 1, 1, 1, 0, 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f, 0])
    )
    assert.throws(() => counter.increment(full, { node: "a", incarnation: 1 }), /no number left/)
    assert.strictEqual(counter.value(counter.increment(full, a)), 1)
  })

  it("that broke the rule and gave one number to two writes still agrees with all others", () => {
    const one = multi.set(multi.empty, a, "one")
    const two = multi.set(multi.empty, a, "two")
    assert.isTrue(multi.isEqual(multi.merge(one, two), multi.merge(two, one)))
    assert.deepStrictEqual(multi.value(multi.merge(one, two)), ["two"])
  })
})
