/**
 * The messages of dissemination: news, and what is said about news so that payloads are sent to those who lack them.
 *
 * Rumors are named by numbers of 53 bits, drawn at random by who publishes. Lists of them are packed, 7 bytes each, the
 * most significant first.
 *
 * @since 0.1.0
 */
import { fieldId } from "effect/encoding/SchemaBinary"
import * as Schema from "effect/Schema"
import { ClusterName, Incarnation, NodeId, Uint32 } from "./internal/fields.ts"

// -----------------------------------------------------------------------------
// fields
// -----------------------------------------------------------------------------

/** Names a rumor. */
export const RumorId = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER }))

/** The name of a topic: of the same form as a node's. */
export const TopicName = ClusterName

/** Bytes of a packed {@link RumorId}. */
export const rumorIdSize = 7

/** Most rumors in one list. */
export const maxRumorIds = 65_536

const twoTo32 = 0x1_0000_0000

/** The highest first byte: the names have 53 bits. */
const maxFirstByte = 0x1f

/** Packs the names of rumors one behind the other. */
export const packIds = (ids: ReadonlyArray<number>): Uint8Array => {
  const bytes = new Uint8Array(ids.length * rumorIdSize)
  let at = 0
  for (const id of ids) {
    const high = Math.floor(id / twoTo32)
    bytes[at] = high >>> 16
    bytes[at + 1] = high >>> 8
    bytes[at + 2] = high
    // what is above 32 bits falls away
    bytes[at + 3] = id >>> 24
    bytes[at + 4] = id >>> 16
    bytes[at + 5] = id >>> 8
    bytes[at + 6] = id
    at += rumorIdSize
  }
  return bytes
}

/** Whether {@link packIds} can have written it. */
const arePacked = (bytes: Uint8Array): boolean => {
  if (bytes.length % rumorIdSize !== 0 || bytes.length > maxRumorIds * rumorIdSize) return false
  for (let at = 0; at < bytes.length; at += rumorIdSize) if (bytes[at]! > maxFirstByte) return false
  return true
}

/** Reads what {@link packIds} wrote; undefined for what it cannot have written. */
export const unpackIds = (bytes: Uint8Array): Array<number> | undefined => {
  if (!arePacked(bytes)) return undefined
  const ids: Array<number> = []
  for (let at = 0; at < bytes.length; at += rumorIdSize) {
    const high = (bytes[at]! << 16) | (bytes[at + 1]! << 8) | bytes[at + 2]!
    const low = (bytes[at + 3]! << 24) | (bytes[at + 4]! << 16) | (bytes[at + 5]! << 8) | bytes[at + 6]!
    ids.push(high * twoTo32 + (low >>> 0))
  }
  return ids
}

const RumorIds = Schema.Uint8Array.check(
  Schema.makeFilter((bytes: Uint8Array) => arePacked(bytes) || "names of rumors, 7 bytes each")
)

/** The kind of a strategy: 0 to 127 are those of this library. */
export const StrategyKind = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 255 }))

// -----------------------------------------------------------------------------
// messages
// -----------------------------------------------------------------------------

const newsFields = {
  id: RumorId.pipe(fieldId(1)),
  topic: TopicName.pipe(fieldId(2)),
  /** Who published it. */
  origin: NodeId.pipe(fieldId(3)),
  /** When, in milliseconds of Unix time by the clock of `origin`. For people to read; nothing is decided by it. */
  publishedAt: Incarnation.pipe(fieldId(4)),
  /** Milliseconds that nodes have held it, each by its own clock, one after the other; absent for 0. */
  age: Schema.optionalKey(Uint32).pipe(fieldId(5)),
  /** How many nodes have passed it on on the way to the receiver; absent for 0, when it comes from `origin`. */
  hops: Schema.optionalKey(Uint32).pipe(fieldId(6)),
  /** How it spreads; see `Strategy`. */
  strategy: StrategyKind.pipe(fieldId(7)),
  payload: Schema.Uint8Array.pipe(fieldId(8)),
  /** What a strategy says to itself at the receiver: a counter, for instance. */
  note: Schema.optionalKey(Uint32).pipe(fieldId(9)),
  /** Sent because the receiver asked for it; absent for what was sent unasked. */
  asked: Schema.optionalKey(Schema.Boolean).pipe(fieldId(10)),
  /** Sent by anti-entropy without having been asked for: old news, which the receiver need not spread anew. */
  repair: Schema.optionalKey(Schema.Boolean).pipe(fieldId(11))
}

/** A rumor with its payload. */
export const News = Schema.TaggedStruct("News", newsFields)

/** @since 0.1.0 */
export type News = typeof News.Type

/** "I have these": whoever lacks one asks for it. */
export const Announce = Schema.TaggedStruct("Announce", {
  /** Those that fit a datagram, to be had by `Ask`. */
  ids: Schema.optionalKey(RumorIds).pipe(fieldId(1)),
  /** Those that do not, to be had by `Fetch`, over a stream. */
  large: Schema.optionalKey(RumorIds).pipe(fieldId(2)),
  /** Said by anti-entropy: old news, which who lacks it need not spread anew. */
  repair: Schema.optionalKey(Schema.Boolean).pipe(fieldId(3))
})

/** "Send me these." Who does not have one any more says nothing. */
export const Ask = Schema.TaggedStruct("Ask", {
  ids: RumorIds.pipe(fieldId(1))
})

/** What became of rumors that were sent unasked: Demers' feedback. */
export const Feedback = Schema.TaggedStruct("Feedback", {
  strategy: StrategyKind.pipe(fieldId(1)),
  /** Those that were news. */
  fresh: Schema.optionalKey(RumorIds).pipe(fieldId(2)),
  /** Those that were known. */
  known: Schema.optionalKey(RumorIds).pipe(fieldId(3)),
  /** The receiver has talked to as many as it may in this round, and has taken none of them: Demers' connection limit. */
  refused: Schema.optionalKey(RumorIds).pipe(fieldId(4))
})

/** "Send me what is hot": rumor mongering's pull, and push-then-pull's. */
export const Pull = Schema.TaggedStruct("Pull", {
  strategy: StrategyKind.pipe(fieldId(1)),
  /** What the sender has already, where the strategy spares payloads so. */
  have: Schema.optionalKey(RumorIds).pipe(fieldId(2))
})

/**
 * "I would push you these": asked first where a strategy limits connections. Answered by {@link Pull}, or by what is
 * `refused` in {@link Feedback}.
 */
export const Offer = Schema.TaggedStruct("Offer", {
  strategy: StrategyKind.pipe(fieldId(1)),
  ids: RumorIds.pipe(fieldId(2))
})

/** Opens anti-entropy of recent rumors: "this is what I know of late". */
export const RecentDigest = Schema.TaggedStruct("RecentDigest", {
  /** How many they are, and a hash of them: when both are the same at the receiver, there is nothing to do. */
  count: Uint32.pipe(fieldId(1)),
  hash: Uint32.pipe(fieldId(2)),
  /** Which they are. Absent where they are many: who differs then answers by a digest of its own, or by `Fetch`. */
  ids: Schema.optionalKey(RumorIds).pipe(fieldId(3)),
  /** Whether the sender wants what it lacks (pull), and offers what it has (push): both in push-pull. */
  wants: Schema.Boolean.pipe(fieldId(4)),
  offers: Schema.Boolean.pipe(fieldId(5)),
  /** With `ids`: what the sender knows besides, but is still spreading, so that nobody need ask for it yet. */
  young: Schema.optionalKey(RumorIds).pipe(fieldId(6))
})

/** A request over a stream: for rumors by name, or for all recent ones but those of `have`. */
export const Fetch = Schema.TaggedStruct("Fetch", {
  ids: Schema.optionalKey(RumorIds).pipe(fieldId(1)),
  have: Schema.optionalKey(RumorIds).pipe(fieldId(2)),
  /** With `have`: what the sender knows besides, but is still spreading. */
  young: Schema.optionalKey(RumorIds).pipe(fieldId(3))
})

/** Most rumors in one answer. */
export const maxFetched = 4096

/** Answers {@link Fetch}. */
export const Fetched = Schema.TaggedStruct("Fetched", {
  news: Schema.Array(News).check(Schema.isMaxLength(maxFetched)).pipe(fieldId(1)),
  /** Of the `have` of the request, those that the sender lacks, and would have. */
  wanted: Schema.optionalKey(RumorIds).pipe(fieldId(2)),
  /** Whether there were more than fit. */
  more: Schema.optionalKey(Schema.Boolean).pipe(fieldId(3))
})
