/**
 * An entry of the table as the claims that tell of it.
 */
import type { Claim } from "../../wire/Message.ts"
import { votes } from "../Claim.ts"
import type { Entry } from "./table.ts"

/** Bytes of one claim besides its name, address and metadata: tags, numbers and lengths, rounded up. */
export const claimOverhead = 40

/** Bytes that a claim takes at most. */
export const sizeOf = (claim: Claim): number => {
  const metadata = claim._tag === "Alive" ? claim.metadata?.length ?? 0 : 0
  // a name has at most 4 bytes a character
  return claimOverhead + 4 * claim.id.length + claim.address.length + metadata +
    ("from" in claim ? 4 * claim.from.length : 0)
}

/** A claim of the present age, for those that carry one. */
export const withAge = (claim: Claim, age: number): Claim => {
  if (claim._tag !== "Dead" && claim._tag !== "Left") return claim
  const seconds = Math.floor(age / 1000)
  if (seconds === claim.age) return claim
  const { age: _, ...rest } = claim
  return seconds > 0 ? { ...rest, age: seconds } : rest
}

/**
 * The claims by which another node comes to know of an entry what this one knows; none for what is to be forgotten.
 *
 * @param from who tells
 */
export const claimsOf = (entry: Entry, from: string, now: number, deadRetention: number): Array<Claim> => {
  const { address, id, incarnation, profile, status } = entry.state
  const age = now - entry.changedAt
  const claims: Array<Claim> = []
  if (profile !== undefined && !entry.isGone) {
    const { metadata, protocolVersion } = profile
    claims.push({
      _tag: "Alive",
      id,
      address,
      incarnation: profile.incarnation,
      protocolVersion,
      ...(metadata.length === 0 ? undefined : { metadata }),
      ...(profile.votes ? undefined : { votes: false })
    })
  }
  switch (status) {
    case "Suspect": {
      // passing a suspicion on confirms nothing
      claims.push({ _tag: "Suspect", id, address, incarnation, from: entry.accuser ?? from })
      break
    }
    case "Dead": {
      if (age >= deadRetention) break
      const vote = votes(entry.state) ? undefined : { votes: false }
      claims.push(withAge({ _tag: "Dead", id, address, incarnation, from, ...vote }, age))
      break
    }
    case "Left": {
      if (age < deadRetention) claims.push(withAge({ _tag: "Left", id, address, incarnation }, age))
      break
    }
  }
  return claims
}
