/**
 * What every membership protocol is to the node that runs it, whichever it is: a machine that knows the members, and
 * takes the same commands. Authors of protocols implement it, and give it to nodes by `MembershipProtocol`; the
 * testkit's `MembershipSuite` holds it to what every membership protocol owes.
 *
 * @since 0.1.0
 */
import type { Address } from "../Address.ts"
import type { Machine } from "../node/Protocol.ts"
import type { Claim } from "../wire/Message.ts"
import type { Member } from "./Member.ts"
import type { MembershipEvent } from "./MembershipEvent.ts"

/** What an application asks of a membership protocol. */
export type MembershipCommand =
  | { readonly _tag: "Join"; readonly seeds: ReadonlyArray<Address> }
  | { readonly _tag: "Leave" }
  | { readonly _tag: "SetMetadata"; readonly metadata: Uint8Array }

/** What becomes of a command. */
export type MembershipResult =
  | { readonly _tag: "Done" }
  /** No seed answered: why not, by seed. */
  | {
    readonly _tag: "NoSeedAnswered"
    readonly failures: ReadonlyArray<{ readonly seed: Address; readonly problem: string }>
  }

/** What every membership protocol offers besides being a machine. */
export interface MembershipMachine extends Machine<MembershipCommand, MembershipEvent, MembershipResult> {
  readonly self: Member
  /** All members, one a name, this node included. */
  readonly members: () => Array<Member>
  /** The member of a name. */
  readonly member: (id: string) => Member | undefined
  /** Lifeguard's local health: 0 is well, more is worse. Left out by protocols that have none. */
  readonly localHealth?: number
  /** Whether the node has left, and has not joined again. */
  readonly hasLeft: boolean
  /** What it knows, for the machine that takes its place. */
  readonly claims: () => ReadonlyArray<Claim>
}
