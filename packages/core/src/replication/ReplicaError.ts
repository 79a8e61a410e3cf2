/**
 * Why something asked of a replica could not be done.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { Broken, GaveUp, Stopped } from "../node/NodeError.ts"
import { InvalidOption } from "../Transport.ts"
import { StoreDamaged, StoreFailed } from "./ReplicaStore.ts"

/** Somebody in this process holds the space already. */
export class SpaceTaken extends Schema.TaggedError<SpaceTaken>()("SpaceTaken", {
  space: Schema.String
}) {
  override get message() {
    return `this node replicates ${JSON.stringify(this.space)} already: give each map and CRDT a name of its own`
  }
}

/** The space cannot be opened: its limits do not fit the node's, or what is stored of it is of another kind. */
export class SpaceRefused extends Schema.TaggedError<SpaceRefused>()("SpaceRefused", {
  space: Schema.String,
  problem: Schema.String
}) {
  override get message() {
    return `${this.space} cannot be opened: ${this.problem}`
  }
}

/** A key or a value is larger than may be. Nothing was written. */
export class EntryTooLarge extends Schema.TaggedError<EntryTooLarge>()("EntryTooLarge", {
  space: Schema.String,
  what: Schema.Literals(["key", "value"]),
  /** Bytes. */
  size: Schema.Int,
  /** Bytes. */
  limit: Schema.Int
}) {
  override get message() {
    const option = this.what === "key" ? "maxKeySize" : "maxValueSize"
    return `a ${this.what} of ${this.size} bytes is above the limit of ${this.limit} bytes of ${this.space}: keep it elsewhere, or raise ${option} at all nodes`
  }
}

/** There is no room for the write. Nothing was written. */
export class ReplicaFull extends Schema.TaggedError<ReplicaFull>()("ReplicaFull", {
  space: Schema.String,
  what: Schema.Literals(["keys", "bytes"]),
  limit: Schema.Int
}) {
  override get message() {
    const option = this.what === "keys" ? "maxKeys" : "maxBytes"
    return `${this.space} is full, at ${this.limit} ${this.what}: delete what is no longer needed, or raise ${option} at all nodes`
  }
}

/** What mutates a state has thrown. Nothing was written. */
export class UpdateFailed extends Schema.TaggedError<UpdateFailed>()("UpdateFailed", {
  space: Schema.String,
  cause: Schema.Defect()
}) {
  override get message() {
    return `an update of ${this.space} failed: ${this.cause instanceof Error ? this.cause.message : String(this.cause)}`
  }
}

/** Why a member lacks a write. */
export const Lacking = Schema.Struct({
  node: Schema.String,
  /**
   * `Behind`: it has not said yet that it has it. `NotHeld`: it does not hold the space. `Refusing`: its limits, or its clock,
   * have it refuse what others hold.
   */
  why: Schema.Literals(["Behind", "NotHeld", "Refusing"])
})

/** @since 0.1.0 */
export type Lacking = typeof Lacking.Type

const becauseOf = { Behind: "", NotHeld: " (which does not hold the space)", Refusing: " (which refuses it)" } as const

/** A write was not known to be everywhere in time. It stands, and goes on spreading. */
export class NotStable extends Schema.TaggedError<NotStable>()("NotStable", {
  space: Schema.String,
  /** Milliseconds. */
  timeout: Schema.Number,
  /** How many live members are not known to have it; undefined where that was not found out. */
  count: Schema.UndefinedOr(Schema.Int),
  /** The first of them. */
  lacking: Schema.Array(Lacking)
}) {
  override get message() {
    const { count = 0, lacking } = this
    const names = lacking.map(({ node, why }) => `${node}${becauseOf[why]}`)
    if (count > lacking.length) names.push(`${count - lacking.length} more`)
    const who = names.length === 0 ? "who lacks it is not known" : `it may be lacking at ${names.join(", ")}`
    return `a write of ${this.space} is not known to be at all members after ${this.timeout} ms; ${who}`
  }
}

/** The space was closed. */
export class SpaceClosed extends Schema.TaggedError<SpaceClosed>()("SpaceClosed", {
  space: Schema.String
}) {
  override get message() {
    return `${this.space} was closed`
  }
}

/** Why something asked of a replica could not be done. */
export const ReplicaErrorReason = Schema.Union([
  SpaceTaken,
  SpaceRefused,
  StoreFailed,
  StoreDamaged,
  EntryTooLarge,
  ReplicaFull,
  UpdateFailed,
  NotStable,
  SpaceClosed,
  InvalidOption,
  Stopped,
  GaveUp,
  Broken
])

/** @since 0.1.0 */
export type ReplicaErrorReason = typeof ReplicaErrorReason.Type

/** The failure of a replica's operation. Its message is that of its reason. */
export class ReplicaError extends Schema.TaggedError<ReplicaError>()("ReplicaError", {
  reason: ReplicaErrorReason
}) {
  override get message() {
    return this.reason.message
  }
}
