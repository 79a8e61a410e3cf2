/**
 * What happens in a simulation: on its network, to its nodes, and to what they believe of each other.
 *
 * @since 0.1.0
 */
import type { Address } from "@effect-gossip/core/Address"
import type { Fault } from "./Fault.ts"
import type * as SimulatedNetwork from "./SimulatedNetwork.ts"

/** What happens to a node, or is done to the simulation. */
export type Happening =
  /** A node runs: its `life` is 1 at first, and one more with each start. */
  | { readonly _tag: "NodeStarted"; readonly node: string; readonly address: Address; readonly life: number }
  /** A node begins to leave. */
  | { readonly _tag: "NodeStopped"; readonly node: string }
  | { readonly _tag: "NodeCrashed"; readonly node: string }
  | { readonly _tag: "NodePaused"; readonly node: string }
  | { readonly _tag: "NodeResumed"; readonly node: string }
  /** A fault of a schedule begins; one that happens at once has no end. Faults count up from 0. */
  | { readonly _tag: "FaultBegan"; readonly id: number; readonly fault: Fault }
  | { readonly _tag: "FaultEnded"; readonly id: number; readonly fault: Fault }
  /** `node` changed its mind about `member`; of two addresses in conflict the member is the name. */
  | {
    readonly _tag: "MemberChanged"
    readonly node: string
    readonly member: string
    readonly change: "Joined" | "Suspected" | "Refuted" | "Died" | "Left" | "Updated" | "Reaped" | "Conflict"
    /** Undefined for a conflict. */
    readonly incarnation: number | undefined
  }
  /** An invariant does not hold. */
  | { readonly _tag: "Violated"; readonly invariant: string; readonly problem: string }
  /** The run is over, well or not; what follows is nodes that end. */
  | { readonly _tag: "RunEnded" }

/** An event, and when it happened: milliseconds since the simulation's network was made. */
export type SimulationEvent = SimulatedNetwork.Event | ({ readonly at: number } & Happening)
