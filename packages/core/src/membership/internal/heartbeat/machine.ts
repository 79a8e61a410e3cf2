/**
 * Heartbeat as a machine: hands each input to the part that owns it.
 */
import type { Address } from "../../../Address.ts"
import type { Birth, Input, Protocol, RandomSource } from "../../../node/Protocol.ts"
import { ownAddress } from "../../../node/Protocol.ts"
import type { Claim, Message, Tag } from "../../../wire/Message.ts"
import type { Member } from "../../Member.ts"
import type { MembershipEvent } from "../../MembershipEvent.ts"
import type { MembershipCommand, MembershipMachine, MembershipResult } from "../../MembershipMachine.ts"
import { type JoinAttempt, Joining } from "../joining.ts"
import { Lifecycle } from "../lifecycle.ts"
import type { Out } from "../view.ts"
import type { Config } from "./config.ts"
import { Core, type Timer } from "./core.ts"
import { Gossiping } from "./gossiping.ts"
import { Reconciliation } from "./reconciliation.ts"
import { Handle } from "./state.ts"

/** The kinds of messages that Heartbeat owns. */
export const handles: ReadonlyArray<Tag> = ["DigestSyn", "DigestAck", "DigestAck2"]

interface Pending {
  readonly to: Address
  /** Why the other is asked: the label of its count. */
  readonly reason: "join" | "reconnect" | "divergence"
  readonly attempt: JoinAttempt | undefined
}

export class HeartbeatMachine implements MembershipMachine {
  readonly #core: Core
  readonly #reconciliation: Reconciliation
  readonly #gossiping: Gossiping
  readonly #joining: Joining
  readonly #lifecycle: Lifecycle
  readonly #pending = new Map<number, Pending>()
  #exchanges = 0
  /** When this node last asked for what does not fit datagrams. */
  #caughtUpAt = -Infinity
  /** Where each seed was last reached. */
  readonly #reached = new Map<Address, Address>()

  constructor(
    birth: Birth<MembershipMachine>,
    config: Config,
    options: { readonly seeds: ReadonlyArray<Address>; readonly metadata: Uint8Array },
    handle: Handle
  ) {
    const core = new Core(
      birth,
      config,
      options.metadata,
      handle,
      (peer) => this.#reconciliation.sendSyn(peer.entry.state.address, peer)
    )
    this.#core = core
    this.#reconciliation = new Reconciliation(core)
    this.#gossiping = new Gossiping(core, this.#reconciliation, () => this.#reached.values())
    this.#joining = new Joining(core, {
      seeds: options.seeds,
      reconnectInterval: config.reconnectInterval,
      ask: (to, attempt) => this.#ask(to, attempt === undefined ? "reconnect" : "join", attempt)
    })
    this.#lifecycle = new Lifecycle(core, this.#joining, {
      start: () => {
        this.#gossiping.start()
        this.#joining.start()
      },
      tellLeave: () => this.#gossiping.tellLeave(),
      isLeaveTold: () => this.#gossiping.isLeaveTold
    })
  }

  get self(): Member {
    return this.#core.self.member!
  }

  /** Every member, itself included: one a name. */
  members(): Array<Member> {
    return this.#core.members()
  }

  member(id: string): Member | undefined {
    return this.#core.member(id)
  }

  get hasLeft(): boolean {
    return this.#core.hasLeft
  }

  // heartbeats are worth nothing when they come late: all that is to be told is told in its round
  piggyback(): ReadonlyArray<Uint8Array> {
    return []
  }

  /** Last words of a node that ends at once: its leave. */
  farewell(now: number, random: RandomSource): ReadonlyArray<Out> {
    return this.#lifecycle.farewell(now, random)
  }

  /** What it knows, for the machine that takes its place. */
  claims(): ReadonlyArray<Claim> {
    return this.#core.claims(this.#core.birth.maxExchangeSize)
  }

  // ---------------------------------------------------------------------------
  // besides membership
  // ---------------------------------------------------------------------------

  /** How surprising each live member's silence is at a time of the step clock; of this node itself nothing is said. */
  phis(now: number): Map<string, number> {
    const phis = new Map<string, number>()
    for (const { id } of this.#core.members()) {
      const phi = this.phi(id, now)
      if (phi !== undefined) phis.set(id, phi)
    }
    return phis
  }

  /** φ of a live member other than this node. */
  phi(id: string, now: number): number | undefined {
    const entry = this.#core.table.standingFor(id)
    if (id === this.#core.birth.id || entry === undefined || entry.isGone) return undefined
    return this.#core.phi(this.#core.peerOf(entry), now)
  }

  /** What a member says, by key; nothing for who is not known. */
  keyValues(id: string): Map<string, string> {
    const { birth, handle, table } = this.#core
    const entry = table.standingFor(id)
    if (id === birth.id) return handle.own.said
    return entry === undefined ? new Map() : this.#core.peerOf(entry).keyValues.said
  }

  get handle(): Handle {
    return this.#core.handle
  }

  get config(): Config {
    return this.#core.config
  }

  // ---------------------------------------------------------------------------
  // steps
  // ---------------------------------------------------------------------------

  step(input: Input<MembershipCommand>, now: number, random: RandomSource): ReadonlyArray<Out> {
    const core = this.#core
    core.begin(now, random)
    switch (input._tag) {
      case "Started": {
        this.#lifecycle.start()
        break
      }
      case "Received": {
        this.#receive(input.from, input.message)
        break
      }
      case "Requested": {
        const { from, message, reply } = input
        const answer = message._tag === "DigestSyn" ? this.#reconciliation.onSyn(from, message, true) : undefined
        core.out({ _tag: "Reply", reply, message: answer })
        break
      }
      case "Answered": {
        this.#onAnswer(input.exchange, input.answer, input.failure)
        break
      }
      case "Due": {
        this.#due(input.timer as Timer)
        break
      }
      case "Commanded": {
        this.#lifecycle.command(input.command, input.completion)
        break
      }
      case "ClockSet": {
        core.setClock(input.wallClock)
        break
      }
    }
    return core.takeOutputs()
  }

  #receive(from: Address, message: Message): void {
    const core = this.#core
    switch (message._tag) {
      case "DigestSyn": {
        const answer = this.#reconciliation.onSyn(from, message, false)
        if (answer.digests.length > 0 || answer.deltas !== undefined) core.send(from, answer)
        return
      }
      case "DigestAck": {
        // a stranger was asked nothing
        if (core.peerAt(from) === undefined) return core.count("drops", "Unexpected")
        this.#reconciliation.onAck(from, message)
        if (message.more === true) this.#catchUp(from)
        return
      }
      case "DigestAck2":
        return this.#reconciliation.onAck2(message)
    }
  }

  #due(timer: Timer): void {
    switch (timer._tag) {
      case "Round":
        return this.#gossiping.round(timer.epoch)
      case "Leave": {
        this.#gossiping.tellAgain(timer.epoch)
        return this.#lifecycle.leaveOnceTold()
      }
      case "Join":
        return this.#joining.retry(timer.token)
      case "Reconnect":
        return this.#joining.reconnect(timer.epoch)
      case "Reap":
        return this.#core.reap()
    }
  }

  // ---------------------------------------------------------------------------
  // over a stream
  // ---------------------------------------------------------------------------

  #ask(to: Address, reason: Pending["reason"], attempt: JoinAttempt | undefined): void {
    const core = this.#core
    const exchange = ++this.#exchanges
    this.#pending.set(exchange, { to, reason, attempt })
    core.count("syncs", reason)
    const message = this.#reconciliation.syn(core.birth.maxExchangeSize, core.peerAt(to))
    core.out({ _tag: "Exchange", exchange, to, message })
  }

  // Much is new, as after joining or a partition, and would take many rounds. One at a time, and one in a round.
  #catchUp(from: Address): void {
    const core = this.#core
    if (core.phase !== "running" || core.now - this.#caughtUpAt < core.config.gossipInterval) return
    for (const { reason } of this.#pending.values()) if (reason === "divergence") return
    this.#caughtUpAt = core.now
    this.#ask(from, "divergence", undefined)
  }

  #onAnswer(exchange: number, answer: Message | undefined, failure: string): void {
    const core = this.#core
    const pending = this.#pending.get(exchange)
    if (pending === undefined) return
    this.#pending.delete(exchange)
    const { attempt, reason, to } = pending
    const { address: own, id } = core.birth
    if (answer?._tag !== "DigestAck" || answer.address === undefined) {
      const problem = answer === undefined ? failure : `answered with ${answer._tag}`
      if (problem === ownAddress) return this.#joining.answeredByItself(to, attempt)
      core.count("syncs", "failed")
      core.log("Debug", `no ${reason} with ${to}: ${problem}`)
      return this.#joining.failed(to, problem, attempt)
    }
    if (answer.id === id && answer.address === own) return this.#joining.answeredByItself(to, attempt)
    const theirs = answer.deltas?.find((delta) => delta.id === answer.id && delta.address === answer.address)
    const estrangement = core.estrangement(theirs?.incarnation, answer.clock)
    if (estrangement !== undefined) return this.#joining.failed(to, estrangement, attempt)
    this.#reconciliation.onAck(answer.address, answer)
    if (reason === "join") this.#reached.set(to, answer.address)
    this.#joining.answered(to, answer.address, attempt)
  }
}

/** Heartbeat, for a node to run. */
export const makeProtocol = (
  config: Config,
  options: { readonly seeds: ReadonlyArray<Address>; readonly metadata: Uint8Array }
): Protocol<MembershipCommand, MembershipEvent, MembershipResult, MembershipMachine> => {
  const handle = new Handle()
  return {
    name: "heartbeat",
    handles,
    // a digest is answered however often it comes
    idempotent: [],
    make: (birth) => new HeartbeatMachine(birth, config, options, handle)
  }
}
