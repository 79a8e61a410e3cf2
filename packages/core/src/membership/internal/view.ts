/**
 * One node's view of the members: the table, and the rules by which a claim enters it, whichever protocol carries
 * claims from node to node. All times are milliseconds of the step clock.
 */
import type { Address } from "../../Address.ts"
import { utc } from "../../internal/utc.ts"
import type { Birth, Counter, Output, RandomSource } from "../../node/Protocol.ts"
import { protocolVersion } from "../../wire/Frame.ts"
import { type Claim, maxClaims, type Message } from "../../wire/Message.ts"
import { compareBytes, fromClaim, isGone, isSameProfile } from "../Claim.ts"
import { isLive, type Member } from "../Member.ts"
import type { MembershipEvent } from "../MembershipEvent.ts"
import type { MembershipMachine, MembershipResult } from "../MembershipMachine.ts"
import { claimsOf, sizeOf } from "./claims.ts"
import { type Change, type Entry, keyOf, MemberTable } from "./table.ts"

export type Out = Output<MembershipEvent, MembershipResult>

/** The timer of the view itself, to be given back to {@link View.reap}. */
export type ViewTimer = { readonly _tag: "Reap" }

/** What a view needs of its protocol's options. */
export interface ViewConfig {
  /** How long the dead and the left are remembered, in milliseconds. */
  readonly deadRetention: number
  readonly maxMembers: number
}

/**
 * Claims of an incarnation further ahead of this node's clock than this are refused, as Cassandra refuses
 * generations (`MAX_GENERATION_DIFFERENCE`): else one forged claim could put a name out of use for ever.
 */
const maxIncarnationAhead = 365 * 24 * 60 * 60 * 1000

/** Times in a row that a node goes above what was said in its own name, and the time in which they count, in ms. */
const maxOutbids = 3
const outbidWindow = 30_000

/** How a claim came here: as news, or in a whole table. */
export type Via = "gossip" | "sync"

/** Where the node stands in its own life. */
export type Phase = "running" | "leaving" | "left"

const none: ReadonlyArray<never> = []

/** A protocol extends it by what it does about changes; `Timer` is what the protocol has itself woken with. */
export class View<Timer> {
  readonly birth: Birth<MembershipMachine>
  readonly config: ViewConfig
  readonly table: MemberTable
  readonly self: Entry
  phase: Phase = "running"
  /** What this node says of itself, or will when it joins again. */
  metadata: Uint8Array
  /** Whether this node counts where a majority decides, as it says of itself. */
  readonly votes: boolean
  /** Whether what happens is not told, since it was told before. */
  isQuiet = false
  /** Counts the times this node joined again after it had left: periodic timers of before are stale. */
  epoch = 0

  now: number
  random: RandomSource = { nextDoubleUnsafe: () => 0 }
  // made when it is needed, so that it is as short-lived as what it holds
  #outputs: Array<Out> | undefined

  /** What the wall clock shows when the step clock shows 0. */
  #wallClockAt0: number
  #warnedOfFuture = false
  /** When this node last refuted that it is someone else, and how often in a row. */
  #outbids = { since: -Infinity, count: 0 }

  /** @param metadata what the node says of itself, unless a machine before this one said otherwise */
  constructor(birth: Birth<MembershipMachine>, config: ViewConfig, metadata: Uint8Array, votes = true) {
    const { now, previous, wallClock } = birth
    const former = previous?.self
    const incarnation = Math.max(Math.floor(wallClock), former === undefined ? 0 : former.incarnation + 1)
    this.birth = birth
    this.config = config
    this.now = now
    this.#wallClockAt0 = wallClock - now
    this.metadata = former?.metadata ?? metadata
    this.votes = votes
    this.table = new MemberTable(config.maxMembers, (entry) => this.#forget(entry))
    const change = this.table.apply(this.#alive(incarnation, this.metadata), now)
    if (change === undefined || typeof change === "string") throw new Error("the table has no room for the node itself")
    this.self = change.entry
    this.self.pinned = true
    if (previous?.hasLeft === true) this.phase = "left"
  }

  // ---------------------------------------------------------------------------
  // what the protocol does about it
  // ---------------------------------------------------------------------------

  /** A claim is news, this node's own included: peers are to be told. It is recorded already. */
  protected passOn(_entry: Entry, _claim: Claim, _encoded?: Uint8Array): void {}

  /** A member other than this node becomes live. */
  protected onLive(_entry: Entry): void {}

  /** A member becomes suspected, or is suspected anew in a higher incarnation. */
  protected onSuspect(_entry: Entry): void {}

  /** A member that was live is dead or has left. */
  protected onGone(_entry: Entry): void {}

  /** A claim about another member tells nothing new by itself: it was made before, perhaps by another accuser. */
  protected onKnown(_claim: Claim, _encoded?: Uint8Array): void {}

  /** This node refutes what was said of it. */
  protected onRefuted(_claim: Claim): void {}

  /** A member is no longer remembered: after its time, or to make room for another. */
  protected onForgotten(_entry: Entry): void {}

  /** What to make of a claim about another member, where a protocol does not take each as it is. */
  protected believe(claim: Claim, _via: Via, _entry: Entry | undefined): Claim {
    return claim
  }

  // ---------------------------------------------------------------------------
  // a step
  // ---------------------------------------------------------------------------

  /** Begins a step: all until {@link takeOutputs} is at this time. */
  begin(now: number, random: RandomSource): void {
    this.now = now
    this.random = random
  }

  takeOutputs(): ReadonlyArray<Out> {
    const outputs = this.#outputs
    this.#outputs = undefined
    return outputs ?? none
  }

  out(output: Out): void {
    if (this.#outputs === undefined) this.#outputs = [output]
    else this.#outputs.push(output)
  }

  send(to: Address, message: Message): void {
    this.out({ _tag: "Send", to, message })
  }

  wake(delay: number, timer: Timer | ViewTimer): void {
    this.out({ _tag: "Wake", at: this.now + delay, timer })
  }

  count(counter: Counter, label: string): void {
    this.out({ _tag: "Counted", counter, label })
  }

  log(level: "Debug" | "Info" | "Warn" | "Error", text: string): void {
    this.out({ _tag: "Logged", level, text })
  }

  happened(event: MembershipEvent): void {
    if (!this.isQuiet) this.out({ _tag: "Happened", event })
  }

  complete(completion: number, result: MembershipResult = { _tag: "Done" }): void {
    this.out({ _tag: "Completed", completion, result })
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

  /** Up to `count` different live members, this node left out, uniformly among those that are eligible. */
  choosePeers(count: number, isEligible: (entry: Entry) => boolean = () => true): Array<Entry> {
    const { live } = this.table
    const chosen: Array<Entry> = []
    const isCandidate = (entry: Entry) => entry !== this.self && isEligible(entry) && !chosen.includes(entry)
    // few are wanted of many, so that drawing again beats shuffling; with few to choose from, take them in turn
    if (live.length > 4 * (count + 2)) {
      for (let draws = 8 * count; draws > 0 && chosen.length < count; draws--) {
        const entry = live[this.draw(live.length)]!
        if (isCandidate(entry)) chosen.push(entry)
      }
      if (chosen.length === count) return chosen
    }
    const candidates = live.filter(isCandidate)
    while (chosen.length < count && candidates.length > 0) {
      chosen.push(...candidates.splice(this.draw(candidates.length), 1))
    }
    return chosen
  }

  /** How many take part, as far as this node knows; itself included. */
  get clusterSize(): number {
    return this.table.live.length
  }

  // ---------------------------------------------------------------------------
  // who is known
  // ---------------------------------------------------------------------------

  /** Every member, this node included: one a name. */
  members(): Array<Member> {
    const { self, table } = this
    // whoever else claims this node's name, it knows itself
    return table.members().map((member) => member.id === self.state.id ? self.member! : member)
  }

  /** The member of a name. */
  member(id: string): Member | undefined {
    const { self, table } = this
    return id === self.state.id ? self.member : table.standingFor(id)?.member
  }

  /** Whether the node has left, and has not joined again. */
  get hasLeft(): boolean {
    return this.phase === "left"
  }

  /**
   * All that is known, cut where it would not fit `room` bytes: it then starts at a random place, so that over several
   * messages everything gets its turn.
   */
  claims(room: number, which?: (entry: Entry) => boolean): Array<Claim> {
    const all = [...this.table.entries()]
    const entries = which === undefined ? all : all.filter(which)
    const start = this.draw(entries.length)
    const claims: Array<Claim> = []
    let left = room
    for (let i = 0; i < entries.length; i++) {
      const entry = entries[(start + i) % entries.length]!
      for (const claim of claimsOf(entry, this.birth.id, this.now, this.config.deadRetention)) {
        left -= sizeOf(claim)
        if (left < 0 || claims.length === maxClaims) return claims
        claims.push(claim)
      }
    }
    return claims
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
      ...(metadata.length === 0 ? undefined : { metadata }),
      ...(this.votes ? undefined : { votes: false })
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
    if (this.refuses(claim)) return
    const entry = this.table.get(keyOf(claim))
    if (entry === this.self) return this.#hearOfSelf(claim)
    const age = ageOf(claim)
    if (entry === undefined && age >= this.config.deadRetention) return
    const believed = this.believe(claim, via, entry)
    if (believed === claim) this.adopt(claim, age, encoded)
    else this.adopt(believed, ageOf(believed))
  }

  /**
   * This node by itself doubts that a live member is there, or does so no more. That is no claim: nobody is told, and
   * the member has nothing to refute.
   */
  doubt(entry: Entry, doubted: boolean): void {
    if (entry.doubted === doubted) return
    const stood = this.table.standingFor(entry.state.id)?.member
    entry.doubted = doubted
    if (entry.state.id !== this.birth.id) this.#report(entry, stood)
  }

  /** Unix time in milliseconds, by this node's clock. */
  get wallClock(): number {
    return this.#wallClockAt0 + this.now
  }

  /**
   * This node's clock was set. What is later holds: a clock that was wrong at birth is set right, and one that is set back
   * has this node no less believe those whom it knows.
   */
  setClock(wallClock: number): void {
    this.#wallClockAt0 = Math.max(this.#wallClockAt0, wallClock - this.now)
    this.#warnedOfFuture = false
  }

  /** Whether what is said of an incarnation is not believed, since it is too far ahead of this node's clock. */
  isAhead(incarnation: number): boolean {
    return incarnation - this.wallClock > maxIncarnationAhead
  }

  /** The same, of what a peer says of a member: it is counted, and an operator warned. */
  refuses({ address, id, incarnation }: Pick<Claim, "id" | "address" | "incarnation">): boolean {
    if (!this.isAhead(incarnation)) return false
    this.count("drops", "FutureIncarnation")
    if (this.#warnedOfFuture) return true
    this.#warnedOfFuture = true
    const days = Math.round((incarnation - this.wallClock) / (24 * 60 * 60 * 1000))
    this.log(
      "Warn",
      `a claim about ${id} at ${address}, of ${
        utc(incarnation)
      }, is ${days} days ahead of this node's clock, which shows ` +
        `${utc(this.wallClock)}, and is not believed; is either clock wrong?`
    )
    return true
  }

  /** What an answer to who joins says besides, when what that says of itself is not believed. */
  refusalOf(incarnation: number | undefined): { readonly clock: number } | undefined {
    if (incarnation === undefined || !this.isAhead(incarnation)) return undefined
    return { clock: Math.max(0, Math.floor(this.wallClock)) }
  }

  /**
   * Why this node cannot join through one that has answered: one of the two does not believe the other.
   *
   * @param theirs the incarnation that it says it is in
   * @param clock what it says that its clock shows, if it refuses this node
   */
  estrangement(theirs: number | undefined, clock: number | undefined): string | undefined {
    if (theirs !== undefined && this.isAhead(theirs)) {
      return `it is of ${utc(theirs)}, and this node's clock shows ${utc(this.wallClock)}: ` +
        "what it says is not believed while the two are more than a year apart"
    }
    if (clock === undefined) return undefined
    return `its clock shows ${utc(clock)}, and this node is of ${utc(this.self.state.incarnation)}: ` +
      "it does not believe this node, which has to be started again by a clock that is right"
  }

  /** Records a claim about another member, and follows up what it changed. */
  adopt(claim: Claim, age: number, encoded?: Uint8Array): void {
    const stood = this.table.standingFor(claim.id)?.member
    const change = this.table.apply(claim, this.now - age)
    if (change === undefined) return this.onKnown(claim, encoded)
    if (change === "Full") return this.count("drops", "TableFull")
    if (change === "NameTaken") return this.count("drops", "NameTaken")
    if (change.standing && claim._tag === "Suspect") change.entry.accuser = claim.from
    if (change.standing) this.passOn(change.entry, claim, encoded)
    this.#follow(change, stood)
  }

  #follow({ before, entry, standing }: Change, stood: Member | undefined): void {
    const { state } = entry
    const wasLive = before !== undefined && !isGone(before.status)
    if (!entry.isGone && !wasLive) {
      this.onLive(entry)
      this.#reportConflicts(entry)
    }
    if (state.status === "Suspect" && standing) this.onSuspect(entry)
    if (entry.isGone && wasLive) this.onGone(entry)
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
      // said by an earlier process of this name, before its clock was set back, or by someone else
      const isEcho = isSameProfile(fromClaim(claim).profile!, state.profile!)
      if (claim.incarnation < state.incarnation || isEcho) return
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
    this.onRefuted(claim)
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
  // forgetting
  // ---------------------------------------------------------------------------

  startReaping(): void {
    this.wake(Math.max(1000, this.config.deadRetention / 60), { _tag: "Reap" })
  }

  /** Forgets those who have been gone for long enough. */
  reap(): void {
    const { config, now, self, table } = this
    this.startReaping()
    for (const entry of table.gone) {
      if (entry === self || now - entry.changedAt < config.deadRetention) continue
      this.#forget(entry)
    }
  }

  #forget(entry: Entry): void {
    const { member, state } = entry
    const listed = this.table.standingFor(state.id) === entry
    this.table.remove(entry)
    this.onForgotten(entry)
    if (listed && member !== undefined) this.happened({ _tag: "Reaped", member })
  }
}

const ageOf = (claim: Claim): number => ("age" in claim ? claim.age ?? 0 : 0) * 1000
