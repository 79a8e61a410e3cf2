/**
 * Why a node is no more.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"

/** The node was closed, or has left for good. */
export class Stopped extends Schema.TaggedError<Stopped>()("Stopped", {}) {
  override get message() {
    return "the node has stopped"
  }
}

/** The node broke more often than its `defectRetryPolicy` allows. It has left where it still could. */
export class GaveUp extends Schema.TaggedError<GaveUp>()("GaveUp", {
  restarts: Schema.Int,
  cause: Schema.Defect()
}) {
  override get message() {
    return `the node broke and its defectRetryPolicy ended after ${this.restarts} restarts; see the cause`
  }
}

/** What was asked of the node broke it. The node has been restarted. */
export class Broken extends Schema.TaggedError<Broken>()("Broken", {
  cause: Schema.Defect()
}) {
  override get message() {
    return "the node broke while it did what was asked, and has been restarted; see the cause"
  }
}

/** Why a node could not do what was asked. */
export const NodeErrorReason = Schema.Union([Stopped, GaveUp, Broken])

/** @since 0.1.0 */
export type NodeErrorReason = typeof NodeErrorReason.Type

/** The failure of a node. Its message is that of its reason. */
export class NodeError extends Schema.TaggedError<NodeError>()("NodeError", {
  reason: NodeErrorReason
}) {
  override get message() {
    return this.reason.message
  }
}
