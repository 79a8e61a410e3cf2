import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import { Timers } from "../../../src/node/internal/timers.ts"
import { between } from "../../support/arbitraries.ts"

const Operation = Schema.Union([
  Schema.TaggedStruct("Set", { at: between(0, 20) }),
  Schema.TaggedStruct("Take", { now: between(-1, 20) }),
  Schema.TaggedStruct("Clear", { really: between(0, 20) })
])

describe("Timers", () => {
  it.prop(
    "come due as from a list sorted by time and then by when they were set",
    { operations: Schema.Array(Operation) },
    ({ operations }) => {
      const timers = new Timers<number>()
      let model: Array<{ readonly at: number; readonly value: number }> = []
      let value = 0
      for (const operation of operations) {
        switch (operation._tag) {
          case "Set": {
            timers.set(operation.at, value)
            const index = model.findIndex((other) => other.at > operation.at)
            model.splice(index === -1 ? model.length : index, 0, { at: operation.at, value: value++ })
            break
          }
          case "Take": {
            const due = model[0] !== undefined && model[0].at <= operation.now ? model.shift() : undefined
            assert.strictEqual(timers.take(operation.now), due?.value)
            break
          }
          case "Clear":
            if (operation.really === 0) {
              timers.clear()
              model = []
            }
        }
        assert.strictEqual(timers.size, model.length)
        assert.strictEqual(timers.next, model[0]?.at ?? Infinity)
      }
      for (const { value } of model) assert.strictEqual(timers.take(20), value)
      assert.isUndefined(timers.take(Infinity))
    },
    { arbitrary: { runs: 500, size: 60 } }
  )

  it("that are set while others are taken come due in the same run", () => {
    const timers = new Timers<string>()
    timers.set(1, "a")
    timers.set(2, "c")
    assert.strictEqual(timers.take(2), "a")
    timers.set(1, "b")
    assert.deepStrictEqual([timers.take(2), timers.take(2), timers.take(2)], ["b", "c", undefined])
  })
})
