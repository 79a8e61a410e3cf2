/**
 * What happens to members, as one node sees it.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { Address } from "../Address.ts"
import { NodeId } from "../wire/Message.ts"
import { Member } from "./Member.ts"

const event = <const Tag extends string>(tag: Tag) => Schema.TaggedStruct(tag, { member: Member })

/** A member is there: it is new, or back from the dead. */
export const Joined = event("Joined")

/** A member did not answer a probe; it may still refute. */
export const Suspected = event("Suspected")

/** A member has refuted a suspicion. */
export const Refuted = event("Refuted")

/** A member's metadata have changed, or its incarnation: its process was restarted before anyone missed it. */
export const Updated = event("Updated")

/** A member did not refute in time. */
export const Died = event("Died")

/** A member has left by itself. */
export const Left = event("Left")

/** A dead or departed member is forgotten, and is no longer listed. */
export const Reaped = event("Reaped")

/** Two live nodes claim one name. The first of the addresses is the one that was known before. */
export const Conflict = Schema.TaggedStruct("Conflict", {
  id: NodeId,
  addresses: Schema.Tuple([Address, Address])
})

/** Something that happened to a member. */
export const MembershipEvent = Schema.Union([Joined, Suspected, Refuted, Updated, Died, Left, Reaped, Conflict])

/** @since 0.1.0 */
export type MembershipEvent = typeof MembershipEvent.Type
