import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { type Timer, TimerHeap } from "../../src/internal/timers.ts"

const Operation = Schema.Union([
  Schema.TaggedStruct("Add", { time: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 20 })) }),
  Schema.TaggedStruct("Cancel", { index: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 300 })) }),
  Schema.TaggedStruct("Shift", {})
])

describe("timers", () => {
  it.prop("come up as from a sorted list", { operations: Schema.Array(Operation) }, ({ operations }) => {
    const heap = new TimerHeap<number>()
    const timers: Array<Timer<number>> = []
    let model: Array<{ readonly time: number; readonly id: number }> = []
    let fired = -1
    const shift = () => {
      const next = model[0]!
      assert.strictEqual(heap.nextTime(), next.time)
      heap.shift()(0)
      assert.strictEqual(fired, next.id)
      model = model.slice(1)
    }
    for (const operation of operations) {
      switch (operation._tag) {
        case "Add": {
          const id = timers.length
          timers.push(heap.add(operation.time, () => (fired = id)))
          const index = model.findIndex((other) => other.time > operation.time)
          model.splice(index < 0 ? model.length : index, 0, { time: operation.time, id })
          break
        }
        case "Cancel":
          timers[operation.index]?.cancel()
          model = model.filter((other) => other.id !== operation.index)
          break
        case "Shift":
          if (model.length > 0) shift()
      }
      assert.strictEqual(heap.size, model.length)
    }
    while (model.length > 0) shift()
    assert.strictEqual(heap.nextTime(), Infinity)
  })

  it("come up in order when there are many, also after a sweep", () => {
    const heap = new TimerHeap<void>()
    const timers = Array.from({ length: 10_000 }, (_, i) => heap.add((i * 7919) % 1000, () => {}))
    timers.forEach((timer, i) => {
      if (i % 3 !== 0) timer.cancel()
    })
    let last = 0
    let count = 0
    for (let next = heap.nextTime(); next < Infinity; next = heap.nextTime()) {
      assert.isAtLeast(next, last)
      last = next
      heap.shift()
      count++
    }
    assert.strictEqual(count, 3334)
  })

  it("that are cancelled leave nothing behind", () => {
    const heap = new TimerHeap<void>()
    const kept = heap.add(1e9, () => {})
    for (let i = 0; i < 100_000; i++) heap.add(1e6 + i, () => {}).cancel()
    assert.strictEqual(heap.size, 1)
    assert.isBelow((heap as unknown as { readonly timers: ReadonlyArray<unknown> }).timers.length, 200)
    assert.isTrue(kept.isPending)
  })

  it("are cancelled once, and not after they fired", () => {
    const heap = new TimerHeap<void>()
    const first = heap.add(1, () => {})
    const second = heap.add(2, () => {})
    first.cancel()
    first.cancel()
    assert.strictEqual(heap.size, 1)
    assert.strictEqual(heap.nextTime(), 2)
    heap.shift()
    second.cancel()
    assert.strictEqual(heap.size, 0)
  })

  it.effect("cancel themselves as effects", () =>
    Effect.gen(function*() {
      const heap = new TimerHeap<void>()
      const timer = heap.add(1, () => {})
      yield* timer
      assert.isFalse(timer.isPending)
    }))
})
