/**
 * How a rumor spreads: a state machine that the node's dissemination runs, one for each strategy that is in use there.
 *
 * What all strategies need is done for them: rumors are remembered before they are passed on, delivered once, asked for
 * where they were announced, fetched over a stream where they do not fit a datagram, counted, and made up for by
 * anti-entropy. A strategy decides who is told what, and when to stop.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type { Address } from "../Address.ts"
import type { RandomSource } from "../node/Protocol.ts"
import type { Message } from "../wire/Message.ts"
import type { Peers, Selector } from "./PeerSelection.ts"

// -----------------------------------------------------------------------------
// model
// -----------------------------------------------------------------------------

/** A rumor that this node holds. */
export interface Rumor {
  readonly id: number
  readonly topic: string
  readonly origin: string
  /** Unix time in milliseconds, by the clock of `origin`. */
  readonly publishedAt: number
  /** When it was published, on the clock of this node: from its age when it came. */
  readonly bornAt: number
  /** How many nodes passed it on before it came here: 0 at its origin, 1 at who heard it from there. */
  readonly hops: number
  /** The kind of its strategy. */
  readonly strategy: number
  readonly payload: Uint8Array
  /** Whether it does not fit a datagram. */
  readonly large: boolean
}

/** What strategies say to themselves at other nodes. */
export type StrategyMessage = Extract<Message, { readonly _tag: "Feedback" | "Offer" | "Pull" }>

/** What a strategy may do, and know. */
export interface Host {
  /** Milliseconds of a clock that never goes back. */
  readonly now: number
  readonly random: RandomSource
  readonly peers: Peers
  /** Whom to talk to, by the node's `PeerSelection`. */
  readonly selector: Selector
  /** How many rounds of this strategy have begun here. A rumor that was heard in this one may have to wait for the next. */
  readonly round: number
  /** Sends the payload; one that does not fit a datagram is announced instead, and fetched by who lacks it. */
  readonly push: (to: Address, rumor: Rumor, options?: { readonly note?: number; readonly asked?: boolean }) => void
  /** Says that this node has them: who lacks one asks for it. */
  readonly announce: (to: Address, rumors: ReadonlyArray<Rumor>) => void
  /**
   * Says to so many peers that this node has it: one of them is its successor in the order of names, so that nobody is left
   * out by chance. Announcements shortly after one another go together, to the same peers.
   */
  readonly announceWidely: (rumor: Rumor, count: number) => void
  /** Sends a message of the strategy's own. */
  readonly send: (to: Address, message: StrategyMessage) => void
  /** A datagram of what there is to pass on, if anything: see `piggyback`. */
  readonly gossip: (to: Address) => void
  /** The message that would pass a rumor on now, for `piggyback`. What that returns counts as sent. */
  readonly encode: (rumor: Rumor) => Uint8Array
  /** Has `round` called when the next round begins, and in each after it for as long as that returns true. */
  readonly requestRounds: () => void
  /** A rumor that is held here. */
  readonly rumor: (id: number) => Rumor | undefined
  /** Counts what a strategy refuses to do for a peer. */
  readonly drop: (reason: string) => void
}

/** A strategy at work in a node. */
export interface Spreading {
  /**
   * A rumor is new here: published (`from` is undefined), or heard; `asked` when it came because this node asked for it.
   * `note` is what its sender noted.
   */
  readonly heard: (rumor: Rumor, from: Address | undefined, note: number | undefined, asked: boolean) => void
  /** A rumor was pushed here that is known. */
  readonly heardAgain: (rumor: Rumor, from: Address, note: number | undefined) => void
  /** A message of this strategy. */
  readonly received: (message: StrategyMessage, from: Address) => void
  /** A round begins. Returns whether there is anything to do in the next. */
  readonly round: () => boolean
  /** Rumors are no longer held: nothing may be said about them any more. */
  readonly forget: (ids: ReadonlyArray<number>) => void
  /** Rumors to fill up a datagram with that leaves anyway, of at most so many bytes: returns encoded messages. */
  readonly piggyback?: (room: number, to: Address) => ReadonlyArray<Uint8Array>
}

/** A way for rumors to spread. */
export interface Strategy {
  /** 0 to 127 are those of this library, and others those of others: nodes that pass a rumor on go by its kind. */
  readonly kind: number
  /** As metrics and figures name it. */
  readonly name: string
  /** Time between rounds, in milliseconds. */
  readonly roundInterval: number
  readonly make: (host: Host) => Spreading
}

/**
 * The strategy that a layer gives: to a node (provided to `Gossip.layer`), or to one topic (provided to its layer). Without
 * one a node uses `PushThenPull` with its defaults, and a topic what its node uses.
 */
export const Strategy = Context.Reference<Strategy | undefined>(
  "@effect-gossip/core/dissemination/Strategy",
  { defaultValue: () => undefined }
)
