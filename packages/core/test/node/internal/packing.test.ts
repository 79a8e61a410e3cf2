import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import { pack } from "../../../src/node/internal/packing.ts"
import { between } from "../../support/arbitraries.ts"

const room = 100

describe("pack", () => {
  it.prop(
    "puts all messages in order into datagrams that are not too large, and no datagram that the one before had room for",
    { sizes: Schema.Array(between(1, room)), riders: Schema.Array(between(1, 40)) },
    ({ riders, sizes }) => {
      const messages = sizes.map((size, i) => new Uint8Array(size).fill(i))
      const waiting = riders.map((size) => new Uint8Array(size).fill(255))
      const given: Array<Uint8Array> = []
      const rooms: Array<number> = []
      const datagrams = pack(messages, room, (left) => {
        rooms.push(left)
        const out: Array<Uint8Array> = []
        while (waiting.length > 0 && waiting[0]!.length <= left) {
          left -= waiting[0]!.length
          out.push(waiting.shift()!)
        }
        given.push(...out)
        return out
      })
      const packed = datagrams.flat()
      assert.deepStrictEqual(packed.filter((message) => !given.includes(message)), messages)
      assert.strictEqual(packed.length, messages.length + given.length)
      const own = datagrams.map((datagram) =>
        datagram.filter((message) => !given.includes(message)).reduce((sum, message) => sum + message.length, 0)
      )
      for (const datagram of datagrams) {
        assert.isAbove(datagram.length, 0)
        assert.isAtMost(datagram.reduce((sum, message) => sum + message.length, 0), room)
      }
      for (let i = 1; i < datagrams.length; i++) assert.isAbove(own[i - 1]! + datagrams[i]![0]!.length, room)
      // each datagram is filled up once, with what it has left
      assert.deepStrictEqual(
        rooms.filter((left) => left < room),
        own.filter((size) => size > 0).map((size) => room - size)
      )
    },
    { arbitrary: { runs: 500 } }
  )

  it("makes a datagram of what there is to pass on alone, and none of nothing", () => {
    assert.deepStrictEqual(pack([], room, () => [Uint8Array.of(1)]), [[Uint8Array.of(1)]])
    assert.deepStrictEqual(pack([], room, () => []), [])
  })
})
