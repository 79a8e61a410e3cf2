/**
 * What is said of members, and who wins between two claims.
 *
 * An *identity* is one node name at one address. What is known of an identity is a join-semilattice: {@link merge}
 * is commutative, associative and idempotent, so nodes that have seen the same claims know the same, in whatever
 * order the claims came. A restarted process takes up its identity again, with a higher incarnation.
 *
 * - The higher incarnation wins (SWIM §4.2); only the member itself raises it.
 * - At one incarnation `Left` beats `Dead` beats `Suspect` beats `Alive`, so that a member must raise its
 *   incarnation to refute. (In SWIM `Confirm` wins over any incarnation; as in memberlist, here a later incarnation
 *   may follow it.)
 * - The profile (metadata and protocol version) is that of the highest incarnation heard from the member itself.
 *
 * @since 0.1.0
 */
import type { Address } from "../Address.ts"
import type { Claim } from "../wire/Message.ts"
import type { Status } from "./Member.ts"

/** What a member says of itself. */
export interface Profile {
  /** The incarnation it was said in. */
  readonly incarnation: number
  readonly metadata: Uint8Array
  readonly protocolVersion: number
  /** Whether the member counts where a majority decides. */
  readonly votes: boolean
}

/** All that is known of one identity: the join of the claims heard about it. */
export interface MemberState {
  readonly id: string
  readonly address: Address
  readonly incarnation: number
  readonly status: Status
  /** Absent until the member's own `Alive` was heard. */
  readonly profile: Profile | undefined
  /** Whether others say of this incarnation that it does not vote: what counts while there is no profile. */
  readonly abstains: boolean
}

const noMetadata = new Uint8Array(0)

const rank: { readonly [S in Status]: number } = { Alive: 0, Suspect: 1, Dead: 2, Left: 3 }

/** What one claim by itself tells. */
export const fromClaim = (claim: Claim): MemberState => ({
  id: claim.id,
  address: claim.address,
  incarnation: claim.incarnation,
  status: claim._tag,
  profile: claim._tag === "Alive"
    ? {
      incarnation: claim.incarnation,
      metadata: claim.metadata ?? noMetadata,
      protocolVersion: claim.protocolVersion,
      votes: claim.votes ?? true
    }
    : undefined,
  abstains: claim._tag === "Dead" && claim.votes === false
})

/** Whether a member counts where a majority decides: of whom nothing is known it is assumed. */
export const votes = ({ abstains, profile }: Pick<MemberState, "abstains" | "profile">): boolean =>
  profile?.votes ?? !abstains

/** Whether `a` says more than `b` about whether a member is there. Not symmetric: equal standing is neither. */
export const outranks = (
  a: { readonly incarnation: number; readonly status: Status },
  b: { readonly incarnation: number; readonly status: Status }
): boolean => a.incarnation > b.incarnation || a.incarnation === b.incarnation && rank[a.status] > rank[b.status]

/** The join of what two nodes know of one identity. Returns `a` itself when `b` adds nothing. */
export const merge = (a: MemberState, b: MemberState): MemberState => {
  const standing = outranks(b, a) ? b : a
  const profile = mergeProfile(a.profile, b.profile)
  const abstains = a.incarnation === b.incarnation ? a.abstains || b.abstains : standing.abstains
  return standing === a && profile === a.profile && abstains === a.abstains
    ? a
    : { id: a.id, address: a.address, incarnation: standing.incarnation, status: standing.status, profile, abstains }
}

// A member never says two things in one incarnation. If it seems to (two processes took one name and address in
// one millisecond), any rule will do that all nodes share.
const mergeProfile = (a: Profile | undefined, b: Profile | undefined): Profile | undefined => {
  if (a === undefined || b === undefined) return a ?? b
  if (a.incarnation !== b.incarnation) return b.incarnation > a.incarnation ? b : a
  if (a.protocolVersion !== b.protocolVersion) return b.protocolVersion > a.protocolVersion ? b : a
  if (a.votes !== b.votes) return b.votes ? b : a
  return compareBytes(b.metadata, a.metadata) > 0 ? b : a
}

/** Whether two profiles say the same. */
export const isSameProfile = (a: Profile, b: Profile): boolean =>
  a.incarnation === b.incarnation && a.protocolVersion === b.protocolVersion && a.votes === b.votes &&
  compareBytes(a.metadata, b.metadata) === 0

/** Orders bytes by length, then lexicographically. */
export const compareBytes = (a: Uint8Array, b: Uint8Array): number => {
  if (a.length !== b.length) return a.length - b.length
  for (let i = 0; i < a.length; i++) {
    if (a[i] !== b[i]) return a[i]! - b[i]!
  }
  return 0
}

/** Whether a member with this status takes no part any more. */
export const isGone = (status: Status): boolean => status === "Dead" || status === "Left"
