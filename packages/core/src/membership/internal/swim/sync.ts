/**
 * Push-pull: two nodes exchange all they know over a stream, as memberlist does, on joining and every so often.
 *
 * Beyond memberlist: a periodic sync sends the hash of the table first, and the claims only when it differs; two
 * nodes whose probes show different tables for longer than a claim needs to spread sync at once.
 */
import type { Address } from "../../../Address.ts"
import { ceilLog } from "../../../internal/math.ts"
import { ownAddress } from "../../../node/Protocol.ts"
import { bucketsSize, type Claim, type Message, type SyncRequest, type SyncResponse } from "../../../wire/Message.ts"
import { claimOverhead } from "../claims.ts"
import { type JoinAttempt, Joining } from "../joining.ts"
import type { Entry } from "../table.ts"
import type { Core } from "./core.ts"

/** Why a sync is made: the label of its count. */
type Reason = "join" | "periodic" | "divergence" | "reconnect" | "push"

interface Pending {
  readonly reason: Reason
  readonly to: Address
  /** Whether the request carried this node's claims. */
  readonly pushed: boolean
  readonly attempt: JoinAttempt | undefined
}

/** Syncs on divergence that may follow each other; then one in `syncInterval / divergenceBurst`. */
const divergenceBurst = 6

/** Peers that must show the same table, without a change in between, for claims not to be passed on any further. */
const agreeingPeers = 3

export class Sync {
  readonly #core: Core
  readonly joining: Joining
  readonly #pending = new Map<number, Pending>()
  #differsSince: number | undefined
  #credit = divergenceBurst
  #creditAt: number
  #agreedOn = 0
  readonly #agreeing = new Set<Entry>()

  constructor(core: Core, seeds: ReadonlyArray<Address>) {
    this.#core = core
    this.joining = new Joining(core, {
      seeds,
      reconnectInterval: core.config.reconnectInterval,
      ask: (to, attempt) => this.#request(attempt === undefined ? "reconnect" : "join", to, true, attempt)
    })
    this.#creditAt = core.now
  }

  start(): void {
    const { config, epoch, random } = this.#core
    this.#core.wake(random.nextDoubleUnsafe() * config.syncInterval, { _tag: "Sync", epoch })
    this.joining.start()
  }

  // ---------------------------------------------------------------------------
  // periodic
  // ---------------------------------------------------------------------------

  /** The interval grows past 32 members, as memberlist's `pushPullScale`: × (ceil(log2 n - log2 32) + 1). */
  periodic(epoch: number): void {
    const core = this.#core
    if (core.phase !== "running" || epoch !== core.epoch) return
    const scale = core.clusterSize <= 32 ? 1 : ceilLog(core.clusterSize / 32, 2) + 1
    core.wake(core.config.syncInterval * scale, { _tag: "Sync", epoch })
    const [peer] = core.choosePeers(1)
    if (peer !== undefined) this.#request("periodic", peer.state.address, false, undefined)
  }

  // ---------------------------------------------------------------------------
  // divergence
  // ---------------------------------------------------------------------------

  /** A probed member shows its table. */
  compareAcked(peer: Entry, table: number): void {
    if (table === this.#core.table.hash) this.#agree(peer)
    this.compare(peer.state.address, table)
  }

  /** Someone shows a table. */
  compare(from: Address, table: number): void {
    const core = this.#core
    if (core.phase !== "running") return
    // Who is probed and knows nobody was known before: it has been restarted, and should not wait to be missed.
    const isLost = core.clusterSize === 1
    // What else strangers show says nothing: should this node be known to them, its ack shows them what it knows.
    if (!isLost && core.table.liveAt(from) === undefined) return
    if (table === core.table.hash) {
      this.#differsSince = undefined
      return
    }
    this.#differsSince ??= core.now
    if (!isLost && core.now - this.#differsSince < core.spreadTime || !this.#takeCredit()) return
    this.#differsSince = core.now
    this.#request("divergence", from, isLost, undefined)
  }

  // Feedback (Demers et al. 1987 §1.4): whoever shows the same table has no use for anything there is to pass on. When
  // several show it one after the other, the rumors are no longer hot, and after a burst of joins much traffic is saved.
  // Should someone still lack a claim, its table differs, and it syncs. Only those count who were asked: anyone can send
  // a ping in another's name.
  #agree(peer: Entry): void {
    const { broadcasts, clusterSize, phase, self, table } = this.#core
    if (broadcasts.size === 0 || phase !== "running") return
    if (this.#agreedOn !== table.hash) {
      this.#agreedOn = table.hash
      this.#agreeing.clear()
    }
    this.#agreeing.add(peer)
    if (this.#agreeing.size < Math.min(agreeingPeers, clusterSize - 1)) return
    this.#agreeing.clear()
    broadcasts.clear(self.key)
  }

  #takeCredit(): boolean {
    const { config, now } = this.#core
    this.#credit = Math.min(
      divergenceBurst,
      this.#credit + (now - this.#creditAt) * divergenceBurst / config.syncInterval
    )
    this.#creditAt = now
    if (this.#credit < 1) return false
    this.#credit -= 1
    return true
  }

  // ---------------------------------------------------------------------------
  // the exchange
  // ---------------------------------------------------------------------------

  #request(
    reason: Reason,
    to: Address,
    push: boolean,
    attempt: JoinAttempt | undefined,
    differs?: (entry: Entry) => boolean
  ): void {
    const core = this.#core
    const exchange = core.nextExchange()
    this.#pending.set(exchange, { reason, to, pushed: push, attempt })
    core.count("syncs", reason)
    core.out({
      _tag: "Exchange",
      exchange,
      to,
      message: push
        ? {
          // with buckets the answer, too, is what differs
          ...(differs === undefined ? this.#message("SyncRequest") : this.#comparison("SyncRequest")),
          claims: this.claims(differs)
        }
        : this.#comparison("SyncRequest")
    })
  }

  onRequest(reply: number, request: typeof SyncRequest.Type): void {
    const core = this.#core
    for (const claim of request.claims ?? []) core.hear(claim, "sync")
    const { buckets } = request
    const refusal = core.refusalOf(ownClaim(request)?.incarnation)
    core.out({
      _tag: "Reply",
      reply,
      message: request.table === core.table.hash
        ? { ...this.#message("SyncResponse"), ...refusal }
        : {
          ...this.#comparison("SyncResponse"),
          claims: this.claims(buckets === undefined ? undefined : core.table.differsIn(buckets)),
          ...refusal
        }
    })
  }

  onAnswer(exchange: number, answer: Message | undefined, failure: string): void {
    const core = this.#core
    const pending = this.#pending.get(exchange)
    if (pending === undefined) return
    this.#pending.delete(exchange)
    const { attempt, pushed, reason, to } = pending
    const problem = answer === undefined ? failure : problemOf(answer, core)
    if (problem === ownAddress) return this.joining.answeredByItself(to, attempt)
    if (problem !== undefined) {
      core.count("syncs", "failed")
      core.log("Debug", `no ${reason} sync with ${to}: ${problem}`)
      return this.joining.failed(to, problem, attempt)
    }
    const response = answer as typeof SyncResponse.Type
    const estrangement = core.estrangement(ownClaim(response)?.incarnation, response.clock)
    if (estrangement !== undefined) return this.joining.failed(to, estrangement, attempt)
    for (const claim of response.claims ?? []) core.hear(claim, "sync")
    this.joining.answered(to, response.address, attempt)
    // it lacks what this node has
    if (pushed || response.table === core.table.hash) return
    const { buckets } = response
    this.#request("push", to, true, undefined, buckets === undefined ? undefined : core.table.differsIn(buckets))
  }

  #message<const Tag extends "SyncRequest" | "SyncResponse">(tag: Tag) {
    const { birth, table } = this.#core
    return { _tag: tag, id: birth.id, address: birth.address, table: table.hash }
  }

  #comparison<const Tag extends "SyncRequest" | "SyncResponse">(tag: Tag) {
    return { ...this.#message(tag), buckets: this.#core.table.buckets }
  }

  /** All that is known, or a part, as much as fits a message. */
  claims(which?: (entry: Entry) => boolean): Array<Claim> {
    const { birth } = this.#core
    const room = birth.maxExchangeSize - bucketsSize - claimOverhead - 2 * (birth.id.length * 4 + birth.address.length)
    return this.#core.claims(room, which)
  }
}

/** What the sender of a sync says of itself. */
const ownClaim = ({ address, claims, id }: typeof SyncRequest.Type | typeof SyncResponse.Type): Claim | undefined =>
  claims?.find((claim) => claim.id === id && claim.address === address)

const problemOf = (answer: Message, core: Core): string | undefined => {
  if (answer._tag !== "SyncResponse") return `answered with ${answer._tag}`
  return answer.id === core.birth.id && answer.address === core.birth.address ? ownAddress : undefined
}
