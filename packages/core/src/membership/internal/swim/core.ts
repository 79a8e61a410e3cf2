/**
 * What the parts of Swim share: the table, the queue of claims to pass on, and the rules by which a claim enters
 * them. All times are milliseconds of the step clock.
 */
import type { Address } from "../../../Address.ts"
import type { Birth, Counter, Output, RandomSource } from "../../../node/Protocol.ts"
import { encodeMessage, protocolVersion } from "../../../wire/Frame.ts"
import type { Claim, Message } from "../../../wire/Message.ts"
import { compareBytes, isGone } from "../../Claim.ts"
import { isLive, type Member } from "../../Member.ts"
import type { MembershipEvent } from "../../MembershipEvent.ts"
import type { MembershipResult } from "../../MembershipMachine.ts"
import { Broadcasts } from "../broadcasts.ts"
import { type Change, type Entry, keyOf, MemberTable } from "../table.ts"
import { type Config, spreadTime } from "./config.ts"

export type Timer =
  | { readonly _tag: "Probe"; readonly epoch: number }
  | { readonly _tag: "ProbeTimeout"; readonly nonce: number }
  | { readonly _tag: "Suspicion"; readonly key: string; readonly token: number }
  | { readonly _tag: "Gossip"; readonly token: number }
  | { readonly _tag: "Sync"; readonly epoch: number }
  | { readonly _tag: "Join"; readonly token: number }
  | { readonly _tag: "Reconnect"; readonly epoch: number }
  | { readonly _tag: "Reap" }

export type Out = Output<MembershipEvent, MembershipResult>

/**
 * Claims of an incarnation further ahead of this node's clock than this are refused, as Cassandra refuses
 * generations (`MAX_GENERATION_DIFFERENCE`): else one forged claim could put a name out of use for ever.
 */
const maxIncarnationAhead = 365 * 24 * 60 * 60 * 1000

/** Times in a row that a node goes above what was said in its own name, and the time in which they count, in ms. */
const maxOutbids = 3
const outbidWindow = 30_000

/**
 * Bytes of a claim above which it is encoded anew before it is passed on: a peer could have padded it with fields that
 * this version does not know.
 */
const maxVerbatim = 300

/** How a claim came here. */
export type Via = "gossip" | "sync"

/** Where the node stands in its own life. */
export type Phase = "running" | "leaving" | "left"

export class Core {
  readonly birth: Birth<unknown>
  readonly config: Config
  readonly table: MemberTable
  readonly broadcasts = new Broadcasts()
  readonly self: Entry
  phase: Phase = "running"
  /** What this node says of itself, or will when it joins again. */
  metadata: Uint8Array
  /** Counts the times this node joined again after it had left: periodic timers of before are stale. */
  epoch = 0

  now: number
  random: RandomSource = { nextDoubleUnsafe: () => 0 }
  #outputs: Array<Out> = []

  /** Called when a member other than this node becomes live. */
  onLive: (entry: Entry) => void = () => {}
  /** Called when a member becomes suspected, or is suspected anew in a higher incarnation. */
  onSuspect: (entry: Entry) => void = () => {}
  #warnedOfFuture = false
  /** When this node last refuted that it is someone else, and how often in a row. */
  #outbids = { since: -Infinity, count: 0 }
  #gossipArmed = false
  #gossipToken = 0
  #dying: Array<Entry> = []

  constructor(birth: Birth<unknown>, config: Config, incarnation: number, metadata: Uint8Array) {
    this.birth = birth
    this.config = config
    this.now = birth.now
    this.metadata = metadata
    this.table = new MemberTable(config.maxMembers)
    const change = this.table.apply(this.#alive(incarnation, metadata), birth.now)
    if (change === undefined || typeof change === "string") throw new Error("the table has no room for the node itself")
    this.self = change.entry
    this.self.pinned = true
  }

  // ---------------------------------------------------------------------------
  // outputs
  // ---------------------------------------------------------------------------

  takeOutputs(): ReadonlyArray<Out> {
    const outputs = this.#outputs
    this.#outputs = []
    return outputs
  }

  out(output: Out): void {
    this.#outputs.push(output)
  }

  send(to: Address, message: Message): void {
    this.out({ _tag: "Send", to, message })
  }

  wake(delay: number, timer: Timer): void {
    this.out({ _tag: "Wake", at: this.now + delay, timer })
  }

  count(counter: Counter, label: string): void {
    this.out({ _tag: "Counted", counter, label })
  }

  log(level: "Debug" | "Info" | "Warn" | "Error", text: string): void {
    this.out({ _tag: "Logged", level, text })
  }

  happened(event: MembershipEvent): void {
    this.out({ _tag: "Happened", event })
  }

  // ---------------------------------------------------------------------------
  // choices
  // ---------------------------------------------------------------------------

  /** A whole number in [0, bound). */
  draw(bound: number): number {
    return Math.min(bound - 1, Math.floor(this.random.nextDoubleUnsafe() * bound))
  }

  /** A number of 32 bits, drawn anew for each probe: as hard to guess as the node's `Random` is. */
  nonce(): number {
    return Math.floor(this.random.nextDoubleUnsafe() * 0x1_0000_0000)
  }

  /** Up to `count` different live members, this node and `except` left out, uniformly. */
  choosePeers(count: number, except?: Entry): Array<Entry> {
    const { live } = this.table
    const chosen: Array<Entry> = []
    // few are wanted of many, so that drawing again beats shuffling; with few to choose from, take them in turn
    if (live.length > 4 * (count + 2)) {
      while (chosen.length < count) {
        const entry = live[this.draw(live.length)]!
        if (entry !== this.self && entry !== except && !chosen.includes(entry)) chosen.push(entry)
      }
      return chosen
    }
    const candidates = live.filter((entry) => entry !== this.self && entry !== except)
    while (chosen.length < count && candidates.length > 0) {
      chosen.push(...candidates.splice(this.draw(candidates.length), 1))
    }
    return chosen
  }

  /** How many take part, as far as this node knows; itself included. */
  get clusterSize(): number {
    return this.table.live.length
  }

  /** How often a claim is sent: memberlist's `retransmitLimit`. */
  get retransmitLimit(): number {
    return this.config.retransmitMultiplier * Math.ceil(Math.log10(this.clusterSize + 1))
  }

  /** How long a claim needs to be known by all, in milliseconds. */
  get spreadTime(): number {
    return spreadTime(this.config, this.clusterSize)
  }

  // ---------------------------------------------------------------------------
  // this node's own claims
  // ---------------------------------------------------------------------------

  #alive(incarnation: number, metadata: Uint8Array): Claim {
    return {
      _tag: "Alive",
      id: this.birth.id,
      address: this.birth.address,
      incarnation,
      protocolVersion,
      ...(metadata.length === 0 ? undefined : { metadata })
    }
  }

  /** Says that this node is there, in an incarnation above all that was said of it. */
  sayAlive(incarnation: number, metadata: Uint8Array): void {
    const { incarnation: before, status } = this.self.state
    this.#say(this.#alive(incarnation, metadata))
    const member = this.self.member!
    if (status === "Left") this.happened({ _tag: "Joined", member })
    else if (incarnation > before) this.happened({ _tag: "Updated", member })
  }

  /** Says that this node leaves. */
  sayLeft(incarnation: number): void {
    const { address, id } = this.birth
    this.#say({ _tag: "Left", id, address, incarnation })
    this.happened({ _tag: "Left", member: this.self.member! })
  }

  #say(claim: Claim): void {
    this.table.apply(claim, this.now)
    this.passOn(this.self, claim)
  }

  // ---------------------------------------------------------------------------
  // claims
  // ---------------------------------------------------------------------------

  /**
   * Takes in what a peer says of a member. What is new is recorded, and only then passed on.
   *
   * @param encoded the claim as it came, where it came by itself
   */
  hear(claim: Claim, via: Via, encoded?: Uint8Array): void {
    const ahead = claim.incarnation - (this.birth.wallClock + (this.now - this.birth.now))
    if (ahead > maxIncarnationAhead) return this.#refuseFuture(claim, ahead)
    const entry = this.table.get(keyOf(claim))
    if (entry === this.self) return this.#hearOfSelf(claim)
    const age = ("age" in claim ? claim.age ?? 0 : 0) * 1000
    if (entry === undefined && age >= this.config.deadRetention) return
    // One partition's dead are not another's: as in memberlist, a death learned from a whole table (and not while it
    // is news) puts the member under suspicion, which leaves it the time to refute.
    if (claim._tag === "Dead" && via === "sync" && entry !== undefined && !entry.isGone) {
      const { address, from, id, incarnation } = claim
      return this.adopt({ _tag: "Suspect", id, address, incarnation, from }, 0)
    }
    this.adopt(claim, age, encoded)
  }

  #refuseFuture(claim: Claim, ahead: number): void {
    this.count("drops", "FutureIncarnation")
    if (this.#warnedOfFuture) return
    this.#warnedOfFuture = true
    const days = Math.round(ahead / (24 * 60 * 60 * 1000))
    this.log(
      "Warn",
      `a claim about ${claim.id} at ${claim.address} is ${days} days ahead of this node's clock, and is not believed; is either clock wrong?`
    )
  }

  /** Records a claim about another member, and follows up what it changed. */
  adopt(claim: Claim, age: number, encoded?: Uint8Array): void {
    const stood = this.table.standingFor(claim.id)?.member
    const change = this.table.apply(claim, this.now - age)
    if (change === undefined) return
    if (change === "Full") return this.count("drops", "TableFull")
    if (change === "NameTaken") return this.count("drops", "NameTaken")
    if (change.standing) this.passOn(change.entry, claim, encoded)
    this.#follow(change, stood)
  }

  #follow({ before, entry, standing }: Change, stood: Member | undefined): void {
    const { state } = entry
    const wasLive = before !== undefined && !isGone(before.status)
    if (!entry.isGone && !wasLive) {
      this.onLive(entry)
      if (this.broadcasts.size > 0) this.#armGossip()
      this.#reportConflicts(entry)
    }
    if (state.status === "Suspect" && standing) this.onSuspect(entry)
    if (state.status === "Dead" && wasLive) this.#dying.push(entry)
    // whoever else claims this node's name, it knows itself
    if (state.id !== this.birth.id) this.#report(entry, stood)
  }

  /** Reports what a change of an entry means for who stands for its name: `stood` did before. */
  #report(entry: Entry, stood: Member | undefined): void {
    const member = this.table.standingFor(entry.state.id)?.member
    // nobody is a member before its own claim was heard
    if (member === undefined || member === stood) return
    const wasLive = stood !== undefined && isLive(stood)
    if (wasLive && entry.isGone && entry.state.address === stood.address) this.#gone(entry.member!)
    if (!isLive(member)) {
      // a leave that came after a death, or a death in a later life; each is the last that is known of it
      if (!wasLive && member.status !== stood?.status) this.#gone(member)
      return
    }
    // new, back, or taking the place of another claimant of the name
    if (!wasLive || member.address !== stood.address) {
      this.happened({ _tag: "Joined", member })
      if (member.status === "Suspect") this.happened({ _tag: "Suspected", member })
      return
    }
    if (member.status === "Suspect") {
      if (stood.status !== "Suspect") this.happened({ _tag: "Suspected", member })
    } else if (stood.status === "Suspect") {
      this.happened({ _tag: "Refuted", member })
    }
    // metadata apart, a life may follow another before anyone missed it
    const isNewLife = stood.status === "Alive" && member.status === "Alive" && member.incarnation > stood.incarnation
    if (isNewLife || compareBytes(stood.metadata, member.metadata) !== 0) this.happened({ _tag: "Updated", member })
  }

  #gone(member: Member): void {
    this.happened({ _tag: member.status === "Left" ? "Left" : "Died", member })
  }

  // against one of those that were there, whoever else claims the name as well
  #reportConflicts(entry: Entry): void {
    const other = this.table.liveNamed(entry.state.id).find((live) => live !== entry)
    if (other !== undefined) this.#conflict(other, entry)
  }

  #conflict(one: Entry, other: Entry): void {
    const { id } = one.state
    const addresses = [one.state.address, other.state.address] as const
    this.happened({ _tag: "Conflict", id, addresses })
    this.log(
      id === this.birth.id ? "Error" : "Warn",
      `two live nodes are named ${id}, at ${addresses.join(" and ")}: give each a name of its own`
    )
  }

  #hearOfSelf(claim: Claim): void {
    const { state } = this.self
    if (claim._tag === "Alive") {
      // said by an earlier process of this name, before its clock was set back
      const same = claim.incarnation === state.profile!.incarnation &&
        compareBytes(claim.metadata ?? new Uint8Array(0), state.profile!.metadata) === 0
      if (claim.incarnation < state.incarnation || same) return
    } else if (claim.incarnation < state.incarnation) {
      return
    }
    if (this.phase !== "running") {
      // nothing outranks a leave of the same incarnation
      if (claim.incarnation > state.incarnation) this.sayLeft(claim.incarnation)
      return
    }
    if (claim._tag === "Alive" && !this.#mayOutbid()) return
    this.count("refutations", claim._tag)
    this.log("Info", `refuting that this node is ${claim._tag.toLowerCase()} in incarnation ${claim.incarnation}`)
    this.sayAlive(claim.incarnation + 1, this.metadata)
  }

  // An earlier life is outbid once. One that outbids in turn is alive: another process has this name and address, and
  // the two would go on for ever.
  #mayOutbid(): boolean {
    const outbids = this.#outbids
    if (this.now - outbids.since > outbidWindow) this.#outbids = { since: this.now, count: 1 }
    else if (++outbids.count > maxOutbids) {
      if (outbids.count === maxOutbids + 1) this.#conflict(this.self, this.self)
      return false
    }
    return true
  }

  // ---------------------------------------------------------------------------
  // gossip
  // ---------------------------------------------------------------------------

  /** Queues a claim to be passed on. */
  passOn(entry: Entry, claim: Claim, encoded?: Uint8Array): void {
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

  /** What fits into a datagram to a peer that leaves anyway. Strangers are told nothing: it would be spent on them. */
  piggyback(room: number, to: Address): ReadonlyArray<Uint8Array> {
    if (this.broadcasts.size === 0) return []
    if (this.table.liveAt(to) !== undefined) return this.broadcasts.take(room, this.retransmitLimit)
    return this.#dying.some((entry) => entry.state.address === to) ? this.broadcasts.peek(room) : []
  }

  // so that one who is wrongly held dead hears of it and can refute
  #latelyDead(): ReadonlyArray<Entry> {
    if (this.#dying.length > 0) {
      this.#dying = this.#dying.filter((entry) =>
        entry.state.status === "Dead" && this.now - entry.changedAt < this.config.gossipToTheDead
      )
    }
    return this.#dying
  }
}

/** A claim of the present age, for those that carry one. */
export const withAge = (claim: Claim, age: number): Claim => {
  if (claim._tag !== "Dead" && claim._tag !== "Left") return claim
  const seconds = Math.floor(age / 1000)
  if (seconds === claim.age) return claim
  const { age: _, ...rest } = claim
  return seconds > 0 ? { ...rest, age: seconds } : rest
}
