/**
 * The simulation in which both versions are tried, and the search for faults that break them.
 */
import type { Membership } from "@effect-gossip/core/membership/Membership"
import * as Swim from "@effect-gossip/core/membership/Swim"
import { type Fault, Simulation } from "@effect-gossip/testkit"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import { neverTwo, oneAtLast } from "./invariant.ts"
import { layerByLease, layerByView, type Leader } from "./leader.ts"

/** A way to find out who leads. */
export interface Version {
  readonly name: string
  readonly summary: string
  readonly layer: Layer.Layer<Leader, never, Membership>
}

const names = ["n0", "n1", "n2"]
const size = { nodes: names.length }

export const byView: Version = {
  name: "by view",
  summary: "the lowest live name leads, where a majority is seen live",
  layer: layerByView(size)
}

export const byLease: Version = {
  name: "by lease",
  summary: "the same, but it asks the majority, and leads for as long as that has promised",
  layer: layerByLease(size)
}

/** Three nodes, in each of which the application runs. */
export const cluster = ({ layer }: Version) => ({
  nodes: names,
  gossip: { seeds: names },
  protocol: Swim.layer({ reconnectInterval: "5 seconds" }),
  layer,
  invariants: [neverTwo, oneAtLast],
  checkEvery: "200 millis" as const
})

/** What may go wrong in one run, once there has been time for a first leader. */
export const bounds: Fault.Bounds = { maxFaults: 4, from: "16 seconds", within: "40 seconds", longest: "20 seconds" }

/** Tries one seed after another until one fails, and lets others run in between, so that Ctrl-C is heard. */
export const search = Effect.fnUntraced(function*(
  version: Version,
  seeds: number,
  onRun: (runs: number) => Effect.Effect<void> = () => Effect.void
) {
  let faults = 0
  for (let seed = 0; seed < seeds; seed++) {
    yield* Effect.andThen(onRun(seed + 1), Effect.yieldNow)
    const outcome = Simulation.explore({
      ...cluster(version),
      seeds: [seed],
      faults: bounds,
      title: `a leader ${version.name}`
    })
    if (outcome._tag === "Broken") return { ...outcome, runs: seed + 1 }
    faults += outcome.faults
  }
  return { _tag: "Held", runs: seeds, faults } satisfies Simulation.Held
})

/** Runs one seed with its faults, and keeps what happens. */
export const replay = (version: Version, attempt: Simulation.Attempt) =>
  Simulation.record({ ...cluster(version), ...attempt, title: `a leader ${version.name}` }, () => Effect.void)
