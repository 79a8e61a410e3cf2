import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Address from "../../../src/Address.ts"
import { PeerList } from "../../../src/dissemination/internal/peers.ts"
import { between } from "../../support/arbitraries.ts"

const address = (port: number) => Address.make({ host: "10.0.0.1", port })

describe("a list of peers", () => {
  const change = Arbitrary.all({
    id: Arbitrary.map(Arbitrary.schema(between(0, 9)), (id) => `n${id}`),
    port: Arbitrary.schema(between(0, 2))
  })

  it.prop(
    "holds whoever came and has not gone, where it was last, and says what was new",
    { changes: Arbitrary.array(change, { maxLength: 60 }) },
    ({ changes }) => {
      const peers = new PeerList()
      const expected = new Map<string, Address.Address>()
      for (const { id, port } of changes) {
        const { version } = peers
        let isNew: boolean
        if (port === 0) {
          isNew = expected.delete(id)
          assert.strictEqual(peers.delete(id), isNew)
        } else {
          isNew = expected.get(id) !== address(port)
          expected.set(id, address(port))
          assert.strictEqual(peers.set(id, address(port)), isNew)
        }
        assert.strictEqual(peers.version !== version, isNew)
        assert.strictEqual(peers.size, expected.size)
        const held = Array.from({ length: peers.size }, (_, place) => peers.at(place))
        assert.deepStrictEqual(new Map(held.map((peer) => [peer.id, peer.address])), expected)
        for (const peer of held) assert.strictEqual(peers.get(peer.id), peer)
        for (const port of [1, 2]) {
          assert.strictEqual(peers.hasAddress(address(port)), held.some((peer) => peer.address === address(port)))
        }
      }
    }
  )
})
