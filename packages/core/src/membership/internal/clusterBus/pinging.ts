/**
 * Who is pinged when, and who is held for PFAIL: the two loops of Redis's `clusterCron`.
 *
 * Only an answer to this node's own ping says that a member is there (to this node; what others heard of it spares it a
 * ping). In Redis any data does, over a connection: `node_delay` is the lesser of `ping_delay` and `data_delay`. Here what
 * comes unasked may be anybody's, and the nonce is what shows that a member hears and is heard.
 */
import type { BusPong } from "../../../wire/ClusterBusMessage.ts"
import type { Entry } from "../table.ts"
import { randomPingCandidates, randomPingInterval, retriesPerTimeout, tickOf } from "./config.ts"
import type { Core } from "./core.ts"

/** What a node knows of how a live member answers. Times are those of the step clock. */
export interface Peer {
  readonly entry: Entry
  /** When it has answered this node. */
  contactAt: number
  /** When it has answered anyone, as far as this node was told: Redis's `pong_received`. */
  pongAt: number
  /** Its age then, as it said itself. */
  beat: number
  /** The ping that it has not answered; Redis's `ping_sent` is `since`. */
  ping: { readonly nonce: number; since: number; sentAt: number } | undefined
  /** Whether it has not answered this node for the timeout. */
  pfail: boolean
  /** The key of the last that it was told is PFAIL, to go on from when not all fit into a message. */
  turn: string
}

export class Pinging {
  readonly #core: Core
  readonly #tick: number
  readonly #ping: (to: Entry, nonce: number) => void
  readonly #onPfail: (entry: Entry) => void
  readonly #peers = new Map<Entry, Peer>()
  readonly #pfails = new Set<Entry>()
  #randomAt = 0

  constructor(core: Core, options: {
    readonly ping: (to: Entry, nonce: number) => void
    /** A member has not answered for the timeout. */
    readonly onPfail: (entry: Entry) => void
  }) {
    this.#core = core
    this.#tick = tickOf(core.config)
    this.#ping = options.ping
    this.#onPfail = options.onPfail
  }

  /** Those whom this node holds for PFAIL by itself. */
  get pfails(): ReadonlySet<Entry> {
    return this.#pfails
  }

  peer(entry: Entry): Peer | undefined {
    return this.#peers.get(entry)
  }

  add(entry: Entry): void {
    this.#peers.set(entry, {
      entry,
      contactAt: -Infinity,
      pongAt: -Infinity,
      beat: 0,
      ping: undefined,
      pfail: false,
      turn: ""
    })
  }

  remove(entry: Entry): void {
    this.#peers.delete(entry)
    this.#pfails.delete(entry)
  }

  /** It has said something new of itself: what was thought of it is of before. */
  renew(entry: Entry): void {
    const peer = this.#peers.get(entry)
    if (peer === undefined) return
    peer.ping = undefined
    peer.beat = 0
    peer.pfail = false
    this.#pfails.delete(entry)
    // the event is the claim's, by which it is alive again
    entry.doubted = false
  }

  // ---------------------------------------------------------------------------
  // the cron
  // ---------------------------------------------------------------------------

  start(): void {
    const { epoch, now, random } = this.#core
    // nodes started together must not ping in step
    const first = random.nextDoubleUnsafe() * this.#tick
    this.#core.standstill.expect(now + first)
    this.#randomAt = now + random.nextDoubleUnsafe() * randomPingInterval
    // what was not answered while it was away says nothing
    for (const peer of this.#peers.values()) if (!peer.pfail) peer.ping = undefined
    this.#core.wake(first, { _tag: "Cron", epoch })
  }

  /** To be called at each tick, while the node runs. */
  tick(): void {
    const core = this.#core
    core.standstill.expect(core.now + this.#tick)
    core.wake(this.#tick, { _tag: "Cron", epoch: core.epoch })
    if (core.now >= this.#randomAt) {
      this.#randomAt = core.now + randomPingInterval
      this.#pingRandom()
    }
    for (const peer of this.#peers.values()) this.#check(peer)
  }

  /** Whoever stood still has not read what it was sent meanwhile: that time is nobody's silence. */
  excuse(stood: number): void {
    for (const { ping } of this.#peers.values()) if (ping !== undefined) ping.since += stood
  }

  // of some by chance, the one that has been silent for longest
  #pingRandom(): void {
    const { table } = this.#core
    let chosen: Peer | undefined
    for (let i = 0; i < randomPingCandidates; i++) {
      const peer = this.#peers.get(table.live[this.#core.draw(table.live.length)]!)
      if (peer === undefined || peer.ping !== undefined) continue
      if (chosen === undefined || peer.pongAt < chosen.pongAt) chosen = peer
    }
    if (chosen !== undefined) this.ping(chosen)
  }

  #check(peer: Peer): void {
    const { config: { nodeTimeout }, now } = this.#core
    const { ping } = peer
    if (ping === undefined) {
      // What others heard of it will do (Redis, too, takes their word), unless there is something to tell: then each has
      // to be told within half the timeout.
      const heardAt = this.#pfails.size > 0 ? peer.contactAt : peer.pongAt
      if (now - heardAt >= nodeTimeout / 2) this.ping(peer)
      return
    }
    if (!peer.pfail && now - ping.since >= nodeTimeout) this.#fail(peer)
    if (now - ping.sentAt >= (peer.pfail ? nodeTimeout / 2 : nodeTimeout / retriesPerTimeout)) this.ping(peer)
  }

  #fail(peer: Peer): void {
    const core = this.#core
    peer.pfail = true
    this.#pfails.add(peer.entry)
    core.count("probes", "failed")
    core.count("suspicions", "started")
    core.doubt(peer.entry, true)
    this.#onPfail(peer.entry)
  }

  /** Pings a member, whether or not it was pinged before. */
  ping(peer: Peer): void {
    const { now } = this.#core
    if (peer.ping === undefined) peer.ping = { nonce: this.#core.nonce(), since: now, sentAt: now }
    else peer.ping.sentAt = now
    this.#ping(peer.entry, peer.ping.nonce)
  }

  // ---------------------------------------------------------------------------
  // signs of life
  // ---------------------------------------------------------------------------

  /** A member has answered. */
  onPong(entry: Entry, { beat, nonce, self }: typeof BusPong.Type): void {
    const core = this.#core
    const peer = this.#peers.get(entry)
    if (peer === undefined) return
    // of a former life, or a second answer; who was not known when it was pinged is pinged again
    if (peer.ping?.nonce !== nonce || self.incarnation < entry.state.incarnation) {
      return peer.contactAt === -Infinity ? undefined : core.count("drops", "LatePong")
    }
    core.count("probes", "direct")
    peer.contactAt = core.now
    peer.pongAt = core.now
    peer.beat = beat
    peer.ping = undefined
    peer.pfail = false
    this.#pfails.delete(entry)
    core.doubt(entry, false)
  }

  /**
   * Another says when a member has answered it. Each answer counts once, by the member's own age: else two nodes would
   * keep it young by telling each other, each time a little late.
   */
  learn(entry: Entry, age: number, beat: number): void {
    const peer = this.#peers.get(entry)
    if (peer === undefined || peer.ping !== undefined || beat <= peer.beat) return
    peer.beat = beat
    peer.pongAt = Math.max(peer.pongAt, this.#core.now - age)
  }
}
