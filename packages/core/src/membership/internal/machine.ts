/**
 * What every membership protocol offers besides being a machine.
 */
import type { Machine } from "../../node/Protocol.ts"
import type { Claim } from "../../wire/Message.ts"
import type { Member } from "../Member.ts"
import type { MembershipEvent } from "../MembershipEvent.ts"
import type { MembershipCommand, MembershipResult } from "./command.ts"

export interface MembershipMachine extends Machine<MembershipCommand, MembershipEvent, MembershipResult> {
  readonly self: Member
  /** All members, one a name, this node included. */
  readonly members: () => Array<Member>
  /** The member of a name. */
  readonly member: (id: string) => Member | undefined
  /** Whether the node has left, and has not joined again. */
  readonly hasLeft: boolean
  /** What it knows, for the machine that takes its place. */
  readonly claims: () => ReadonlyArray<Claim>
}
