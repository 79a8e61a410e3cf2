/**
 * What an application asks of a membership protocol, whichever it is.
 */
import type { Address } from "../../Address.ts"

export type MembershipCommand =
  | { readonly _tag: "Join"; readonly seeds: ReadonlyArray<Address> }
  | { readonly _tag: "Leave" }
  | { readonly _tag: "SetMetadata"; readonly metadata: Uint8Array }

export type MembershipResult =
  | { readonly _tag: "Done" }
  /** No seed answered: why not, by seed. */
  | {
    readonly _tag: "NoSeedAnswered"
    readonly failures: ReadonlyArray<{ readonly seed: Address; readonly problem: string }>
  }
