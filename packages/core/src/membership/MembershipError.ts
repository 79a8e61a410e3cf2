/**
 * Why something asked of the membership could not be done.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { Broken, GaveUp, Stopped } from "../node/NodeError.ts"

/** There is no seed to join through. Nothing was tried. */
export class NoSeeds extends Schema.TaggedError<NoSeeds>()("NoSeeds", {}) {
  override get message() {
    return "no seeds are given: name at least one node of the cluster to join, as host:port"
  }
}

/** A seed is not an address. Nothing was tried. */
export class InvalidSeed extends Schema.TaggedError<InvalidSeed>()("InvalidSeed", {
  seed: Schema.String
}) {
  override get message() {
    return `${JSON.stringify(this.seed)} is not an address: write a seed as host:port, for example 10.0.0.1:7946`
  }
}

/** None of the seeds answered. The node runs on, and may be joined by others. */
export class NoSeedAnswered extends Schema.TaggedError<NoSeedAnswered>()("NoSeedAnswered", {
  failures: Schema.Array(Schema.Struct({ seed: Schema.String, problem: Schema.String }))
}) {
  override get message() {
    return `no seed answered: ${this.failures.map(({ problem, seed }) => `${seed} (${problem})`).join(", ")}`
  }
}

/** The metadata do not fit: a member's claim must fit a datagram. Nothing was changed. */
export class MetadataTooLarge extends Schema.TaggedError<MetadataTooLarge>()("MetadataTooLarge", {
  /** Bytes. */
  size: Schema.Int,
  /** Bytes. */
  limit: Schema.Int
}) {
  override get message() {
    return `metadata of ${this.size} bytes are above the limit of ${this.limit} bytes: share larger things in a replicated map`
  }
}

/** The metadata are not of their schema. Nothing was changed. */
export class InvalidMetadata extends Schema.TaggedError<InvalidMetadata>()("InvalidMetadata", {
  problem: Schema.String
}) {
  override get message() {
    return `the metadata are not of their schema: ${this.problem}`
  }
}

/** Why something asked of the membership could not be done. */
export const MembershipErrorReason = Schema.Union([
  NoSeeds,
  InvalidSeed,
  NoSeedAnswered,
  MetadataTooLarge,
  InvalidMetadata,
  Stopped,
  GaveUp,
  Broken
])

/** @since 0.1.0 */
export type MembershipErrorReason = typeof MembershipErrorReason.Type

/** The failure of a membership operation. Its message is that of its reason. */
export class MembershipError extends Schema.TaggedError<MembershipError>()("MembershipError", {
  reason: MembershipErrorReason
}) {
  override get message() {
    return this.reason.message
  }
}
