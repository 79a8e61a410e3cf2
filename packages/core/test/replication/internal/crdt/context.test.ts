import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Context from "../../../../src/replication/internal/crdt/context.ts"
import { between } from "../../../support/arbitraries.ts"
import { generator } from "../../../support/generator.ts"
import { context, dotsOf, universe } from "./arbitraries.ts"

const many = { arbitrary: { runs: 1000 } }

const two = { a: context, b: context }

describe("contexts", () => {
  it.prop(
    "have the dots that they were made of",
    { indexes: Arbitrary.array(Arbitrary.schema(between(0, universe.length - 1)), { maxLength: 20 }) },
    ({ indexes }) => {
      const dots = indexes.map((index) => universe[index]!)
      const made = Context.of(dots)
      assert.deepStrictEqual(dotsOf(made), universe.filter((dot) => dots.includes(dot)))
      assert.isTrue(Context.isEqual(made, Context.of(dots.toReversed())))
    },
    many
  )

  it.prop("unite as sets do, and give back the first where the second adds nothing", two, ({ a, b }) => {
    const united = Context.unite(a, b)
    assert.deepStrictEqual(
      dotsOf(united),
      universe.filter((dot) => Context.contains(a, dot) || Context.contains(b, dot))
    )
    assert.isTrue(Context.isEqual(united, Context.unite(b, a)))
    assert.strictEqual(Context.unite(united, a), united)
    assert.strictEqual(Context.unite(united, b), united)
    assert.strictEqual(united === a, Context.isEqual(united, a))
  }, many)

  it.prop("subtract as sets do", two, ({ a, b }) => {
    const rest = Context.subtract(a, b)
    for (const dot of universe) {
      // what is below a floor is not listed
      const isBelow = dot.incarnation < (a.get(dot.node)?.floor ?? 0)
      assert.strictEqual(
        Context.contains(rest, dot),
        Context.contains(a, dot) && !Context.contains(b, dot) && !isBelow
      )
    }
    for (const { floor, runs } of rest.values()) {
      assert.strictEqual(floor, 0)
      assert.isAbove(runs.size, 0)
    }
  }, many)

  it.prop("keep runs that ascend, with gaps between them, of lives from the floor on", two, ({ a, b }) => {
    for (const { floor, runs } of Context.unite(a, b).values()) {
      for (const [incarnation, bounds] of runs) {
        assert.isAtLeast(incarnation, floor)
        assert.isAbove(bounds.length, 0)
        bounds.forEach((bound, i) => {
          if (i % 2 === 1) assert.isAtLeast(bound, bounds[i - 1]!)
          else if (i > 0) assert.isAbove(bound, bounds[i - 1]! + 1)
        })
      }
    }
  }, many)

  it.prop("know the last number of a replica", { a: context }, ({ a }) => {
    for (const replica of universe) {
      const own = dotsOf(a).filter((dot) => Context.isSameReplica(dot, replica))
      const isBelow = replica.incarnation < (a.get(replica.node)?.floor ?? 0)
      assert.strictEqual(
        Context.lastCounter(a, replica),
        isBelow ? undefined : Math.max(0, ...own.map(({ counter }) => counter))
      )
    }
  }, many)

  it("of numbers in order are one run, whatever comes in which order", () => {
    const random = generator("runs")
    const numbers = Array.from({ length: 500 }, (_, i) => i + 1).sort(() => random.nextDoubleUnsafe() - 0.5)
    let one = Context.empty
    for (const counter of numbers) one = Context.unite(one, Context.of([{ node: "a", incarnation: 1, counter }]))
    assert.deepStrictEqual(one.get("a")!.runs.get(1), [1, 500])
  })

  it("may have numbers up to the last safe integer", () => {
    const last = { node: "a", incarnation: 1, counter: Context.maxCounter }
    const before = { ...last, counter: Context.maxCounter - 1 }
    const made = Context.unite(Context.of([last]), Context.of([before]))
    assert.deepStrictEqual(made.get("a")!.runs.get(1), [Context.maxCounter - 1, Context.maxCounter])
    assert.isTrue(Context.contains(made, last))
    assert.isFalse(Context.contains(made, { ...last, counter: Context.maxCounter - 2 }))
  })
})

describe("compareDots", () => {
  it("orders by node, life and number", () => {
    assert.deepStrictEqual([...universe].reverse().sort(Context.compareDots), universe)
  })
})
