/**
 * The messages of Redis Cluster's bus, as `ClusterBus` speaks it: MEET, PING, PONG and FAIL. A leave is the claim `Left`,
 * and what a node has changed of itself is its claim `Alive`.
 *
 * @since 0.1.0
 */
import { fieldId } from "effect/encoding/SchemaBinary"
import * as Schema from "effect/Schema"
import { Address } from "../Address.ts"
import { Alive, Claim, Dead, maxClaims } from "./internal/claims.ts"
import { Incarnation, NodeId, refusingClock, Uint32 } from "./internal/fields.ts"

/** Most sections of one ping or pong: more than fit the datagrams of any transport. */
export const maxSections = 4096

/**
 * What the sender of a ping or pong says of another member: Redis's `clusterMsgDataGossip`.
 *
 * Redis tells by the wall clock when the member last answered, and trusts the clocks to half a second. Here it is told
 * how long ago that was, and how old the member then was, so that no clock is compared with another and what has been
 * heard once is not news again.
 */
export const Section = Schema.Struct({
  id: NodeId.pipe(fieldId(1)),
  address: Address.pipe(fieldId(2)),
  incarnation: Incarnation.pipe(fieldId(3)),
  /** Milliseconds since it has answered, as far as the sender knows; absent when the sender holds it for PFAIL. */
  pong: Schema.optionalKey(Uint32).pipe(fieldId(4)),
  /** Its age when it answered, as it said itself: see {@link BusPong}. */
  beat: Schema.optionalKey(Uint32).pipe(fieldId(5))
})

/** @since 0.1.0 */
export type Section = typeof Section.Type

const sections = Schema.Array(Section).check(Schema.isMaxLength(maxSections))

/** "Take me in": MEET, the request by which a node comes to know another and is made known. */
export const Meet = Schema.TaggedStruct("Meet", {
  /** The sender. */
  self: Alive.pipe(fieldId(1))
})

/** Answers a {@link Meet}, with all that is known of members. */
export const Met = Schema.TaggedStruct("Met", {
  self: Alive.pipe(fieldId(1)),
  /** Of the others; a `Suspect` among them is one whom the sender does not reach. */
  claims: Schema.Array(Claim).check(Schema.isMaxLength(maxClaims)).pipe(fieldId(2)),
  clock: refusingClock.pipe(fieldId(3))
})

/** PING: "are you there, and do you know of these?" */
export const BusPing = Schema.TaggedStruct("BusPing", {
  self: Alive.pipe(fieldId(1)),
  /** The pong repeats it. */
  nonce: Uint32.pipe(fieldId(2)),
  sections: sections.pipe(fieldId(3))
})

/** PONG: answers a {@link BusPing}. */
export const BusPong = Schema.TaggedStruct("BusPong", {
  self: Alive.pipe(fieldId(1)),
  nonce: Uint32.pipe(fieldId(2)),
  sections: sections.pipe(fieldId(3)),
  /** Tenths of a second since the sender's process began. */
  beat: Uint32.pipe(fieldId(4))
})

/** FAIL: "a majority has not reached it": not the claim by itself, which other protocols make without a majority. */
export const Fail = Schema.TaggedStruct("Fail", {
  claim: Dead.pipe(fieldId(1))
})
