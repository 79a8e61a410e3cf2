/** Plots, loaded when one is wanted: drawing takes more code than all experiments. */
import { Effect } from "effect"
import type * as Plots from "./plots.ts"

export const drawn = (draw: (plots: typeof Plots) => Effect.Effect<string>): Effect.Effect<string> =>
  Effect.flatMap(Effect.promise(() => import("./plots.ts")), draw)
