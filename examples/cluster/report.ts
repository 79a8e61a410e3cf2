/**
 * What a node's process tells the demo: one JSON value a line on its standard output.
 */
import { Address } from "@effect-gossip/core/Address"
import { Status } from "@effect-gossip/core/membership/Member"
import { Incarnation, NodeId } from "@effect-gossip/core/wire/Message"
import * as Schema from "effect/Schema"

/** The node is up, and can be joined at this address. */
export const Ready = Schema.TaggedStruct("Ready", { address: Address })

/** What the process now believes of one member. */
export const Belief = Schema.Struct({ id: NodeId, status: Status, incarnation: Incarnation })

export type Belief = typeof Belief.Type

/** What has changed in the process's view of the members since it last said. */
export const Saw = Schema.TaggedStruct("Saw", { beliefs: Schema.Array(Belief) })

/** One line. */
export const Report = Schema.Union([Ready, Saw])

export type Report = typeof Report.Type
