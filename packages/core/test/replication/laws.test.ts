/** What holds for all kinds of replicated data types. */
import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Schema from "effect/Schema"
import type * as Crdt from "../../src/replication/Crdt.ts"
import { between } from "../support/arbitraries.ts"
import { choices, History, live, shuffle, steps } from "./histories.ts"
import { type Kind, kinds } from "./kinds.ts"

const runs = { arbitrary: { runs: 200, size: 40 } }

const bytesOf = (crdt: Crdt.Any) => Schema.encodeSync(crdt.schema)
const stateOf = (crdt: Crdt.Any) => Schema.decodeSync(crdt.schema)

/** Two states that hold the same are equal in every way. */
const sameIn = (crdt: Crdt.Any) => {
  const encode = bytesOf(crdt)
  return (a: any, b: any) => {
    assert.deepStrictEqual(crdt.value(a), crdt.value(b))
    assert.isTrue(crdt.isEqual(a, b))
    assert.deepStrictEqual(encode(a), encode(b))
  }
}

/** Which replica retires the lives of which. */
const retirement = Arbitrary.all({ at: Arbitrary.schema(between(0, 2)), of: Arbitrary.schema(between(0, 2)) })

const laws = (kind: Kind) => {
  const { crdt } = kind
  const { merge } = crdt
  const same = sameIn(crdt)
  const three = { steps: steps(), by: choices(3) }
  const pick = (history: History, by: ReadonlyArray<number>) => by.map((n) => history.all[n % history.all.length])

  it.prop("merge is commutative", three, ({ by, steps }) => {
    const [a, b] = pick(new History(kind, steps), by)
    same(merge(a, b), merge(b, a))
  }, runs)

  it.prop("merge is associative", three, ({ by, steps }) => {
    const [a, b, c] = pick(new History(kind, steps), by)
    same(merge(merge(a, b), c), merge(a, merge(b, c)))
  }, runs)

  it.prop("merge is idempotent, and gives back what it got where nothing is new", three, ({ by, steps }) => {
    const [a, b] = pick(new History(kind, steps), by)
    assert.strictEqual(merge(a, a), a)
    assert.strictEqual(merge(a, crdt.empty), a)
    same(merge(crdt.empty, a), a)
    const both = merge(a, b)
    assert.strictEqual(merge(both, a), both)
    assert.strictEqual(merge(both, b), both)
    // and only there
    assert.strictEqual(both === a, crdt.isEqual(both, a))
  }, runs)

  it.prop(
    "deltas in any order and with repetitions come to what full states come to",
    { steps: steps(), by: choices(40) },
    ({ by, steps }) => {
      const history = new History(kind, steps)
      const deltas = history.deltas.map(({ delta }) => delta)
      const once = shuffle(deltas, by)
      const twice = shuffle([...deltas, ...deltas], by)
      same(once.reduce(merge, crdt.empty), history.everything)
      same(twice.reduce(merge, crdt.empty), history.everything)
      // and in whatever groups
      const half = Math.floor(once.length / 2)
      same(
        merge(once.slice(half).reduce(merge, crdt.empty), once.slice(0, half).reduce(merge, crdt.empty)),
        history.everything
      )
    },
    runs
  )

  it.prop("each replica reads what the writes mean that it has heard of", { steps: steps() }, ({ steps }) => {
    const history = new History(kind)
    for (const step of steps) {
      history.step(step)
      const node = history.nodes[step.node]!
      assert.deepStrictEqual(crdt.value(node.state), kind.read(live(node.heard)))
    }
    const heard = new Set(history.deltas.flatMap(({ operations }) => [...operations]))
    assert.deepStrictEqual(crdt.value(history.everything), kind.read(live(heard)))
  }, { arbitrary: { runs: 500, size: 40 } })

  it.prop("a delta that says nothing is the empty state", { steps: steps() }, ({ steps }) => {
    const history = new History(kind)
    for (const step of steps) {
      const before = history.nodes[step.node]!.state
      history.step(step)
      if (step.action !== "write") continue
      const { delta, operations } = history.deltas.at(-1)!
      assert.strictEqual(delta === crdt.empty, operations.size === 0)
      assert.strictEqual(merge(before, delta) === before, operations.size === 0)
    }
  }, runs)

  it.prop("states come back from their encoding as they were", three, ({ by, steps }) => {
    const [a, b] = pick(new History(kind, steps), by)
    for (const state of [a, b, merge(a, b)]) {
      const bytes = bytesOf(crdt)(state)
      const decoded = stateOf(crdt)(bytes)
      same(decoded, state)
      // and can be gone on with
      same(merge(decoded, b), merge(state, b))
      same(merge(b, decoded), merge(b, state))
    }
  }, runs)

  it.prop("states are equal where their encodings are, and nowhere else", three, ({ by, steps }) => {
    const history = new History(kind, steps)
    const encode = bytesOf(crdt)
    for (const a of pick(history, by)) {
      for (const b of history.all) {
        assert.strictEqual(crdt.isEqual(a, b), `${encode(a)}` === `${encode(b)}`)
      }
    }
  }, { arbitrary: { runs: 100, size: 40 } })

  it.prop("clear removes what was seen, and nothing else", three, ({ by, steps }) => {
    const [a, b] = pick(new History(kind, steps), by)
    const delta = crdt.clear(a)
    assert.deepStrictEqual(crdt.value(merge(a, delta)), crdt.value(crdt.empty))
    assert.strictEqual(crdt.clear(merge(a, delta)), crdt.empty)
    // what comes later is there
    const after = kind.mutate(merge(a, delta), { node: "z", incarnation: 1 }, { what: 0, where: 1 })
    assert.deepStrictEqual(
      crdt.value(merge(merge(a, delta), after)),
      crdt.value(kind.mutate(crdt.empty, { node: "z", incarnation: 1 }, { what: 0, where: 1 }))
    )
    // what is held nowhere is no matter to others
    if (delta === crdt.empty) assert.strictEqual(merge(b, delta), b)
  }, runs)

  it.prop("the last write of a replica is known to who has heard of it", { steps: steps() }, ({ steps }) => {
    const history = new History(kind)
    for (const step of steps) {
      const node = history.nodes[step.node]!
      const before = crdt.lastWrite(node.state, node.replica)!
      history.step(step)
      const { delta } = history.deltas.at(-1) ?? { delta: crdt.empty }
      const given = crdt.lastWrite(delta, node.replica)!
      if (step.action === "write" && given > 0) {
        assert.strictEqual(crdt.lastWrite(node.state, node.replica), Math.max(before, given))
      }
    }
    assert.strictEqual(crdt.lastWrite(history.everything, { node: "z", incarnation: 1 }), 0)
  }, runs)

  it.prop(
    "lives that have ended and are known to all become one, and the value stays, whoever retires them and when",
    {
      before: steps({ maxLength: 25 }),
      after: steps({ maxLength: 25 }),
      retiring: Arbitrary.array(retirement, { minLength: 1, maxLength: 8 })
    },
    ({ after, before, retiring }) => {
      const retired = new History(kind, before)
      const kept = new History(kind, before)
      for (const history of [retired, kept]) {
        history.nodes.forEach((node) => {
          // all know all, and each has begun another life
          const heard = new Set(history.deltas.flatMap(({ operations }) => [...operations]))
          history.put(node, history.everything, heard)
          node.incarnation += 10
        })
      }
      // nobody loses anything from here on, or is restarted
      const rest = after.filter(({ action }) => action !== "forget" && action !== "restart")
      rest.forEach((step, i) => {
        const { at, of } = retiring[i % retiring.length]!
        const node = retired.nodes[at]!
        const delta = crdt.retire(node.state, retired.nodes[of]!.node, 10)
        retired.deltas.push({ delta, operations: new Set() })
        retired.put(node, delta, [])
        kept.deltas.push({ delta: crdt.empty, operations: new Set() })
        // With it went what had become of these writes, and who hears of it earlier may find a late write to be in time.
        const inTime = { ...step, choice: { ...step.choice, millis: 100 + i } }
        retired.step(inTime)
        kept.step(inTime)
      })
      for (const { node } of retired.nodes) {
        const delta = crdt.retire(retired.everything, node, 10)
        retired.states.push(crdt.merge(retired.everything, delta))
      }
      assert.deepStrictEqual(crdt.value(retired.everything), crdt.value(kept.everything))
      for (const { node } of retired.nodes) {
        for (let incarnation = 1; incarnation < 10; incarnation++) {
          const last = crdt.lastWrite(retired.everything, { node, incarnation })
          assert.isTrue(last === undefined || crdt.lastWrite(kept.everything, { node, incarnation }) === 0)
        }
      }
      same(stateOf(crdt)(bytesOf(crdt)(retired.everything)), retired.everything)
    },
    runs
  )
}

for (const kind of kinds) describe(kind.name, () => laws(kind))
