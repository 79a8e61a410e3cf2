/**
 * Why something asked of the dissemination could not be done.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { Broken, GaveUp, Stopped } from "../node/NodeError.ts"

/** The payload is larger than may be spread. Nothing was published. */
export class PayloadTooLarge extends Schema.TaggedError<PayloadTooLarge>()("PayloadTooLarge", {
  /** Bytes. */
  size: Schema.Int,
  /** Bytes. */
  limit: Schema.Int
}) {
  override get message() {
    return `a payload of ${this.size} bytes is above the limit of ${this.limit} bytes: publish where it can be fetched, or raise maxPayloadSize, and what exchanges may hold, at all nodes`
  }
}

/** Somebody in this process holds the topic already. */
export class TopicTaken extends Schema.TaggedError<TopicTaken>()("TopicTaken", {
  topic: Schema.String
}) {
  override get message() {
    return `this node has a topic ${JSON.stringify(this.topic)} already: give each a name of its own`
  }
}

/** Why something asked of the dissemination could not be done. */
export const DisseminationErrorReason = Schema.Union([PayloadTooLarge, TopicTaken, Stopped, GaveUp, Broken])

/** @since 0.1.0 */
export type DisseminationErrorReason = typeof DisseminationErrorReason.Type

/** The failure of a dissemination operation. Its message is that of its reason. */
export class DisseminationError extends Schema.TaggedError<DisseminationError>()("DisseminationError", {
  reason: DisseminationErrorReason
}) {
  override get message() {
    return this.reason.message
  }
}
