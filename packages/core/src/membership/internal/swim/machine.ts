/**
 * Swim as a machine: hands each input to the part that owns it.
 */
import type { Address } from "../../../Address.ts"
import type { Birth, Input, Protocol, RandomSource } from "../../../node/Protocol.ts"
import type { Claim, Message, Tag } from "../../../wire/Message.ts"
import type { Member } from "../../Member.ts"
import type { MembershipEvent } from "../../MembershipEvent.ts"
import type { MembershipCommand, MembershipMachine, MembershipResult } from "../../MembershipMachine.ts"
import { Lifecycle } from "../lifecycle.ts"
import type { Out } from "../view.ts"
import type { Config } from "./config.ts"
import { Core, type Timer } from "./core.ts"
import { Probing } from "./probing.ts"
import { Relaying, type Shown } from "./relaying.ts"
import { Suspicions } from "./suspicion.ts"
import { Sync } from "./sync.ts"

/** The kinds of messages that Swim owns. */
export const handles: ReadonlyArray<Tag> = [
  "Ping",
  "PingRequest",
  "Ack",
  "Nack",
  "Alive",
  "Suspect",
  "Dead",
  "Left",
  "SyncRequest",
  "SyncResponse"
]

/** Claims are joined into a semilattice: the second time they change nothing. */
const idempotent: ReadonlyArray<Tag> = ["Alive", "Suspect", "Dead", "Left"]

export class SwimMachine implements MembershipMachine {
  readonly #core: Core
  readonly #probing: Probing
  readonly #relaying: Relaying
  readonly #suspicions: Suspicions
  readonly #sync: Sync
  readonly #lifecycle: Lifecycle

  constructor(
    birth: Birth<MembershipMachine>,
    config: Config,
    options: { readonly seeds: ReadonlyArray<Address>; readonly metadata: Uint8Array }
  ) {
    const core = new Core(birth, config, options.metadata, {
      onLive: (entry) => this.#probing.add(entry),
      onSuspect: (entry) => this.#suspicions.start(entry),
      onConfirm: (entry, from) => this.#suspicions.confirm(entry, from),
      onGone: (entry) => this.#suspicions.end(entry)
    })
    this.#core = core
    this.#sync = new Sync(core, options.seeds)
    const shown: Shown = {
      onAck: (peer, table) => this.#sync.compareAcked(peer, table),
      onPing: (from, table) => this.#sync.compare(from, table)
    }
    this.#probing = new Probing(core, shown)
    this.#relaying = new Relaying(core, shown)
    this.#suspicions = new Suspicions(core)
    this.#lifecycle = new Lifecycle(core, this.#sync.joining, {
      start: (again) => this.#start(again),
      tellLeave: () => core.gossip(),
      isLeaveTold: () => !core.broadcasts.has(core.self.key)
    })
  }

  get self(): Member {
    return this.#core.self.member!
  }

  /** Every member, itself included: one a name. */
  members(): Array<Member> {
    return this.#core.members()
  }

  /** The hash that probes carry. */
  get tableHash(): number {
    return this.#core.table.hash
  }

  member(id: string): Member | undefined {
    return this.#core.member(id)
  }

  get localHealth(): number {
    return this.#core.health.score
  }

  get hasLeft(): boolean {
    return this.#core.hasLeft
  }

  piggyback(room: number, to: Address): ReadonlyArray<Uint8Array> {
    return this.#core.piggyback(room, to)
  }

  /** Last words of a node that ends at once: its leave, to as many as would be told in a round of gossip. */
  farewell(now: number, random: RandomSource): ReadonlyArray<Out> {
    return this.#lifecycle.farewell(now, random)
  }

  /** What it knows, for the machine that takes its place. */
  claims(): ReadonlyArray<Claim> {
    return this.#sync.claims()
  }

  step(input: Input<MembershipCommand>, now: number, random: RandomSource): ReadonlyArray<Out> {
    const core = this.#core
    core.begin(now, random)
    const stood = core.standstill.until(now)
    if (stood > 0) this.#stoodStill(stood)
    switch (input._tag) {
      case "Started": {
        this.#lifecycle.start()
        break
      }
      case "Received": {
        this.#receive(input.from, input.message, input.encoded)
        break
      }
      case "Requested": {
        this.#answer(input.reply, input.message)
        break
      }
      case "Answered": {
        if (!this.#probing.onAnswer(input.exchange, input.answer)) {
          this.#sync.onAnswer(input.exchange, input.answer, input.failure)
        }
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

  #start(again: boolean): void {
    // those of before may have run out unheeded
    if (again) {
      for (const entry of this.#core.table.live) if (entry.state.status === "Suspect") this.#suspicions.start(entry)
    }
    this.#probing.start()
    this.#sync.start()
  }

  // What was said to this node meanwhile it has not read yet, and some of that it never will.
  #stoodStill(millis: number): void {
    const core = this.#core
    if (!core.health.isKept || core.phase !== "running") return
    const { probeInterval } = core.config
    // as if each probe that should have been had failed by its own fault
    core.health.worsen(1 + Math.floor(millis / probeInterval))
    this.#probing.extend(millis)
    this.#suspicions.extend(millis)
    if (millis < probeInterval) return
    core.warn("standstill", `this node stood still for ${(millis / 1000).toFixed(1)} s: others have that time again`)
  }

  #answer(reply: number, message: Message): void {
    switch (message._tag) {
      case "SyncRequest":
        return this.#sync.onRequest(reply, message)
      case "Ping":
        return this.#relaying.onRequest(reply, message)
      default:
        return this.#core.out({ _tag: "Reply", reply, message: undefined })
    }
  }

  #receive(from: Address, message: Message, encoded: Uint8Array): void {
    switch (message._tag) {
      case "Ping":
        return this.#relaying.onPing(from, message)
      case "PingRequest":
        return this.#relaying.onPingRequest(from, message)
      case "Ack":
        // an ack that comes after its period has been judged already
        if (!this.#probing.onAck(message) && !this.#relaying.onAck(message)) this.#core.count("drops", "LateAck")
        return
      case "Nack":
        return this.#probing.onNack(from, message)
      case "Alive":
      case "Suspect":
      case "Dead":
      case "Left":
        return this.#core.hear(message, "gossip", encoded)
      // these belong on a stream
      case "SyncRequest":
      case "SyncResponse":
        return this.#core.count("drops", "Unexpected")
    }
  }

  #due(timer: Timer): void {
    switch (timer._tag) {
      case "Probe":
        this.#relaying.forgetExpired()
        return this.#probing.period(timer.epoch)
      case "ProbeTimeout":
        return this.#probing.timeout(timer.nonce)
      case "Nack":
        return this.#relaying.timeout(timer.nonce)
      case "Suspicion":
        return this.#suspicions.expire(timer.key, timer.token)
      case "Gossip":
        return this.#gossip(timer.token)
      case "Sync":
        return this.#sync.periodic(timer.epoch)
      case "Join":
        return this.#sync.joining.retry(timer.token)
      case "Reconnect":
        return this.#sync.joining.reconnect(timer.epoch)
      case "Reap":
        return this.#core.reap()
    }
  }

  #gossip(token: number): void {
    this.#core.gossipDue(token)
    this.#lifecycle.leaveOnceTold()
  }
}

/** Swim, for a node to run. */
export const makeProtocol = (
  config: Config,
  options: { readonly seeds: ReadonlyArray<Address>; readonly metadata: Uint8Array }
): Protocol<MembershipCommand, MembershipEvent, MembershipResult, MembershipMachine> => ({
  name: "swim",
  handles,
  idempotent,
  make: (birth) => new SwimMachine(birth, config, options)
})
