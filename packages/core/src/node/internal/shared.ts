/**
 * What the fibers of a node share.
 */
import type { Transport } from "../../Transport.ts"
import type { Actor, Mail } from "./actor.ts"
import type { Counters } from "./counters.ts"
import type { Inbox } from "./inbox.ts"

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
  readonly mailbox: Inbox<Mail>
  readonly hasEnded: () => boolean
}
