/**
 * What keeps a node's replicas: one machine for all replicated maps and CRDTs of the node. Each is a *space*, with its own
 * entries, versions and limits, and all nodes of a cluster hold the same spaces.
 *
 * New writes leave as `Spread`, to be published as rumors, and come as `Heard`; anti-entropy makes up for what they miss. The
 * rules by which deletes are forgotten and nothing comes back are in `internal/replica/space.ts`, those of stability in
 * `internal/replica/collector.ts`.
 *
 * @since 0.1.0
 */
import type { Address } from "../Address.ts"
import type { Machine, Protocol, RandomSource } from "../node/Protocol.ts"
import type * as HybridLogicalClock from "./HybridLogicalClock.ts"
import { defaultConfig, defaultLimits as limits } from "./internal/replica/config.ts"
import * as machine from "./internal/replica/machine.ts"
import type { Mode, Strategy } from "./Reconciliation.ts"

// -----------------------------------------------------------------------------
// model
// -----------------------------------------------------------------------------

/** Names a write: when it happened and in which life of its node. No two writes of a cluster have the same. */
export interface Version {
  readonly timestamp: HybridLogicalClock.Timestamp
  /** The node's life: a new process is a new one, and so is a space that is opened anew. */
  readonly incarnation: number
}

/** How the machine handles the states of a CRDT, which it does not know. */
export interface States<S> {
  /** The state of these bytes, of a peer or a store; undefined for what is none. */
  readonly decode: (bytes: Uint8Array) => S | undefined
  /** The one encoding of a state; undefined for one that is too large to travel. */
  readonly encode: (state: S) => Uint8Array | undefined
  /** Gives back `a` itself when `b` says nothing new. */
  readonly merge: (a: S, b: S) => S
}

/** What a space holds under its keys. */
export type SpaceKind =
  /** Values, of which the last writer's wins; deleted ones leave a death certificate for a while. */
  | { readonly _tag: "lww" }
  /** States that merge. A counter is a space with a single key, of zero bytes. */
  // oxlint-disable-next-line typescript/no-explicit-any -- the machine handles all of them alike
  | { readonly _tag: "crdt"; readonly states: States<any> }

/** Most that a space holds; death certificates count. Sizes in bytes. */
export interface SpaceLimits {
  readonly maxKeySize: number
  readonly maxValueSize: number
  readonly maxKeys: number
  /** Of keys and values together. */
  readonly maxBytes: number
}

/** What a store has kept of a space. */
export interface Recovered {
  readonly entries: Iterable<readonly [key: Uint8Array, record: Uint8Array]>
  readonly meta: Uint8Array | undefined
  /** Whether nothing that was committed is missing. If not, all is compared with peers anew. */
  readonly isWhole: boolean
}

/** A write of a map: without a value, a delete. */
export interface Write {
  readonly key: Uint8Array
  readonly value: Uint8Array | undefined
}

/** What is held under a key. */
export interface Entry {
  readonly key: Uint8Array
  /** Of a map: undefined for a death certificate. */
  readonly value: Uint8Array | undefined
  /** Of a CRDT, as its `States` have it. */
  readonly state: unknown
  /** Of a map. */
  readonly version: Version | undefined
}

/** Why a member lacks a write. */
export type Lack =
  /** It has not said yet that it has it. */
  | "Behind"
  /** It has not opened the space. */
  | "NotHeld"
  /** It refuses what is too much for its limits, or too far ahead of its clock. */
  | "Refusing"

/** A member that is not known to have a write. */
export interface Lacking {
  readonly node: string
  readonly why: Lack
}

/** What is asked of it. Names of spaces are of the form of a node's. */
export type ReplicaCommand =
  /** -> `Opened` or `Refused`. */
  | {
    readonly _tag: "Open"
    readonly space: string
    readonly kind: SpaceKind
    readonly limits: SpaceLimits
    /** Whether `Persist` is to be emitted, and what it holds counts only once `Committed`. */
    readonly isDurable: boolean
    readonly recovered: Recovered | undefined
  }
  | { readonly _tag: "Close"; readonly space: string }
  /** Writes of a map that become visible together here -> `Written`, once they are committed, or an error for all. */
  | { readonly _tag: "Write"; readonly space: string; readonly writes: ReadonlyArray<Write> }
  /**
   * A write of a CRDT -> `Written`, or an error. `mutate` is given the present state and returns a delta, or undefined
   * for none; what it throws makes the result `Failed`. It runs within the step, so that no two deltas are made of one state.
   * A delta that says nothing new is a write all the same.
   */
  | {
    readonly _tag: "Update"
    readonly space: string
    readonly key: Uint8Array
    readonly mutate: (state: unknown, replica: { readonly node: string; readonly incarnation: number }) => unknown
  }
  /** A rumor of the space has come: the `batch` of another node's `Spread`, and who published it. */
  | { readonly _tag: "Heard"; readonly space: string; readonly batch: Uint8Array; readonly origin: string }
  /** The batch of this number is stored, and all before it. */
  | { readonly _tag: "Committed"; readonly space: string; readonly sequence: number }
  /** The batch of this number could not be stored, and is tried again: nobody waits for it any more. */
  | { readonly _tag: "CommitFailed"; readonly space: string; readonly sequence: number }
  /** Has `Stability` told under a number of the caller's choice, from now until it says `isStable`, or `Unwatch`. */
  | { readonly _tag: "Watch"; readonly space: string; readonly watch: number; readonly version: Version }
  | { readonly _tag: "Unwatch"; readonly space: string; readonly watch: number }
  /** A peer is back that was out of reach: it is compared with at once. */
  | { readonly _tag: "Reunite"; readonly address: Address }

/** What becomes of a command. */
export type ReplicaResult =
  | { readonly _tag: "Done" }
  /** The entries recovered, and those that were not understood. The space writes under this incarnation. */
  | { readonly _tag: "Opened"; readonly incarnation: number; readonly recovered: number; readonly damaged: number }
  /** A space of the name is open already, or the name is none, or the store's meta is of another kind. */
  | { readonly _tag: "Refused"; readonly problem: string }
  /** No such space is open: it was closed meanwhile. */
  | { readonly _tag: "NotOpen" }
  /** The version of the last one; undefined where nothing was written. */
  | { readonly _tag: "Written"; readonly version: Version | undefined }
  /** Of a key or value, in bytes. */
  | { readonly _tag: "TooLarge"; readonly what: "key" | "value"; readonly size: number; readonly limit: number }
  | { readonly _tag: "Full"; readonly what: "keys" | "bytes"; readonly limit: number }
  | { readonly _tag: "Failed"; readonly cause: unknown }
  /** It is written, and a commit has failed before it was stored: it will be. */
  | { readonly _tag: "NotStored" }

/** A change of what is held under a key. */
export interface Change {
  readonly key: Uint8Array
  /** Undefined for what was deleted. */
  readonly value: Uint8Array | undefined
  /** Of a CRDT. */
  readonly state: unknown
  /** Of a map; undefined for what was dropped by a reset. */
  readonly version: Version | undefined
  /** Whether it was written here. */
  readonly isLocal: boolean
}

/** Why something that a peer sent was not taken. */
export type Refusal = "ClockAhead" | "Full" | "TooLarge" | "Malformed"

/** What happens. */
export type ReplicaEvent =
  /** In the order in which they happened; those of one step together. */
  | { readonly _tag: "Changed"; readonly space: string; readonly changes: ReadonlyArray<Change> }
  /**
   * To be stored, all or nothing, and then `Committed`. The next comes after that. Each key is the entry's own.
   */
  | {
    readonly _tag: "Persist"
    readonly space: string
    readonly sequence: number
    readonly puts: ReadonlyArray<readonly [key: Uint8Array, record: Uint8Array]>
    readonly removes: ReadonlyArray<Uint8Array>
    readonly meta: Uint8Array
  }
  /** To be published as a rumor of the space. */
  | { readonly _tag: "Spread"; readonly space: string; readonly batch: Uint8Array }
  /** How far a watched write is. */
  | {
    readonly _tag: "Stability"
    readonly space: string
    readonly watch: number
    readonly isStable: boolean
    /** How many live members lack it, this node included; undefined as long as it is not known. */
    readonly count: number | undefined
    /** The first of them. */
    readonly lacking: ReadonlyArray<Lacking>
  }
  /** Entries of a peer were refused; told once for all of one step. `ahead` in milliseconds, of `ClockAhead`. */
  | {
    readonly _tag: "Refused"
    readonly space: string
    readonly reason: Refusal
    /** Whose write it was; who sent it, where that is not known. */
    readonly node: string
    readonly count: number
    readonly ahead: number
  }
  /**
   * Entries were dropped that had been deleted while this node was away, or may have been. What it had written itself meanwhile
   * is among them; whoever asks from now on is told that it is stable, since nobody lacks it more than others.
   */
  | { readonly _tag: "Reset"; readonly space: string; readonly peer: string; readonly dropped: number }
  /** A session with a peer is over, and both agree. In entries, those that came and that were sent. */
  | {
    readonly _tag: "Reconciled"
    readonly space: string
    readonly peer: string
    readonly received: number
    readonly sent: number
  }
  /** Death certificates were forgotten, being `stable` or older than the retention. */
  | { readonly _tag: "Purged"; readonly space: string; readonly count: number }

/** What a space holds, in numbers. */
export interface SpaceSize {
  /** Without death certificates. */
  readonly keys: number
  readonly certificates: number
  readonly bytes: number
}

/** What it offers besides being a machine. */
export interface ReplicaMachine extends Machine<ReplicaCommand, ReplicaEvent, ReplicaResult> {
  /** What a space holds under a key, a death certificate included. */
  readonly read: (space: string, key: Uint8Array) => Entry | undefined
  /** All that a space holds, certificates left out. Not to be gone through after a further step. */
  readonly entries: (space: string) => Iterable<Entry>
  readonly size: (space: string) => SpaceSize | undefined
  /** What it knows, for the machine that takes its place. */
  readonly legacy: () => machine.Legacy
}

// -----------------------------------------------------------------------------
// options
// -----------------------------------------------------------------------------

/** A member other than this node. */
export interface Member {
  readonly id: string
  readonly address: Address
  /** As membership has it: raised by the member, and higher in its next life. */
  readonly incarnation: number
  /** Since when it is dead, on the step clock; undefined for one that is live. One that has left is no member. */
  readonly deadSince: number | undefined
}

/** The members that there are now, but for this node; kept up to date by who gives it. */
export interface Members {
  /** This node's own incarnation, as membership has it. */
  readonly incarnation: number
  /** Changes with any of them, and with `incarnation`. */
  readonly version: number
  readonly all: Iterable<Member>
  readonly get: (id: string) => Member | undefined
}

/** Chooses peers: `Selector` of `dissemination/PeerSelection`. */
export interface PeerSelector {
  readonly next: (count: number) => ReadonlyArray<{ readonly id: string; readonly address: Address }>
}

/** Comparing with a peer, every so often. Times are in milliseconds. */
export interface AntiEntropy {
  readonly interval: number
  /** Which way entries travel, as seen by who opens a session: it is opened by who hears that a peer differs. */
  readonly mode: Mode
  readonly strategy: Strategy
}

/** How a node keeps its replicas. Times are in milliseconds. */
export interface Options {
  readonly members: Members
  readonly selector: (random: RandomSource) => PeerSelector
  readonly antiEntropy?: AntiEntropy | undefined
  /** How far ahead of this node's wall clock a write may be. */
  readonly maxClockSkew?: number | undefined
  /** How long death certificates are kept when a member is away, and for how long it counts. */
  readonly retention?: number | undefined
  /** Time between reports, while somebody waits for stability or certificates are held. */
  readonly stabilityInterval?: number | undefined
  /** For how long writes wait for each other, to spread in one rumor; the first goes at once. */
  readonly batchInterval?: number | undefined
  /** Most bytes of a question or answer of a session. */
  readonly maxChunk?: number | undefined
}

/** The defaults of {@link Options}. */
export const defaults = defaultConfig

/** The defaults of {@link SpaceLimits}. */
export const defaultLimits: SpaceLimits = limits

// -----------------------------------------------------------------------------
// make
// -----------------------------------------------------------------------------

/** Replicas, for a node to run, or an experiment. The options are taken as they are. */
export const makeProtocol: (
  options: Options
) => Protocol<ReplicaCommand, ReplicaEvent, ReplicaResult, ReplicaMachine> = machine.makeProtocol
