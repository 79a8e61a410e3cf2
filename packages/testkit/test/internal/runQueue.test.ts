import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import { RunQueue } from "../../src/internal/runQueue.ts"

const drain = (queue: RunQueue): void => {
  for (let task = queue.shift(); task !== undefined; task = queue.shift()) task()
}

describe("run queue", () => {
  it.prop(
    "runs lower priorities first, and those of one priority in order",
    { priorities: Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: -2, maximum: 2 }))) },
    ({ priorities }) => {
      const queue = new RunQueue()
      const ran: Array<number> = []
      priorities.forEach((priority, i) => queue.push(() => ran.push(i), priority))
      drain(queue)
      const expected = priorities
        .map((priority, i) => ({ priority, i }))
        .sort((a, b) => a.priority - b.priority || a.i - b.i)
        .map(({ i }) => i)
      assert.deepStrictEqual(ran, expected)
    }
  )

  it("keeps its order while it grows and wraps around", () => {
    const queue = new RunQueue()
    const ran: Array<number> = []
    let next = 0
    for (let round = 0; round < 100; round++) {
      for (let i = 0; i < 17; i++) {
        const id = next++
        queue.push(() => ran.push(id), 0)
      }
      for (let i = 0; i < 9; i++) queue.shift()!()
    }
    drain(queue)
    assert.deepStrictEqual(ran, Array.from({ length: 1700 }, (_, i) => i))
  })

  it("lets a task of a high number run though others keep coming", () => {
    const queue = new RunQueue()
    let isLowDone = false
    let count = 0
    const again = () => {
      if (!isLowDone && ++count < 100) queue.push(again, 0)
    }
    queue.push(again, 0)
    queue.push(() => (isLowDone = true), 5)
    drain(queue)
    assert.isBelow(count, 3)
  })

  it("keeps the rest of a round when a task throws", () => {
    const queue = new RunQueue()
    const ran: Array<string> = []
    queue.push(() => ran.push("c"), 1)
    queue.push(() => {
      throw new Error("as the test wants")
    }, 0)
    queue.push(() => ran.push("b"), 0)
    assert.throws(() => drain(queue))
    drain(queue)
    assert.deepStrictEqual(ran, ["b", "c"])
  })
})
