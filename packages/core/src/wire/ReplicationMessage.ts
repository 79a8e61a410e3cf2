/**
 * The messages by which nodes keep their replicas the same: what they compare, and what they tell each other of how far
 * they are.
 *
 * What is not an answer on a stream names its sender: the address that it comes from need not be the one that the sender
 * advertises. What concerns one space carries its name. Who is asked keeps nothing between two questions. Lists are packed, each in a
 * field of bytes, as `replication/internal/replica` has them.
 *
 * @since 0.1.0
 */
import { fieldId } from "effect/encoding/SchemaBinary"
import * as Schema from "effect/Schema"
import { ClusterName, Incarnation, NodeId, Uint32 } from "./internal/fields.ts"
import { Answer, Question } from "./ReconciliationMessage.ts"

// -----------------------------------------------------------------------------
// fields
// -----------------------------------------------------------------------------

/** The name of a space: of the same form as a node's. */
export const SpaceName = ClusterName

/** Bytes of a packed time. */
export const timeSize = 8

/** Bytes of a summary of a space: hash of its name, count, sum, and hash of its versions. */
export const summarySize = 24

/** When something happened: 6 bytes of Unix time in milliseconds and 2 of a counter. */
const Time = Schema.Uint8Array.check(
  Schema.makeFilter((bytes: Uint8Array) => bytes.length === timeSize || `a time of ${timeSize} bytes`)
)

const Sum = Schema.Uint8Array.check(
  Schema.makeFilter((bytes: Uint8Array) => bytes.length === 12 || "a sum of 12 bytes")
)

const Summaries = Schema.Uint8Array.check(
  Schema.makeFilter((bytes: Uint8Array) => bytes.length % summarySize === 0 || `summaries of ${summarySize} bytes`)
)

/** Times up to which the writes of lives are known. */
const Versions = Schema.Uint8Array

/** Names the state of the answering replica on which a session rests. */
const basis = {
  /** This life of the replica. */
  instance: Uint32.pipe(fieldId(2)),
  /** How often it has forgotten death certificates. */
  purges: Uint32.pipe(fieldId(3))
}

// -----------------------------------------------------------------------------
// anti-entropy
// -----------------------------------------------------------------------------

/** "This is what I hold, in short": opens anti-entropy, in a datagram. Who holds something else opens a session. */
export const ReplicaSummary = Schema.TaggedStruct("ReplicaSummary", {
  spaces: Summaries.pipe(fieldId(1)),
  sender: NodeId.pipe(fieldId(2))
})

/** Opens a session about a space. */
export const ReplicaOpen = Schema.TaggedStruct("ReplicaOpen", {
  space: SpaceName.pipe(fieldId(1)),
  count: Uint32.pipe(fieldId(2)),
  sum: Sum.pipe(fieldId(3)),
  versions: Versions.pipe(fieldId(4)),
  /** The time of the latest death certificate that was forgotten. */
  purged: Schema.optionalKey(Time).pipe(fieldId(5)),
  /** With how many others the sender has agreed of late. */
  company: Uint32.pipe(fieldId(6)),
  sender: NodeId.pipe(fieldId(7))
})

/** Answers {@link ReplicaOpen}. */
export const ReplicaOpened = Schema.TaggedStruct("ReplicaOpened", {
  versions: Versions.pipe(fieldId(1)),
  ...basis,
  /** How many entries of peers it has refused. */
  refusals: Uint32.pipe(fieldId(4)),
  purged: Schema.optionalKey(Time).pipe(fieldId(5)),
  /** Both hold the same: there is nothing more to do. */
  equal: Schema.optionalKey(Schema.Boolean).pipe(fieldId(6)),
  /** How often it was asked for what it no longer held. */
  misses: Uint32.pipe(fieldId(7)),
  company: Uint32.pipe(fieldId(8))
})

/** A question of a session. */
export const ReplicaAsk = Schema.TaggedStruct("ReplicaAsk", {
  space: SpaceName.pipe(fieldId(1)),
  ...basis,
  question: Question.pipe(fieldId(4)),
  sender: NodeId.pipe(fieldId(5))
})

/** Answers {@link ReplicaAsk}. */
export const ReplicaTold = Schema.TaggedStruct("ReplicaTold", {
  answer: Answer.pipe(fieldId(1))
})

/** "You lack what I hold under these keys, each behind its length, do you not?": before it is dropped. */
export const ReplicaConfirm = Schema.TaggedStruct("ReplicaConfirm", {
  space: SpaceName.pipe(fieldId(1)),
  keys: Schema.Uint8Array.pipe(fieldId(2)),
  sender: NodeId.pipe(fieldId(3))
})

/** Answers {@link ReplicaConfirm}: under which of them something is held after all. */
export const ReplicaConfirmed = Schema.TaggedStruct("ReplicaConfirmed", {
  held: Schema.Uint8Array.pipe(fieldId(1))
})

/** Ends a session. */
export const ReplicaClose = Schema.TaggedStruct("ReplicaClose", {
  space: SpaceName.pipe(fieldId(1)),
  ...basis,
  refusals: Uint32.pipe(fieldId(4)),
  /** What the sender knew when the session was opened; absent when it has not sent all that the receiver lacked. */
  versions: Schema.optionalKey(Versions).pipe(fieldId(5)),
  purged: Schema.optionalKey(Time).pipe(fieldId(6)),
  sender: NodeId.pipe(fieldId(7))
})

/** Answers {@link ReplicaClose}. */
export const ReplicaClosed = Schema.TaggedStruct("ReplicaClosed", {
  instance: Uint32.pipe(fieldId(1)),
  purges: Uint32.pipe(fieldId(2)),
  misses: Uint32.pipe(fieldId(3)),
  /** How many entries of peers it has refused: more than before when it did not take all that was sent. */
  refusals: Uint32.pipe(fieldId(4))
})

/** Answers whatever concerns a space that is not open. */
export const ReplicaNotHeld = Schema.TaggedStruct("ReplicaNotHeld", {})

/** Answers {@link ReplicaAsk} with entries: what the session rests on has changed since. */
export const ReplicaStale = Schema.TaggedStruct("ReplicaStale", {})

// -----------------------------------------------------------------------------
// stability
// -----------------------------------------------------------------------------

/** "So much I have": to the collector, in a datagram or a request. */
export const StabilityReport = Schema.TaggedStruct("StabilityReport", {
  space: SpaceName.pipe(fieldId(1)),
  /** As the membership has it of the sender. */
  memberIncarnation: Incarnation.pipe(fieldId(2)),
  /** The life in which the sender writes; absent when it has not opened the space. */
  life: Schema.optionalKey(Incarnation).pipe(fieldId(3)),
  /** Rises with each report. */
  number: Uint32.pipe(fieldId(4)),
  /** What has changed since the last report that was answered. */
  versions: Versions.pipe(fieldId(5)),
  /** The sender's later writes are later than this. */
  clock: Time.pipe(fieldId(6)),
  /** The earliest write it holds without knowing all that came before. */
  loose: Schema.optionalKey(Time).pipe(fieldId(7)),
  /** Somebody waits, or certificates do: the collector is to ask the others. */
  interested: Schema.optionalKey(Schema.Boolean).pipe(fieldId(8)),
  /** It has refused something since. */
  refusing: Schema.optionalKey(Schema.Boolean).pipe(fieldId(9)),
  /** Versions that are waited for, packed. */
  asked: Schema.optionalKey(Versions).pipe(fieldId(10)),
  /** Members that the sender holds for dead and that may come back: names, each behind its length. */
  dead: Schema.optionalKey(Schema.Uint8Array).pipe(fieldId(11)),
  sender: NodeId.pipe(fieldId(12)),
  /** `versions` leaves out what was reported before. */
  partial: Schema.optionalKey(Schema.Boolean).pipe(fieldId(13))
})

/** Answers {@link StabilityReport}. */
export const StabilityAnswer = Schema.TaggedStruct("StabilityAnswer", {
  space: SpaceName.pipe(fieldId(1)),
  /** The collector's life. */
  life: Incarnation.pipe(fieldId(2)),
  number: Uint32.pipe(fieldId(3)),
  /** Hash of the live members that count. */
  members: Schema.Uint8Array.check(
    Schema.makeFilter((bytes: Uint8Array) => bytes.length === 8 || "a hash of 8 bytes")
  ).pipe(fieldId(4)),
  /** All members have all that was written until then. */
  stable: Schema.optionalKey(Time).pipe(fieldId(5)),
  /** For each version asked for, up to when all have that life's writes, and who lacks it. */
  asked: Schema.optionalKey(Schema.Uint8Array).pipe(fieldId(6)),
  sender: NodeId.pipe(fieldId(7)),
  /** The report was partial, and what came before it is not known: all is to be reported. */
  again: Schema.optionalKey(Schema.Boolean).pipe(fieldId(8))
})

/** "Report to me": from the collector to who has nothing to report by itself. */
export const StabilityAsk = Schema.TaggedStruct("StabilityAsk", {
  space: SpaceName.pipe(fieldId(1)),
  sender: NodeId.pipe(fieldId(2))
})

/** All of them, for the union of all messages. */
export const members = [
  ReplicaSummary,
  ReplicaOpen,
  ReplicaOpened,
  ReplicaAsk,
  ReplicaTold,
  ReplicaConfirm,
  ReplicaConfirmed,
  ReplicaClose,
  ReplicaClosed,
  ReplicaNotHeld,
  ReplicaStale,
  StabilityReport,
  StabilityAnswer,
  StabilityAsk
] as const
