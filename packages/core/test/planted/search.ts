/** Searches with a bug, and without. */
import * as Swim from "@effect-gossip/core/membership/Swim"
import * as Simulation from "@effect-gossip/testkit/Simulation"
import * as Effect from "effect/Effect"
import type { Bug, Search } from "./bugs.ts"
import { during, type Plant } from "./plant.ts"

const nothing: Plant = () => () => {}

const options = ({ protocol, swim, ...search }: Search, broken: Bug["plant"] = nothing) => {
  const sound = protocol ?? Swim.layer(swim)
  return { ...search, protocol: typeof broken === "function" ? sound : broken.protocol(sound) }
}

const plantOf = ({ plant }: Bug): Plant => typeof plant === "function" ? plant : nothing

/** Searches while a bug is planted. */
export const find = (bug: Bug): Simulation.Exploration =>
  during(plantOf(bug), () => Simulation.explore({ ...options(bug.search, bug.plant), seeds: bug.seeds }))

/** The same search of the sound protocol. */
export const control = (search: Search, seeds: number): Simulation.Exploration =>
  Simulation.explore({ ...options(search), seeds })

/** Runs what a search found once more, with the bug or without. */
export const replay = (bug: Bug, token: string, protocol: "planted" | "sound") => {
  const program = bug.search.program ?? (() => Effect.void)
  return protocol === "sound"
    ? Simulation.replay(options(bug.search), token, program)
    : during(plantOf(bug), () => Simulation.replay(options(bug.search, bug.plant), token, program))
}
