/**
 * Drives the machine of dissemination by hand, or several of them with a network between that takes a millisecond; all
 * that comes out is kept.
 */
import type { Address } from "../../../src/Address.ts"
import * as Addresses from "../../../src/Address.ts"
import type {
  DisseminationCommand,
  DisseminationMachine,
  DisseminationResult,
  Options
} from "../../../src/dissemination/DisseminationMachine.ts"
import { makeProtocol } from "../../../src/dissemination/DisseminationMachine.ts"
import { defaultConfig, makeStrategy } from "../../../src/dissemination/internal/pushThenPull.ts"
import type { Peer, Peers } from "../../../src/dissemination/PeerSelection.ts"
import { uniform } from "../../../src/dissemination/PeerSelection.ts"
import { combine, type SpreadReport } from "../../../src/dissemination/SpreadReport.ts"
import type { Host, Rumor, Spreading, Strategy } from "../../../src/dissemination/Strategy.ts"
import type { Input, RandomSource } from "../../../src/node/Protocol.ts"
import { unpackIds } from "../../../src/wire/DisseminationMessage.ts"
import { decode, encode, encodeMessage } from "../../../src/wire/Frame.ts"
import type { Message } from "../../../src/wire/Message.ts"
import { generator } from "../../support/generator.ts"

export const wallClock = 1_700_000_000_000
export const bornAt = 5000

export const addressOf = (index: number): Address =>
  Addresses.make({ host: `10.${index >> 16}.${index >> 8 & 255}.${index & 255}`, port: 7946 })

export const peer = (index: number): Peer => ({ id: `n${index}`, address: addressOf(index) })

/** Peers that tests may change. */
export class TestPeers implements Peers {
  list: Array<Peer>
  version = 0
  /** Who is none; all others may be peers of whom tests say no more. */
  readonly strangers = new Set<Address>()

  constructor(list: ReadonlyArray<Peer>) {
    this.list = [...list]
  }

  get size(): number {
    return this.list.length
  }

  at(index: number): Peer {
    return this.list[index]!
  }

  hasAddress(address: Address): boolean {
    return !this.strangers.has(address)
  }

  set(list: ReadonlyArray<Peer>): void {
    this.list = [...list]
    this.version++
  }
}

/** Notes what it is told, and does what the test says. */
export class Recorder implements Strategy {
  readonly kind: number
  readonly name: string
  readonly roundInterval = 200
  hosts: Array<Host> = []
  calls: Array<readonly [what: string, ...details: ReadonlyArray<unknown>]> = []
  onHeard: (rumor: Rumor, host: Host) => void = () => {}
  onRound: (host: Host) => boolean = () => false
  onPiggyback: Spreading["piggyback"]

  constructor(kind = 200, name = `strategy ${kind}`) {
    this.kind = kind
    this.name = name
  }

  get host(): Host {
    return this.hosts.at(-1)!
  }

  make(host: Host): Spreading {
    this.hosts.push(host)
    return {
      heard: (rumor, from, note, asked) => {
        this.calls.push(["heard", rumor.id, from, note, asked])
        this.onHeard(rumor, host)
      },
      heardAgain: (rumor, from, note) => this.calls.push(["heardAgain", rumor.id, from, note]),
      received: (message, from) => this.calls.push(["received", message._tag, from]),
      round: () => {
        this.calls.push(["round", host.round])
        return this.onRound(host)
      },
      forget: (ids) => this.calls.push(["forget", ...ids]),
      ...(this.onPiggyback === undefined ? undefined : { piggyback: this.onPiggyback })
    }
  }

  count(what: string): number {
    return this.calls.filter(([each]) => each === what).length
  }
}

export const pushThenPull = makeStrategy(defaultConfig)

type Of<Tag extends Message["_tag"]> = Extract<Message, { readonly _tag: Tag }>
export type News = Of<"News">

export interface Sent {
  readonly to: Address
  readonly message: Message
}

export interface Exchange extends Sent {
  readonly exchange: number
}

interface Timer {
  readonly at: number
  readonly order: number
  readonly timer: unknown
}

export interface LabOptions extends Partial<Options> {
  readonly index?: number
  /** How many peers there are: `n1`, `n2`, … */
  readonly nodes?: number
  readonly random?: RandomSource
  readonly now?: number
  readonly wallClock?: number
  readonly previous?: DisseminationMachine
  readonly restarts?: number
  readonly maxDatagramSize?: number
  readonly maxExchangeSize?: number
}

export class Lab {
  readonly id: string
  readonly address: Address
  readonly peers: Peers
  readonly machine: DisseminationMachine
  readonly random: RandomSource
  now: number
  sent: Array<Sent> = []
  gossiped: Array<Address> = []
  exchanges: Array<Exchange> = []
  replies: Array<{ readonly reply: number; readonly message: Message | undefined }> = []
  delivered: Array<Rumor> = []
  completed: Array<{ readonly completion: number; readonly result: DisseminationResult }> = []
  readonly counts = new Map<string, number>()
  timers: Array<Timer> = []
  #serial = 0

  constructor(options: LabOptions = {}) {
    const index = options.index ?? 0
    this.id = `n${index}`
    this.address = addressOf(index)
    this.now = options.now ?? bornAt
    this.random = options.random ?? generator(this.id)
    this.peers = options.peers ?? new TestPeers(
      Array.from({ length: (options.nodes ?? 4) - 1 }, (_, other) => peer(other < index ? other : other + 1))
    )
    this.machine = makeProtocol({
      selection: uniform,
      strategy: pushThenPull,
      ...options,
      peers: this.peers
    }).make({
      id: this.id,
      address: this.address,
      wallClock: options.wallClock ?? wallClock,
      now: this.now,
      maxDatagramSize: options.maxDatagramSize ?? 1394,
      maxExchangeSize: options.maxExchangeSize ?? 4 * 1024 * 1024,
      previous: options.previous,
      restarts: options.restarts ?? 0
    })
    this.step({ _tag: "Started" })
  }

  step(input: Input<DisseminationCommand>): void {
    for (const output of this.machine.step(input, this.now, this.random)) {
      switch (output._tag) {
        case "Send":
          this.sent.push(output)
          break
        case "Gossip":
          this.gossiped.push(output.to)
          break
        case "Exchange":
          this.exchanges.push(output)
          break
        case "Reply":
          this.replies.push(output)
          break
        case "Wake":
          this.timers.push({ at: output.at, order: this.#serial++, timer: output.timer })
          break
        case "Happened":
          this.delivered.push(output.event.rumor)
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
          throw new Error(output.text)
      }
    }
  }

  receive(message: Message, from: Address = addressOf(99)): void {
    this.step({ _tag: "Received", from, message, encoded: new Uint8Array(0) })
  }

  request(message: Message, from: Address = addressOf(99)): Message | undefined {
    const reply = ++this.#serial
    this.step({ _tag: "Requested", from, message, reply })
    const answers = this.replies.filter((each) => each.reply === reply)
    if (answers.length !== 1) throw new Error(`${answers.length} replies to one request`)
    return answers[0]!.message
  }

  answer(exchange: number, message: Message | undefined): void {
    this.step({ _tag: "Answered", exchange, answer: message, failure: message === undefined ? "unreachable" : "" })
  }

  command(command: DisseminationCommand): DisseminationResult | undefined {
    const completion = ++this.#serial
    this.step({ _tag: "Commanded", command, completion })
    return this.completed.find((each) => each.completion === completion)?.result
  }

  publish(payload: Uint8Array | string = "payload", topic = "topic", strategy?: Strategy): number {
    const bytes = typeof payload === "string" ? new TextEncoder().encode(payload) : payload
    const result = this.command({ _tag: "Publish", topic, payload: bytes, strategy })
    if (result?._tag !== "Published") throw new Error(`not published: ${result?._tag}`)
    return result.id
  }

  get next(): number {
    return this.timers.reduce((next, { at }) => Math.min(next, at), Infinity)
  }

  /** Fires one timer that is due, if there is any. */
  fire(): boolean {
    const due = this.timers.reduce<Timer | undefined>(
      (best, each) =>
        each.at <= this.now &&
          (best === undefined || each.at < best.at || each.at === best.at && each.order < best.order)
          ? each
          : best,
      undefined
    )
    if (due === undefined) return false
    this.timers.splice(this.timers.indexOf(due), 1)
    this.step({ _tag: "Due", timer: due.timer })
    return true
  }

  /** Lets time pass: timers fire when they are due. */
  advance(millis: number): void {
    const end = this.now + millis
    while (this.next <= end) {
      this.now = Math.max(this.now, this.next)
      this.fire()
    }
    this.now = end
  }

  messages<Tag extends Message["_tag"]>(tag: Tag): Array<{ readonly to: Address; readonly message: Of<Tag> }> {
    return this.sent.filter((sent) => sent.message._tag === tag) as never
  }

  /** Forgets what came out. */
  clear(): void {
    this.sent = []
    this.gossiped = []
    this.exchanges = []
    this.replies = []
    this.delivered = []
    this.completed = []
    this.counts.clear()
  }

  count(key: string): number {
    return this.counts.get(key) ?? 0
  }

  report(name?: string): SpreadReport {
    const reports = this.machine.reports()
    return combine(name === undefined ? reports.values() : [reports.get(name)!])
  }
}

/** A rumor of another node, as a message. */
export const news = (id: number, fields: Partial<News> = {}): News => ({
  _tag: "News",
  id,
  topic: "topic",
  origin: "n9",
  publishedAt: wallClock,
  strategy: 3,
  payload: Uint8Array.from([id & 0xff]),
  ...fields
})

export const idsOf = (bytes: Uint8Array | undefined): Array<number> => bytes === undefined ? [] : unpackIds(bytes)!

/** The message as it comes out of a datagram. */
export const overTheWire = (message: Message): Message => {
  const { messages } = decode(0, encode(0, message))
  if (messages.length !== 1) throw new Error(`a ${message._tag} does not decode`)
  return messages[0]!
}

export const sizeOnTheWire = (message: Message): number => encodeMessage(message).length

interface Event {
  readonly at: number
  readonly order: number
  readonly run: () => void
}

/** Several nodes that know each other, with a network between them. */
export class Cluster {
  readonly labs: Array<Lab> = []
  now = bornAt
  /** Milliseconds that a datagram or half an exchange takes. */
  latency: (random: RandomSource) => number = () => 1
  /** Whether a message is lost. */
  loses: (message: Message, from: Lab, to: Lab) => boolean = () => false
  readonly random = generator("cluster")
  readonly options: LabOptions
  #events: Array<Event> = []
  #order = 0

  constructor(nodes: number, options: LabOptions = {}) {
    this.options = { ...options, nodes }
    for (let index = 0; index < nodes; index++) this.labs.push(new Lab({ ...this.options, index }))
    for (const lab of this.labs) this.#take(lab)
  }

  /** The node ends by a defect, and another machine takes its place. */
  restart(index: number): Lab {
    const { machine, random } = this.labs[index]!
    const lab = new Lab({ ...this.options, index, now: this.now, previous: machine, restarts: 1, random })
    this.labs[index] = lab
    this.#take(lab)
    return lab
  }

  publish(index: number, payload?: Uint8Array | string, topic?: string): number {
    const lab = this.labs[index]!
    lab.now = this.now
    const id = lab.publish(payload, topic)
    this.#take(lab)
    return id
  }

  #at(at: number, run: () => void): void {
    this.#events.push({ at, order: this.#order++, run })
  }

  #labAt(address: Address): Lab | undefined {
    return this.labs.find((lab) => lab.address === address)
  }

  #deliver(to: Lab, at: number, run: (lab: Lab) => void): void {
    this.#at(at, () => {
      if (!this.labs.includes(to)) return
      to.now = this.now
      run(to)
      this.#take(to)
    })
  }

  /** Puts on their way what came out of a node. */
  #take(lab: Lab): void {
    for (const { message, to } of lab.sent.splice(0)) {
      const other = this.#labAt(to)
      if (other === undefined || this.loses(message, lab, other)) continue
      this.#deliver(other, this.now + this.latency(this.random), (it) => it.receive(overTheWire(message), lab.address))
    }
    for (const { exchange, message, to } of lab.exchanges.splice(0)) {
      const other = this.#labAt(to)
      const back = (answer: Message | undefined) =>
        this.#deliver(lab, this.now + this.latency(this.random), (it) => it.answer(exchange, answer))
      if (other === undefined || this.loses(message, lab, other)) {
        back(undefined)
        continue
      }
      this.#deliver(other, this.now + this.latency(this.random), (it) => {
        const answer = it.request(overTheWire(message), lab.address)
        back(answer === undefined ? undefined : overTheWire(answer))
      })
    }
    for (const { at, timer } of lab.timers.splice(0)) {
      this.#deliver(lab, Math.max(this.now, at), (it) => it.step({ _tag: "Due", timer }))
    }
  }

  advance(millis: number): void {
    const end = this.now + millis
    while (true) {
      let first: Event | undefined
      for (const event of this.#events) {
        if (first === undefined || event.at < first.at || event.at === first.at && event.order < first.order) {
          first = event
        }
      }
      if (first === undefined || first.at > end) break
      this.#events.splice(this.#events.indexOf(first), 1)
      this.now = Math.max(this.now, first.at)
      first.run()
    }
    this.now = end
    for (const lab of this.labs) lab.now = end
  }

  /** Whether any timer or message is left. */
  get isQuiet(): boolean {
    return this.#events.length === 0
  }

  /** How many have been told of a rumor. */
  reached(id: number): number {
    return this.labs.filter((lab) => lab.delivered.some((rumor) => rumor.id === id)).length
  }

  report(name?: string): SpreadReport {
    return combine(this.labs.flatMap((lab) => {
      const reports = lab.machine.reports()
      return name === undefined ? [...reports.values()] : reports.has(name) ? [reports.get(name)!] : []
    }))
  }
}
