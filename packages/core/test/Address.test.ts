import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Address from "../src/Address.ts"
import * as Arbitraries from "./support/arbitraries.ts"

const is = Schema.is(Address.Address)
const read = (text: string): string | undefined => Option.getOrUndefined(Address.fromStringOption(text))

const label = "a".repeat(63)
const longName = `${label}.${label}.${label}.${"a".repeat(61)}`

describe("Address", () => {
  for (
    const text of [
      "10.0.0.1:7946",
      "0.0.0.0:1",
      "255.255.255.255:65535",
      "[::1]:7946",
      "[::]:1",
      "[2001:db8::1]:65535",
      "[fe80::1%2]:7946",
      "localhost:7946",
      "seed-1.example.com:7946",
      "_gossip._udp.example.com:1",
      "xn--bcher-kva.example:1",
      `${label}:1`,
      `${longName}:65535`
    ]
  ) {
    it(`takes ${text.length > 60 ? `a name of ${text.length} characters` : text} as it is`, () => {
      assert.isTrue(is(text))
      assert.strictEqual(read(text), text)
    })
  }

  for (
    const text of [
      "",
      ":",
      ":7946",
      "10.0.0.1",
      "10.0.0.1:",
      "10.0.0.1:0",
      "10.0.0.1:65536",
      "10.0.0.1:99999",
      "10.0.0.1:100000",
      "10.0.0.1:-1",
      "10.0.0.1:+1",
      "10.0.0.1:1e3",
      "10.0.0.1:1.0",
      "10.0.0.1:0x10",
      "10.0.0.1:١",
      "10.0.0.1:7946 ",
      "10.0.0.1:7946\n",
      " 10.0.0.1:7946",
      "10.0.0:7946",
      "10.0.0.0.1:7946",
      "10.0.0.256:7946",
      "10.0.0.01:7946",
      "0x7f.1:7946",
      "1:7946",
      "::1:7946",
      "[::1]",
      "[::1]:",
      "[::1]:0",
      "[::1]:65536",
      "[::1]7946",
      "[::1:7946",
      "::1]:7946",
      "[[::1]]:7946",
      "[::1]]:7946",
      "[]:7946",
      "[10.0.0.1]:7946",
      "[localhost]:7946",
      "[::g]:7946",
      "[1::2::3]:7946",
      "[fe80::1%eth0]:7946",
      "-a:1",
      "a-:1",
      "a..b:1",
      "a..:1",
      ".:1",
      "..:1",
      ".a:1",
      "a b:1",
      "a/b:1",
      "a@b:1",
      "a:b:1",
      "a\0:1",
      "http://a:1",
      `${"a".repeat(64)}:1`,
      `${longName}a:1`,
      `${"a.".repeat(200)}a:1`
    ]
  ) {
    it(`refuses ${JSON.stringify(text.length > 60 ? `${text.slice(0, 20)}…` : text)}`, () => {
      assert.isFalse(is(text))
      assert.isUndefined(read(text))
    })
  }

  for (
    const [written, canonical] of [
      ["10.0.0.1:07946", "10.0.0.1:7946"],
      ["10.0.0.1:00001", "10.0.0.1:1"],
      ["[0:0:0:0:0:0:0:1]:7946", "[::1]:7946"],
      ["[::0001]:7946", "[::1]:7946"],
      ["[2001:DB8::A]:7946", "[2001:db8::a]:7946"],
      ["[2001:db8:0:0:1:0:0:1]:7946", "[2001:db8::1:0:0:1]:7946"],
      ["[2001:db8:0:1:1:1:1:1]:07946", "[2001:db8:0:1:1:1:1:1]:7946"],
      ["[::ffff:10.0.0.1]:7946", "10.0.0.1:7946"],
      ["[::FFFF:a00:1]:7946", "10.0.0.1:7946"],
      ["[fe80::1%02]:7946", "[fe80::1%2]:7946"],
      ["[fe80::1%0]:7946", "[fe80::1]:7946"],
      ["Seed.Example.COM:7946", "seed.example.com:7946"],
      ["seed.example.com.:7946", "seed.example.com:7946"],
      ["bücher.example:7946", "xn--bcher-kva.example:7946"],
      [`${longName}.:65535`, `${longName}:65535`]
    ] as ReadonlyArray<readonly [string, string]>
  ) {
    const shown = written.length > 60 ? "a longest name with its final dot" : written
    it(`takes ${shown} from a user, in its one spelling, and not from a peer`, () => {
      assert.isFalse(is(written))
      assert.strictEqual(read(written), canonical)
      assert.isTrue(is(canonical))
    })
  }

  it.prop("has one spelling, whatever it was made of", { parts: Arbitraries.parts }, ({ parts }) => {
    const address = Address.make(parts)
    assert.isTrue(is(address))
    assert.strictEqual(read(address), address)
    assert.isAtMost(address.length, Address.maxLength)
    const again = Address.parts(address)
    assert.strictEqual(again.port, parts.port)
    assert.strictEqual(Address.make(again), address)
  })

  it.prop("of a text that is refused has no spelling that is taken", { text: Schema.String }, ({ text }) => {
    for (const candidate of [text, `${text}:1`, `[${text}]:1`]) {
      const address = read(candidate)
      assert.strictEqual(address === candidate, is(candidate))
      if (address !== undefined) assert.isTrue(is(address))
    }
  })

  it("has parts without brackets", () => {
    assert.deepStrictEqual(Address.parts(Address.fromStringUnsafe("[::1]:7946")), { host: "::1", port: 7946 })
    assert.deepStrictEqual(Address.parts(Address.fromStringUnsafe("a.b:1")), { host: "a.b", port: 1 })
  })

  it("cannot be made of parts that are none", () => {
    for (const port of [0, -1, 1.5, 65_536, Number.NaN, Infinity]) {
      assert.throws(() => Address.make({ host: "10.0.0.1", port }))
    }
    for (const host of ["", "[::1]", "10.0.0.1:1", "a b"]) assert.throws(() => Address.make({ host, port: 1 }))
  })

  it("is read in time that does not grow with garbage", () => {
    const start = performance.now() // oxlint-disable-line no-restricted-globals -- measures wall time
    for (const text of ["a.".repeat(1e6), `[${":".repeat(1e6)}]:1`, `${"1".repeat(1e6)}:1`, `a:${"0".repeat(1e6)}`]) {
      assert.isFalse(is(text))
      assert.isUndefined(read(text))
    }
    // oxlint-disable-next-line no-restricted-globals -- measures wall time
    assert.isBelow(performance.now() - start, 1000)
  })

  it.effect("tells a user what it expected", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* Address.fromString("[0::1]:7946"), "[::1]:7946")
      const error = yield* Effect.flip(Address.fromString("10.0.0.1"))
      assert.include(error.message, "an address as host:port, for example 10.0.0.1:7946")
      assert.throws(() => Address.fromStringUnsafe("10.0.0.1"), /host:port/)
    }))
})
