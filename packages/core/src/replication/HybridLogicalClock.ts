/**
 * Hybrid logical clocks: timestamps that go with the wall clock, and yet put each event behind all that its node knew of
 * (Kulkarni, Demirbas, Madappa, Avva, Leone: "Logical Physical Clocks", OPODIS 2014, figure 5).
 *
 * A timestamp is a time of the wall clock in milliseconds (48 bits, as incarnations have them: until the year 10889) and a
 * counter (16 bits) for what happens within one of them; names of nodes decide between equal ones. A clock is the last
 * timestamp that it gave, and never goes back, whatever the wall clock does.
 *
 * - When more than 65,536 events fall into a millisecond, or the wall clock stands still, the counter is carried into the
 *   time. The clock then runs ahead of the wall clock by a millisecond for each 65,536 events, which it makes up for as
 *   soon as there are fewer.
 * - Who hears of a timestamp goes above it. So a peer whose wall clock is wrong would take all others along, and what it
 *   writes would win over what others write later, for as long as it is ahead. {@link receive} therefore refuses what is
 *   further ahead of this node's wall clock than {@link defaultMaxClockSkew}, as the paper has a node ignore what would take it
 *   out of its bounds.
 * - What is refused now is taken later: after `ahead - maxClockSkew` milliseconds it is no longer too far ahead. Nodes need
 *   not remember it, when anti-entropy offers it again. This also holds for what an honest node writes after it was taken
 *   along to the bound: at nodes whose wall clocks are behind its own, it waits for as long as they are behind.
 * - What a node that lost its state wrote before it was restarted may be ahead of it, if its wall clock was set back: until
 *   it has heard of that again, its former writes win.
 *
 * **Example** (The wall clock goes back)
 *
 * ```ts import.meta.vitest
 * import { HybridLogicalClock } from "@effect-gossip/core/replication"
 *
 * const first = HybridLogicalClock.send(HybridLogicalClock.make("a"), 1_700_000_000_000)
 * const second = HybridLogicalClock.send(first, 1_600_000_000_000)
 * second // => { millis: 1_700_000_000_000, counter: 1, node: "a" }
 * ```
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as Order from "effect/Order"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as SchemaIssue from "effect/SchemaIssue"
import * as SchemaTransformation from "effect/SchemaTransformation"
import { maxNodeIdSize, NodeId } from "../wire/Message.ts"
import * as clock from "./internal/clock.ts"
import type { Time } from "./internal/clock.ts"
import { fromUtf8, toUtf8 } from "./internal/crdt/bytes.ts"

// -----------------------------------------------------------------------------
// model
// -----------------------------------------------------------------------------

/** The latest time that a timestamp can have: 2^48 - 1 milliseconds of Unix time. */
export const maxMillis = clock.maxMillis

/** The highest counter: 2^16 - 1. */
export const maxCounter = clock.maxCounter

export type { Time } from "./internal/clock.ts"

const timeFields = {
  millis: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: maxMillis })),
  counter: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: maxCounter }))
}

/** Whether something can have happened then. */
export const isTime: (time: Time) => boolean = Schema.is(Schema.Struct(timeFields))

/** When something happened, and where: no two events of one cluster have the same. */
export const Timestamp = Schema.Struct({
  ...timeFields,
  /** The name of the node. */
  node: NodeId
})

/** @since 0.1.0 */
export type Timestamp = typeof Timestamp.Type

/** Why a clock does not follow a timestamp. */
export interface TooFarAhead {
  readonly _tag: "TooFarAhead"
  /** Whose timestamp it is. */
  readonly node: string
  /** Milliseconds that the timestamp is ahead of this node's wall clock. */
  readonly ahead: number
  /** Milliseconds that it may be ahead. */
  readonly maxClockSkew: number
}

/**
 * How far a timestamp may be ahead of the wall clock, in milliseconds: 1 minute. That is well above what the wall clocks of
 * healthy machines differ by (milliseconds with NTP, a few seconds without, for a while), so that nothing honest is refused;
 * and it is for how long a clock that is wrong can win over what is written later.
 */
export const defaultMaxClockSkew = clock.defaultMaxClockSkew

// -----------------------------------------------------------------------------
// clock
// -----------------------------------------------------------------------------

/** A clock that has given no timestamp yet. With a store, a node goes on from the last one it gave or took instead. */
export const make = (node: string): Timestamp => ({ millis: 0, counter: 0, node })

/**
 * The clock after an event of its own, a write say, at a time of the wall clock in milliseconds: the event's timestamp.
 */
export const send = (clock: Timestamp, now: number): Timestamp => advance(clock.node, clock, now)

/**
 * The clock after it has heard of a timestamp, at a time of the wall clock in milliseconds; or why it does not follow. Of a
 * batch it is enough to receive the highest, as long as it is refused what is too far {@link ahead}.
 */
export const receive = (
  clock: Timestamp,
  timestamp: Timestamp,
  now: number,
  maxClockSkew: number = defaultMaxClockSkew
): Result.Result<Timestamp, TooFarAhead> => {
  const skew = ahead(timestamp, now)
  return skew > maxClockSkew
    ? Result.fail({ _tag: "TooFarAhead", node: timestamp.node, ahead: skew, maxClockSkew })
    : Result.succeed(advance(clock.node, compareTimes(clock, timestamp) < 0 ? timestamp : clock, now))
}

/** Milliseconds that a timestamp is ahead of a time of the wall clock; below 0 when it is behind. */
export const ahead: (time: Time, now: number) => number = clock.ahead

// -----------------------------------------------------------------------------
// order
// -----------------------------------------------------------------------------

/** Orders times; those of two nodes may be equal. */
export const compareTimes: Order.Order<Time> = clock.compareTimes

/** Orders timestamps: by time, and equal times by the names of their nodes. Those that are equal are the same. */
export const compare: Order.Order<Timestamp> = (a, b) =>
  compareTimes(a, b) || (a.node === b.node ? 0 : a.node < b.node ? -1 : 1)

// -----------------------------------------------------------------------------
// encoding
// -----------------------------------------------------------------------------

/** Bytes of a timestamp without the name of its node. */
const timeSize = 8

/**
 * Timestamps as bytes: six of the time and two of the counter, the most significant first, and the node's name in UTF-8.
 */
export const TimestampFromBytes: Schema.Codec<Timestamp, Uint8Array> = Schema.Uint8Array.check(
  Schema.makeFilter((bytes: Uint8Array) =>
    bytes.length > timeSize && bytes.length <= timeSize + maxNodeIdSize ||
    `${timeSize + 1} to ${timeSize + maxNodeIdSize} bytes`
  )
).pipe(
  Schema.decodeTo(
    Timestamp,
    SchemaTransformation.transformEffect({
      decode: (bytes: Uint8Array) => {
        const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
        const time = { millis: view.getUint16(0) * twoTo32 + view.getUint32(2), counter: view.getUint16(6) }
        const node = fromUtf8(bytes.subarray(timeSize))
        return node === undefined
          ? Effect.fail(new SchemaIssue.InvalidValue({ message: "Expected a name in UTF-8" }, bytes))
          : Effect.succeed({ ...time, node })
      },
      encode: ({ counter, millis, node }: Timestamp) => {
        const name = toUtf8(node)
        const bytes = new Uint8Array(timeSize + name.length)
        const view = new DataView(bytes.buffer)
        view.setUint16(0, Math.floor(millis / twoTo32))
        view.setUint32(2, millis % twoTo32)
        view.setUint16(6, counter)
        bytes.set(name, timeSize)
        return Effect.succeed(bytes)
      }
    })
  )
)

// -----------------------------------------------------------------------------
// internals
// -----------------------------------------------------------------------------

const twoTo32 = 0x1_0000_0000

const advance = (node: string, last: Time, now: number): Timestamp => ({ ...clock.next(last, now), node })
