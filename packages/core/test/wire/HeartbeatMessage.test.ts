import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Schema from "effect/Schema"
import * as HeartbeatMessage from "../../src/wire/HeartbeatMessage.ts"
import * as Message from "../../src/wire/Message.ts"
import * as Arbitraries from "../support/arbitraries.ts"
import { generator } from "../support/generator.ts"

const { digestSize, maxDigestSize, packDigests, unpackDigests } = HeartbeatMessage

const accepts = Schema.is(Message.Message)

describe("digests", () => {
  it.prop(
    "come back as they were, in as many bytes as they are said to take",
    { digests: Arbitrary.array(Arbitraries.digest, { maxLength: 20 }) },
    ({ digests }) => {
      const bytes = packDigests(digests)
      assert.deepStrictEqual(unpackDigests(bytes), digests)
      assert.strictEqual(bytes.length, digests.reduce((sum, digest) => sum + digestSize(digest), 0))
      for (const digest of digests) assert.isAtMost(digestSize(digest), maxDigestSize)
    }
  )

  it("of a node that has been up for a day take 16 bytes", () => {
    const digest = {
      fingerprint: 2 ** 47,
      incarnation: 1_700_000_000_000,
      heartbeat: 86_400,
      version: 20,
      status: "Alive"
    } as const
    assert.strictEqual(digestSize(digest), 16)
  })

  it.prop(
    "that are cut off in between are none",
    { digests: Arbitrary.array(Arbitraries.digest, { minLength: 1, maxLength: 3 }) },
    ({ digests }) => {
      const bytes = packDigests(digests)
      const ends = digests.map((_, i) => packDigests(digests.slice(0, i + 1)).length)
      for (let size = 1; size < bytes.length; size++) {
        if (!ends.includes(size)) assert.isUndefined(unpackDigests(bytes.subarray(0, size)), `${size}`)
      }
    }
  )

  it("of noise are none, or such as can be", () => {
    const random = generator("noise")
    let none = 0
    for (let i = 0; i < 5000; i++) {
      const digests = unpackDigests(random.bytes(random.int(100)))
      if (digests === undefined) none++
      for (const { fingerprint, heartbeat, incarnation, version } of digests ?? []) {
        assert.isTrue(fingerprint < 2 ** 48 && incarnation < 2 ** 48 && heartbeat < 2 ** 32 && version < 2 ** 32)
      }
    }
    assert.isAbove(none, 2500)
  })

  it("in a message are refused when they are none", () => {
    assert.isTrue(accepts({ _tag: "DigestSyn", digests: new Uint8Array(0) }))
    assert.isFalse(accepts({ _tag: "DigestSyn", digests: new Uint8Array(13) }))
  })
})

describe("a delta", () => {
  const delta = { id: "a", address: "10.0.0.1:1", incarnation: 1, heartbeat: 1 }
  const told = (keyValues: ReadonlyArray<unknown>) => ({ _tag: "DigestAck2", deltas: [{ ...delta, keyValues }] })
  const keyValue = { key: "k", value: "v", version: 1 }

  it("is refused with keys and values that are too long, or too many", () => {
    assert.isTrue(accepts(told([keyValue])))
    assert.isTrue(accepts(told([{ ...keyValue, key: "k".repeat(128), value: "v".repeat(512) }])))
    assert.isFalse(accepts(told([{ ...keyValue, key: "" }])))
    assert.isFalse(accepts(told([{ ...keyValue, key: "k".repeat(129) }])))
    assert.isFalse(accepts(told([{ ...keyValue, key: "é".repeat(65) }])))
    assert.isFalse(accepts(told([{ ...keyValue, value: "v".repeat(513) }])))
    assert.isFalse(accepts(told([{ ...keyValue, value: "é".repeat(257) }])))
    assert.isFalse(accepts(told([{ ...keyValue, version: -1 }])))
    assert.isTrue(accepts(told(Array.from({ length: 64 }, () => keyValue))))
    assert.isFalse(accepts(told(Array.from({ length: 65 }, () => keyValue))))
  })
})
