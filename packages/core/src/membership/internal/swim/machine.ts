/**
 * Swim as a machine: hands each input to the part that owns it.
 */
import type { Address } from "../../../Address.ts"
import type { Birth, Input, Protocol, RandomSource } from "../../../node/Protocol.ts"
import type { Claim, Message, Tag } from "../../../wire/Message.ts"
import { isLive, type Member } from "../../Member.ts"
import type { MembershipEvent } from "../../MembershipEvent.ts"
import type { MembershipCommand, MembershipMachine, MembershipResult } from "../../MembershipMachine.ts"
import type { Config } from "./config.ts"
import { Core, type Out, type Timer } from "./core.ts"
import { Probing } from "./probing.ts"
import { Suspicions } from "./suspicion.ts"
import { Sync } from "./sync.ts"

/** The kinds of messages that Swim owns. */
export const handles: ReadonlyArray<Tag> = [
  "Ping",
  "PingRequest",
  "Ack",
  "Alive",
  "Suspect",
  "Dead",
  "Left",
  "SyncRequest",
  "SyncResponse"
]

/** Claims are joined into a semilattice: the second time they change nothing. */
const idempotent: ReadonlyArray<Tag> = ["Alive", "Suspect", "Dead", "Left"]

/** Peers of an earlier life that a restarted machine turns to besides its seeds. */
const maxFormerPeers = 8

export class SwimMachine implements MembershipMachine {
  readonly #core: Core
  readonly #probing: Probing
  readonly #suspicions: Suspicions
  readonly #sync: Sync
  /** The commands to leave that wait for it. */
  #leaving: Array<number> = []
  /** What the machine before this one knew; not taken over when that has not helped before. */
  readonly #inherited: ReadonlyArray<Claim>

  constructor(
    birth: Birth<MembershipMachine>,
    config: Config,
    options: { readonly seeds: ReadonlyArray<Address>; readonly metadata: Uint8Array }
  ) {
    const { previous } = birth
    const former = previous?.self
    this.#core = new Core(
      birth,
      config,
      Math.max(Math.floor(birth.wallClock), former === undefined ? 0 : former.incarnation + 1),
      former?.metadata ?? options.metadata
    )
    const peers = previous?.members().filter((member) => isLive(member) && member.id !== birth.id) ?? []
    this.#sync = new Sync(this.#core, options.seeds, peers.slice(0, maxFormerPeers).map((peer) => peer.address))
    this.#probing = new Probing(this.#core, {
      onAck: (peer, table) => this.#sync.compareAcked(peer, table),
      onPing: (from, table) => this.#sync.compare(from, table)
    })
    this.#suspicions = new Suspicions(this.#core)
    this.#core.onLive = (entry) => this.#probing.add(entry)
    this.#core.onSuspect = (entry) => this.#suspicions.start(entry)
    if (previous?.hasLeft === true) this.#core.phase = "left"
    this.#inherited = birth.restarts === 1 ? previous?.claims() ?? [] : []
  }

  get self(): Member {
    return this.#core.self.member!
  }

  /** Every member, itself included: one a name. */
  members(): Array<Member> {
    const { self, table } = this.#core
    // whoever else claims this node's name, it knows itself
    return table.members().map((member) => member.id === self.state.id ? self.member! : member)
  }

  /** The hash that probes carry. */
  get tableHash(): number {
    return this.#core.table.hash
  }

  member(id: string): Member | undefined {
    const { self, table } = this.#core
    return id === self.state.id ? self.member : table.standingFor(id)?.member
  }

  get hasLeft(): boolean {
    return this.#core.phase === "left"
  }

  piggyback(room: number, to: Address): ReadonlyArray<Uint8Array> {
    return this.#core.piggyback(room, to)
  }

  /** Last words of a node that ends at once: its leave, to as many as would be told in a round of gossip. */
  farewell(now: number, random: RandomSource): ReadonlyArray<Out> {
    const core = this.#core
    core.now = now
    core.random = random
    if (core.phase === "running") core.sayLeft(core.self.state.incarnation)
    core.phase = "left"
    core.gossip()
    return core.takeOutputs()
  }

  /** What it knows, for the machine that takes its place. */
  claims(): ReadonlyArray<Claim> {
    return this.#sync.claims()
  }

  step(input: Input<MembershipCommand>, now: number, random: RandomSource): ReadonlyArray<Out> {
    const core = this.#core
    core.now = now
    core.random = random
    switch (input._tag) {
      case "Started": {
        this.#start()
        break
      }
      case "Received": {
        this.#receive(input.from, input.message, input.encoded)
        break
      }
      case "Requested": {
        if (input.message._tag === "SyncRequest") this.#sync.onRequest(input.reply, input.message)
        else core.out({ _tag: "Reply", reply: input.reply, message: undefined })
        break
      }
      case "Answered": {
        this.#sync.onAnswer(input.exchange, input.answer, input.failure)
        break
      }
      case "Due": {
        this.#due(input.timer as Timer)
        break
      }
      case "Commanded": {
        this.#command(input.command, input.completion)
        break
      }
    }
    return core.takeOutputs()
  }

  #start(): void {
    const core = this.#core
    for (const claim of this.#inherited) core.hear(claim, "sync")
    core.wake(reapInterval(core.config), { _tag: "Reap" })
    // whoever has left stays away until it is asked to join
    if (core.phase === "left") return core.sayLeft(core.self.state.incarnation)
    core.sayAlive(core.self.state.incarnation, core.metadata)
    this.#probing.start()
    this.#sync.start()
  }

  #receive(from: Address, message: Message, encoded: Uint8Array): void {
    switch (message._tag) {
      case "Ping":
        return this.#probing.onPing(from, message)
      case "PingRequest":
        return this.#probing.onPingRequest(from, message)
      case "Ack":
        return this.#probing.onAck(message)
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
        return this.#probing.period(timer.epoch)
      case "ProbeTimeout":
        return this.#probing.timeout(timer.nonce)
      case "Suspicion":
        return this.#suspicions.expire(timer.key, timer.token)
      case "Gossip":
        return this.#gossip(timer.token)
      case "Sync":
        return this.#sync.periodic(timer.epoch)
      case "Join":
        return this.#sync.retryJoin(timer.token)
      case "Reconnect":
        return this.#sync.reconnect(timer.epoch)
      case "Reap":
        return this.#reap()
    }
  }

  #command(command: MembershipCommand, completion: number): void {
    const core = this.#core
    switch (command._tag) {
      case "Join": {
        if (core.phase !== "running") this.#rejoin()
        return this.#sync.join(command.seeds, completion)
      }
      case "Leave":
        return this.#leave(completion)
      case "SetMetadata": {
        core.metadata = command.metadata
        if (core.phase === "running") core.sayAlive(core.self.state.incarnation + 1, command.metadata)
        return this.#done(completion)
      }
    }
  }

  #done(completion: number): void {
    this.#core.out({ _tag: "Completed", completion, result: { _tag: "Done" } })
  }

  // ---------------------------------------------------------------------------
  // leaving
  // ---------------------------------------------------------------------------

  #leave(completion: number): void {
    const core = this.#core
    if (core.phase === "left") return this.#done(completion)
    this.#leaving.push(completion)
    if (core.phase === "leaving") return
    core.phase = "leaving"
    core.sayLeft(core.self.state.incarnation)
    core.gossip()
    this.#leaveSaid()
  }

  #gossip(token: number): void {
    this.#core.gossipDue(token)
    this.#leaveSaid()
  }

  // The leave has been said as often as any claim is, or there is nobody to say it to: others may be leaving as well.
  #leaveSaid(): void {
    const { broadcasts, phase, self, table } = this.#core
    if (phase !== "leaving" || table.live.length > 0 && broadcasts.has(self.key)) return
    this.#core.phase = "left"
    this.#completeLeave()
  }

  #completeLeave(): void {
    for (const completion of this.#leaving.splice(0)) this.#done(completion)
  }

  #rejoin(): void {
    const core = this.#core
    this.#completeLeave()
    core.phase = "running"
    core.epoch++
    core.sayAlive(core.self.state.incarnation + 1, core.metadata)
    // those of before may have run out unheeded
    for (const entry of core.table.live) if (entry.state.status === "Suspect") this.#suspicions.start(entry)
    this.#probing.start()
    this.#sync.start()
  }

  // ---------------------------------------------------------------------------
  // forgetting
  // ---------------------------------------------------------------------------

  #reap(): void {
    const { config, now, self, table } = this.#core
    this.#core.wake(reapInterval(config), { _tag: "Reap" })
    for (const entry of table.gone) {
      if (entry === self || now - entry.changedAt < config.deadRetention) continue
      const { member, state } = entry
      const listed = table.standingFor(state.id) === entry
      table.remove(entry)
      this.#core.broadcasts.remove(entry.key)
      if (listed && member !== undefined) this.#core.happened({ _tag: "Reaped", member })
    }
  }
}

const reapInterval = (config: Config): number => Math.max(1000, config.deadRetention / 60)

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
