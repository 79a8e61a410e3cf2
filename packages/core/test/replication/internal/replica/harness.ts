/**
 * Several replica machines with a network, a membership and stores between them that do what a test says. What happens is
 * drawn from a seed, so that a run can be had again.
 */
import type { Address } from "../../../../src/Address.ts"
import * as Addresses from "../../../../src/Address.ts"
import type { RandomSource } from "../../../../src/node/Protocol.ts"
import { MemberList } from "../../../../src/replication/internal/replica/members.ts"
import type {
  Lacking,
  Options,
  Recovered,
  ReplicaCommand,
  ReplicaEvent,
  ReplicaMachine,
  ReplicaResult,
  SpaceKind,
  SpaceLimits,
  Version
} from "../../../../src/replication/ReplicaMachine.ts"
import { defaultLimits, makeProtocol } from "../../../../src/replication/ReplicaMachine.ts"
import { decode, encode } from "../../../../src/wire/Frame.ts"
import type { Message } from "../../../../src/wire/Message.ts"
import { type Generator, generator } from "../../../support/generator.ts"

export const wallClock = 1_700_000_000_000
export const spaceName = "flags"

const utf8 = new TextEncoder()
const text = new TextDecoder()

export const bytesOf = (value: string): Uint8Array => utf8.encode(value)
export const textOf = (value: Uint8Array): string => text.decode(value)

export const addressOf = (index: number): Address =>
  Addresses.make({ host: `10.0.${index >> 8}.${index & 255}`, port: 7946 })

/** Where messages seem to come from: as through address translation. */
const elsewhere = Addresses.make({ host: "192.0.2.1", port: 40_000 })

export const overTheWire = (message: Message): Message => {
  const { messages } = decode(7, encode(7, message))
  if (messages.length !== 1) throw new Error(`${message._tag} does not come through`)
  return messages[0]!
}

// -----------------------------------------------------------------------------
// time
// -----------------------------------------------------------------------------

interface Event {
  readonly at: number
  readonly order: number
  readonly run: () => void
}

const isBefore = (a: Event, b: Event) => a.at < b.at || a.at === b.at && a.order < b.order

/** What is to come, the next first. */
class Agenda {
  readonly #heap: Array<Event> = []
  #order = 0

  get next(): number {
    return this.#heap[0]?.at ?? Infinity
  }

  add(at: number, run: () => void): void {
    const heap = this.#heap
    const event = { at, order: this.#order++, run }
    let place = heap.push(event) - 1
    while (place > 0) {
      const parent = (place - 1) >> 1
      if (!isBefore(event, heap[parent]!)) break
      heap[place] = heap[parent]!
      place = parent
    }
    heap[place] = event
  }

  take(): Event {
    const heap = this.#heap
    const first = heap[0]!
    const last = heap.pop()!
    if (heap.length === 0) return first
    let place = 0
    while (true) {
      let child = 2 * place + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child++
      if (!isBefore(heap[child]!, last)) break
      heap[place] = heap[child]!
      place = child
    }
    heap[place] = last
    return first
  }
}

// -----------------------------------------------------------------------------
// a node
// -----------------------------------------------------------------------------

/** What a node has stored. */
export interface Stored {
  readonly records: Map<string, readonly [key: Uint8Array, record: Uint8Array]>
  meta: Uint8Array | undefined
}

type Happened<Tag extends ReplicaEvent["_tag"]> = Extract<ReplicaEvent, { readonly _tag: Tag }>

export interface ClusterOptions extends Partial<Omit<Options, "members" | "selector">> {
  readonly seed?: string
  readonly isDurable?: boolean
  readonly kind?: SpaceKind
  readonly limits?: Partial<SpaceLimits>
  /** Whether messages go through the wire's codec: slower. */
  readonly isEncoded?: boolean
  readonly maxDatagramSize?: number
  /** Whether rumors come at all. */
  readonly hasRumors?: boolean
  /** By how much the nodes' wall clocks are wrong, in milliseconds. */
  readonly skew?: (random: Generator) => number
}

/** One life of a process. */
export class Node {
  readonly cluster: Cluster
  readonly index: number
  readonly id: string
  readonly address: Address
  readonly members: MemberList
  readonly machine: ReplicaMachine
  readonly random: RandomSource
  /** Membership's incarnations of this life. */
  readonly incarnations = new Set<number>()
  isRunning = true
  sent = { messages: 0, bytes: 0, exchanges: 0 }
  readonly events: Array<ReplicaEvent> = []
  readonly results = new Map<number, ReplicaResult>()
  readonly counts = new Map<string, number>()
  readonly stored: Stored
  #completions = 0

  constructor(cluster: Cluster, index: number, incarnation: number, stored: Stored, previous?: ReplicaMachine) {
    this.cluster = cluster
    this.index = index
    this.id = nameOf(index)
    this.address = addressOf(index)
    this.members = new MemberList(incarnation)
    this.incarnations.add(incarnation)
    this.stored = stored
    this.random = cluster.random
    const { members } = this
    this.machine = makeProtocol({
      ...cluster.options,
      members,
      selector: (random) => ({
        next: (count) => {
          const live = [...members.all].filter(({ deadSince }) => deadSince === undefined)
          if (count === 1) return live.length === 0 ? [] : [live[Math.floor(random.nextDoubleUnsafe() * live.length)]!]
          return live.slice(0, count)
        }
      })
    }).make({
      id: this.id,
      address: this.address,
      wallClock: this.cluster.wallClockOf(index),
      now: cluster.now,
      maxDatagramSize: cluster.options.maxDatagramSize ?? 1394,
      maxExchangeSize: 4 * 1024 * 1024,
      previous,
      restarts: previous === undefined ? 0 : 1
    })
  }

  start(): void {
    this.step({ _tag: "Started" })
  }

  open(isWhole = true): ReplicaResult | undefined {
    const { isDurable = false, kind = { _tag: "lww" }, limits } = this.cluster.options
    const recovered: Recovered | undefined = isDurable
      ? { entries: [...this.stored.records.values()], meta: this.stored.meta, isWhole }
      : undefined
    return this.command({
      _tag: "Open",
      space: spaceName,
      kind,
      limits: { ...defaultLimits, ...limits },
      isDurable,
      recovered
    })
  }

  step(input: Parameters<ReplicaMachine["step"]>[0]): void {
    if (!this.isRunning) return
    for (const output of this.machine.step(input, this.cluster.now, this.random)) this.cluster.take(this, output)
  }

  command(command: ReplicaCommand): ReplicaResult | undefined {
    return this.results.get(this.commanded(command))
  }

  commanded(command: ReplicaCommand): number {
    const completion = ++this.#completions
    this.step({ _tag: "Commanded", command, completion })
    return completion
  }

  set(key: string, value: string | undefined): Version {
    const result = this.write(key, value)
    if (result?._tag !== "Written") throw new Error(`not written: ${result?._tag}`)
    return result.version!
  }

  write(key: string, value: string | undefined): ReplicaResult | undefined {
    const write = { key: bytesOf(key), value: value === undefined ? undefined : bytesOf(value) }
    return this.command({ _tag: "Write", space: spaceName, writes: [write] })
  }

  get(key: string): string | undefined {
    const value = this.machine.read(spaceName, bytesOf(key))?.value
    return value === undefined ? undefined : textOf(value)
  }

  /** All that is visible, in an order that depends on it alone. */
  get content(): string {
    return [...this.machine.entries(spaceName)]
      .map(({ key, value }) => `${textOf(key)}=${value === undefined ? "" : textOf(value)}`)
      .sort()
      .join()
  }

  get certificates(): number {
    return this.machine.size(spaceName)!.certificates
  }

  happened<Tag extends ReplicaEvent["_tag"]>(tag: Tag): ReadonlyArray<Happened<Tag>> {
    return this.events.filter((event) => event._tag === tag) as never
  }

  /** What became of a watch; undefined as long as nothing was told. */
  stability(watch: number): { readonly isStable: boolean; readonly lacking: ReadonlyArray<Lacking> } | undefined {
    return this.happened("Stability").findLast((event) => event.watch === watch)
  }

  /** Asks it on a stream: from a port at which nobody listens. */
  request(message: Message): Message | undefined {
    const reply = ++this.#completions
    let answer: Message | undefined
    for (
      const output of this.machine.step(
        { _tag: "Requested", from: elsewhere, message, reply },
        this.cluster.now,
        this.random
      )
    ) {
      if (output._tag === "Reply") answer = output.message
      else this.cluster.take(this, output)
    }
    return answer
  }
}

export const nameOf = (index: number): string => `n${String(index).padStart(3, "0")}`

// -----------------------------------------------------------------------------
// nodes
// -----------------------------------------------------------------------------

export class Cluster {
  readonly options: ClusterOptions
  readonly random: Generator
  readonly nodes: Array<Node> = []
  readonly agenda = new Agenda()
  now = 1000
  /** Milliseconds that a datagram, or half an exchange, or a rumor takes. */
  latency = () => 1 + this.random.int(5)
  rumorLatency = () => 1 + this.random.int(20)
  commitLatency = () => 1 + this.random.int(5)
  /** Whether a datagram, or a rumor to one node, is lost. */
  loses: (from: number, to: number, message: Message | undefined) => boolean = () => false
  /** Whether nothing gets from one node to another. */
  separates: (from: number, to: number) => boolean = () => false
  /** Told of all that happens. */
  onEvent: (node: Node, event: ReplicaEvent) => void = () => {}
  onCommitted: (node: Node, sequence: number) => void = () => {}
  /** By how much wall clocks are wrong, in milliseconds. */
  skews: Array<number> = []

  constructor(count: number, options: ClusterOptions = {}) {
    this.options = options
    this.random = generator(options.seed ?? "cluster")
    const { skew } = options
    if (skew !== undefined) this.skews = Array.from({ length: count }, () => skew(this.random))
    for (let index = 0; index < count; index++) this.#add(index, wallClock + index, emptyStore())
    for (const node of this.nodes) {
      for (const other of this.nodes) if (other !== node) this.present(node, other)
    }
  }

  wallClockOf(index: number): number {
    return wallClock + this.now + (this.skews[index] ?? 0)
  }

  /** Opens the space everywhere. */
  open(): this {
    for (const node of this.nodes) {
      node.start()
      node.open()
    }
    return this
  }

  #add(index: number, incarnation: number, stored: Stored, previous?: ReplicaMachine): Node {
    const node = new Node(this, index, incarnation, stored, previous)
    this.nodes[index] = node
    return node
  }

  // ---------------------------------------------------------------------------
  // membership
  // ---------------------------------------------------------------------------

  /** A node holds another for live. */
  present(node: Node, other: Node): void {
    const { address, id, members: { incarnation } } = other
    node.members.set({ id, address, incarnation, deadSince: undefined })
  }

  /** A node holds another for dead. */
  dead(node: Node, other: Node): void {
    const member = node.members.get(other.id)
    if (member !== undefined && member.deadSince === undefined) node.members.set({ ...member, deadSince: this.now })
  }

  /** The process ends, without a word. */
  crash(index: number): void {
    this.nodes[index]!.isRunning = false
  }

  /** Another process takes its place, with what was stored, or nothing. */
  restart(index: number, keepsStore: boolean): Node {
    const former = this.nodes[index]!
    former.isRunning = false
    const incarnation = Math.max(former.members.incarnation + 1, this.wallClockOf(index))
    return this.#add(index, incarnation, keepsStore ? former.stored : emptyStore())
  }

  /** The machine ends by a defect, and another takes its place. */
  break(index: number): Node {
    const former = this.nodes[index]!
    former.isRunning = false
    const node = this.#add(index, former.members.incarnation + 1, former.stored, former.machine)
    for (const member of former.members.all) node.members.set(member)
    return node
  }

  // ---------------------------------------------------------------------------
  // what comes out of nodes
  // ---------------------------------------------------------------------------

  at(delay: number, run: () => void): void {
    this.agenda.add(this.now + delay, run)
  }

  /** Something gets from one process to another, unless it is lost. */
  #carry(from: Node, to: number, delay: number, run: (node: Node) => void, lost: () => void = () => {}): void {
    this.at(delay, () => {
      const node = this.nodes[to]
      if (node?.isRunning !== true || this.separates(from.index, to)) lost()
      else run(node)
    })
  }

  take(node: Node, output: ReturnType<ReplicaMachine["step"]>[number]): void {
    switch (output._tag) {
      case "Send": {
        node.sent.messages++
        const to = this.indexAt(output.to)
        if (this.options.isEncoded === true) node.sent.bytes += encode(7, output.message).length
        if (this.loses(node.index, to, output.message)) return
        const message = this.#passed(output.message)
        return this.#carry(
          node,
          to,
          this.latency(),
          (other) => other.step({ _tag: "Received", from: elsewhere, message, encoded: new Uint8Array(0) })
        )
      }
      case "Exchange": {
        node.sent.exchanges++
        const { exchange } = output
        if (this.options.isEncoded === true) node.sent.bytes += encode(7, output.message).length
        const message = this.#passed(output.message)
        const back = (answer: Message | undefined, delay: number) =>
          this.at(
            delay,
            () => node.step({ _tag: "Answered", exchange, answer, failure: answer === undefined ? "unreachable" : "" })
          )
        const fail = () => back(undefined, 50)
        return this.#carry(node, this.indexAt(output.to), this.latency(), (other) => {
          const answer = other.request(message)
          if (this.separates(other.index, node.index)) fail()
          else back(answer === undefined ? undefined : this.#passed(answer), this.latency())
        }, fail)
      }
      case "Wake":
        return this.agenda.add(Math.max(this.now, output.at), () => node.step({ _tag: "Due", timer: output.timer }))
      case "Completed": {
        node.results.set(output.completion, output.result)
        return
      }
      case "Counted": {
        const key = `${output.counter} ${output.label}`
        node.counts.set(key, (node.counts.get(key) ?? 0) + 1)
        return
      }
      case "Happened":
        return this.#happened(node, output.event)
      case "Reply":
      case "Gossip":
      case "Logged":
        throw new Error(`${output._tag} is not expected`)
    }
  }

  #passed(message: Message): Message {
    return this.options.isEncoded === true ? overTheWire(message) : message
  }

  #happened(node: Node, event: ReplicaEvent): void {
    node.events.push(event)
    this.onEvent(node, event)
    if (event._tag === "Spread" && this.options.hasRumors !== false) {
      for (let to = 0; to < this.nodes.length; to++) {
        if (to === node.index || this.loses(node.index, to, undefined)) continue
        this.#carry(
          node,
          to,
          this.rumorLatency(),
          (other) => void other.command({ _tag: "Heard", space: spaceName, batch: event.batch, origin: node.id })
        )
      }
    }
    if (event._tag === "Persist") {
      this.at(this.commitLatency(), () => {
        if (!node.isRunning) return
        for (const put of event.puts) node.stored.records.set(textOf(put[0]), put)
        for (const key of event.removes) node.stored.records.delete(textOf(key))
        node.stored.meta = event.meta
        this.onCommitted(node, event.sequence)
        node.command({ _tag: "Committed", space: spaceName, sequence: event.sequence })
      })
    }
  }

  indexAt(address: Address): number {
    return this.nodes.findIndex((node) => node.address === address)
  }

  // ---------------------------------------------------------------------------
  // time
  // ---------------------------------------------------------------------------

  advance(millis: number): void {
    const end = this.now + millis
    while (this.agenda.next <= end) {
      const event = this.agenda.take()
      this.now = Math.max(this.now, event.at)
      event.run()
    }
    this.now = end
  }

  /** Lets time pass until something holds; says whether it came to that. */
  until(holds: () => boolean, most = 60_000): boolean {
    const end = this.now + most
    while (this.now < end) {
      if (holds()) return true
      this.advance(50)
    }
    return holds()
  }

  get isConverged(): boolean {
    const running = this.nodes.filter(({ isRunning }) => isRunning)
    return running.every(({ content }) => content === running[0]!.content)
  }
}

export const emptyStore = (): Stored => ({ records: new Map(), meta: undefined })
