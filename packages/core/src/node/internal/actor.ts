/**
 * The synchronous half of a node: takes one input at a time, steps the protocol that owns it, and keeps what came
 * out until the fiber that runs the actor performs it.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type { Address } from "../../Address.ts"
import * as GossipMetrics from "../../GossipMetrics.ts"
import { assemble, encodeMessage, headerSize } from "../../wire/Frame.ts"
import type { Message, Tag } from "../../wire/Message.ts"
import { Broken, NodeError, Stopped } from "../NodeError.ts"
import type { Birth, Counter, Input, Machine, Output, Protocol, RandomSource } from "../Protocol.ts"
import type { Counters } from "./counters.ts"
import { pack } from "./packing.ts"
import { Timers } from "./timers.ts"

export type AnyMachine = Machine<unknown, unknown, unknown>
export type AnyProtocol = Protocol<unknown, unknown, unknown, AnyMachine>

/** A protocol in a node. */
export interface Slot {
  readonly protocol: AnyProtocol
  readonly onEvent: (event: unknown) => void
  readonly onRestart: (before: AnyMachine, now: AnyMachine) => void
  machine: AnyMachine
  detached: boolean
}

/** What waits in the mailbox. */
export type Mail =
  | { readonly _tag: "Attach"; readonly slot: Slot }
  | {
    readonly _tag: "Received"
    readonly from: Address
    readonly message: Message
    readonly encoded: Uint8Array
  }
  | {
    readonly _tag: "Requested"
    readonly from: Address
    readonly message: Message
    readonly reply: Deferred.Deferred<Uint8Array | undefined>
  }
  | {
    readonly _tag: "Answered"
    readonly slot: Slot
    readonly machine: AnyMachine
    readonly exchange: number
    readonly answer: Message | undefined
    readonly failure: string
  }
  | {
    readonly _tag: "Commanded"
    readonly slot: Slot
    readonly command: unknown
    readonly completion: Deferred.Deferred<unknown, NodeError>
  }

/** A request that a machine wants made. */
export interface Request {
  readonly slot: Slot
  readonly machine: AnyMachine
  readonly exchange: number
  readonly to: Address
  readonly message: Message
}

export interface Outgoing {
  readonly to: Address
  readonly frame: Uint8Array
}

export interface LogLine {
  readonly level: "Debug" | "Info" | "Warn" | "Error"
  readonly text: string
}

/** Hands on what an actor's step brought; each returns whether there was room. */
export interface Hands {
  readonly send: (outgoing: Outgoing) => boolean
  readonly request: (request: Request) => void
  readonly log: (line: LogLine) => boolean
}

const counterMetrics = {
  drops: [GossipMetrics.drops, "reason"],
  probes: [GossipMetrics.probes, "result"],
  suspicions: [GossipMetrics.suspicions, "outcome"],
  refutations: [GossipMetrics.refutations, "claim"],
  syncs: [GossipMetrics.syncs, "reason"]
} as const satisfies { readonly [C in Counter]: unknown }

const nothing = new Uint8Array(0)
const none: ReadonlyArray<never> = []

/** How far the wall clock may stray, in milliseconds, before protocols are told that it was set. */
const clockTolerance = 60_000

/** Inputs after which a restarted machine counts as sound. */
const stableAfter = 100

interface Commanded {
  readonly slot: Slot
  readonly command: unknown
  readonly completion: Deferred.Deferred<unknown, NodeError>
}

export class Actor {
  readonly #birth: Omit<Birth<AnyMachine>, "previous" | "now" | "wallClock" | "restarts">
  readonly #cluster: number
  /** Bytes of messages that fit a datagram. */
  readonly room: number
  readonly #random: RandomSource
  readonly #counters: Counters
  readonly #hands: Hands
  readonly #slots: Array<Slot> = []
  readonly #owners = new Map<Tag, Slot>()
  readonly #idempotent = new Set<Tag>()
  readonly timers = new Timers<{ readonly slot: Slot; readonly machine: AnyMachine; readonly timer: unknown }>()
  // begun anew rather than cleared: V8 links a cleared map's table to the next, and all that one holds to the last
  #outbox = new Map<Address, Array<Uint8Array>>()
  #ids = 0
  readonly #commands = new Map<number, Commanded>()
  readonly #replay: Array<Commanded> = []
  readonly #replies = new Map<number, Deferred.Deferred<Uint8Array | undefined>>()
  /** What is being handled, to be dropped if it breaks the node. */
  #handling: Mail | { readonly _tag: "Timer" | "ClockSet" } | undefined
  #restarts = 0
  #handled = 0
  /** What the wall clock showed at 0 of the step clock, as protocols know it. */
  #wallClockAt0: number | undefined

  constructor(options: {
    readonly id: string
    readonly address: Address
    readonly cluster: number
    readonly maxDatagramSize: number
    readonly maxExchangeSize: number
    readonly random: RandomSource
    readonly counters: Counters
    readonly hands: Hands
  }) {
    this.#cluster = options.cluster
    this.room = options.maxDatagramSize - headerSize
    this.#random = options.random
    this.#counters = options.counters
    this.#hands = options.hands
    this.#birth = {
      id: options.id,
      address: options.address,
      maxDatagramSize: this.room,
      maxExchangeSize: options.maxExchangeSize - headerSize
    }
  }

  makeMachine(protocol: AnyProtocol, now: number, wallClock: number): AnyMachine {
    return protocol.make({ ...this.#birth, now, wallClock, previous: undefined, restarts: 0 })
  }

  /** Whether a second copy of such a message says nothing to this node's protocols. */
  isIdempotent(tag: Tag): boolean {
    return this.#idempotent.has(tag)
  }

  // ---------------------------------------------------------------------------
  // inputs
  // ---------------------------------------------------------------------------

  handle(mail: Mail, now: number): void {
    this.#handling = mail
    switch (mail._tag) {
      case "Attach": {
        this.#attach(mail.slot, now)
        break
      }
      case "Received": {
        const slot = this.#owners.get(mail.message._tag)
        if (slot === undefined) {
          this.drop("Unexpected")
          break
        }
        this.#counters.message(mail.message._tag, "in")
        this.#step(slot, mail, now)
        break
      }
      case "Requested": {
        const slot = this.#owners.get(mail.message._tag)
        if (slot === undefined) {
          this.drop("Unexpected")
          Deferred.doneUnsafe(mail.reply, Effect.succeed(undefined))
          break
        }
        this.#counters.message(mail.message._tag, "in")
        const reply = ++this.#ids
        this.#replies.set(reply, mail.reply)
        this.#step(slot, { _tag: "Requested", from: mail.from, message: mail.message, reply }, now)
        break
      }
      case "Answered": {
        // an answer to a machine that is no more says nothing to the one after it
        if (mail.slot.machine === mail.machine && !mail.slot.detached) this.#step(mail.slot, mail, now)
        break
      }
      case "Commanded": {
        if (mail.slot.detached) {
          Deferred.doneUnsafe(mail.completion, Effect.fail(new NodeError({ reason: new Stopped() })))
          break
        }
        const completion = ++this.#ids
        this.#commands.set(completion, mail)
        this.#step(mail.slot, { _tag: "Commanded", command: mail.command, completion }, now)
        break
      }
    }
    this.#survived()
  }

  /** Fires the timers that are due. */
  fire(now: number): void {
    let due = this.timers.take(now)
    while (due !== undefined) {
      const { machine, slot, timer } = due
      if (slot.machine === machine && !slot.detached) {
        this.#handling = { _tag: "Timer" }
        this.#step(slot, { _tag: "Due", timer }, now)
        this.#survived()
      }
      due = this.timers.take(now)
    }
  }

  /** Tells the protocols when the wall clock was set. */
  observeClock(now: number, wallClock: number): void {
    const at0 = wallClock - now
    this.#wallClockAt0 ??= at0
    if (Math.abs(at0 - this.#wallClockAt0) < clockTolerance) return
    this.#wallClockAt0 = at0
    this.#handling = { _tag: "ClockSet" }
    for (const slot of [...this.#slots]) this.#step(slot, { _tag: "ClockSet", wallClock }, now)
    this.#survived()
  }

  #survived(): void {
    this.#handling = undefined
    if (this.#restarts > 0 && ++this.#handled >= stableAfter) this.#restarts = 0
  }

  #attach(slot: Slot, now: number): void {
    // its scope may have closed before its turn came
    if (slot.detached) return
    this.#slots.push(slot)
    for (const tag of slot.protocol.handles) this.#owners.set(tag, slot)
    for (const tag of slot.protocol.idempotent) this.#idempotent.add(tag)
    this.#step(slot, { _tag: "Started" }, now)
  }

  /** The protocol takes no further input. */
  detach(slot: Slot): void {
    slot.detached = true
    for (const [id, commanded] of this.#commands) {
      if (commanded.slot !== slot) continue
      this.#commands.delete(id)
      Deferred.doneUnsafe(commanded.completion, Effect.fail(new NodeError({ reason: new Stopped() })))
    }
    const index = this.#slots.indexOf(slot)
    if (index !== -1) this.#slots.splice(index, 1)
    for (const tag of slot.protocol.handles) if (this.#owners.get(tag) === slot) this.#owners.delete(tag)
  }

  // ---------------------------------------------------------------------------
  // outputs
  // ---------------------------------------------------------------------------

  #step(slot: Slot, input: Input<unknown>, now: number): void {
    this.#perform(slot, slot.machine.step(input, now, this.#random))
  }

  #perform(slot: Slot, outputs: ReadonlyArray<Output<unknown, unknown>>): void {
    let message: Message | undefined
    let bytes: Uint8Array = nothing
    for (const output of outputs) {
      switch (output._tag) {
        case "Send": {
          this.#counters.message(output.message._tag, "out")
          // what several peers are told is encoded once
          if (output.message !== message) bytes = encodeMessage(message = output.message)
          if (bytes.length > this.room) this.drop("TooLarge")
          else this.#outgoing(output.to).push(bytes)
          break
        }
        case "Gossip": {
          this.#outgoing(output.to)
          break
        }
        case "Exchange": {
          this.#counters.message(output.message._tag, "out")
          const { exchange, message, to } = output
          this.#hands.request({ slot, machine: slot.machine, exchange, to, message })
          break
        }
        case "Reply": {
          const reply = this.#replies.get(output.reply)
          if (reply === undefined) break
          this.#replies.delete(output.reply)
          if (output.message !== undefined) {
            this.#counters.message(output.message._tag, "out")
          }
          const bytes = output.message === undefined
            ? undefined
            : assemble(this.#cluster, [encodeMessage(output.message)])
          Deferred.doneUnsafe(reply, Effect.succeed(bytes))
          break
        }
        case "Wake": {
          this.timers.set(output.at, { slot, machine: slot.machine, timer: output.timer })
          break
        }
        case "Happened": {
          slot.onEvent(output.event)
          break
        }
        case "Completed": {
          const commanded = this.#commands.get(output.completion)
          if (commanded === undefined) break
          this.#commands.delete(output.completion)
          Deferred.doneUnsafe(commanded.completion, Effect.succeed(output.result))
          break
        }
        case "Counted": {
          const [metric, attribute] = counterMetrics[output.counter]
          this.#counters.count(metric, attribute, output.label)
          break
        }
        case "Logged": {
          if (!this.#hands.log(output)) this.drop("LogsFull")
          break
        }
      }
    }
  }

  #outgoing(to: Address): Array<Uint8Array> {
    let messages = this.#outbox.get(to)
    if (messages === undefined) this.#outbox.set(to, messages = [])
    return messages
  }

  /** Packs what is to be sent, filled up with what the protocols have to pass on. */
  flush(): void {
    if (this.#outbox.size === 0) return
    for (const [to, messages] of this.#outbox) {
      for (const datagram of pack(messages, this.room, (room) => this.#piggyback(room, to))) {
        const frame = assemble(this.#cluster, datagram)
        if (this.#hands.send({ to, frame })) {
          this.#counters.datagramsOut.count++
          this.#counters.datagramBytesOut.count += frame.length
        } else {
          this.drop("SendQueueFull")
        }
      }
    }
    this.#outbox = new Map()
  }

  #piggyback(room: number, to: Address): ReadonlyArray<Uint8Array> {
    let messages: ReadonlyArray<Uint8Array> | undefined
    let left = room
    for (const slot of this.#slots) {
      const more = slot.machine.piggyback(left, to)
      // most have nothing to add, and then hardly anything is to be done
      if (more.length === 0) continue
      for (const message of more) left -= message.length
      messages = messages === undefined ? more : [...messages, ...more]
    }
    return messages ?? none
  }

  /** Whether it has run long enough since its last restart to count as sound. */
  get isSound(): boolean {
    return this.#restarts === 0
  }

  drop(reason: string): void {
    this.#counters.count(GossipMetrics.drops, "reason", reason)
  }

  // ---------------------------------------------------------------------------
  // defects
  // ---------------------------------------------------------------------------

  /** The last input broke a machine: forgets it, so that what remains of the mail can be handled. */
  broke(cause: unknown): void {
    const handling = this.#handling
    this.#handling = undefined
    this.#outbox = new Map()
    if (handling === undefined) return
    this.drop("Defect")
    if (handling._tag !== "Commanded") return
    for (const [id, commanded] of this.#commands) {
      if (commanded.completion === handling.completion) this.#commands.delete(id)
    }
    Deferred.doneUnsafe(handling.completion, Effect.fail(new NodeError({ reason: new Broken({ cause }) })))
  }

  /** New machines take the place of the old ones; commands under way are given to them again. */
  restart(now: number, wallClock: number): void {
    this.#restarts++
    this.#handled = 0
    this.timers.clear()
    this.#refuseReplies()
    // should one of them break the new machine as well, the rest are still there for the next
    for (const command of this.#commands.values()) this.#replay.push(command)
    this.#commands.clear()
    for (const slot of this.#slots) {
      const previous = slot.machine
      slot.machine = this.#successor(slot, previous, now, wallClock)
      this.#step(slot, { _tag: "Started" }, now)
      slot.onRestart(previous, slot.machine)
    }
    for (let next = this.#replay.shift(); next !== undefined; next = this.#replay.shift()) {
      this.handle({ _tag: "Commanded", ...next }, now)
    }
  }

  // what the broken machine knew may be what broke it
  #successor(slot: Slot, previous: AnyMachine, now: number, wallClock: number): AnyMachine {
    const birth = { ...this.#birth, now, wallClock, restarts: this.#restarts }
    try {
      return slot.protocol.make({ ...birth, previous })
    } catch {
      return slot.protocol.make({ ...birth, previous: undefined })
    }
  }

  /** A protocol's last words. */
  farewell(slot: Slot, now: number): void {
    try {
      this.#perform(slot, slot.machine.farewell(now, this.#random))
      this.flush()
    } catch {
      // it is broken: there is nothing it could say
      this.#outbox = new Map()
    }
  }

  /** Ends without time to leave: says the last words, and fails what waits. */
  end(now: number, error: NodeError): void {
    for (const slot of this.#slots) this.farewell(slot, now)
    this.timers.clear()
    this.#refuseReplies()
    for (const { completion } of [...this.#commands.values(), ...this.#replay.splice(0)]) {
      Deferred.doneUnsafe(completion, Effect.fail(error))
    }
    this.#commands.clear()
  }

  #refuseReplies(): void {
    for (const reply of this.#replies.values()) Deferred.doneUnsafe(reply, Effect.succeed(undefined))
    this.#replies.clear()
  }
}
