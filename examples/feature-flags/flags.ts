/**
 * The flags of a service: every process holds all of them, and any process changes them.
 */
import { ReplicatedMap } from "@effect-gossip/core"
import * as Schema from "effect/Schema"

export const Name = Schema.String.check(
  Schema.isPattern(/^[a-z][a-z0-9-]{0,63}$/, {
    expected: "1 to 64 small letters, digits and dashes, with a letter first"
  })
)

export const Flag = Schema.Struct({
  on: Schema.Boolean,
  /** For which share of the users, 0 to 1. A field that was added later must be optional. */
  share: Schema.optionalKey(Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: 1 })))
})

export type Flag = typeof Flag.Type

export class Flags extends ReplicatedMap.Service<Flags>()("examples/Flags", {
  key: Name,
  value: Flag,
  maxKeys: 10_000
}) {}
