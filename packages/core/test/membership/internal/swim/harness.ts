/**
 * Drives `SwimMachine`s by hand: what goes in, when, and by which chance; all that comes out is kept.
 */
import type { Address } from "../../../../src/Address.ts"
import * as Addresses from "../../../../src/Address.ts"
import { type Config, defaultConfig } from "../../../../src/membership/internal/swim/config.ts"
import { SwimMachine } from "../../../../src/membership/internal/swim/machine.ts"
import type { MembershipEvent } from "../../../../src/membership/MembershipEvent.ts"
import type { MembershipCommand, MembershipResult } from "../../../../src/membership/MembershipMachine.ts"
import type { Input, RandomSource } from "../../../../src/node/Protocol.ts"
import { assemble, decode, encodeMessage } from "../../../../src/wire/Frame.ts"
import type { Claim, Message } from "../../../../src/wire/Message.ts"
import { generator } from "../../../support/generator.ts"

/** The Unix time at which every node is born; its step clock then shows `bornAt`. */
export const wallClock = 1_700_000_000_000
export const bornAt = 5000

export const addressOf = (index: number): Address =>
  Addresses.make({ host: `10.${index >> 16}.${index >> 8 & 255}.${index & 255}`, port: 7946 })

/** A member `n1`, `n2`, … and what is said of it. */
export const peer = (index: number, incarnation = wallClock) => {
  const id = `n${index}`
  const member = { id, address: addressOf(index), incarnation }
  return {
    ...member,
    alive: { _tag: "Alive", ...member, protocolVersion: 1 } as const satisfies Claim,
    suspect: { _tag: "Suspect", ...member, from: "accuser" } as const satisfies Claim,
    dead: { _tag: "Dead", ...member, from: "accuser" } as const satisfies Claim,
    left: { _tag: "Left", ...member } as const satisfies Claim
  }
}

type Of<Tag extends Message["_tag"]> = Extract<Message, { readonly _tag: Tag }>

export interface Sent {
  readonly to: Address
  readonly message: Message
}

export interface Exchange extends Sent {
  readonly exchange: number
}

export class Lab {
  readonly id: string
  readonly address: Address
  readonly machine: SwimMachine
  readonly random: RandomSource
  now: number
  sent: Array<Sent> = []
  gossiped: Array<Address> = []
  /** Syncs, that is; probes over streams are `streams`. */
  exchanges: Array<Exchange> = []
  streams: Array<Exchange> = []
  replies: Array<{ readonly reply: number; readonly message: Message | undefined }> = []
  events: Array<MembershipEvent> = []
  logs: Array<string> = []
  completed: Array<{ readonly completion: number; readonly result: MembershipResult }> = []
  readonly counts = new Map<string, number>()
  readonly #timers: Array<{ readonly at: number; readonly order: number; readonly timer: unknown }> = []
  #serial = 0

  constructor(options: {
    readonly index?: number
    readonly seeds?: ReadonlyArray<Address>
    readonly metadata?: Uint8Array
    readonly config?: Partial<Config>
    readonly random?: RandomSource
    readonly now?: number
    readonly wallClock?: number
    readonly maxExchangeSize?: number
    readonly previous?: SwimMachine
    readonly restarts?: number
    /** Peers it is told of before anything else. */
    readonly peers?: number
  } = {}) {
    const index = options.index ?? 0
    this.id = `n${index}`
    this.address = addressOf(index)
    this.now = options.now ?? bornAt
    this.random = options.random ?? generator(this.id)
    this.machine = new SwimMachine(
      {
        id: this.id,
        address: this.address,
        wallClock: options.wallClock ?? wallClock,
        now: this.now,
        maxDatagramSize: 1394,
        maxExchangeSize: options.maxExchangeSize ?? 4 * 1024 * 1024,
        previous: options.previous,
        restarts: options.restarts ?? 0
      },
      { ...defaultConfig, ...options.config },
      { seeds: options.seeds ?? [], metadata: options.metadata ?? new Uint8Array(0) }
    )
    this.step({ _tag: "Started" })
    for (let i = 1; i <= (options.peers ?? 0); i++) this.receive(peer(i).alive)
    if (options.peers !== undefined) this.clear()
  }

  step(input: Input<MembershipCommand>): void {
    for (const output of this.machine.step(input, this.now, this.random)) {
      switch (output._tag) {
        case "Send":
          this.sent.push(output)
          break
        case "Gossip":
          this.gossiped.push(output.to)
          break
        case "Exchange":
          if (output.message._tag === "Ping") this.streams.push(output)
          else this.exchanges.push(output)
          break
        case "Reply":
          this.replies.push(output)
          break
        case "Wake":
          this.#timers.push({ at: output.at, order: this.#serial++, timer: output.timer })
          break
        case "Happened":
          this.events.push(output.event)
          break
        case "Completed":
          this.completed.push(output)
          break
        case "Counted": {
          const key = `${output.counter} ${output.label}`
          this.counts.set(key, (this.counts.get(key) ?? 0) + 1)
          break
        }
        case "Logged":
          this.logs.push(`${output.level}: ${output.text}`)
      }
    }
  }

  receive(message: Message, from: Address = addressOf(99)): void {
    this.step({ _tag: "Received", from, message, encoded: encodeMessage(message) })
  }

  /** Asks as a peer does, and gives the answer. */
  request(message: Message, from: Address = addressOf(99)): Message | undefined {
    const reply = ++this.#serial
    this.step({ _tag: "Requested", from, message, reply })
    const answers = this.replies.filter((each) => each.reply === reply)
    if (answers.length !== 1) throw new Error(`${answers.length} replies to one request`)
    return answers[0]!.message
  }

  answer(exchange: number, message: Message | undefined, failure = ""): void {
    this.step({ _tag: "Answered", exchange, answer: message, failure })
  }

  command(command: MembershipCommand): number {
    const completion = ++this.#serial
    this.step({ _tag: "Commanded", command, completion })
    return completion
  }

  resultOf(completion: number): MembershipResult | undefined {
    return this.completed.find((each) => each.completion === completion)?.result
  }

  /** Lets time pass: timers fire when they are due, and each round of gossip takes what there is to pass on. */
  advance(millis: number, options: { readonly gossips?: boolean } = {}): void {
    const end = this.now + millis
    while (true) {
      const due = this.#timers.reduce<number>((best, each, index) => {
        const other = this.#timers[best]
        return other === undefined || each.at < other.at || each.at === other.at && each.order < other.order
          ? index
          : best
      }, -1)
      const next = this.#timers[due]
      if (next === undefined || next.at > end) break
      this.#timers.splice(due, 1)
      this.now = Math.max(this.now, next.at)
      const rounds = this.gossiped.length
      this.step({ _tag: "Due", timer: next.timer })
      if (options.gossips !== false) {
        for (let i = rounds; i < this.gossiped.length; i++) this.machine.piggyback(1394, this.gossiped[i]!)
      }
    }
    this.now = end
  }

  /** Lets time pass while every probe is acked. */
  live(millis: number): void {
    const end = this.now + millis
    // that of the last period may be waited for yet
    let acked = Math.max(0, this.sent.findLastIndex(({ message }) => message._tag === "Ping"))
    while (this.now < end) {
      this.advance(Math.min(50, end - this.now))
      for (; acked < this.sent.length; acked++) {
        const { message, to } = this.sent[acked]!
        if (message._tag === "Ping") this.receive({ _tag: "Ack", nonce: message.nonce }, to)
      }
    }
  }

  /** The process stands still, and then fires its timers before it reads anything. */
  standStill(millis: number): void {
    this.now += millis
    this.advance(0)
  }

  /** Timers that are set. */
  get timers(): ReadonlyArray<unknown> {
    return this.#timers.map(({ timer }) => timer)
  }

  messages<Tag extends Message["_tag"]>(tag: Tag): Array<{ readonly to: Address; readonly message: Of<Tag> }> {
    return this.sent.filter((sent) => sent.message._tag === tag) as never
  }

  /** Forgets what came out. */
  clear(): void {
    this.sent = []
    this.gossiped = []
    this.exchanges = []
    this.streams = []
    this.replies = []
    this.events = []
    this.logs = []
    this.completed = []
    this.counts.clear()
  }

  count(key: string): number {
    return this.counts.get(key) ?? 0
  }

  statusOf(index: number): string | undefined {
    return this.machine.members().find((member) => member.id === `n${index}`)?.status
  }

  incarnationOf(index: number): number | undefined {
    return this.machine.members().find((member) => member.id === `n${index}`)?.incarnation
  }

  get eventTags(): Array<string> {
    return this.events.map((event) =>
      event._tag === "Conflict" ? `Conflict ${event.id}` : `${event._tag} ${event.member.id}`
    )
  }

  /** What it would tell of itself and others on a stream. */
  get claims(): ReadonlyArray<Claim> {
    const answer = this.request({ _tag: "SyncRequest", id: "asking", address: addressOf(98), table: 0 })
    return answer?._tag === "SyncResponse" ? answer.claims ?? [] : []
  }

  /** Lets time pass until a probe leaves; gives the ping. */
  untilPing(): { readonly to: Address; readonly message: Of<"Ping"> } {
    const before = this.messages("Ping").length
    for (let i = 0; i < 30; i++) {
      this.advance(100)
      const pings = this.messages("Ping")
      if (pings.length > before) return pings.at(-1)!
    }
    throw new Error("no ping was sent")
  }
}

/** Carries exchanges between machines, at once, until there are none. */
export const settle = (...labs: ReadonlyArray<Lab>): number => {
  let carried = 0
  for (let busy = true; busy;) {
    busy = false
    for (const lab of labs) {
      for (const { exchange, message, to } of [...lab.exchanges.splice(0), ...lab.streams.splice(0)]) {
        busy = true
        carried++
        const other = labs.find((other) => other.address === to)
        const answer = other?.request(message, lab.address)
        lab.answer(exchange, answer, answer === undefined ? "unreachable" : "")
      }
    }
  }
  return carried
}

/** Lets time pass for several machines in small steps, and carries what they send. */
export const run = (labs: ReadonlyArray<Lab>, millis: number, step = 50): void => {
  for (let passed = 0; passed < millis; passed += step) {
    for (const lab of labs) lab.advance(step, { gossips: false })
    settle(...labs)
    for (const lab of labs) {
      const datagrams = new Map<Address, Array<Message>>()
      for (const { message, to } of lab.sent.splice(0)) datagrams.set(to, [...datagrams.get(to) ?? [], message])
      for (const to of lab.gossiped.splice(0)) if (!datagrams.has(to)) datagrams.set(to, [])
      for (const [to, messages] of datagrams) {
        const riders = lab.machine.piggyback(1394, to)
        const other = labs.find((other) => other.address === to)
        if (other === undefined) continue
        for (const message of messages) other.receive(message, lab.address)
        for (const bytes of riders) other.receive(decodeMessage(bytes), lab.address)
      }
    }
  }
}

export const decodeMessage = (bytes: Uint8Array): Message => {
  const { messages } = decode(0, assemble(0, [bytes]))
  if (messages.length !== 1) throw new Error("a message that was passed on does not decode")
  return messages[0]!
}
