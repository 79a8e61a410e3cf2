/**
 * Drives `ClusterBusMachine`s by hand: what goes in, when, and by which chance; all that comes out is kept.
 */
import type { Address } from "../../../../src/Address.ts"
import { type Config, defaultConfig } from "../../../../src/membership/internal/clusterBus/config.ts"
import { ClusterBusMachine } from "../../../../src/membership/internal/clusterBus/machine.ts"
import type { MembershipEvent } from "../../../../src/membership/MembershipEvent.ts"
import type {
  MembershipCommand,
  MembershipMachine,
  MembershipResult
} from "../../../../src/membership/MembershipMachine.ts"
import type { Input, RandomSource } from "../../../../src/node/Protocol.ts"
import type { Section } from "../../../../src/wire/ClusterBusMessage.ts"
import type { Alive, Message } from "../../../../src/wire/Message.ts"
import { generator } from "../../../support/generator.ts"
import { addressOf, bornAt, peer, wallClock } from "../swim/harness.ts"

export { addressOf, bornAt, peer, wallClock }

export const nodeTimeout = 2000

type Of<Tag extends Message["_tag"]> = Extract<Message, { readonly _tag: Tag }>

/** Claims are not passed on as they came. */
const noBytes = new Uint8Array(0)

interface Timed {
  readonly at: number
  readonly timer: unknown
}

interface Sent {
  readonly to: Address
  readonly message: Message
}

/** What is said of a member: that it has answered some time ago, or without one that it is PFAIL. */
export const section = (index: number, pong?: number, more: Partial<Section> = {}): Section => {
  const { address, id, incarnation } = peer(index)
  return { id, address, incarnation, ...(pong === undefined ? undefined : { pong, beat: 1 }), ...more }
}

export class Lab {
  readonly index: number
  readonly address: Address
  readonly machine: ClusterBusMachine
  readonly random: RandomSource
  now: number
  sent: Array<Sent> = []
  exchanges: Array<Sent & { readonly exchange: number }> = []
  replies: Array<{ readonly reply: number; readonly message: Message | undefined }> = []
  events: Array<MembershipEvent> = []
  completed: Array<{ readonly completion: number; readonly result: MembershipResult }> = []
  readonly counts = new Map<string, number>()
  #timers: Array<Timed> = []
  #serial = 0

  constructor(options: {
    readonly index?: number
    readonly seeds?: ReadonlyArray<Address>
    readonly config?: Partial<Config>
    readonly metadata?: Uint8Array
    readonly previous?: MembershipMachine
    readonly id?: string
    readonly maxDatagramSize?: number
    readonly now?: number
    readonly wallClock?: number
    /** Peers it is told of before anything else, by themselves. */
    readonly peers?: number
  } = {}) {
    this.index = options.index ?? 0
    this.address = addressOf(this.index)
    this.now = options.now ?? bornAt
    const id = options.id ?? `n${this.index}`
    this.random = generator(id)
    this.machine = new ClusterBusMachine(
      {
        id,
        address: this.address,
        wallClock: options.wallClock ?? wallClock,
        now: this.now,
        maxDatagramSize: options.maxDatagramSize ?? 1394,
        maxExchangeSize: 4 * 1024 * 1024,
        previous: options.previous,
        restarts: options.previous === undefined ? 0 : 1
      },
      { ...defaultConfig, nodeTimeout, ...options.config },
      { seeds: options.seeds ?? [], metadata: options.metadata ?? new Uint8Array(0) }
    )
    this.step({ _tag: "Started" })
    for (let i = 1; i <= (options.peers ?? 0); i++) this.know(i)
    if (options.peers !== undefined) this.clear()
  }

  step(input: Input<MembershipCommand>): void {
    for (const output of this.machine.step(input, this.now, this.random)) {
      switch (output._tag) {
        case "Send":
          this.sent.push(output)
          break
        case "Exchange":
          this.exchanges.push(output)
          break
        case "Reply":
          this.replies.push(output)
          break
        case "Wake":
          this.#timers.push({ at: output.at, timer: output.timer })
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
        }
      }
    }
  }

  receive(message: Message, from: Address = addressOf(99)): void {
    this.step({ _tag: "Received", from, message, encoded: noBytes })
  }

  /** A peer introduces itself. */
  know(index: number, more: Partial<typeof Alive.Type> = {}): void {
    this.request({ _tag: "Meet", self: { ...peer(index).alive, ...more } })
  }

  /** A peer pings, and says something of others. */
  pinged(index: number, sections: ReadonlyArray<Section> = []): void {
    this.receive({ _tag: "BusPing", self: peer(index).alive, nonce: 1, sections }, addressOf(index))
  }

  /** A peer answers the last ping it was sent. */
  ponged(index: number, options: { readonly beat?: number; readonly sections?: ReadonlyArray<Section> } = {}): void {
    const { beat = 1, sections = [] } = options
    const { message } = this.sent.findLast(({ message, to }) =>
      message._tag === "BusPing" && to === addressOf(index)
    )! as {
      readonly message: Of<"BusPing">
    }
    this.receive({ _tag: "BusPong", self: peer(index).alive, nonce: message.nonce, sections, beat }, addressOf(index))
  }

  request(message: Message, from: Address = addressOf(99)): Message | undefined {
    const reply = ++this.#serial
    this.step({ _tag: "Requested", from, message, reply })
    const answers = this.replies.filter((each) => each.reply === reply)
    if (answers.length !== 1) throw new Error(`${answers.length} replies to one request`)
    return answers[0]!.message
  }

  command(command: MembershipCommand): number {
    const completion = ++this.#serial
    this.step({ _tag: "Commanded", command, completion })
    return completion
  }

  /** Lets time pass; those in `answering` answer each ping at once. */
  advance(millis: number, answering: ReadonlyArray<number> = []): void {
    const end = this.now + millis
    const indexes = new Map(answering.map((index) => [addressOf(index), index]))
    while (true) {
      const next = this.#timers.reduce<Timed | undefined>(
        (best, each) => best === undefined || each.at < best.at ? each : best,
        undefined
      )
      if (next === undefined || next.at > end) break
      this.#timers.splice(this.#timers.indexOf(next), 1)
      this.now = Math.max(this.now, next.at)
      const before = this.sent.length
      this.step({ _tag: "Due", timer: next.timer })
      for (const { message, to } of this.sent.slice(before)) {
        const index = message._tag === "BusPing" ? indexes.get(to) : undefined
        if (index !== undefined) this.ponged(index, { beat: Math.floor(this.now / 100) })
      }
    }
    this.now = end
  }

  messages<Tag extends Message["_tag"]>(tag: Tag): Array<{ readonly to: Address; readonly message: Of<Tag> }> {
    return this.sent.filter((sent) => sent.message._tag === tag) as never
  }

  pingsTo(index: number): Array<{ readonly to: Address; readonly message: Of<"BusPing"> }> {
    return this.messages("BusPing").filter((ping) => ping.to === addressOf(index))
  }

  clear(): void {
    this.sent = []
    this.exchanges = []
    this.replies = []
    this.events = []
    this.completed = []
    this.counts.clear()
  }

  count(key: string): number {
    return this.counts.get(key) ?? 0
  }

  statusOf(index: number): string | undefined {
    return this.machine.member(`n${index}`)?.status
  }

  get eventTags(): Array<string> {
    return this.events.map((event) =>
      event._tag === "Conflict" ? `Conflict ${event.id}` : `${event._tag} ${event.member.id}`
    )
  }
}

/** Lets time pass for several machines in small steps, and carries what they send where `isOpen` lets it through. */
export const run = (
  labs: ReadonlyArray<Lab>,
  millis: number,
  isOpen: (from: Lab, to: Lab) => boolean = () => true
): void => {
  const step = 50
  for (let passed = 0; passed < millis; passed += step) {
    for (const lab of labs) lab.advance(step)
    for (let busy = true; busy;) {
      busy = false
      for (const lab of labs) {
        for (const { exchange, message, to } of lab.exchanges.splice(0)) {
          busy = true
          const other = labs.find((other) => other.address === to && isOpen(lab, other))
          const answer = other?.request(message, lab.address)
          lab.step({ _tag: "Answered", exchange, answer, failure: "unreachable" })
        }
        for (const { message, to } of lab.sent.splice(0)) {
          busy = true
          const other = labs.find((other) => other.address === to)
          if (other !== undefined && isOpen(lab, other)) other.receive(message, lab.address)
        }
      }
    }
  }
}

/** Machines that know each other. */
export const cluster = (size: number, config: (index: number) => Partial<Config> = () => ({})): Array<Lab> => {
  const labs = Array.from(
    { length: size },
    (_, index) => new Lab({ index, seeds: index === 0 ? [] : [addressOf(0)], config: config(index) })
  )
  run(labs, 3000)
  for (const lab of labs) lab.clear()
  return labs
}
