import type { MembershipError } from "@effect-gossip/core/membership/MembershipError"
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { SimulatedNetworkError } from "../../SimulatedNetwork.ts"
import type * as Simulation from "../../Simulation.ts"
import type { VirtualTime } from "../../VirtualTime.ts"
import type { Bounds } from "./options.ts"

/** What the verbs of a simulation fail with. */
export type SimulationError = Effect.Error<ReturnType<Simulation.Simulation["start"]>>

/** What the tests of the suite work with. */
export interface Fixture {
  readonly sim: Simulation.Simulation
  /** The names of all nodes of the simulation. The first is the seed of all. */
  readonly names: ReadonlyArray<string>
  readonly bounds: { readonly [K in keyof Bounds]: Duration.Duration }
  readonly minorityDeclaresDeath: boolean
  /** How long a partition lasts. */
  readonly outage: Duration.Duration
}

/** What a test has of its simulation besides the defaults, given how many nodes there are to be. */
export type Setup = (nodes: number) => Partial<Pick<Simulation.Options, "nodes" | "start" | "gossip">>

/** Registers a test. */
export type Register = (
  name: string,
  test: (
    fixture: Fixture
  ) => Effect.Effect<
    void,
    SimulationError | SimulatedNetworkError | MembershipError,
    VirtualTime | Scope.Scope
  >,
  setup?: Setup
) => void
