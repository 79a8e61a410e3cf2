/**
 * What the parts of Swim share: the view of the members, and the queue of claims to pass on. All times are milliseconds
 * of the step clock.
 */
import type { Address } from "../../../Address.ts"
import { Broadcasts } from "../../../internal/broadcasts.ts"
import { ceilLog } from "../../../internal/math.ts"
import type { Birth } from "../../../node/Protocol.ts"
import { encodeMessage } from "../../../wire/Frame.ts"
import type { Claim } from "../../../wire/Message.ts"
import type { MembershipMachine } from "../../MembershipMachine.ts"
import { withAge } from "../claims.ts"
import type { JoiningTimer } from "../joining.ts"
import { Standstill } from "../standstill.ts"
import { type Entry, keyOf } from "../table.ts"
import { type Via, View, type ViewTimer } from "../view.ts"
import { type Config, spreadTime } from "./config.ts"
import { LocalHealth } from "./health.ts"

export type Timer =
  | { readonly _tag: "Probe"; readonly epoch: number }
  | { readonly _tag: "ProbeTimeout"; readonly nonce: number }
  | { readonly _tag: "Nack"; readonly nonce: number }
  | { readonly _tag: "Suspicion"; readonly key: string; readonly token: number }
  | { readonly _tag: "Gossip"; readonly token: number }
  | { readonly _tag: "Sync"; readonly epoch: number }
  | JoiningTimer
  | ViewTimer

/**
 * Bytes of a claim above which it is encoded anew before it is passed on: a peer could have padded it with fields that
 * this version does not know.
 */
const maxVerbatim = 300

/** Least time between two warnings of one kind. */
const warningInterval = 60_000

/** What other parts of Swim do about a member that becomes live, suspected, suspected by another as well, or gone. */
export interface Followers {
  readonly onLive: (entry: Entry) => void
  readonly onSuspect: (entry: Entry) => void
  /** Whether others are to know that this one accuses as well. */
  readonly onConfirm: (entry: Entry, from: string) => boolean
  readonly onGone: (entry: Entry) => void
}

export class Core extends View<Timer> {
  override readonly config: Config
  readonly broadcasts = new Broadcasts()
  readonly health: LocalHealth
  readonly standstill: Standstill
  readonly #followers: Followers
  #gossipArmed = false
  #gossipToken = 0
  readonly #dying = new Set<Entry>()
  #exchanges = 0
  readonly #warned = new Map<string, number>()

  constructor(birth: Birth<MembershipMachine>, config: Config, metadata: Uint8Array, followers: Followers) {
    super(birth, config, metadata)
    this.config = config
    this.health = new LocalHealth(config.localHealthMax)
    // shorter delays are any process's
    this.standstill = new Standstill(Math.max(20, config.probeInterval / 10))
    this.#followers = followers
  }

  /** How often a claim is sent: memberlist's `retransmitLimit`. */
  get retransmitLimit(): number {
    return this.config.retransmitMultiplier * ceilLog(this.clusterSize + 1, 10)
  }

  /** How long a claim needs to be known by all, in milliseconds. */
  get spreadTime(): number {
    return spreadTime(this.config, this.clusterSize)
  }

  /** A number for an exchange, by which its answer is known. */
  nextExchange(): number {
    return ++this.#exchanges
  }

  /** Says what an operator should know, and not again and again. */
  warn(kind: string, text: string): void {
    if (this.now - (this.#warned.get(kind) ?? -Infinity) < warningInterval) return
    this.#warned.set(kind, this.now)
    this.log("Warn", text)
  }

  // ---------------------------------------------------------------------------
  // claims
  // ---------------------------------------------------------------------------

  // One partition's dead are not another's: as in memberlist, a death learned from a whole table (and not while it
  // is news) puts the member under suspicion, which leaves it the time to refute.
  protected override believe(claim: Claim, via: Via, entry: Entry | undefined): Claim {
    if (claim._tag !== "Dead" || via !== "sync" || entry === undefined || entry.isGone) return claim
    const { address, from, id, incarnation } = claim
    return { _tag: "Suspect", id, address, incarnation, from }
  }

  protected override onLive(entry: Entry): void {
    // What a node found out while it was alone is mostly about itself: others are dead to it, who are not to each other.
    // Whom it meets it tells in a sync, which leaves them the time to refute.
    if (this.clusterSize === 2) this.broadcasts.clear(this.self.key, entry.key)
    this.#followers.onLive(entry)
    if (this.broadcasts.size > 0) this.#armGossip()
  }

  protected override onSuspect(entry: Entry): void {
    this.#followers.onSuspect(entry)
  }

  // a claim that was made before, but not by this accuser
  protected override onKnown(claim: Claim, encoded?: Uint8Array): void {
    if (claim._tag !== "Suspect") return
    const entry = this.table.get(keyOf(claim))
    if (entry?.state.status !== "Suspect" || entry.state.incarnation !== claim.incarnation) return
    if (this.#followers.onConfirm(entry, claim.from)) this.passOn(entry, claim, encoded)
  }

  protected override onRefuted(claim: Claim): void {
    // others could not reach it: it may have been too slow for them
    if (claim._tag === "Suspect" || claim._tag === "Dead") this.health.worsen(1)
  }

  protected override onGone(entry: Entry): void {
    this.#followers.onGone(entry)
    if (entry.state.status === "Dead") this.#dying.add(entry)
  }

  protected override onForgotten(entry: Entry): void {
    this.broadcasts.remove(entry.key)
    this.#dying.delete(entry)
  }

  // ---------------------------------------------------------------------------
  // gossip
  // ---------------------------------------------------------------------------

  /** Queues a claim to be passed on. */
  protected override passOn(entry: Entry, claim: Claim, encoded?: Uint8Array): void {
    const bytes = encoded !== undefined && encoded.length <= maxVerbatim
      ? encoded
      : encodeMessage(withAge(claim, this.now - entry.changedAt))
    // a transport with small datagrams cannot carry the largest metadata: whole tables still do
    if (bytes.length > this.birth.maxDatagramSize) return this.count("drops", "TooLarge")
    // a copy: what it came in must not be kept for one claim of it
    this.broadcasts.add(entry.key, bytes.slice())
    this.#armGossip()
  }

  // the first round of many nodes that hear the same must not fall together
  #armGossip(delay?: number): void {
    if (this.#gossipArmed) return
    this.#gossipArmed = true
    const { gossipInterval } = this.config
    this.wake(delay ?? this.random.nextDoubleUnsafe() * gossipInterval, { _tag: "Gossip", token: ++this.#gossipToken })
  }

  /** A round of gossip is due. */
  gossipDue(token: number): void {
    if (token === this.#gossipToken) this.gossip()
  }

  /**
   * One round of gossip to live members, for as long as there is something to say, and to one who is lately dead: what
   * that one is told does not count as sent, since it probably reaches nobody.
   */
  gossip(): void {
    this.#gossipArmed = false
    if (this.broadcasts.size === 0) return
    const peers = this.choosePeers(this.config.gossipNodes)
    const dead = this.#latelyDead()
    if (dead.length > 0) peers.push(dead[this.draw(dead.length)]!)
    // a node that is alone waits for company
    if (peers.length === 0) return
    for (const peer of peers) this.out({ _tag: "Gossip", to: peer.state.address })
    this.#armGossip(this.config.gossipInterval)
  }

  /**
   * What fits into a datagram to a peer that leaves anyway. Strangers are told nothing: it would be spent on them. One
   * lately dead is told just that, to refute it: who is dead to this side of a partition may not be to the other.
   */
  piggyback(room: number, to: Address): ReadonlyArray<Uint8Array> {
    if (this.broadcasts.size === 0) return []
    if (this.table.liveAt(to) !== undefined) return this.broadcasts.take(room, this.retransmitLimit)
    const dead = this.#latelyDeadAt(to)
    if (dead === undefined) return []
    const { address, id, incarnation } = dead.state
    const claim = { _tag: "Dead", id, address, incarnation, from: this.birth.id } as const
    const bytes = encodeMessage(withAge(claim, this.now - dead.changedAt))
    return bytes.length <= room ? [bytes] : []
  }

  // so that one who is wrongly held dead hears of it and can refute
  #latelyDead(): ReadonlyArray<Entry> {
    for (const entry of this.#dying) {
      const isLate = entry.state.status === "Dead" && this.now - entry.changedAt < this.config.gossipToTheDead
      if (!isLate) this.#dying.delete(entry)
    }
    return [...this.#dying]
  }

  #latelyDeadAt(address: Address): Entry | undefined {
    for (const entry of this.#dying) {
      if (entry.state.address === address && entry.state.status === "Dead") return entry
    }
    return undefined
  }
}
