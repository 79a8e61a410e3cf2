import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import { Seen } from "../../../src/node/internal/seen.ts"
import { between } from "../../support/arbitraries.ts"
import { generator } from "../../support/generator.ts"

describe("Seen", () => {
  it.prop(
    "remembers at least the last few that were added, and at most twice as many",
    { added: Schema.Array(between(0, 40)), capacity: between(1, 8) },
    ({ added, capacity }) => {
      const seen = new Seen(capacity, generator("seen"))
      const last: Array<number> = []
      for (const value of added) {
        seen.add(value)
        if (last.includes(value)) last.splice(last.indexOf(value), 1)
        last.push(value)
        for (const recent of last.slice(-capacity)) assert.isTrue(seen.has(recent))
        let remembered = 0
        for (let value = 0; value <= 40; value++) if (seen.has(value)) remembered++
        assert.isAtMost(remembered, 2 * capacity)
        for (let value = 0; value <= 40; value++) if (seen.has(value)) assert.include(added, value)
      }
    },
    { arbitrary: { runs: 300, size: 60 } }
  )

  it("tells messages apart, whatever small thing differs", () => {
    const random = generator("messages")
    const seen = new Seen(1, random)
    const fingerprints = new Map<number, string>()
    let messages = 0
    const add = (bytes: Uint8Array) => {
      const fingerprint = seen.fingerprint(bytes, 0, bytes.length)
      assert.isTrue(Number.isSafeInteger(fingerprint) && fingerprint >= 0 && fingerprint < 2 ** 52)
      const text = bytes.join()
      assert.strictEqual(fingerprints.get(fingerprint) ?? text, text)
      fingerprints.set(fingerprint, text)
      messages++
    }
    for (let i = 0; i < 200; i++) {
      const message = random.bytes(1 + random.int(60))
      add(message)
      for (let bit = 0; bit < 8 * message.length; bit++) {
        const changed = message.slice()
        changed[bit >> 3]! ^= 1 << (bit & 7)
        add(changed)
      }
      for (let size = 0; size < message.length; size++) add(message.subarray(0, size))
    }
    for (let size = 0; size < 100; size++) add(new Uint8Array(size))
    assert.isAbove(messages, 40_000)
  })

  it("looks at the part of the bytes that it is told", () => {
    const seen = new Seen(1, generator("part"))
    const bytes = Uint8Array.of(9, 1, 2, 3, 9)
    assert.strictEqual(seen.fingerprint(bytes, 1, 4), seen.fingerprint(Uint8Array.of(1, 2, 3), 0, 3))
    assert.notStrictEqual(seen.fingerprint(bytes, 1, 4), seen.fingerprint(bytes, 1, 5))
  })

  it("has a key of its own, so that peers cannot know its fingerprints", () => {
    const random = generator("keys")
    const bytes = Uint8Array.of(1, 2, 3)
    const fingerprints = new Set(Array.from({ length: 1000 }, () => new Seen(1, random).fingerprint(bytes, 0, 3)))
    assert.strictEqual(fingerprints.size, 1000)
  })
})
