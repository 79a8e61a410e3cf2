/**
 * What the parts of ClusterBus share: the view of the members, and telling all of them at once.
 */
import type { Address } from "../../../Address.ts"
import type { Birth, RandomSource } from "../../../node/Protocol.ts"
import type { Alive, Claim, Message } from "../../../wire/Message.ts"
import type { MembershipMachine } from "../../MembershipMachine.ts"
import { claimsOf } from "../claims.ts"
import type { JoiningTimer } from "../joining.ts"
import { Standstill } from "../standstill.ts"
import type { Entry } from "../table.ts"
import { View, type ViewTimer } from "../view.ts"
import { type Config, toleranceOf } from "./config.ts"
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
  /** This node stood still for so long. */
  readonly onStandstill: (millis: number) => void
  /** Whether this node knows who votes: it has been told, or there is nobody to ask. */
  readonly knowsVoters: () => boolean
}

/** What `Quorum` holds of a node's protocol. It outlives the machine. */
export class Handle {
  /** Called when the quorum may be another. */
  readonly listeners = new Set<() => void>()
}

export class Core extends View<Timer> {
  override readonly config: Config
  readonly standstill: Standstill
  readonly #followers: Followers
  readonly #handle: Handle
  #voters: number | undefined
  #isTold = false

  constructor(
    birth: Birth<MembershipMachine>,
    config: Config,
    metadata: Uint8Array,
    handle: Handle,
    followers: Followers
  ) {
    super(birth, config, metadata, config.votes)
    this.config = config
    this.standstill = new Standstill(toleranceOf(config))
    this.#handle = handle
    this.#followers = followers
  }

  override begin(now: number, random: RandomSource): void {
    super.begin(now, random)
    const stood = this.standstill.until(now)
    if (stood > 0) this.#followers.onStandstill(stood)
  }

  // ---------------------------------------------------------------------------
  // the electorate
  // ---------------------------------------------------------------------------

  /** How many must agree: Redis's `needed_quorum`. Nobody can be sure of it who does not know who votes. */
  get majority(): number {
    if (!this.#followers.knowsVoters()) return Infinity
    this.#voters ??= this.#count().voters
    return Math.floor(this.#voters / 2) + 1
  }

  /** Counts the electorate anew when it is needed next; to be called when it may have changed. */
  recount(): void {
    this.#voters = undefined
    this.#isTold = false
  }

  /** Whether this node reaches a majority. */
  get quorum(): State {
    const counted = this.#count()
    return this.phase === "running" && this.#followers.knowsVoters() ? counted : { ...counted, status: "Lost" }
  }

  #count(): State {
    return quorumOf(this.table, this.config.minVoters)
  }

  /** Ends a step: tells whoever listens to the quorum when it may be another. */
  tellQuorum(): void {
    if (this.#isTold) return
    this.#isTold = true
    for (const listener of this.#handle.listeners) listener()
  }

  override doubt(entry: Entry, doubted: boolean): void {
    super.doubt(entry, doubted)
    this.#isTold = false
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

  protected override onForgotten(): void {
    this.recount()
  }
}
