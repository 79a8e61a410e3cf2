/** The plot of `pnpm lab reconcile`. */
import type { Effect } from "effect"
import { colored, render } from "../vega.ts"
import type { Figures, Setting } from "./measure.ts"

/** A setting, and what it came to. */
export type Cell = Pick<Setting, "strategy" | "different"> & Figures

/** Metadata and round trips, over how many keys differ. */
export const reconcile = (cells: ReadonlyArray<Cell>, { keys }: { readonly keys: number }): Effect.Effect<string> => {
  const color = colored("strategy", [...new Set(cells.map(({ strategy }) => strategy))])
  const differences = [...new Set(cells.map(({ different }) => different))].sort((a, b) => a - b)
  const panel = (field: keyof Figures, title: string, unit: string) => ({
    title,
    width: 300,
    height: 220,
    data: { values: cells },
    mark: { type: "line", strokeWidth: 2.5, point: { size: 30 } },
    encoding: {
      x: {
        field: "different",
        type: "quantitative",
        title: "keys that differ",
        scale: { type: "symlog", constant: 0.3 },
        axis: { values: differences, format: ",d", labelOverlap: true }
      },
      y: { field, type: "quantitative", title: unit, scale: { type: "log" }, axis: { format: "~s" } },
      color
    }
  })
  return render({
    hconcat: [
      panel("metadataBytes", `${keys.toLocaleString("en")} keys: metadata of both, entries aside`, "bytes"),
      panel("roundTrips", "questions, each with its answer", "round trips")
    ]
  })
}
