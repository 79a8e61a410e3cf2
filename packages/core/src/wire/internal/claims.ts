/** What is said of members, as messages: `Message.ts` and the protocols' own messages beside it hold claims. */
import { fieldId } from "effect/encoding/SchemaBinary"
import * as Schema from "effect/Schema"
import { Address } from "../../Address.ts"
import { Incarnation, Metadata, NodeId, Uint32 } from "./fields.ts"

/** Most claims in one sync, a bound on what a peer can make a node allocate. Larger tables take several syncs. */
export const maxClaims = 65_536

const memberFields = {
  id: NodeId.pipe(fieldId(1)),
  address: Address.pipe(fieldId(2)),
  incarnation: Incarnation.pipe(fieldId(3))
}

const ageField = {
  /** Whole seconds since the sender learned of it; absent for less than one. */
  age: Schema.optionalKey(Uint32).pipe(fieldId(5))
}

/** "I am here": made by the member itself, and passed on by others. SWIM's `Alive`. */
export const Alive = Schema.TaggedStruct("Alive", {
  ...memberFields,
  metadata: Schema.optionalKey(Metadata).pipe(fieldId(4)),
  /** The wire protocol the member speaks. */
  protocolVersion: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 255 })).pipe(fieldId(6)),
  /** Whether the member counts where a majority decides, as in `ClusterBus`; absent when it does. */
  votes: Schema.optionalKey(Schema.Boolean).pipe(fieldId(7))
})

/** "It did not answer my probe": SWIM's `Suspect`. */
export const Suspect = Schema.TaggedStruct("Suspect", {
  ...memberFields,
  /** Who accuses. */
  from: NodeId.pipe(fieldId(4))
})

/** "It was suspected and has not refuted in time": SWIM's `Confirm`. */
export const Dead = Schema.TaggedStruct("Dead", {
  ...memberFields,
  ...ageField,
  /** Who accuses. */
  from: NodeId.pipe(fieldId(4)),
  /** `false` of a member that does not vote, for those who have not heard of it itself; absent otherwise. */
  votes: Schema.optionalKey(Schema.Boolean).pipe(fieldId(6))
})

/** "I am leaving": made by the member itself. */
export const Left = Schema.TaggedStruct("Left", { ...memberFields, ...ageField })

/** A claim about a member. */
export const Claim = Schema.Union([Alive, Suspect, Dead, Left])

/** @since 0.1.0 */
export type Claim = typeof Claim.Type
