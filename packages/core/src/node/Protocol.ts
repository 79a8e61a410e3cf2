/**
 * What a protocol is to the node that runs it: a state machine without I/O.
 *
 * A message, a due timer or a command goes in, with the time and a source of randomness; what comes out says what
 * to send, when to wake the machine, and what happened. The machine knows no Effect, clock, socket or random source
 * of its own, so that property tests and simulations run the very code that a node runs.
 *
 * A machine may throw only for a defect of its own: what peers send is checked, and refused where it is wrong.
 *
 * @since 0.1.0
 */
import type { Address } from "../Address.ts"
import type { Message, Tag } from "../wire/Message.ts"

/** The part of Effect's `Random` that a machine needs. */
export interface RandomSource {
  /** Uniform in [0, 1). */
  readonly nextDoubleUnsafe: () => number
}

/** What goes into a machine. */
export type Input<Command> =
  /** The first input of a machine's life. */
  | { readonly _tag: "Started" }
  /** A message of a datagram. */
  | {
    readonly _tag: "Received"
    readonly from: Address
    readonly message: Message
    /** The message as it came, for passing it on as it is. */
    readonly encoded: Uint8Array
  }
  /** A request of a peer, to be answered by one `Reply`. */
  | { readonly _tag: "Requested"; readonly from: Address; readonly message: Message; readonly reply: number }
  /** The outcome of an `Exchange`: the answer, or why there is none. */
  | {
    readonly _tag: "Answered"
    readonly exchange: number
    readonly answer: Message | undefined
    readonly failure: string
  }
  /** A `Wake` that is due, with its timer as it was given. It may be stale: the machine tells by what it carries. */
  | { readonly _tag: "Due"; readonly timer: unknown }
  /** The application wants something; to be answered by one `Completed`. */
  | { readonly _tag: "Commanded"; readonly command: Command; readonly completion: number }
  /** The wall clock was set: Unix time in milliseconds that it shows now. What the machine was born with was another. */
  | { readonly _tag: "ClockSet"; readonly wallClock: number }

/** What comes out of a machine. */
export type Output<Event, Result> =
  /** Send a message in a datagram, with whatever else there is to pass on. */
  | { readonly _tag: "Send"; readonly to: Address; readonly message: Message }
  /** Send a datagram of what there is to pass on, if there is anything. */
  | { readonly _tag: "Gossip"; readonly to: Address }
  /** Send a request over a stream. `Answered` follows, once. */
  | { readonly _tag: "Exchange"; readonly exchange: number; readonly to: Address; readonly message: Message }
  /** Answer a request; without a message, refuse it. */
  | { readonly _tag: "Reply"; readonly reply: number; readonly message: Message | undefined }
  /** Wake the machine at a time of the clock that `step` is given. */
  | { readonly _tag: "Wake"; readonly at: number; readonly timer: unknown }
  /** Something happened that the application may want to know. */
  | { readonly _tag: "Happened"; readonly event: Event }
  /** A command is done. */
  | { readonly _tag: "Completed"; readonly completion: number; readonly result: Result }
  /** Something happened that is counted. */
  | { readonly _tag: "Counted"; readonly counter: Counter; readonly label: string }
  /** Something happened that an operator may want to read. */
  | { readonly _tag: "Logged"; readonly level: "Debug" | "Info" | "Warn" | "Error"; readonly text: string }

/** The failure of an exchange whose address turns out to be this node's own. */
export const ownAddress = "that is this node itself"

/** What machines count, each by label: see `GossipMetrics`. */
export type Counter = "drops" | "probes" | "suspicions" | "refutations" | "syncs"

/** A running protocol. */
export interface Machine<Command, Event, Result> {
  /**
   * Handles one input.
   *
   * @param now milliseconds of a clock that never goes back
   */
  readonly step: (
    input: Input<Command>,
    now: number,
    random: RandomSource
  ) => ReadonlyArray<Output<Event, Result>>

  /**
   * Encoded messages to fill up a datagram that leaves anyway: at most `room` bytes together, for the peer at `to`, who
   * may be a stranger. Each message given out counts as sent.
   */
  readonly piggyback: (room: number, to: Address) => ReadonlyArray<Uint8Array>

  /** Last words, for when the node ends without time to leave. No further input follows. */
  readonly farewell: (now: number, random: RandomSource) => ReadonlyArray<Output<Event, Result>>
}

/** What a machine is told of the node's life that it belongs to. */
export interface Birth<M> {
  readonly id: string
  /** The address the node advertises. */
  readonly address: Address
  /** Unix time in milliseconds. */
  readonly wallClock: number
  /** The same moment on the clock that `step` is given. */
  readonly now: number
  /** Bytes of messages that fit a datagram. */
  readonly maxDatagramSize: number
  /** Bytes of messages that fit a request or an answer. */
  readonly maxExchangeSize: number
  /** The machine that a defect ended, for what may be carried over. Its state may be broken. */
  readonly previous: M | undefined
  /** How many restarts came one upon another: 0 at first, 1 after a defect, 2 when that machine broke at once. */
  readonly restarts: number
}

/** A protocol that a node can run. Each kind of message belongs to one protocol of a node. */
export interface Protocol<Command, Event, Result, M extends Machine<Command, Event, Result>> {
  readonly name: string
  /** The kinds of messages that are its own. */
  readonly handles: ReadonlyArray<Tag>
  /** Those of them that say nothing new when they are heard a second time: the node passes over lately heard ones. */
  readonly idempotent: ReadonlyArray<Tag>
  readonly make: (birth: Birth<M>) => M
}
