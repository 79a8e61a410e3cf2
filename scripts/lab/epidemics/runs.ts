/**
 * Runs settings many times: an experiment is a list of cells, and each cell runs that differ by their seed alone.
 */
import { Effect } from "effect"
import * as Pool from "../pool.ts"
import { type Figures, figures } from "./figures.ts"
import type { Run, Setting } from "./spread.ts"

/** How experiments are run. */
export interface Options {
  readonly runs: number
  readonly seed: string
  readonly threads?: number | undefined
}

/** A setting by what distinguishes it, and what it came to. */
export type Cell<Key> = Key & { readonly figures: Figures; readonly runs: ReadonlyArray<Run> }

/** Nodes that are run in one go, all runs together: a second or so of work. */
const batch = 20_000

/** Runs a setting for each key. The same run of two keys has the same seed. */
export const run = Effect.fnUntraced(function*<Key extends { readonly nodes: number }>(
  keys: ReadonlyArray<Key>,
  settingOf: (key: Key) => Setting,
  { runs, seed, threads }: Options
) {
  const jobs = keys.flatMap((key) => {
    const setting = settingOf(key)
    const each = Math.max(1, Math.floor(batch / setting.nodes))
    return Array.from({ length: Math.ceil(runs / each) }, (_, part) => ({
      _tag: "Spread" as const,
      setting,
      seeds: Array.from(
        { length: Math.min(each, runs - part * each) },
        (_, index) => `${seed}/${part * each + index}`
      )
    }))
  })
  const results = yield* Pool.runAll<"Spread">(jobs, { threads, unit: "runs" })
  let at = 0
  return keys.map((key): Cell<Key> => {
    const these: Array<Run> = []
    while (these.length < runs) these.push(...results[at++]!)
    return { ...key, runs: these, figures: figures(these, key.nodes) }
  })
})

/**
 * What is printed: the figures beside what distinguishes them, in one object where there is one cell alone, and a list of
 * cells otherwise.
 */
export const printed = <Key extends object>(
  common: object,
  cells: ReadonlyArray<Cell<Key>>,
  also: (cell: Cell<Key>) => object = () => ({})
): object => {
  const objects = cells.map((cell) => {
    const { figures, runs, ...key } = cell
    return { ...key, runs: runs.length, ...figures, ...also(cell) }
  })
  return objects.length === 1 ? { ...common, ...objects[0] } : { ...common, cells: objects }
}
