/**
 * What the parts of ClusterBus share: the view of the members, and telling all of them at once.
 */
import type { Address } from "../../../Address.ts"
import type { Birth } from "../../../node/Protocol.ts"
import type { Alive, Claim, Message } from "../../../wire/Message.ts"
import type { MembershipMachine } from "../../MembershipMachine.ts"
import { claimsOf } from "../claims.ts"
import type { JoiningTimer } from "../joining.ts"
import type { Entry } from "../table.ts"
import { View, type ViewTimer } from "../view.ts"
import type { Config } from "./config.ts"
import { quorumOf, type State } from "./quorum.ts"

export type Timer =
  | { readonly _tag: "Cron"; readonly epoch: number }
  | { readonly _tag: "Leave"; readonly epoch: number }
  | JoiningTimer
  | ViewTimer

/** What other parts do about members. */
export interface Followers {
  readonly onLive: (entry: Entry) => void
  /** A live member is in another incarnation: it has said so itself, lately. */
  readonly onRenewed: (entry: Entry) => void
  readonly onGone: (entry: Entry) => void
}

export class Core extends View<Timer> {
  override readonly config: Config
  readonly #followers: Followers
  #voters: number | undefined

  constructor(birth: Birth<MembershipMachine>, config: Config, metadata: Uint8Array, followers: Followers) {
    super(birth, config, metadata, config.votes)
    this.config = config
    this.#followers = followers
  }

  // ---------------------------------------------------------------------------
  // the electorate
  // ---------------------------------------------------------------------------

  /** How many must agree: Redis's `needed_quorum`. */
  get majority(): number {
    this.#voters ??= quorumOf(this.table).voters
    return Math.floor(this.#voters / 2) + 1
  }

  /** Counts the electorate anew when it is needed next. */
  recount(): void {
    this.#voters = undefined
  }

  /** Whether this node reaches a majority. */
  get quorum(): State {
    return quorumOf(this.table)
  }

  // ---------------------------------------------------------------------------
  // telling
  // ---------------------------------------------------------------------------

  /** What this node says of itself, in the header of all it sends. */
  get alive(): typeof Alive.Type {
    const { state } = this.self
    const { metadata, protocolVersion } = state.profile!
    return {
      _tag: "Alive",
      id: state.id,
      address: state.address,
      incarnation: state.incarnation,
      protocolVersion,
      ...(metadata.length === 0 ? undefined : { metadata }),
      ...(this.votes ? undefined : { votes: false })
    }
  }

  /** Tells all live members at once, as Redis does. */
  broadcast(message: Message): void {
    for (const entry of this.table.live) if (entry !== this.self) this.send(entry.state.address, message)
  }

  /** Tells one who does not know it that a member is gone: that one itself, or another. */
  tellGone(entry: Entry, to: Address): void {
    const [claim] = claimsOf(entry, this.birth.id, this.now, this.config.deadRetention)
    if (claim?._tag === "Left") this.send(to, claim)
    if (claim?._tag === "Dead") this.send(to, { _tag: "Fail", claim })
  }

  /** Tells a member, which says that it is in an earlier one, in which incarnation it is thought to be. */
  tellAlive(entry: Entry, to: Address): void {
    const [claim] = claimsOf(entry, this.birth.id, this.now, this.config.deadRetention)
    if (claim?._tag === "Alive") this.send(to, claim)
  }

  /** What this node says of itself has changed: Redis broadcasts a PONG. */
  protected override passOn(entry: Entry, claim: Claim): void {
    this.recount()
    if (entry === this.self) this.broadcast(claim)
    else if (!entry.isGone) this.#followers.onRenewed(entry)
  }

  protected override onLive(entry: Entry): void {
    this.#followers.onLive(entry)
  }

  protected override onGone(entry: Entry): void {
    this.#followers.onGone(entry)
  }

  protected override onReaped(): void {
    this.recount()
  }
}
