/**
 * Drives `HeartbeatMachine`s by hand: what goes in, when, and by which chance; all that comes out is kept, or carried to
 * the other machines.
 */
import type { Address } from "../../../../src/Address.ts"
import { type Config, defaultConfig } from "../../../../src/membership/internal/heartbeat/config.ts"
import { HeartbeatMachine } from "../../../../src/membership/internal/heartbeat/machine.ts"
import { fingerprintOf, Handle } from "../../../../src/membership/internal/heartbeat/state.ts"
import type { MembershipEvent } from "../../../../src/membership/MembershipEvent.ts"
import type { MembershipCommand, MembershipResult } from "../../../../src/membership/MembershipMachine.ts"
import type { Input, RandomSource } from "../../../../src/node/Protocol.ts"
import { encodeMessage } from "../../../../src/wire/Frame.ts"
import { type Delta, type Digest, packDigests, unpackDigests } from "../../../../src/wire/HeartbeatMessage.ts"
import type { Message } from "../../../../src/wire/Message.ts"
import { generator } from "../../../support/generator.ts"
import { addressOf, bornAt, wallClock } from "../swim/harness.ts"

export { addressOf, bornAt, wallClock }

/** Bytes of messages that fit a datagram. */
export const room = 1394

export const fingerprint = (index: number): number =>
  fingerprintOf({ state: { id: `n${index}`, address: addressOf(index) } })

/** What is said of member `n1`, `n2`, … */
export const digest = (index: number, fields: Partial<Digest> = {}): Digest => ({
  fingerprint: fingerprint(index),
  incarnation: wallClock,
  heartbeat: 1,
  version: 0,
  status: "Alive",
  ...fields
})

export const delta = (index: number, fields: Partial<Delta> = {}): Delta => ({
  id: `n${index}`,
  address: addressOf(index),
  incarnation: wallClock,
  heartbeat: 1,
  protocolVersion: 1,
  ...fields
})

export const syn = (...digests: ReadonlyArray<Digest>): Message => ({
  _tag: "DigestSyn",
  digests: packDigests(digests)
})

export const ack2 = (...deltas: ReadonlyArray<Delta>): Message => ({ _tag: "DigestAck2", deltas })

/** The digests of a message, by the index of the member. */
export const named = (message: Message | undefined): Map<number, Digest> => {
  if (message?._tag !== "DigestSyn" && message?._tag !== "DigestAck") throw new Error("no digests")
  const all = unpackDigests(message.digests)!
  return new Map(
    Array.from({ length: 400 }, (_, index) => [index, all.find((each) => each.fingerprint === fingerprint(index))])
      .filter((pair): pair is [number, Digest] => pair[1] !== undefined)
  )
}

interface Sent {
  readonly to: Address
  readonly message: Message
}

export class Lab {
  readonly index: number
  readonly address: Address
  readonly machine: HeartbeatMachine
  readonly random: RandomSource
  readonly handle: Handle
  now: number
  sent: Array<Sent> = []
  exchanges: Array<Sent & { readonly exchange: number }> = []
  events: Array<MembershipEvent> = []
  completed: Array<number> = []
  readonly results = new Map<number, MembershipResult>()
  readonly counts = new Map<string, number>()
  readonly #replies = new Map<number, Message | undefined>()
  #timers: Array<{ readonly at: number; readonly timer: unknown }> = []
  #serial = 0

  constructor(options: {
    readonly index?: number
    readonly seeds?: ReadonlyArray<Address>
    readonly config?: Partial<Config>
    readonly metadata?: Uint8Array
    readonly now?: number
    readonly wallClock?: number
    readonly maxDatagramSize?: number
    readonly handle?: Handle
    readonly previous?: HeartbeatMachine
    /** Peers it is told of before anything else. */
    readonly peers?: number
  } = {}) {
    this.index = options.index ?? 0
    this.address = addressOf(this.index)
    this.now = options.now ?? bornAt
    this.random = generator(`n${this.index}`)
    this.handle = options.handle ?? new Handle()
    this.machine = new HeartbeatMachine(
      {
        id: `n${this.index}`,
        address: this.address,
        wallClock: options.wallClock ?? wallClock,
        now: this.now,
        maxDatagramSize: options.maxDatagramSize ?? room,
        maxExchangeSize: 4 * 1024 * 1024,
        previous: options.previous,
        restarts: options.previous === undefined ? 0 : 1
      },
      { ...defaultConfig, ...options.config },
      { seeds: options.seeds ?? [], metadata: options.metadata ?? new Uint8Array(0) },
      this.handle
    )
    this.step({ _tag: "Started" })
    for (let i = 1; i <= (options.peers ?? 0); i++) this.receive(ack2(delta(i)))
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
          this.#replies.set(output.reply, output.message)
          break
        case "Wake":
          this.#timers.push({ at: output.at, timer: output.timer })
          break
        case "Happened":
          this.events.push(output.event)
          break
        case "Completed":
          this.completed.push(output.completion)
          this.results.set(output.completion, output.result)
          break
        case "Counted": {
          const key = `${output.counter} ${output.label}`
          this.counts.set(key, this.count(key) + 1)
        }
      }
    }
  }

  receive(message: Message, from: Address = addressOf(99)): void {
    this.step({ _tag: "Received", from, message, encoded: encodeMessage(message) })
  }

  /** Asks as a peer does, and gives the answer in a datagram. */
  ask(message: Message, from: Address): Message | undefined {
    const before = this.sent.length
    this.receive(message, from)
    return this.sent.slice(before).find(({ to }) => to === from)?.message
  }

  request(message: Message, from: Address = addressOf(99)): Message | undefined {
    const reply = ++this.#serial
    this.step({ _tag: "Requested", from, message, reply })
    return this.#replies.get(reply)
  }

  command(command: MembershipCommand): number {
    const completion = ++this.#serial
    this.step({ _tag: "Commanded", command, completion })
    return completion
  }

  /** Lets time pass: timers fire when they are due, or when it has passed where the node stands still. */
  advance(millis: number, options: { readonly standsStill?: boolean } = {}): void {
    const end = this.now + millis
    if (options.standsStill === true) this.now = end
    while (true) {
      const at = Math.min(Infinity, ...this.#timers.map((timer) => timer.at))
      if (at > end) break
      const next = this.#timers.find((timer) => timer.at === at)!
      this.#timers = this.#timers.filter((timer) => timer !== next)
      this.now = Math.max(this.now, at)
      this.step({ _tag: "Due", timer: next.timer })
    }
    this.now = end
  }

  clear(): void {
    this.sent = []
    this.exchanges = []
    this.events = []
    this.counts.clear()
  }

  count(key: string): number {
    return this.counts.get(key) ?? 0
  }

  member(index: number) {
    return this.machine.member(`n${index}`)
  }

  statusOf(index: number): string | undefined {
    return this.member(index)?.status
  }

  get eventTags(): Array<string> {
    return this.events.map((event) => `${event._tag} ${event._tag === "Conflict" ? event.id : event.member.id}`)
  }

  /** The last message of a kind. */
  last<Tag extends Message["_tag"]>(tag: Tag): (Sent & { readonly message: { readonly _tag: Tag } }) | undefined {
    return this.sent.findLast(({ message }) => message._tag === tag) as never
  }
}

/** Lets time pass for several machines in small steps, and carries what they say; `carries` may lose it. */
export const run = (
  labs: ReadonlyArray<Lab>,
  millis: number,
  options: { readonly step?: number; readonly carries?: (from: Lab, to: Lab) => boolean } = {}
): void => {
  const { carries = () => true, step = 50 } = options
  const at = (address: Address, from: Lab) => {
    const lab = labs.find((lab) => lab.address === address)
    return lab !== undefined && carries(from, lab) ? lab : undefined
  }
  for (let passed = 0; passed < millis; passed += step) {
    for (const lab of labs) lab.advance(step)
    for (let busy = true; busy;) {
      busy = false
      for (const lab of labs) {
        for (const { exchange, message, to } of lab.exchanges.splice(0)) {
          busy = true
          const answer = at(to, lab)?.request(message, lab.address)
          lab.step({ _tag: "Answered", exchange, answer, failure: answer === undefined ? "unreachable" : "" })
        }
        for (const { message, to } of lab.sent.splice(0)) {
          busy = true
          at(to, lab)?.receive(message, lab.address)
        }
      }
    }
  }
}

/** Machines that know each other. */
export const cluster = (count: number, config: Partial<Config> = {}): Array<Lab> => {
  const labs = Array.from({ length: count }, (_, index) => new Lab({ index, seeds: [addressOf(0)], config }))
  run(labs, 10_000)
  return labs
}
