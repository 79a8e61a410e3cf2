/**
 * The protocol by which a node knows who is here: `Swim` unless a layer says otherwise.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type { Address } from "../Address.ts"
import type { Protocol } from "../node/Protocol.ts"
import { defaultConfig } from "./internal/swim/config.ts"
import { makeProtocol } from "./internal/swim/machine.ts"
import type { MembershipEvent } from "./MembershipEvent.ts"
import type { MembershipCommand, MembershipMachine, MembershipResult } from "./MembershipMachine.ts"

/** What a membership protocol is told by the node's options. */
export interface Options {
  readonly seeds: ReadonlyArray<Address>
  readonly metadata: Uint8Array
}

/** Makes a membership protocol. */
export type MembershipProtocol = (
  options: Options
) => Protocol<MembershipCommand, MembershipEvent, MembershipResult, MembershipMachine>

/** The membership protocol that `Gossip.layer` runs. */
export const MembershipProtocol = Context.Reference<MembershipProtocol>(
  "@effect-gossip/core/membership/MembershipProtocol",
  { defaultValue: () => (options) => makeProtocol(defaultConfig, options) }
)
