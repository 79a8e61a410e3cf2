import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Clock from "../../src/replication/HybridLogicalClock.ts"
import { between, name, of, oneOf } from "../support/arbitraries.ts"

const { compare, compareTimes, defaultMaxClockSkew, maxCounter, maxMillis, receive, send } = Clock

const many = { arbitrary: { runs: 500, size: 60 } }

const number = (minimum: number, maximum: number) => Arbitrary.schema(between(minimum, maximum))

/** Few values, so that many are equal in part. */
const timestamp: Arbitrary.Arbitrary<Clock.Timestamp> = Arbitrary.all({
  millis: oneOf([number(0, 3), of([maxMillis - 1, maxMillis])]),
  counter: oneOf([number(0, 3), of([maxCounter - 1, maxCounter])]),
  node: of(["a", "b", "c"])
})

const at = (millis: number, counter: number, node = "a"): Clock.Timestamp => ({ millis, counter, node })

const received = (clock: Clock.Timestamp, timestamp: Clock.Timestamp, now: number, maxClockSkew?: number) =>
  Result.getOrThrow(receive(clock, timestamp, now, maxClockSkew))

describe("a clock", () => {
  it("goes with the wall clock, and counts what happens within a millisecond", () => {
    let clock = send(Clock.make("a"), 1000)
    assert.deepStrictEqual(clock, at(1000, 0))
    clock = send(clock, 1000)
    assert.deepStrictEqual(clock, at(1000, 1))
    clock = send(clock, 1000.9)
    assert.deepStrictEqual(clock, at(1000, 2))
    clock = send(clock, 1001)
    assert.deepStrictEqual(clock, at(1001, 0))
  })

  it("goes above what it hears of, in the four ways of figure 5", () => {
    const clock = at(1000, 5)
    // both at the same time
    assert.deepStrictEqual(received(clock, at(1000, 7, "b"), 900), at(1000, 8))
    assert.deepStrictEqual(received(clock, at(1000, 3, "b"), 900), at(1000, 6))
    // its own is the latest
    assert.deepStrictEqual(received(clock, at(999, 70, "b"), 900), at(1000, 6))
    // the other is
    assert.deepStrictEqual(received(clock, at(1001, 7, "b"), 900), at(1001, 8))
    // the wall clock is
    assert.deepStrictEqual(received(clock, at(1001, 7, "b"), 1002), at(1002, 0))
  })

  it("carries a counter that is full into the time", () => {
    assert.deepStrictEqual(send(at(1000, maxCounter), 1000), at(1001, 0))
    assert.deepStrictEqual(received(at(1, 0), at(1000, maxCounter, "b"), 1000), at(1001, 0))
    // and makes up for it when the wall clock goes on
    assert.deepStrictEqual(send(at(1001, 0), 1001), at(1001, 1))
    assert.deepStrictEqual(send(at(1001, 1), 1002), at(1002, 0))
  })

  it("is ahead by a millisecond after 65,536 events within one", () => {
    let clock = Clock.make("a")
    for (let i = 0; i <= maxCounter; i++) clock = send(clock, 5)
    assert.deepStrictEqual(clock, at(5, maxCounter))
    assert.deepStrictEqual(send(clock, 5), at(6, 0))
  })

  it("does not go back with the wall clock, and goes on with it when it has come there again", () => {
    let clock = send(Clock.make("a"), 10_000)
    for (const now of [9000, -5, 0, 9999, 10_000]) {
      const next = send(clock, now)
      assert.strictEqual(compareTimes(next, clock), 1)
      assert.strictEqual(next.millis, 10_000)
      clock = next
    }
    assert.deepStrictEqual(send(clock, 10_001), at(10_001, 0))
  })

  it("refuses what is too far ahead, and says by how much", () => {
    const clock = at(1000, 0)
    const far = at(1000 + defaultMaxClockSkew + 1, 0, "b")
    assert.deepStrictEqual(
      receive(clock, far, 1000),
      Result.fail({ _tag: "TooFarAhead" as const, node: "b", ahead: 60_001, maxClockSkew: 60_000 })
    )
    assert.isTrue(Result.isSuccess(receive(clock, far, 1001)))
    assert.isTrue(Result.isFailure(receive(clock, at(1011, 0, "b"), 1000, 10)))
    assert.isTrue(Result.isSuccess(receive(clock, at(1010, 0, "b"), 1000, 10)))
    // whatever the clock itself has come to
    assert.isTrue(Result.isFailure(receive(at(999_999, 0), far, 1000)))
    assert.strictEqual(Clock.ahead(far, 1000.7), 60_001)
    assert.strictEqual(Clock.ahead(at(10, 0), 1000), -990)
  })

  it("that has come to the end of time says so", () => {
    assert.deepStrictEqual(send(at(maxMillis, 0), Infinity), at(maxMillis, 1))
    assert.throws(() => send(at(maxMillis, maxCounter), 0), RangeError)
  })

  const steps = Arbitrary.array(
    Arbitrary.all({
      node: number(0, 2),
      // hears of the last timestamp of this one, or has an event of its own
      from: number(0, 4),
      passes: of([0, 0, 0, 1, 1, 30, 1000]),
      jumps: of([0, 0, 0, 0, 0, 0, -5000, 5000])
    }),
    { minLength: 1, maxLength: 60 }
  )

  it.prop(
    "puts each event behind all that its node knew of, and stays near the wall clocks",
    { steps },
    ({ steps }) => {
      const clocks = ["a", "b", "c"].map(Clock.make)
      const skews = [0, 0, 0]
      // the events that each node knows of
      const known: Array<ReadonlySet<Clock.Timestamp>> = [new Set(), new Set(), new Set()]
      const events: Array<Clock.Timestamp> = []
      let now = 100_000
      let highest = 0
      for (const { from, jumps, node, passes } of steps) {
        now += passes
        skews[node] = Math.max(-10_000, Math.min(10_000, skews[node]! + jumps))
        const wall = now + skews[node]!
        highest = Math.max(highest, wall)
        const clock = clocks[node]!
        const next = from > 2 || from === node ? send(clock, wall) : received(clock, clocks[from]!, wall)
        const knows = new Set([...known[node]!, ...known[from] ?? []])
        for (const event of knows) assert.strictEqual(compareTimes(next, event), 1)
        known[node] = knows.add(next)
        clocks[node] = next
        // theorem 2 and 3 of the paper: between the own wall clock and the highest that there was
        assert.isAtLeast(next.millis, wall)
        assert.isAtMost(next.millis, highest)
        assert.isAtMost(next.counter, steps.length)
        events.push(next)
      }
      // no two have the same timestamp
      assert.strictEqual(new Set(events.map((event) => JSON.stringify(event))).size, events.length)
    },
    many
  )

  it.prop(
    "never goes back and never past its bound, whatever it hears and whenever",
    { clock: timestamp, timestamp, now: oneOf([number(0, 5), of([-1, 0.5, maxMillis - 5])]), skew: number(0, 3) },
    ({ clock, now, skew, timestamp }) => {
      // the end of time is tested above
      if (Math.max(clock.millis, timestamp.millis) >= maxMillis - 1) return
      const result = receive(clock, timestamp, now, skew)
      const ahead = Clock.ahead(timestamp, now)
      assert.strictEqual(Result.isFailure(result), ahead > skew)
      if (Result.isFailure(result)) {
        assert.deepStrictEqual(result.failure, {
          _tag: "TooFarAhead",
          node: timestamp.node,
          ahead,
          maxClockSkew: skew
        })
        return
      }
      const next = result.success
      assert.strictEqual(compareTimes(next, clock), 1)
      assert.strictEqual(compareTimes(next, timestamp), 1)
      assert.strictEqual(next.node, clock.node)
      assert.isTrue(Schema.is(Clock.Timestamp)(next))
      assert.isAtMost(next.millis, Math.max(clock.millis, Math.max(0, Math.floor(now)) + skew) + 1)
    },
    { arbitrary: { runs: 1000 } }
  )
})

describe("timestamps", () => {
  it.prop("are in a total order of time and name", { a: timestamp, b: timestamp, c: timestamp }, ({ a, b, c }) => {
    assert.strictEqual(compare(a, a), 0)
    assert.strictEqual(compare(a, b), -compare(b, a) + 0 as -1 | 0 | 1)
    if (compare(a, b) <= 0 && compare(b, c) <= 0) assert.isAtMost(compare(a, c), 0)
    assert.strictEqual(compare(a, b) === 0, a.millis === b.millis && a.counter === b.counter && a.node === b.node)
    if (compareTimes(a, b) !== 0) assert.strictEqual(compare(a, b), compareTimes(a, b))
  }, many)

  const encode = Schema.encodeSync(Clock.TimestampFromBytes)
  const decode = Schema.decodeUnknownOption(Clock.TimestampFromBytes)

  it.prop("come back from their bytes as they were", { time: timestamp, node: name }, ({ node, time }) => {
    const timestamp = { ...time, node }
    const bytes = encode(timestamp)
    assert.deepStrictEqual(Schema.decodeSync(Clock.TimestampFromBytes)(bytes), timestamp)
  }, many)

  it.prop("have bytes that are in the order of their times", { a: timestamp, b: timestamp }, ({ a, b }) => {
    const [x, y] = [encode(a), encode(b)]
    const differ = x.findIndex((byte, i) => byte !== y[i])
    const order = differ === -1 ? 0 : Math.sign(x[differ]! - y[differ]!)
    assert.strictEqual(order, compare(a, b))
  }, many)

  it("take 8 bytes and the name", () => {
    assert.deepStrictEqual([...encode(at(0x0102_0304_0506, 0x0708, "é"))], [1, 2, 3, 4, 5, 6, 7, 8, 0xc3, 0xa9])
  })

  it("are refused that are none", () => {
    const wrong: ReadonlyArray<unknown> = [
      undefined,
      "x",
      new Uint8Array(0),
      new Uint8Array(8),
      new Uint8Array(9), // a name of a zero
      Uint8Array.from([...new Uint8Array(8), 0xff]),
      Uint8Array.from([...new Uint8Array(8), 0xef, 0xbb, 0xbf, 0x61]),
      Uint8Array.from([...new Uint8Array(8), ...Array.from({ length: 129 }, () => 0x61)])
    ]
    for (const bytes of wrong) assert.strictEqual(decode(bytes)._tag, "None")
    assert.strictEqual(decode(Uint8Array.from([...new Uint8Array(8), ...new Uint8Array(128).fill(0x61)]))._tag, "Some")
  })

  it("that cannot be are not encoded", () => {
    for (const wrong of [at(-1, 0), at(maxMillis + 1, 0), at(0, maxCounter + 1), at(0.5, 0), at(0, 0, "a b")]) {
      assert.throws(() => encode(wrong))
    }
  })
})
