/**
 * What the parts of Heartbeat share: the view of the members, and of each what its heartbeats and key-values are. All
 * times are milliseconds of the step clock.
 */
import type { Address } from "../../../Address.ts"
import type { Birth, RandomSource } from "../../../node/Protocol.ts"
import { protocolVersion } from "../../../wire/Frame.ts"
import type { Delta, Digest } from "../../../wire/HeartbeatMessage.ts"
import type { Claim } from "../../../wire/Message.ts"
import type { MembershipMachine } from "../../MembershipMachine.ts"
import type { JoiningTimer } from "../joining.ts"
import { Standstill } from "../standstill.ts"
import { type Entry, keyOf } from "../table.ts"
import { View, type ViewTimer } from "../view.ts"
import { type Config, roundsPerTurn, toleranceOf } from "./config.ts"
import { Ring } from "./digests.ts"
import { ArrivalWindow, type Expected, silenceAt } from "./phi.ts"
import { fingerprintOf, type Handle, KeyValueState, Peer } from "./state.ts"

export type Timer =
  | { readonly _tag: "Round"; readonly epoch: number }
  | { readonly _tag: "Leave"; readonly epoch: number }
  | JoiningTimer
  | ViewTimer

/** Identities that were forgotten and are remembered as such, the last ones: as chitchat does. */
const maxForgotten = 1024

/** A heartbeat from which on this node takes up another incarnation rather than count on. */
const lastHeartbeat = 0x8000_0000

export class Core extends View<Timer> {
  override readonly config: Config
  readonly handle: Handle
  readonly ring = new Ring()
  readonly selfPeer: Peer
  readonly #peers = new Map<Entry, Peer>()
  readonly #byAddress = new Map<Address, Peer>()
  /** By fingerprint, the incarnation in which an identity was forgotten. */
  readonly #forgotten = new Map<number, number>()
  readonly standstill: Standstill
  /** How long this node stood still in all: what it did not hear in that time says nothing of others. */
  #stood = 0
  readonly #contact: (peer: Peer) => void

  /** @param contact tells one who is dead to this node that it is */
  constructor(
    birth: Birth<MembershipMachine>,
    config: Config,
    metadata: Uint8Array,
    handle: Handle,
    contact: (peer: Peer) => void
  ) {
    super(birth, config, metadata)
    this.config = config
    this.handle = handle
    this.standstill = new Standstill(toleranceOf(config))
    this.#contact = contact
    handle.begin(this.self.state.incarnation)
    this.selfPeer = new Peer(this.self, handle.own, new ArrivalWindow(1, birth.now), birth.now)
    this.ring.add(this.selfPeer)
  }

  override begin(now: number, random: RandomSource): void {
    super.begin(now, random)
    this.#stood += this.standstill.until(now)
    // it hears of itself all the time
    this.selfPeer.heardAt = now
  }

  // ---------------------------------------------------------------------------
  // peers
  // ---------------------------------------------------------------------------

  /** What is known of a member besides the table, from when it was first heard of. */
  peerOf(entry: Entry): Peer {
    if (entry === this.self) return this.selfPeer
    let peer = this.#peers.get(entry)
    if (peer === undefined) {
      peer = new Peer(entry, new KeyValueState(), new ArrivalWindow(this.config.sampleWindow, this.clock), this.now)
      this.#peers.set(entry, peer)
      this.#byAddress.set(entry.state.address, peer)
      this.ring.add(peer)
    }
    return peer
  }

  /** Whoever was last heard of at an address, be it dead. */
  peerAt(address: Address): Peer | undefined {
    const live = this.table.liveAt(address)
    return live === undefined ? this.#byAddress.get(address) : this.peerOf(live)
  }

  /** All but this node. */
  get peers(): IterableIterator<Peer> {
    return this.#peers.values()
  }

  protected override onLive(entry: Entry): void {
    const peer = this.peerOf(entry)
    peer.heardAt = this.now
    peer.window.restart(this.clock)
    this.#byAddress.set(entry.state.address, peer)
  }

  protected override onGone(entry: Entry): void {
    this.#peers.get(entry)?.window.restart(this.clock)
  }

  protected override onForgotten(entry: Entry): void {
    const peer = this.#peers.get(entry)
    if (peer !== undefined) {
      this.#peers.delete(entry)
      this.ring.remove(peer)
      if (this.#byAddress.get(entry.state.address) === peer) this.#byAddress.delete(entry.state.address)
    }
    const fingerprint = fingerprintOf(entry)
    this.#forgotten.delete(fingerprint)
    this.#forgotten.set(fingerprint, entry.state.incarnation)
    if (this.#forgotten.size <= maxForgotten) return
    for (const oldest of this.#forgotten.keys()) {
      this.#forgotten.delete(oldest)
      break
    }
  }

  /**
   * The incarnation in which someone was forgotten after its end: whoever still tells of it has slept for long. -1 for those
   * of whom that is not known.
   */
  forgottenIn(fingerprint: number): number {
    return this.#forgotten.get(fingerprint) ?? -1
  }

  // ---------------------------------------------------------------------------
  // the failure detector
  // ---------------------------------------------------------------------------

  /** The clock of the failure detector: it stands still when this node does. */
  get clock(): number {
    return this.now - this.#stood
  }

  /** What is to be expected of intervals between heartbeats, in a cluster as large as this. */
  get expected(): Expected {
    const rounds = roundsPerTurn(this.clusterSize, this.birth.maxDatagramSize)
    return { prior: this.config.maxInterval * rounds, floor: this.config.gossipInterval * rounds }
  }

  /** φ of a member, at a time of the step clock. */
  phi(peer: Peer, now: number): number {
    return peer.window.phi(now - this.#stood, this.expected)
  }

  /** The silence after which a member is dead. */
  #silence(peer: Peer, expected: Expected): number {
    return silenceAt(this.config.phiThreshold) * peer.window.mean(expected)
  }

  /** A member's heartbeat has gone on. */
  arrived(peer: Peer, heartbeat: number): void {
    peer.heartbeat = heartbeat
    peer.heardAt = this.now
    peer.window.arrived(this.clock, this.expected.prior)
  }

  /** Declares those dead of whom nothing was heard for too long. */
  convict(): void {
    const { expected } = this
    for (const entry of [...this.table.live]) {
      if (entry === this.self) continue
      if (this.peerOf(entry).window.phi(this.clock, expected) < this.config.phiThreshold) continue
      this.count("suspicions", "confirmed")
      const { address, id, incarnation } = entry.state
      this.adopt({ _tag: "Dead", id, address, incarnation, from: this.birth.id }, 0)
    }
  }

  /** All are given the time to be heard of again. */
  startListening(): void {
    for (const peer of this.#peers.values()) peer.window.restart(this.clock)
  }

  // ---------------------------------------------------------------------------
  // digests
  // ---------------------------------------------------------------------------

  digestOf({ entry: { state }, fingerprint, heartbeat, keyValues }: Peer): Digest {
    return {
      fingerprint,
      incarnation: state.incarnation,
      heartbeat,
      version: keyValues.version,
      status: state.status === "Left" ? "Left" : "Alive"
    }
  }

  /** The digest by which one who is dead to this node comes to know it. */
  accusation(peer: Peer): Digest {
    return { ...this.digestOf(peer), status: "Dead" }
  }

  /**
   * Whether others may be told of a peer: of one who was heard of for so long ago that it should be dead no more, for this
   * node may have slept, and of one who has left only for as long as somebody may still miss it.
   */
  isShared(peer: Peer, expected: Expected = this.expected): boolean {
    if (peer === this.selfPeer) return true
    const { changedAt, state } = peer.entry
    if (state.status === "Dead") return false
    return this.now - (state.status === "Left" ? changedAt : peer.heardAt) < this.#silence(peer, expected)
  }

  // ---------------------------------------------------------------------------
  // this node
  // ---------------------------------------------------------------------------

  /** This node's heart beats. */
  beat(): void {
    if (this.selfPeer.heartbeat >= lastHeartbeat || this.handle.needsGeneration) this.#renew()
    this.selfPeer.heartbeat++
  }

  /** Goes above what was said of this node: that it is gone, or by another process in its name. */
  outdo(theirs: Pick<Digest, "incarnation" | "heartbeat" | "version" | "status">): void {
    const { address, id } = this.birth
    const { incarnation: before } = this.self.state
    const { heartbeat } = this.selfPeer
    const { incarnation, status } = theirs
    if (incarnation > before || incarnation === before && status !== "Alive") {
      const member = { id, address, incarnation }
      switch (status) {
        case "Alive":
          this.hear({ _tag: "Alive", ...member, protocolVersion }, "gossip")
          break
        case "Dead":
          this.hear({ _tag: "Dead", ...member, from: id }, "gossip")
          break
        case "Left":
          this.hear({ _tag: "Left", ...member }, "gossip")
      }
      // an earlier life's values have versions above this one's
      if (incarnation > before && this.self.state.incarnation > incarnation) {
        this.handle.begin(this.self.state.incarnation)
      }
    } else if (incarnation === before && this.phase === "running") {
      if (theirs.version > this.handle.own.version || theirs.heartbeat >= lastHeartbeat) this.#renew()
      else if (theirs.heartbeat > heartbeat) this.selfPeer.heartbeat = theirs.heartbeat
    }
  }

  #renew(): void {
    this.count("refutations", "Alive")
    this.sayAlive(this.self.state.incarnation + 1, this.metadata)
    this.selfPeer.heartbeat = 0
    this.handle.begin(this.self.state.incarnation)
  }

  override sayAlive(incarnation: number, metadata: Uint8Array): void {
    // undefined while the node is made
    const heartbeat = this.selfPeer?.heartbeat
    super.sayAlive(incarnation, metadata)
    if (heartbeat !== undefined) this.selfPeer.heartbeat = heartbeat
  }

  override sayLeft(incarnation: number): void {
    const { heartbeat } = this.selfPeer
    super.sayLeft(incarnation)
    this.selfPeer.heartbeat = heartbeat
  }

  // ---------------------------------------------------------------------------
  // deltas
  // ---------------------------------------------------------------------------

  /** Takes in what a peer tells of a member. */
  learn(delta: Delta): void {
    const { address, age = 0, heartbeat, id, incarnation, left, metadata, protocolVersion, version = 0 } = delta
    const status = left === true ? "Left" : "Alive"
    const key = keyOf(delta)
    const known = this.table.get(key)
    if (known === this.self) return this.outdo({ incarnation, heartbeat, version, status })
    if (known === undefined && incarnation <= this.forgottenIn(fingerprintOf({ state: { id, address } }))) {
      return this.count("drops", "Forgotten")
    }
    const wasLive = known !== undefined && !known.isGone
    const before = known?.state.incarnation
    const silence = age * 1000
    if (left === true) {
      this.hear({ _tag: "Left", id, address, incarnation, ...(age > 0 ? { age } : undefined) }, "gossip")
    } else if (protocolVersion !== undefined) {
      // nobody is taken in who would be dead at once
      if (!wasLive && silence >= silenceAt(this.config.phiThreshold) * this.expected.prior) return
      const claim: Claim = {
        _tag: "Alive",
        id,
        address,
        incarnation,
        protocolVersion,
        ...(metadata === undefined ? undefined : { metadata })
      }
      this.hear(claim, "gossip")
    }
    const entry = this.table.get(key)
    if (entry === undefined || entry.state.incarnation !== incarnation) return
    const peer = this.peerOf(entry)
    if (entry.state.status === "Dead") {
      if (heartbeat > peer.heartbeat) this.contact(peer)
      return
    }
    if (!entry.isGone) {
      if (!wasLive) {
        peer.heartbeat = heartbeat
        peer.heardAt = this.now - silence
        peer.window.restart(this.clock - silence)
      } else if (before !== incarnation || heartbeat > peer.heartbeat) {
        this.arrived(peer, heartbeat)
      }
    }
    const changed = peer.keyValues.merge(delta)
    if (changed === undefined) return this.count("drops", "Inconsistent")
    for (const { key, removed, value } of changed) {
      this.handle.tell({ id, key, value: removed === true ? undefined : value })
    }
  }

  /** Tells one who is there, and dead to this node, that it is: at most once in a round. */
  contact(peer: Peer): void {
    if (this.phase !== "running" || this.now - peer.contactedAt < this.config.gossipInterval) return
    peer.contactedAt = this.now
    this.#contact(peer)
  }
}
