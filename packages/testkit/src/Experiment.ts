/**
 * Many machines of one protocol, without nodes, transports and codecs around them: for experiments with thousands of
 * them, many thousand times.
 *
 * A {@link Simulation} runs whole nodes, byte by byte. Here the state machines of a protocol (`Machine` of
 * `@effect-gossip/core/node/Protocol`), which are the very ones that nodes run, are handed each other's messages as they
 * are. What is kept of the network is what epidemics depend on: who is told, how late, and what is lost. What is left out:
 * sizes (unless {@link Options.fill} is set), queues that overflow, restarts.
 *
 * - **Synchronous** (the default): a message takes {@link wave} milliseconds, which is next to nothing beside a round, so
 *   that a round holds as many waves of messages as follow one upon another. All messages of a wave arrive before any
 *   answer to one of them, in random order.
 * - **Asynchronous**: give a {@link Options.latency} that varies, and machines whose rounds do not begin together.
 *
 * All chance comes from the seed, and each node has a stream of its own: the same seed, the same run.
 *
 * **Example** (A machine that passes on what it hears, once)
 *
 * ```ts import.meta.vitest
 * import type { Input, Machine, Output } from "@effect-gossip/core/node/Protocol"
 * import { Experiment } from "@effect-gossip/testkit"
 *
 * const echo = ({ id, peers }: Experiment.Place): Machine<"start", string, void> => {
 *   let heard = false
 *   return {
 *     step: (input: Input<"start">): ReadonlyArray<Output<string, void>> => {
 *       if (heard || (input._tag !== "Received" && input._tag !== "Commanded")) return []
 *       heard = true
 *       const message = { _tag: "Nack", nonce: 1 } as const
 *       return [
 *         { _tag: "Happened", event: id },
 *         ...[0, 1].map((index) => ({ _tag: "Send", to: peers.at(index).address, message } as const))
 *       ]
 *     },
 *     piggyback: () => [],
 *     farewell: () => []
 *   }
 * }
 *
 * const experiment = Experiment.makeUnsafe({ nodes: 10, seed: "a", machine: (_, place) => echo(place) })
 * const heard: Array<string> = []
 * experiment.onEvent((_, id) => heard.push(id))
 * experiment.command(9, "start")
 * experiment.run({ until: 1000 })
 *
 * heard // => ["n9", "n0", "n1", "n2"]
 * experiment.counters.datagrams // => 8
 * ```
 *
 * @since 0.1.0
 */
import type { Address } from "@effect-gossip/core/Address"
import type { Peer, Peers } from "@effect-gossip/core/dissemination/PeerSelection"
import type { Birth, Input, Machine, Output } from "@effect-gossip/core/node/Protocol"
import { InvalidOption } from "@effect-gossip/core/Transport"
import { assemble, clusterHash, decode, encodeMessage, headerSize } from "@effect-gossip/core/wire/Frame"
import type { Message } from "@effect-gossip/core/wire/Message"
import * as Effect from "effect/Effect"
import type * as Random from "effect/Random"
import * as Result from "effect/Result"
import { Agenda } from "./internal/experiment/agenda.ts"
import * as SplitRandom from "./internal/splitRandom.ts"
import * as Latency from "./Latency.ts"

// -----------------------------------------------------------------------------
// model
// -----------------------------------------------------------------------------

/** Where a machine stands among the others. */
export interface Place {
  /** From 0 to `nodes - 1`. Names are in the same order. */
  readonly index: number
  readonly id: string
  readonly address: Address
  /** All other nodes. They never change, and take no memory of their own. */
  readonly peers: Peers
}

/** A machine of whatever protocol. */
export type AnyMachine = Machine<never, unknown, unknown>

/** What a machine can be asked. */
export type CommandOf<M extends AnyMachine> = M extends Machine<infer Command, infer _Event, infer _Result> ? Command
  : never

/** What a machine says has happened. */
export type EventOf<M extends AnyMachine> = M extends Machine<infer _Command, infer Event, infer _Result> ? Event
  : never

/** What a machine says to commands. */
export type ResultOf<M extends AnyMachine> = M extends Machine<infer _Command, infer _Event, infer Result> ? Result
  : never

/** What an experiment is made of. */
export interface Options<M extends AnyMachine> {
  /** How many machines, 1 to 1,000,000. */
  readonly nodes: number
  /** All randomness comes from it. */
  readonly seed: string | number
  /** Makes the machine of a node. */
  readonly machine: (birth: Birth<never>, place: Place) => M
  /** How long a datagram takes, and one way of an exchange. Default: {@link wave}. */
  readonly latency?: Latency.Input | undefined
  /** Share of datagrams that are lost, 0 to 1. Exchanges lose nothing. Default: 0. */
  readonly loss?: number | undefined
  /** Whether a message gets from one node to another now, besides loss. Default: always. */
  readonly reaches?: ((from: number, to: number, now: number) => boolean) | undefined
  /**
   * Whether datagrams that leave anyway are filled up by `piggyback`, for which all messages are encoded to know their
   * sizes: some ten times slower. A `Gossip` output is filled always. Default: false.
   */
  readonly fill?: boolean | undefined
  /** Bytes of messages that fit a datagram. Only what `piggyback` gives is held to it. Default: 1394. */
  readonly maxDatagramSize?: number | undefined
  /** Bytes of messages that fit a request or an answer, as machines are told. Default: 4 MiB. */
  readonly maxExchangeSize?: number | undefined
}

/** Milliseconds that a datagram takes where no latency is given. */
export const wave = 1

/** Unix time in milliseconds at which an experiment begins, on all clocks. */
export const epoch = 1_700_000_000_000

/** What the network has carried. */
export interface Counters {
  /** Datagrams sent: what one step has for one peer is one. */
  datagrams: number
  /** Of those, the ones that were lost. */
  lost: number
  /** Messages in datagrams sent. */
  messages: number
  /** Requests over streams. */
  exchanges: number
}

/** Machines at work. */
export interface Experiment<M extends AnyMachine> {
  /** Milliseconds since the beginning. */
  readonly now: number
  readonly places: ReadonlyArray<Place>
  readonly machines: ReadonlyArray<M>
  readonly counters: Readonly<Counters>
  /** Gives a machine a command, now. Returns what it says at once, or `undefined` if it answers later, or never. */
  readonly command: (index: number, command: CommandOf<M>) => ResultOf<M> | undefined
  /** Lets time pass, until nothing is left to happen, or as long as options say. */
  readonly run: (options: {
    /** No further than this moment, which counts as in. */
    readonly until: number
    /** Asked before each moment at which something happens. Default: always. */
    readonly while?: (() => boolean) | undefined
  }) => void
  /** From now on a node hears and does nothing. */
  readonly crash: (index: number) => void
  /** Is told of each event of a machine. */
  readonly onEvent: (listener: (index: number, event: EventOf<M>, now: number) => void) => void
  /** Is told of each datagram as it leaves, lost or not. */
  readonly onDatagram: (
    listener: (from: number, to: number, messages: ReadonlyArray<Message>, isLost: boolean) => void
  ) => void
  /** Is told of what machines count: see `Counter` of `@effect-gossip/core/node/Protocol`. */
  readonly onCounted: (listener: (index: number, counter: string, label: string) => void) => void
}

// -----------------------------------------------------------------------------
// make
// -----------------------------------------------------------------------------

/** Makes machines and starts them. Throws `InvalidOption`. */
export const makeUnsafe = <M extends AnyMachine>(options: Options<M>): Experiment<M> => new Laboratory(options)

/** Makes machines and starts them. */
export const make = <M extends AnyMachine>(options: Options<M>): Effect.Effect<Experiment<M>, InvalidOption> =>
  Effect.suspend(() => {
    const problem = check(options)
    return problem === undefined ? Effect.succeed(makeUnsafe(options)) : Effect.fail(problem)
  })

const maxNodes = 1_000_000

const check = ({ latency, loss = 0, nodes }: {
  readonly nodes: number
  readonly loss?: number | undefined
  readonly latency?: Latency.Input | undefined
}): InvalidOption | undefined => {
  if (!(Number.isInteger(nodes) && nodes >= 1 && nodes <= maxNodes)) {
    return new InvalidOption({ option: "nodes", problem: `${nodes} is not a whole number between 1 and ${maxNodes}` })
  }
  if (!(loss >= 0 && loss <= 1)) {
    return new InvalidOption({ option: "loss", problem: `${loss} is not a share from 0 to 1` })
  }
  const sampler = Latency.sampler(latency ?? wave)
  return Result.isFailure(sampler) ? new InvalidOption({ option: "latency", problem: sampler.failure }) : undefined
}

// -----------------------------------------------------------------------------
// nodes
// -----------------------------------------------------------------------------

const octet = 256

/** So that the order of names is that of places. */
const nameOf = (index: number, digits: number): string => `n${String(index).padStart(digits, "0")}`

const addressOf = (index: number): Address =>
  `10.${Math.floor(index / octet / octet)}.${Math.floor(index / octet) % octet}.${index % octet}:7946` as Address

/** All but one of those whom all share. */
class Others implements Peers {
  readonly version = 0
  readonly size: number
  readonly #all: ReadonlyArray<Peer>
  readonly #indices: ReadonlyMap<Address, number>
  readonly #self: number

  constructor(all: ReadonlyArray<Peer>, indices: ReadonlyMap<Address, number>, self: number) {
    this.#all = all
    this.#indices = indices
    this.#self = self
    this.size = all.length - 1
  }

  at(index: number): Peer {
    return this.#all[index < this.#self ? index : index + 1]!
  }

  hasAddress(address: Address): boolean {
    const index = this.#indices.get(address)
    return index !== undefined && index !== this.#self
  }

  // all are in the order of names
  after(id: string): Peer | undefined {
    if (this.size === 0) return undefined
    let low = 0
    let high = this.#all.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#all[middle]!.id > id) high = middle
      else low = middle + 1
    }
    const next = low % this.#all.length
    return this.#all[next === this.#self ? (next + 1) % this.#all.length : next]
  }
}

// -----------------------------------------------------------------------------
// the loop
// -----------------------------------------------------------------------------

type Happening =
  | { readonly _tag: "Due"; readonly node: number; readonly timer: unknown }
  | {
    readonly _tag: "Datagram"
    readonly node: number
    readonly from: Address
    readonly messages: ReadonlyArray<Message>
  }
  | {
    readonly _tag: "Request"
    readonly node: number
    readonly from: number
    readonly exchange: number
    readonly message: Message
  }
  | {
    readonly _tag: "Answer"
    readonly node: number
    readonly exchange: number
    readonly answer: Message | undefined
    readonly failure: string
  }

/** A message as machines get it. Hardly any asks for its bytes. */
class Received {
  readonly _tag = "Received"
  readonly from: Address
  readonly message: Message

  constructor(from: Address, message: Message) {
    this.from = from
    this.message = message
  }

  get encoded(): Uint8Array {
    return encodeMessage(this.message).slice()
  }
}

const started = { _tag: "Started" } as const
const cluster = clusterHash("experiment")

class Laboratory<M extends AnyMachine> implements Experiment<M> {
  now = 0
  readonly places: ReadonlyArray<Place>
  readonly machines: ReadonlyArray<M>
  readonly counters: Counters = { datagrams: 0, lost: 0, messages: 0, exchanges: 0 }
  readonly #agenda = new Agenda<Happening>()
  readonly #randoms: ReadonlyArray<Random.Random>
  readonly #network: Random.Random
  readonly #latency: Latency.Sampler
  readonly #loss: number
  readonly #reaches: ((from: number, to: number, now: number) => boolean) | undefined
  readonly #fill: boolean
  readonly #room: number
  readonly #indices = new Map<Address, number>()
  readonly #crashed = new Set<number>()
  readonly #onEvent: Array<(index: number, event: EventOf<M>, now: number) => void> = []
  readonly #onDatagram: Array<
    (from: number, to: number, messages: ReadonlyArray<Message>, isLost: boolean) => void
  > = []
  readonly #onCounted: Array<(index: number, counter: string, label: string) => void> = []
  readonly #replies = new Map<number, { readonly to: number; readonly exchange: number }>()
  #ids = 0
  /** The command that is being handled, and what came of it. */
  #completion = 0
  #result: ResultOf<M> | undefined
  /** What the step that is being handled sends, by peer. */
  readonly #outbox = new Map<Address, Array<Message>>()

  constructor(options: Options<M>) {
    const problem = check(options)
    if (problem !== undefined) throw problem
    const { nodes, seed } = options
    this.#network = SplitRandom.make(`${seed}/network`)
    this.#latency = options.latency === undefined ? () => wave : Result.getOrThrow(Latency.sampler(options.latency))
    this.#loss = options.loss ?? 0
    this.#reaches = options.reaches
    this.#fill = options.fill ?? false
    this.#room = options.maxDatagramSize ?? 1400 - headerSize
    const digits = String(nodes - 1).length
    const all = Array.from({ length: nodes }, (_, index): Peer => ({
      id: nameOf(index, digits),
      address: addressOf(index)
    }))
    for (const [index, { address }] of all.entries()) this.#indices.set(address, index)
    this.places = all.map((peer, index) => ({ index, ...peer, peers: new Others(all, this.#indices, index) }))
    this.#randoms = all.map(({ id }) => SplitRandom.make(`${seed}/${id}`))
    this.machines = this.places.map((place) =>
      options.machine({
        id: place.id,
        address: place.address,
        wallClock: epoch,
        now: 0,
        maxDatagramSize: this.#room,
        maxExchangeSize: options.maxExchangeSize ?? 4_194_304,
        previous: undefined,
        restarts: 0
      }, place)
    )
    for (let node = 0; node < nodes; node++) this.#step(node, started)
  }

  onEvent(listener: (index: number, event: EventOf<M>, now: number) => void): void {
    this.#onEvent.push(listener)
  }

  onDatagram(
    listener: (from: number, to: number, messages: ReadonlyArray<Message>, isLost: boolean) => void
  ): void {
    this.#onDatagram.push(listener)
  }

  onCounted(listener: (index: number, counter: string, label: string) => void): void {
    this.#onCounted.push(listener)
  }

  crash(index: number): void {
    this.#crashed.add(index)
  }

  command(index: number, command: CommandOf<M>): ResultOf<M> | undefined {
    this.#completion = ++this.#ids
    this.#result = undefined
    this.#step(index, { _tag: "Commanded", command, completion: this.#completion })
    return this.#result
  }

  run({ until, while: goesOn }: { readonly until: number; readonly while?: (() => boolean) | undefined }): void {
    while (this.#agenda.next <= until && this.#agenda.next < Infinity) {
      if (goesOn !== undefined && !goesOn()) return
      this.now = Math.max(this.now, this.#agenda.next)
      const { inOrder, shuffled } = this.#agenda.take()
      for (const happening of inOrder) this.#handle(happening)
      this.#shuffle(shuffled)
      for (const happening of shuffled) this.#handle(happening)
    }
    if (Number.isFinite(until) && (goesOn === undefined || goesOn())) this.now = Math.max(this.now, until)
  }

  #shuffle(happenings: Array<Happening>): void {
    for (let last = happenings.length - 1; last > 0; last--) {
      const other = Math.floor(this.#network.nextDoubleUnsafe() * (last + 1))
      const happening = happenings[last]!
      happenings[last] = happenings[other]!
      happenings[other] = happening
    }
  }

  #handle(happening: Happening): void {
    const { node } = happening
    if (this.#crashed.has(node)) {
      if (happening._tag === "Request") this.#answer(happening.from, happening.exchange, undefined)
      return
    }
    switch (happening._tag) {
      case "Due": {
        this.#step(node, { _tag: "Due", timer: happening.timer })
        break
      }
      case "Datagram": {
        for (const message of happening.messages) this.#step(node, new Received(happening.from, message), false)
        this.#flush(node)
        break
      }
      case "Request": {
        const reply = ++this.#ids
        this.#replies.set(reply, { to: happening.from, exchange: happening.exchange })
        const from = this.places[happening.from]!.address
        this.#step(node, { _tag: "Requested", from, message: happening.message, reply })
        break
      }
      case "Answer": {
        const { answer, exchange, failure } = happening
        this.#step(node, { _tag: "Answered", exchange, answer, failure })
        break
      }
    }
  }

  #step(node: number, input: Input<CommandOf<M>>, flush = true): void {
    const machine = this.machines[node]! as unknown as Machine<CommandOf<M>, unknown, unknown>
    const outputs = machine.step(input, this.now, this.#randoms[node]!)
    for (const output of outputs) this.#perform(node, output)
    if (flush) this.#flush(node)
  }

  #perform(node: number, output: Output<unknown, unknown>): void {
    switch (output._tag) {
      case "Send": {
        this.#outgoing(output.to).push(output.message)
        break
      }
      case "Gossip": {
        this.#outgoing(output.to)
        break
      }
      case "Exchange": {
        this.counters.exchanges++
        const to = this.#indices.get(output.to)
        const { exchange, message } = output
        if (to === undefined || this.#reaches?.(node, to, this.now) === false) {
          this.#answer(node, exchange, undefined)
        } else {
          this.#agenda.at(this.now + this.#latency(this.#network)).shuffled.push(
            { _tag: "Request", node: to, from: node, exchange, message }
          )
        }
        break
      }
      case "Reply": {
        const reply = this.#replies.get(output.reply)
        if (reply === undefined) break
        this.#replies.delete(output.reply)
        this.#answer(reply.to, reply.exchange, output.message)
        break
      }
      case "Wake": {
        const { at, timer } = output
        this.#agenda.at(Math.max(at, this.now)).inOrder.push({ _tag: "Due", node, timer })
        break
      }
      case "Happened": {
        for (const listener of this.#onEvent) listener(node, output.event as EventOf<M>, this.now)
        break
      }
      case "Completed": {
        if (output.completion === this.#completion) this.#result = output.result as ResultOf<M>
        break
      }
      case "Counted": {
        for (const listener of this.#onCounted) listener(node, output.counter, output.label)
        break
      }
      case "Logged": {
        break
      }
    }
  }

  #answer(node: number, exchange: number, answer: Message | undefined): void {
    const failure = answer === undefined ? "there is no answer" : ""
    this.#agenda.at(this.now + this.#latency(this.#network)).shuffled.push(
      { _tag: "Answer", node, exchange, answer, failure }
    )
  }

  #outgoing(to: Address): Array<Message> {
    let messages = this.#outbox.get(to)
    if (messages === undefined) this.#outbox.set(to, messages = [])
    return messages
  }

  /** Sends what a node has to say, a datagram to each peer. */
  #flush(node: number): void {
    if (this.#outbox.size === 0) return
    for (const [to, messages] of this.#outbox) {
      if (messages.length === 0 || this.#fill) this.#piggyback(node, to, messages)
      if (messages.length > 0) this.#send(node, to, messages)
    }
    this.#outbox.clear()
  }

  #piggyback(node: number, to: Address, messages: Array<Message>): void {
    let room = this.#room
    for (const message of messages) room -= encodeMessage(message).length
    if (room <= 0) return
    const encoded = this.machines[node]!.piggyback(room, to)
    if (encoded.length === 0) return
    for (const message of decode(cluster, assemble(cluster, encoded)).messages) messages.push(message)
  }

  #send(node: number, address: Address, messages: ReadonlyArray<Message>): void {
    const { counters } = this
    counters.datagrams++
    counters.messages += messages.length
    const to = this.#indices.get(address)
    const isLost = to === undefined || (this.#loss > 0 && this.#network.nextDoubleUnsafe() < this.#loss) ||
      this.#reaches?.(node, to, this.now) === false
    if (isLost) counters.lost++
    if (to === undefined) return
    for (const listener of this.#onDatagram) listener(node, to, messages, isLost)
    if (isLost) return
    this.#agenda.at(this.now + this.#latency(this.#network)).shuffled.push(
      { _tag: "Datagram", node: to, from: this.places[node]!.address, messages }
    )
  }
}
