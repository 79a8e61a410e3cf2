import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import { Successor } from "../../../src/dissemination/internal/successor.ts"
import { between } from "../../support/arbitraries.ts"
import { peer, TestPeers } from "./harness.ts"

describe("the successor of a node", () => {
  it.prop(
    "is the next in the order of names, the first after the last, as peers come and go",
    {
      self: Arbitrary.schema(between(0, 30)),
      changes: Arbitrary.array(Arbitrary.array(Arbitrary.schema(between(0, 30)), { maxLength: 12 }), { maxLength: 5 })
    },
    ({ changes, self }) => {
      const peers = new TestPeers([])
      const successor = new Successor(peer(self).id, peers)
      assert.isUndefined(successor.get())
      for (const indices of changes) {
        peers.set([...new Set(indices)].filter((index) => index !== self).map(peer))
        const names = peers.list.map(({ id }) => id).sort()
        assert.strictEqual(successor.get()?.id, names.find((id) => id > peer(self).id) ?? names[0])
      }
    },
    { arbitrary: { runs: 200 } }
  )

  it("is asked for where whoever gives the peers can tell it for less", () => {
    const peers = Object.assign(new TestPeers([peer(1), peer(2)]), {
      after: (id: string) => id === "n0" ? peer(7) : undefined
    })
    assert.strictEqual(new Successor("n0", peers).get()?.id, "n7")
  })
})
