/**
 * Whom to talk to next: one service, for all that choose a peer among the members.
 *
 * - {@link uniform}: anyone, with the same chance for each. What the papers' analyses suppose.
 * - {@link shuffledRoundRobin}: each once, in an order that is shuffled anew each time round (SWIM §4.3): nobody waits for
 *   longer than twice round.
 * - {@link ring}: always the successor in the order of names: the closed loop, whose bound is known in advance.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Layer from "effect/Layer"
import type { Address } from "../Address.ts"
import type { RandomSource } from "../node/Protocol.ts"
import * as selection from "./internal/selection.ts"

// -----------------------------------------------------------------------------
// model
// -----------------------------------------------------------------------------

/** Somebody to talk to: a live member other than this node. */
export interface Peer {
  readonly id: string
  readonly address: Address
}

/** The peers that there are now. */
export interface Peers {
  readonly size: number
  /** The peer at a place from 0 to `size - 1`. Places change when peers come and go. */
  readonly at: (index: number) => Peer
  /** Changes whenever a peer comes or goes. */
  readonly version: number
  /** Whether one of them is at this address: who is not is a stranger, to whom hardly anything is said. */
  readonly hasAddress: (address: Address) => boolean
  /** Who comes after a name in the order of names, the first after the last: for where that costs less than to look at all. */
  readonly after?: (id: string) => Peer | undefined
}

/** Chooses peers for one purpose of one node. */
export interface Selector {
  /** So many different peers, or all where there are not as many. */
  readonly next: (count: number) => ReadonlyArray<Peer>
}

/** A way to choose peers. */
export interface PeerSelection {
  readonly name: string
  readonly make: (self: string, peers: Peers, random: RandomSource) => Selector
}

/** How a node chooses peers: {@link uniform} unless a layer beneath `Gossip.layer` says otherwise. */
export const PeerSelection = Context.Reference<PeerSelection>(
  "@effect-gossip/core/dissemination/PeerSelection",
  { defaultValue: () => selection.uniform }
)

// -----------------------------------------------------------------------------
// ways to choose
// -----------------------------------------------------------------------------

/** Anyone, with the same chance for each. */
export const uniform: PeerSelection = selection.uniform

/**
 * Each once, in an order that is shuffled anew each time round: nobody waits for longer than it takes to go round twice.
 * Who is new comes at a random place of what is left of the round.
 */
export const shuffledRoundRobin: PeerSelection = selection.shuffledRoundRobin

/**
 * Always the successor in the order of names, and the successors of that one where more are wanted. What is only ever
 * passed on to one is known to all `n` after `n - 1` hops, and to nobody further when one of them fails.
 */
export const ring: PeerSelection = selection.ring

// -----------------------------------------------------------------------------
// layers
// -----------------------------------------------------------------------------

/** Has a node choose by {@link uniform}. */
export const layerUniform: Layer.Layer<never> = Layer.succeed(PeerSelection, uniform)

/** Has a node choose by {@link shuffledRoundRobin}. */
export const layerShuffledRoundRobin: Layer.Layer<never> = Layer.succeed(PeerSelection, shuffledRoundRobin)

/** Has a node choose by {@link ring}. */
export const layerRing: Layer.Layer<never> = Layer.succeed(PeerSelection, ring)
