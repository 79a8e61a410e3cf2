/**
 * Push-pull: two nodes exchange all they know over a stream, as memberlist does, on joining and every so often.
 *
 * Beyond memberlist: a periodic sync sends the hash of the table first, and the claims only when it differs; two
 * nodes whose probes show different tables for longer than a claim needs to spread sync at once; and the seeds and
 * the dead are tried for as long as they are remembered, so that a partition of any length heals.
 */
import type { Address } from "../../../Address.ts"
import { ownAddress } from "../../../node/Protocol.ts"
import {
  bucketsSize,
  type Claim,
  maxClaims,
  type Message,
  type SyncRequest,
  type SyncResponse
} from "../../../wire/Message.ts"
import type { Entry } from "../table.ts"
import { type Core, withAge } from "./core.ts"

/** Why a sync is made: the label of its count. */
type Reason = "join" | "periodic" | "divergence" | "reconnect" | "push"

interface Pending {
  readonly reason: Reason
  readonly to: Address
  /** Whether the request carried this node's claims. */
  readonly pushed: boolean
  readonly attempt: JoinAttempt | undefined
}

interface JoinAttempt {
  /** The command that waits, or undefined for the node's own joining. */
  readonly completion: number | undefined
  waiting: number
  joined: boolean
  readonly failures: Array<{ readonly seed: Address; readonly problem: string }>
}

/** A node without any peer tries its seeds again after 1 s, then 2 s, 4 s, … 30 s. */
const firstRetry = 1000
const lastRetry = 30_000

/** Syncs on divergence that may follow each other; then one in `syncInterval / divergenceBurst`. */
const divergenceBurst = 6

/** Peers that must show the same table, without a change in between, for claims not to be passed on any further. */
const agreeingPeers = 3

/** Bytes of one claim besides its name, address and metadata: tags, numbers and lengths, rounded up. */
const claimOverhead = 40

export class Sync {
  readonly #core: Core
  readonly #seeds: ReadonlyArray<Address>
  readonly #former: ReadonlyArray<Address>
  readonly #pending = new Map<number, Pending>()
  #exchanges = 0
  #joinToken = 0
  #retry = firstRetry
  #differsSince: number | undefined
  #credit = divergenceBurst
  #creditAt: number
  #agreedOn = 0
  /** The address by which a seed's name was last reached, this node's own included. */
  readonly #reached = new Map<Address, Address>()
  readonly #agreeing = new Set<Entry>()

  /** @param former peers of an earlier life, tried once */
  constructor(core: Core, seeds: ReadonlyArray<Address>, former: ReadonlyArray<Address>) {
    this.#core = core
    this.#seeds = seeds.filter((seed) => seed !== core.birth.address)
    this.#former = former.filter((address) => !this.#seeds.includes(address))
    this.#creditAt = core.now
  }

  start(): void {
    const { config, epoch, random } = this.#core
    this.#core.wake(random.nextDoubleUnsafe() * config.syncInterval, { _tag: "Sync", epoch })
    this.#core.wake((0.5 + random.nextDoubleUnsafe()) * config.reconnectInterval, { _tag: "Reconnect", epoch })
    this.join([...this.#seeds, ...this.#former], undefined)
  }

  // ---------------------------------------------------------------------------
  // joining
  // ---------------------------------------------------------------------------

  join(seeds: ReadonlyArray<Address>, completion: number | undefined): void {
    const others = seeds.filter((seed) => seed !== this.#core.birth.address)
    const attempt: JoinAttempt = { completion, waiting: others.length, joined: false, failures: [] }
    if (others.length === 0 && completion !== undefined) {
      return this.#core.out({ _tag: "Completed", completion, result: { _tag: "Done" } })
    }
    for (const seed of others) this.#request("join", seed, true, attempt)
  }

  /** A node that has no peer tries its seeds again. */
  retryJoin(token: number): void {
    if (token !== this.#joinToken || this.#core.phase !== "running" || this.#core.clusterSize > 1) return
    this.join(this.#seeds, undefined)
  }

  #joined(attempt: JoinAttempt, to: Address): void {
    attempt.waiting--
    if (attempt.joined) return
    attempt.joined = true
    this.#retry = firstRetry
    this.#core.log("Info", `joined the cluster through ${to}: ${this.#core.clusterSize} live members`)
    if (attempt.completion !== undefined) {
      this.#core.out({ _tag: "Completed", completion: attempt.completion, result: { _tag: "Done" } })
    }
  }

  #notJoined(attempt: JoinAttempt, seed: Address, problem: string): void {
    attempt.failures.push({ seed, problem })
    this.#passOver(attempt)
  }

  // a seed that is this node itself neither joins it nor fails
  #passOver(attempt: JoinAttempt): void {
    attempt.waiting--
    if (attempt.waiting > 0 || attempt.joined) return
    const { completion, failures } = attempt
    if (completion !== undefined) {
      const result = failures.length === 0 ? { _tag: "Done" as const } : { _tag: "NoSeedAnswered" as const, failures }
      return this.#core.out({ _tag: "Completed", completion, result })
    }
    if (failures.length === 0) return
    if (this.#core.clusterSize > 1) return
    const delay = this.#retry * (0.5 + this.#core.random.nextDoubleUnsafe())
    this.#retry = Math.min(lastRetry, this.#retry * 2)
    const problems = failures.map(({ problem, seed }) => `${seed} (${problem})`).join(", ")
    this.#core.log("Warn", `no seed answered, trying again in ${(delay / 1000).toFixed(1)} s: ${problems}`)
    this.#core.wake(delay, { _tag: "Join", token: ++this.#joinToken })
  }

  // ---------------------------------------------------------------------------
  // periodic
  // ---------------------------------------------------------------------------

  /** The interval grows past 32 members, as memberlist's `pushPullScale`: × (ceil(log2 n - log2 32) + 1). */
  periodic(epoch: number): void {
    const core = this.#core
    if (core.phase !== "running" || epoch !== core.epoch) return
    const scale = core.clusterSize <= 32 ? 1 : Math.ceil(Math.log2(core.clusterSize) - Math.log2(32)) + 1
    core.wake(core.config.syncInterval * scale, { _tag: "Sync", epoch })
    const [peer] = core.choosePeers(1)
    if (peer !== undefined) this.#request("periodic", peer.state.address, false, undefined)
  }

  /**
   * Tries a dead member or a seed that is not among the live. Each node does it with the chance of one missing in so
   * many live, so that the cluster as a whole tries each missing one about once in an interval (as serf's
   * `reconnect`).
   */
  reconnect(epoch: number): void {
    const core = this.#core
    if (core.phase !== "running" || epoch !== core.epoch) return
    core.wake(core.config.reconnectInterval, { _tag: "Reconnect", epoch })
    const missing = new Set<Address>()
    for (const seed of this.#seeds) {
      if (core.table.liveAt(this.#reached.get(seed) ?? seed) === undefined) missing.add(seed)
    }
    for (const entry of core.table.gone) {
      if (entry.state.status === "Dead" && core.table.liveAt(entry.state.address) === undefined) {
        missing.add(entry.state.address)
      }
    }
    if (missing.size === 0 || core.random.nextDoubleUnsafe() >= missing.size / Math.max(1, core.clusterSize - 1)) return
    const chosen = [...missing][core.draw(missing.size)]!
    this.#request("reconnect", chosen, true, undefined)
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
    if (table === core.table.hash) {
      this.#differsSince = undefined
      return
    }
    this.#differsSince ??= core.now
    // Who is probed and knows nobody was known before: it has been restarted, and should not wait to be missed.
    const isLost = core.clusterSize === 1
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
    const exchange = ++this.#exchanges
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
    core.out({
      _tag: "Reply",
      reply,
      message: request.table === core.table.hash
        ? this.#message("SyncResponse")
        : {
          ...this.#comparison("SyncResponse"),
          claims: this.claims(buckets === undefined ? undefined : core.table.differsIn(buckets))
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
    if (problem === ownAddress) {
      this.#reached.set(to, core.birth.address)
      if (attempt !== undefined) this.#passOver(attempt)
      return
    }
    if (problem !== undefined) {
      core.count("syncs", "failed")
      core.log("Debug", `no ${reason} sync with ${to}: ${problem}`)
      if (attempt !== undefined) this.#notJoined(attempt, to, problem)
      return
    }
    const response = answer as typeof SyncResponse.Type
    if (this.#seeds.includes(to)) this.#reached.set(to, response.address)
    for (const claim of response.claims ?? []) core.hear(claim, "sync")
    if (attempt !== undefined) this.#joined(attempt, to)
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

  // All that is known, cut where it would not fit: it then starts at a random place, so that over several syncs
  // everything gets its turn.
  claims(which?: (entry: Entry) => boolean): Array<Claim> {
    const core = this.#core
    const all = [...core.table.entries()]
    const entries = which === undefined ? all : all.filter(which)
    const start = core.draw(entries.length)
    const claims: Array<Claim> = []
    let room = core.birth.maxExchangeSize - bucketsSize - claimOverhead -
      2 * (core.birth.id.length * 4 + core.birth.address.length)
    for (let i = 0; i < entries.length; i++) {
      const entry = entries[(start + i) % entries.length]!
      for (const claim of claimsOf(entry, core)) {
        const metadata = claim._tag === "Alive" ? claim.metadata?.length ?? 0 : 0
        // a name has at most 4 bytes a character
        room -= claimOverhead + 4 * claim.id.length + claim.address.length + metadata +
          ("from" in claim ? 4 * claim.from.length : 0)
        if (room < 0 || claims.length === maxClaims) return claims
        claims.push(claim)
      }
    }
    return claims
  }
}

const problemOf = (answer: Message, core: Core): string | undefined => {
  if (answer._tag !== "SyncResponse") return `answered with ${answer._tag}`
  return answer.id === core.birth.id && answer.address === core.birth.address ? ownAddress : undefined
}

const claimsOf = (entry: Entry, core: Core): Array<Claim> => {
  const { address, id, incarnation, profile, status } = entry.state
  const age = core.now - entry.changedAt
  const claims: Array<Claim> = []
  if (profile !== undefined && !entry.isGone) {
    const { metadata, protocolVersion } = profile
    claims.push({
      _tag: "Alive",
      id,
      address,
      incarnation: profile.incarnation,
      protocolVersion,
      ...(metadata.length === 0 ? undefined : { metadata })
    })
  }
  switch (status) {
    case "Suspect": {
      claims.push({ _tag: "Suspect", id, address, incarnation, from: core.birth.id })
      break
    }
    case "Dead": {
      if (age < core.config.deadRetention) {
        claims.push(withAge({ _tag: "Dead", id, address, incarnation, from: core.birth.id }, age))
      }
      break
    }
    case "Left": {
      if (age < core.config.deadRetention) claims.push(withAge({ _tag: "Left", id, address, incarnation }, age))
      break
    }
  }
  return claims
}
