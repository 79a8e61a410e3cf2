/**
 * What the fibers of a node share.
 */
import type * as Queue from "effect/Queue"
import type { Transport } from "../../Transport.ts"
import type { Actor, Mail } from "./actor.ts"
import type { Counters } from "./counters.ts"

export interface Shared {
  readonly options: {
    readonly id: string
    readonly maxExchanges: number
  }
  /** The hash of the cluster's name. */
  readonly cluster: number
  readonly transport: Transport["Service"]
  readonly actor: Actor
  readonly counters: Counters
  readonly mailbox: Queue.Queue<Mail>
  readonly hasEnded: () => boolean
}
