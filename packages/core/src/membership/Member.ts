/**
 * A member of the cluster, as one node sees it.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { Address } from "../Address.ts"
import { Incarnation, Metadata, NodeId } from "../wire/Message.ts"

/**
 * What is believed of a member:
 *
 * - `Alive`: it answers, or nobody has said otherwise;
 * - `Suspect`: it did not answer a probe, and may still refute;
 * - `Dead`: it did not refute in time;
 * - `Left`: it said that it leaves.
 */
export const Status = Schema.Literals(["Alive", "Suspect", "Dead", "Left"])

/** @since 0.1.0 */
export type Status = typeof Status.Type

/**
 * A member of the cluster. The dead and the left stay listed until they are reaped, so that a longer absence can be
 * told from a member that never was.
 */
export const Member = Schema.Struct({
  /** The node's name, which no two live members share. */
  id: NodeId,
  /** Where its peers reach it. */
  address: Address,
  status: Status,
  /** Which life of the name this is, and how often it has refuted. */
  incarnation: Incarnation,
  /** What the member says of itself, opaque here: see `Metadata.Service`. Do not change the bytes. */
  metadata: Metadata,
  /** The wire protocol it speaks. */
  protocolVersion: Schema.Int
})

/** @since 0.1.0 */
export type Member = typeof Member.Type

/** Whether a member takes part: it is alive, or only suspected. */
export const isLive = (member: Member): boolean => member.status === "Alive" || member.status === "Suspect"
