/**
 * ClusterBus as a machine: hands each input to the part that owns it.
 */
import type { Address } from "../../../Address.ts"
import type { Birth, Input, Protocol, RandomSource } from "../../../node/Protocol.ts"
import type { BusPing, BusPong, Fail } from "../../../wire/ClusterBusMessage.ts"
import type { Alive, Claim, Message, Tag } from "../../../wire/Message.ts"
import { fromClaim, isSameProfile } from "../../Claim.ts"
import type { Member } from "../../Member.ts"
import type { MembershipEvent } from "../../MembershipEvent.ts"
import type { MembershipCommand, MembershipMachine, MembershipResult } from "../../MembershipMachine.ts"
import { Lifecycle } from "../lifecycle.ts"
import { type Entry, keyOf } from "../table.ts"
import type { Out } from "../view.ts"
import { type Config, tickOf } from "./config.ts"
import { Core, Handle, type Timer } from "./core.ts"
import { Failure } from "./failure.ts"
import { Gossip } from "./gossip.ts"
import { Meeting } from "./meeting.ts"
import { Pinging } from "./pinging.ts"
import type { State } from "./quorum.ts"
import { Strangers } from "./strangers.ts"

/** The kinds of messages that ClusterBus owns. */
export const handles: ReadonlyArray<Tag> = ["Meet", "Met", "BusPing", "BusPong", "Fail", "Alive", "Left"]

/** What a member says of itself to all says nothing new a second time. A FAIL may, to one who did not know who said it. */
const idempotent: ReadonlyArray<Tag> = ["Alive", "Left"]

/** How often a leave is told to all: a datagram may be lost. */
const leaveTold = 3

export class ClusterBusMachine implements MembershipMachine {
  readonly #core: Core
  readonly #pinging: Pinging
  readonly #failure: Failure
  readonly #strangers: Strangers
  readonly #gossip: Gossip
  readonly #meeting: Meeting
  readonly #lifecycle: Lifecycle
  #leaveTold = 0
  readonly handle: Handle

  constructor(
    birth: Birth<MembershipMachine>,
    config: Config,
    options: { readonly seeds: ReadonlyArray<Address>; readonly metadata: Uint8Array },
    handle: Handle = new Handle()
  ) {
    const core = new Core(birth, config, options.metadata, handle, {
      onLive: (entry) => this.#pinging.add(entry),
      onRenewed: (entry) => this.#pinging.renew(entry),
      onGone: (entry) => {
        this.#pinging.remove(entry)
        this.#failure.clear(entry)
      },
      onStandstill: (millis) => {
        this.#pinging.excuse(millis)
        this.#strangers.excuse(millis)
      },
      knowsVoters: () => !this.#meeting.joining.isUnmet
    })
    this.handle = handle
    this.#core = core
    this.#pinging = new Pinging(core, {
      ping: (to, nonce) => this.#ping(to.state.address, nonce, to),
      onPfail: (entry) => this.#failure.judge(entry)
    })
    this.#failure = new Failure(core, (entry) => this.#pinging.pfails.has(entry))
    this.#strangers = new Strangers(core, (to, nonce) => this.#ping(to, nonce, undefined))
    this.#gossip = new Gossip(core, this.#pinging, this.#failure, this.#strangers)
    this.#meeting = new Meeting(core, options.seeds)
    this.#lifecycle = new Lifecycle(core, this.#meeting.joining, {
      start: () => {
        this.#pinging.start()
        this.#meeting.joining.start()
      },
      tellLeave: () => {
        this.#leaveTold = 1
        core.wake(tickOf(config), { _tag: "Leave", epoch: core.epoch })
      },
      isLeaveTold: () => this.#leaveTold >= leaveTold
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

  /** Whether this node reaches a majority of those who vote. */
  get quorum(): State {
    return this.#core.quorum
  }

  /** What there is to pass on rides on pings and pongs. */
  piggyback(): ReadonlyArray<Uint8Array> {
    return []
  }

  /** Last words of a node that ends at once: its leave, to all. */
  farewell(now: number, random: RandomSource): ReadonlyArray<Out> {
    return this.#lifecycle.farewell(now, random)
  }

  /** What it knows, for the machine that takes its place. */
  claims(): ReadonlyArray<Claim> {
    return this.#meeting.claims()
  }

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
        if (input.message._tag === "Meet") this.#meeting.onRequest(input.reply, input.message)
        else core.out({ _tag: "Reply", reply: input.reply, message: undefined })
        break
      }
      case "Answered": {
        this.#meeting.onAnswer(input.exchange, input.answer, input.failure)
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
    core.tellQuorum()
    return core.takeOutputs()
  }

  // ---------------------------------------------------------------------------
  // messages
  // ---------------------------------------------------------------------------

  #receive(from: Address, message: Message): void {
    const core = this.#core
    switch (message._tag) {
      case "BusPing":
        return this.#onPing(from, message)
      case "BusPong":
        return this.#onPong(from, message)
      case "Fail":
        return this.#onFail(from, message)
      case "Alive":
        return void this.#introduce(message, from)
      case "Left":
        return core.hear(message, "gossip")
      // these belong on a stream, or are other protocols'
      default:
        return core.count("drops", "Unexpected")
    }
  }

  #onPing(from: Address, { nonce, sections, self }: typeof BusPing.Type): void {
    const core = this.#core
    if (core.phase !== "running") return core.tellGone(core.self, from)
    const sender = this.#introduce(self, from)
    if (sender === core.self) return
    if (sender !== undefined) this.#gossip.hear(sections, sender)
    core.send(from, {
      _tag: "BusPong",
      self: core.alive,
      nonce,
      sections: this.#gossip.sections(sender),
      beat: Math.min(0xffff_ffff, Math.floor((core.now - core.birth.now) / 100))
    })
  }

  #onPong(from: Address, pong: typeof BusPong.Type): void {
    const core = this.#core
    if (core.phase !== "running") return
    if (this.#strangers.isAnswer(pong)) core.hear(pong.self, "gossip")
    const sender = this.#introduce(pong.self, from)
    if (sender === undefined || sender === core.self) return
    this.#pinging.onPong(sender, pong)
    this.#gossip.hear(pong.sections, sender)
  }

  #onFail(from: Address, { claim }: typeof Fail.Type): void {
    const core = this.#core
    const entry = core.table.get(keyOf(claim))
    if (entry === core.self) {
      core.hear(claim, "gossip")
      // all live members have been told; who said it may think that this node is gone, or the other way round
      if (core.phase === "running" && core.table.liveAt(from) === undefined) core.send(from, core.alive)
      return
    }
    // as in Redis: of strangers nothing is taken, nor about them
    if (entry === undefined || core.table.liveNamed(claim.from).length === 0) return core.count("drops", "Unknown")
    core.hear(claim, "gossip")
  }

  /**
   * A node says who it is: gives its entry when it is a live member in this life. A stranger is asked, and one of whom
   * this node knows more than it says itself is told: it outbids a later incarnation, and refutes that it is gone.
   */
  #introduce(self: typeof Alive.Type, from: Address): Entry | undefined {
    const core = this.#core
    const entry = core.table.get(keyOf(self))
    if (entry === undefined) {
      this.#strangers.meet(self)
      return undefined
    }
    core.hear(self, "gossip")
    if (entry === core.self) return entry
    if (entry.isGone) core.tellGone(entry, from)
    else if (self.incarnation < entry.state.incarnation) core.tellAlive(entry, from)
    else if (self.incarnation === entry.state.incarnation) {
      // somebody has said something else in its name
      if (!isSameProfile(fromClaim(self).profile!, entry.state.profile!)) core.tellAlive(entry, from)
      return entry
    }
    return undefined
  }

  #ping(to: Address, nonce: number, entry: Entry | undefined): void {
    const core = this.#core
    core.send(to, { _tag: "BusPing", self: core.alive, nonce, sections: this.#gossip.sections(entry) })
  }

  // ---------------------------------------------------------------------------
  // timers
  // ---------------------------------------------------------------------------

  #due(timer: Timer): void {
    const core = this.#core
    switch (timer._tag) {
      case "Cron":
        return this.#cron(timer.epoch)
      case "Leave":
        return this.#leave(timer.epoch)
      case "Join":
        return this.#meeting.joining.retry(timer.token)
      case "Reconnect":
        return this.#meeting.joining.reconnect(timer.epoch)
      case "Reap":
        return core.reap()
    }
  }

  #cron(epoch: number): void {
    const core = this.#core
    if (epoch !== core.epoch) return
    if (core.phase !== "running") return core.standstill.expect(Infinity)
    this.#pinging.tick()
    this.#strangers.tick()
    this.#failure.sweep()
    this.#meeting.tick()
  }

  #leave(epoch: number): void {
    const core = this.#core
    if (core.phase !== "leaving" || epoch !== core.epoch) return
    for (const entry of core.table.live) core.tellGone(core.self, entry.state.address)
    if (++this.#leaveTold < leaveTold) core.wake(tickOf(core.config), { _tag: "Leave", epoch })
    this.#lifecycle.leaveOnceTold()
  }
}

/** ClusterBus, for a node to run. */
export const makeProtocol = (
  config: Config,
  options: { readonly seeds: ReadonlyArray<Address>; readonly metadata: Uint8Array }
): Protocol<MembershipCommand, MembershipEvent, MembershipResult, MembershipMachine> => {
  const handle = new Handle()
  return {
    name: "clusterBus",
    handles,
    idempotent,
    make: (birth) => new ClusterBusMachine(birth, config, options, handle)
  }
}
