/**
 * Who votes, and whether a node reaches a majority of them: Redis's `server.cluster->size` and `cluster_state`.
 */
import * as Claims from "../../Claim.ts"
import type { MemberTable } from "../table.ts"

/** The electorate, as one node knows it. */
export interface State {
  /**
   * `Ok` when this node reaches a majority of those who vote, itself included: Redis's `cluster_state:ok`. `Lost` when it
   * does not: it may be on the lesser side of a partition, and declares nobody dead. A node that has left has none, nor
   * has one none of whose seeds has ever answered, which does not know who votes.
   */
  readonly status: "Ok" | "Lost"
  /** Members that vote: the live and the dead, for as long as these are remembered; at least `ClusterBus`'s `minVoters`. */
  readonly voters: number
  /** Those of them that this node does not doubt. */
  readonly reachable: number
}

/**
 * Counts the electorate. Names vote, not addresses: who came back at another address is one voter. The dead count, as in
 * Redis, so that no partition can make itself a majority by declaring others dead; those who have left do not. A dead
 * member of whom nothing else is known is taken for a voter.
 *
 * @param minVoters the least electorate
 */
export const quorumOf = (table: MemberTable, minVoters: number): State => {
  const reachable = new Map<string, boolean>()
  for (const { state } of table.gone) {
    if (state.status === "Dead" && Claims.votes(state)) reachable.set(state.id, false)
  }
  for (const { doubted, state } of table.live) {
    // its own word is missing, which only a claim that came without it can leave out
    if (!Claims.votes(state)) reachable.delete(state.id)
    else if (!doubted || !reachable.has(state.id)) reachable.set(state.id, !doubted)
  }
  let count = 0
  for (const isReachable of reachable.values()) if (isReachable) count++
  const voters = Math.max(reachable.size, minVoters)
  return { status: count > voters / 2 ? "Ok" : "Lost", voters, reachable: count }
}
