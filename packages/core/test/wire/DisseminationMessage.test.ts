import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Schema from "effect/Schema"
import { maxRumorIds, packIds, rumorIdSize, unpackIds } from "../../src/wire/DisseminationMessage.ts"
import * as Message from "../../src/wire/Message.ts"
import * as Arbitraries from "../support/arbitraries.ts"

const accepts = Schema.is(Message.Message)

describe("the names of rumors", () => {
  it.prop(
    "come out as they were packed, seven bytes each, the most significant first",
    { ids: Arbitrary.array(Arbitraries.rumorId, { maxLength: 40 }) },
    ({ ids }) => {
      const bytes = packIds(ids)
      assert.strictEqual(bytes.length, rumorIdSize * ids.length)
      assert.deepStrictEqual(unpackIds(bytes), ids)
      for (const [index, id] of ids.entries()) {
        const hex = [...bytes.subarray(7 * index, 7 * index + 7)].map((byte) => byte.toString(16).padStart(2, "0"))
        assert.strictEqual(hex.join(""), id.toString(16).padStart(14, "0"))
      }
    },
    { arbitrary: { runs: 500 } }
  )

  it("are refused where they cannot have been packed", () => {
    for (const bytes of [new Uint8Array(6), new Uint8Array(8), Uint8Array.of(0x20, 0, 0, 0, 0, 0, 0)]) {
      assert.isUndefined(unpackIds(bytes))
      assert.isFalse(accepts({ _tag: "Ask", ids: bytes }))
    }
    assert.isUndefined(unpackIds(new Uint8Array(rumorIdSize * (maxRumorIds + 1))))
    assert.strictEqual(unpackIds(new Uint8Array(rumorIdSize * maxRumorIds))?.length, maxRumorIds)
  })

  it("are read of a part of a larger array, too", () => {
    const bytes = new Uint8Array(20)
    bytes.set(packIds([7, 2 ** 53 - 1]), 3)
    assert.deepStrictEqual(unpackIds(bytes.subarray(3, 17)), [7, 2 ** 53 - 1])
  })
})
