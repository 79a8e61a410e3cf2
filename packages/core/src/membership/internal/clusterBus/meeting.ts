/**
 * How a node is introduced: MEET, over a stream, since all that is known of members is the answer.
 */
import type { Address } from "../../../Address.ts"
import { ownAddress } from "../../../node/Protocol.ts"
import type { Meet, Met } from "../../../wire/ClusterBusMessage.ts"
import { type Claim, maxClaims, type Message } from "../../../wire/Message.ts"
import { claimOverhead, sizeOf } from "../claims.ts"
import { type JoinAttempt, Joining } from "../joining.ts"
import { keyOf } from "../table.ts"
import type { Core } from "./core.ts"

interface Pending {
  readonly to: Address
  readonly attempt: JoinAttempt | undefined
}

export class Meeting {
  readonly #core: Core
  readonly joining: Joining
  readonly #pending = new Map<number, Pending>()
  #exchanges = 0
  #askedAt = -Infinity

  constructor(core: Core, seeds: ReadonlyArray<Address>) {
    this.#core = core
    this.joining = new Joining(core, {
      seeds,
      reconnectInterval: core.config.reconnectInterval,
      ask: (to, attempt) => this.#meet(to, attempt)
    })
  }

  // ---------------------------------------------------------------------------
  // the exchange
  // ---------------------------------------------------------------------------

  #meet(to: Address, attempt: JoinAttempt | undefined): void {
    const core = this.#core
    const exchange = ++this.#exchanges
    this.#pending.set(exchange, { to, attempt })
    core.count("syncs", attempt === undefined ? "reconnect" : "join")
    core.out({ _tag: "Exchange", exchange, to, message: { _tag: "Meet", self: core.alive } })
  }

  /**
   * To be called at each tick. A node whose seeds do not answer may be found by others: it asks one of these, to know who
   * votes.
   */
  tick(): void {
    const core = this.#core
    if (!this.joining.isUnmet || this.#pending.size > 0 || core.now - this.#askedAt < core.config.nodeTimeout) return
    const [peer] = core.choosePeers(1)
    if (peer === undefined) return
    this.#askedAt = core.now
    this.#meet(peer.state.address, undefined)
  }

  onRequest(reply: number, { self }: typeof Meet.Type): void {
    const core = this.#core
    core.hear(self, "gossip")
    // whoever has left knows nobody any more that one could join
    const message = core.phase === "running"
      ? {
        _tag: "Met" as const,
        self: core.alive,
        claims: this.#claimsAndDoubts(),
        ...core.refusalOf(self.incarnation)
      }
      : undefined
    core.out({ _tag: "Reply", reply, message })
  }

  onAnswer(exchange: number, answer: Message | undefined, failure: string): void {
    const core = this.#core
    const pending = this.#pending.get(exchange)
    if (pending === undefined) return
    this.#pending.delete(exchange)
    // it may be for want of this answer that there is no quorum
    core.recount()
    const { attempt, to } = pending
    const problem = answer === undefined ? failure : problemOf(answer, core)
    if (problem === ownAddress) return this.joining.answeredByItself(to, attempt)
    if (problem !== undefined) {
      core.count("syncs", "failed")
      core.log("Debug", `no MEET with ${to}: ${problem}`)
      return this.joining.failed(to, problem, attempt)
    }
    const { claims, clock, self } = answer as typeof Met.Type
    const estrangement = core.estrangement(self.incarnation, clock)
    if (estrangement !== undefined) return this.joining.failed(to, estrangement, attempt)
    core.hear(self, "gossip")
    this.#hearAll(claims, attempt !== undefined || this.joining.isUnmet)
    this.joining.answered(to, self.address, attempt)
  }

  // ---------------------------------------------------------------------------
  // all that is known
  // ---------------------------------------------------------------------------

  /** All that this node knows of others, as much as fits a message. */
  claims(): Array<Claim> {
    return this.#core.claims(this.#room, (entry) => entry !== this.#core.self)
  }

  /** The same for another node, which is told besides whom this one doubts. */
  #claimsAndDoubts(): Array<Claim> {
    const { birth, table } = this.#core
    const claims = this.claims()
    let left = claims.reduce((left, claim) => left - sizeOf(claim), this.#room)
    for (const entry of table.live) {
      if (!entry.doubted) continue
      const { address, id, incarnation } = entry.state
      const claim = { _tag: "Suspect", id, address, incarnation, from: birth.id } as const
      left -= sizeOf(claim)
      if (left < 0 || claims.length === maxClaims) break
      claims.push(claim)
    }
    return claims
  }

  get #room(): number {
    return this.#core.birth.maxExchangeSize - claimOverhead - sizeOf(this.#core.alive)
  }

  /**
   * Takes in what another knows. One partition's dead are not another's: a member that is live to this node is FAIL only
   * by a FAIL. Those whom the other does not reach are taken over by a node that joins, which has to know who votes, and
   * doubted until they answer; a node that was there might have forgotten them, and asks them itself.
   */
  #hearAll(claims: ReadonlyArray<Claim>, isJoining: boolean): void {
    const core = this.#core
    const doubted = new Set<string>()
    for (const claim of claims) if (claim._tag === "Suspect") doubted.add(keyOf(claim))
    for (const claim of claims) {
      if (claim._tag === "Suspect") continue
      const key = keyOf(claim)
      const known = core.table.get(key)
      if (known !== core.self) {
        if (claim._tag === "Dead" && known !== undefined && !known.isGone) continue
        if (claim._tag === "Alive" && known === undefined && doubted.has(key)) {
          if (!isJoining) continue
          core.hear(claim, "sync")
          const entry = core.table.get(key)
          if (entry !== undefined) core.doubt(entry, true)
          continue
        }
      }
      core.hear(claim, "sync")
    }
  }
}

const problemOf = (answer: Message, core: Core): string | undefined => {
  if (answer._tag !== "Met") return `answered with ${answer._tag}`
  const { address, id } = answer.self
  return id === core.birth.id && address === core.birth.address ? ownAddress : undefined
}
