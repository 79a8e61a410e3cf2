/**
 * What spreads news in a node: one machine for all topics and strategies, which relays what others publish whether
 * anybody here listens or not.
 *
 * @since 0.1.0
 */
import type { Machine, Protocol } from "../node/Protocol.ts"
import { defaultConfig } from "./internal/config.ts"
import * as machine from "./internal/machine.ts"
import type { Peer, Peers, PeerSelection } from "./PeerSelection.ts"
import type { SpreadReport } from "./SpreadReport.ts"
import type { Rumor, Strategy } from "./Strategy.ts"

// -----------------------------------------------------------------------------
// model
// -----------------------------------------------------------------------------

/** What is asked of it. */
export type DisseminationCommand =
  /** Spreads a payload, which must not be changed afterwards; by the topic's strategy, or the node's, where none is given. */
  | {
    readonly _tag: "Publish"
    readonly topic: string
    readonly payload: Uint8Array
    readonly strategy?: Strategy | undefined
  }
  /** The topic has a strategy of its own here; has none any more, without one. */
  | { readonly _tag: "Configure"; readonly topic: string; readonly strategy: Strategy | undefined }
  /** A peer is back that was out of reach: what either has missed is made up for at once. */
  | { readonly _tag: "Reunite"; readonly peer: Peer }

/** What becomes of a command. */
export type DisseminationResult =
  | { readonly _tag: "Published"; readonly id: number }
  /** Nothing was published. In bytes. */
  | { readonly _tag: "TooLarge"; readonly size: number; readonly limit: number }
  | { readonly _tag: "Done" }

/** What happens. */
export type DisseminationEvent =
  /** A rumor is new here: once for each in the dedup window, those that were published here included. */
  { readonly _tag: "Delivered"; readonly rumor: Rumor }

/** What it offers besides being a machine. */
export interface DisseminationMachine extends Machine<DisseminationCommand, DisseminationEvent, DisseminationResult> {
  /**
   * What this node has counted, by the names of strategies; `anti-entropy` is one of them. Requests for announced rumors
   * count as those of the node's own strategy, since who asks does not know by which they spread.
   */
  readonly reports: () => ReadonlyMap<string, SpreadReport>
  /** Rumors held, and the bytes of their payloads. */
  readonly held: { readonly rumors: number; readonly bytes: number }
  /** Rumors that were announced and asked for, and have not come yet. */
  readonly wanted: number
  /** What it knows, for the machine that takes its place. */
  readonly legacy: () => machine.Legacy
}

// -----------------------------------------------------------------------------
// options
// -----------------------------------------------------------------------------

/** Comparing what nodes have heard of late; see {@link Options}. Times are in milliseconds. */
export interface AntiEntropy {
  /** Time between comparisons with a peer. */
  readonly interval: number
  /**
   * - `push`: sends the peer what this node holds (1 message);
   * - `pull`: tells the peer what it knows, and is sent what it lacks (2 messages);
   * - `pushPull`: both (3 messages).
   */
  readonly mode: "push" | "pull" | "pushPull"
  /** Rumors younger than this are left to their strategy. */
  readonly settling: number
  /** Whether a node that has heard nothing of late compares, too: `pull` comes to nothing without. */
  readonly talksWhenEmpty: boolean
}

/** When rounds begin; for experiments. */
export interface Pacing {
  /** As a share of the interval, 0 to 1; drawn by each node for itself when left out. At 0 all nodes' rounds begin at once. */
  readonly phase?: number | undefined
  /** By which share of the interval a round may be late, 0 to 1, drawn for each. */
  readonly jitter?: number | undefined
}

/** How a node spreads news. Times are in milliseconds. */
export interface Options {
  /** Whom it may talk to; kept up to date by who gives it. */
  readonly peers: Peers
  readonly selection: PeerSelection
  /** The node's strategy. */
  readonly strategy: Strategy
  /** Those of other nodes and topics, by which rumors of their kinds are passed on. */
  readonly strategies?: ReadonlyArray<Strategy> | undefined
  /** How long after its publication a rumor is held, for those who ask for it. */
  readonly retention?: number | undefined
  /** Most rumors held; the oldest go first. */
  readonly maxRumors?: number | undefined
  /** Most bytes of payloads held; the oldest go first. */
  readonly maxBytes?: number | undefined
  /** Most bytes of one payload. */
  readonly maxPayloadSize?: number | undefined
  /** How long a rumor is known for one that was heard; older ones are refused. */
  readonly dedupWindow?: number | undefined
  /** Most rumors known for ones that were heard. When there are more, the window is as much shorter. */
  readonly maxSeen?: number | undefined
  /** How long to wait at least for a rumor that was asked for, before the next who has announced it is asked. */
  readonly askTimeout?: number | undefined
  /** Most rumors asked for at a time. */
  readonly maxWanted?: number | undefined
  /** After an announcement the next wait for so long, to go together. */
  readonly announceInterval?: number | undefined
  /** `undefined` for none. */
  readonly antiEntropy?: AntiEntropy | undefined
  readonly pacing?: Pacing | undefined
}

/** The defaults of {@link Options}. */
export const defaults = defaultConfig

// -----------------------------------------------------------------------------
// make
// -----------------------------------------------------------------------------

/** Dissemination, for a node to run, or an experiment. The options are taken as they are. */
export const makeProtocol: (
  options: Options
) => Protocol<DisseminationCommand, DisseminationEvent, DisseminationResult, DisseminationMachine> =
  machine.makeProtocol
