import { assert, describe, it } from "@effect/vitest"
import type { Address } from "../../../src/Address.ts"
import { Joining, type JoiningTimer } from "../../../src/membership/internal/joining.ts"
import { Lifecycle } from "../../../src/membership/internal/lifecycle.ts"
import { View } from "../../../src/membership/internal/view.ts"
import { birth } from "./birth.ts"
import { addressOf, bornAt, peer, wallClock } from "./swim/harness.ts"

/** A protocol that has told its leave when it is told so. */
const make = () => {
  const view = new View<JoiningTimer>(birth, { deadRetention: 60_000, maxMembers: 100 }, new Uint8Array(0))
  view.begin(bornAt, { nextDoubleUnsafe: () => 0 })
  const asked: Array<Address> = []
  const joining = new Joining(view, { seeds: [], reconnectInterval: 30_000, ask: (to) => asked.push(to) })
  const state = { isLeaveTold: false, starts: [] as Array<boolean> }
  const lifecycle = new Lifecycle(view, joining, {
    start: (again) => {
      state.starts.push(again)
      joining.start()
    },
    tellLeave: () => {},
    isLeaveTold: () => state.isLeaveTold
  })
  const completed = () =>
    view.takeOutputs().flatMap((output) => output._tag === "Completed" ? [[output.completion, output.result._tag]] : [])
  return { asked, completed, lifecycle, state, view }
}

describe("a life", () => {
  it("ends once its leave is told, and begins again with a command to join", () => {
    const { asked, completed, lifecycle, state, view } = make()
    lifecycle.start()
    lifecycle.command({ _tag: "Leave" }, 1)
    lifecycle.leaveOnceTold()
    // this node is not among the live any more, and there is nobody else
    assert.deepStrictEqual(completed(), [[1, "Done"]])

    lifecycle.command({ _tag: "Join", seeds: [addressOf(1)] }, 2)
    assert.deepStrictEqual(asked, [addressOf(1)])
    assert.deepStrictEqual(state.starts, [false, true])
    view.hear(peer(1).alive, "sync")

    lifecycle.command({ _tag: "Leave" }, 3)
    lifecycle.leaveOnceTold()
    assert.isFalse(view.hasLeft)
    assert.deepStrictEqual(completed(), [])
    state.isLeaveTold = true
    lifecycle.leaveOnceTold()
    assert.isTrue(view.hasLeft)
    assert.deepStrictEqual(completed(), [[3, "Done"]])
    assert.strictEqual(view.self.state.incarnation, wallClock + 1)
  })
})
