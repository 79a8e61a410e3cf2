/**
 * The member table: what one node knows of every identity it heard of.
 */
import type { Address } from "../../Address.ts"
import { fnv1a, fnv1aBytes, mix } from "../../internal/hash.ts"
import { bucketsSize, type Claim } from "../../wire/Message.ts"
import * as Claims from "../Claim.ts"
import type { Member } from "../Member.ts"

const statusCode = { Alive: 1, Suspect: 2, Dead: 3, Left: 4 } as const

/** Parts of the table that are compared by themselves, so that a sync costs what differs and not what is. */
export const bucketCount = bucketsSize / 4

/** Addresses that may claim one name, the gone included. */
const maxIdentitiesPerName = 8

/** The key of an identity: names and addresses hold no white space. */
export const keyOf = (member: { readonly id: string; readonly address: string }): string =>
  `${member.id} ${member.address}`

/** An identity in the table, and what the protocol keeps beside it. */
export class Entry {
  readonly key: string
  readonly keyHash: number
  state: Claims.MemberState
  /** When the standing (incarnation and status) last changed, in milliseconds of the step clock. */
  changedAt: number
  /** Who was the first to suspect it, in its present incarnation or the last in which it was suspected. */
  accuser: string | undefined
  /** Place among the live, or -1. */
  position = -1
  contribution = 0
  /** Whether it is never forgotten to make room: the node itself. */
  pinned = false
  #doubted = false
  #member: Member | undefined

  constructor(key: string, state: Claims.MemberState, now: number) {
    this.key = key
    // mixed, since the low bits of FNV-1a tell alike keys hardly apart, and buckets are chosen by them
    this.keyHash = mix(fnv1a(key), 0)
    this.state = state
    this.changedAt = now
  }

  get isGone(): boolean {
    return Claims.isGone(this.state.status)
  }

  /**
   * Whether this node by itself doubts that the member is there, whatever is claimed: it is shown as suspected, and
   * nobody is told. It ends when the member is gone.
   */
  get doubted(): boolean {
    return this.#doubted
  }

  set doubted(doubted: boolean) {
    this.#doubted = doubted && !this.isGone
    this.#member = undefined
  }

  /** The member as users see it, once its own claim was heard. */
  get member(): Member | undefined {
    const { state } = this
    if (state.profile === undefined) return undefined
    return this.#member ??= {
      id: state.id,
      address: state.address,
      status: this.#doubted && state.status === "Alive" ? "Suspect" : state.status,
      incarnation: state.incarnation,
      metadata: state.profile.metadata,
      protocolVersion: state.profile.protocolVersion
    }
  }

  set(state: Claims.MemberState): void {
    this.state = state
    this.#member = undefined
    if (this.isGone) this.#doubted = false
  }
}

/** How a claim changed the table. */
export interface Change {
  readonly entry: Entry
  /** What was known before; undefined when the identity is new. */
  readonly before: Claims.MemberState | undefined
  /** Whether incarnation or status changed, and not the profile alone. */
  readonly standing: boolean
}

export class MemberTable {
  readonly #entries = new Map<string, Entry>()
  readonly #byId = new Map<string, Array<Entry>>()
  readonly #byAddress = new Map<Address, Entry>()
  /** Where several names were live at a time. */
  readonly #shared = new Set<Address>()
  readonly #live: Array<Entry> = []
  readonly #gone = new Set<Entry>()
  readonly capacity: number
  readonly #evict: (entry: Entry) => void
  #hash = 0
  readonly #buckets = new Uint32Array(bucketCount)

  /** @param evict has an identity {@link remove}d to make room for another, and whatever is kept of it beside the table */
  constructor(capacity: number, evict: (entry: Entry) => void = (entry) => this.remove(entry)) {
    this.capacity = capacity
    this.#evict = evict
  }

  /**
   * A hash of who is live, in which incarnation and with which profile. The gone do not count: they are forgotten at
   * slightly different times, and one who never knew them need not learn of them.
   */
  get hash(): number {
    return this.#hash
  }

  /** The same by buckets of entries: `bucketCount` hashes, each of 4 bytes, big-endian. */
  get buckets(): Uint8Array {
    const bytes = new Uint8Array(4 * bucketCount)
    const view = new DataView(bytes.buffer)
    this.#buckets.forEach((hash, index) => view.setUint32(4 * index, hash))
    return bytes
  }

  /** Whether an entry is in a bucket that another table, of these buckets, has differently. */
  differsIn(buckets: Uint8Array): (entry: Entry) => boolean {
    const view = new DataView(buckets.buffer, buckets.byteOffset, buckets.byteLength)
    const differs = Array.from(this.#buckets, (hash, index) => hash !== view.getUint32(4 * index))
    return (entry) => differs[entry.keyHash % bucketCount]!
  }

  /** All that are alive or suspected, in no order. Do not change. */
  get live(): ReadonlyArray<Entry> {
    return this.#live
  }

  /** All that are dead or left, those that changed first before the others, nearly. */
  get gone(): ReadonlySet<Entry> {
    return this.#gone
  }

  get size(): number {
    return this.#entries.size
  }

  get(key: string): Entry | undefined {
    return this.#entries.get(key)
  }

  /** The live member at an address. */
  liveAt(address: Address): Entry | undefined {
    const entry = this.#byAddress.get(address)
    return entry === undefined || entry.isGone ? undefined : entry
  }

  /** The live members with a name: more than one when the name is in conflict. */
  liveNamed(id: string): ReadonlyArray<Entry> {
    return this.#byId.get(id)?.filter((entry) => !entry.isGone) ?? []
  }

  entries(): IterableIterator<Entry> {
    return this.#entries.values()
  }

  /**
   * Joins a claim into the table. Returns undefined when it adds nothing, and `"Full"` when it is about a new
   * identity and there is no room: the longest gone is forgotten for it, but nobody live is. Returns `"NameTaken"` when
   * too many addresses claim the name already.
   *
   * @param since when the standing began, for claims that come with an age
   */
  apply(claim: Claim, since: number): Change | "Full" | "NameTaken" | undefined {
    const key = keyOf(claim)
    const heard = Claims.fromClaim(claim)
    const entry = this.#entries.get(key)
    if (entry === undefined) {
      const named = this.#byId.get(heard.id)
      if (named !== undefined && named.length >= maxIdentitiesPerName && !this.#forgetOne(named)) return "NameTaken"
      if (this.#entries.size >= this.capacity && !this.#forgetOne(this.#gone)) return "Full"
      const added = new Entry(key, heard, since)
      this.#entries.set(key, added)
      const others = this.#byId.get(heard.id)
      if (others === undefined) this.#byId.set(heard.id, [added])
      else others.push(added)
      this.#index(added)
      return { entry: added, before: undefined, standing: true }
    }
    const before = entry.state
    const merged = Claims.merge(before, heard)
    if (merged === before) return undefined
    const standing = merged.incarnation !== before.incarnation || merged.status !== before.status
    entry.set(merged)
    if (standing) entry.changedAt = since
    this.#index(entry)
    return { entry, before, standing }
  }

  /** Forgets an identity. */
  remove(entry: Entry): void {
    this.#entries.delete(entry.key)
    this.#gone.delete(entry)
    this.#takeOut(entry)
    this.#contribute(entry, 0)
    this.#giveUpAddress(entry)
    const named = this.#byId.get(entry.state.id)!
    named.splice(named.indexOf(entry), 1)
    if (named.length === 0) this.#byId.delete(entry.state.id)
  }

  /**
   * The identity that stands for a name: of several live ones the one with the lowest incarnation, which is the one that
   * came first where their clocks were right; else the last one gone. It is a rule by which all nodes show the same: in
   * which order they heard of the two differs from node to node.
   */
  standingFor(id: string): Entry | undefined {
    let best: Entry | undefined
    for (const entry of this.#byId.get(id) ?? []) {
      if (entry.state.profile === undefined) continue
      if (best === undefined || precedes(entry, best)) best = entry
    }
    return best
  }

  /** One member a name. */
  members(): Array<Member> {
    const members: Array<Member> = []
    for (const [id, named] of this.#byId) {
      const member = (named.length === 1 ? named[0] : this.standingFor(id))?.member
      if (member !== undefined) members.push(member)
    }
    return members
  }

  #index(entry: Entry): void {
    const { state } = entry
    if (entry.isGone) {
      this.#contribute(entry, 0)
      this.#takeOut(entry)
      this.#giveUpAddress(entry)
      // again at the end: the order is that of the change
      this.#gone.delete(entry)
      this.#gone.add(entry)
      return
    }
    const standing = mix(mix(entry.keyHash, state.incarnation), statusCode[state.status])
    this.#contribute(entry, state.profile === undefined ? standing : mixProfile(standing, state.profile))
    this.#gone.delete(entry)
    if (entry.position === -1) {
      // who comes last has taken the address over
      if (this.#byAddress.has(state.address)) this.#shared.add(state.address)
      this.#byAddress.set(state.address, entry)
      entry.position = this.#live.length
      this.#live.push(entry)
    }
  }

  // the sum does not depend on the order in which entries came
  #contribute(entry: Entry, contribution: number): void {
    const change = contribution - entry.contribution
    const bucket = entry.keyHash % bucketCount
    entry.contribution = contribution
    this.#hash = (this.#hash + change) >>> 0
    this.#buckets[bucket] = this.#buckets[bucket]! + change
  }

  #takeOut(entry: Entry): void {
    if (entry.position === -1) return
    const last = this.#live.pop()!
    if (last !== entry) {
      this.#live[entry.position] = last
      last.position = entry.position
    }
    entry.position = -1
  }

  // two names may be live at one address, until the former is missed
  #giveUpAddress(entry: Entry): void {
    const { address } = entry.state
    if (this.#byAddress.get(address) !== entry) return
    this.#byAddress.delete(address)
    // to look for others costs as much as there are members
    if (!this.#shared.has(address)) return
    const others = this.#live.filter((live) => live.state.address === address)
    if (others.length < 2) this.#shared.delete(address)
    if (others.length > 0) this.#byAddress.set(address, others[0]!)
  }

  #forgetOne(among: Iterable<Entry>): boolean {
    for (const entry of among) {
      if (entry.pinned || !entry.isGone) continue
      this.#evict(entry)
      return true
    }
    return false
  }
}

// with all that the member says: two nodes that were told differently, by whomever, must find out
const mixProfile = (hash: number, { incarnation, metadata, protocolVersion, votes }: Claims.Profile): number =>
  mix(mix(hash, incarnation + 1), fnv1aBytes(metadata) * 512 + protocolVersion * 2 + (votes ? 1 : 0))

const precedes = (a: Entry, b: Entry): boolean => {
  if (a.isGone !== b.isGone) return b.isGone
  if (a.state.incarnation !== b.state.incarnation) {
    return a.isGone ? a.state.incarnation > b.state.incarnation : a.state.incarnation < b.state.incarnation
  }
  return a.state.address < b.state.address
}
