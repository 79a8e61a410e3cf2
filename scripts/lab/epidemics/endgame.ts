/** The last rounds of a simple epidemic, when few are left who do not know the rumor. */
import { type Estimate, estimate } from "./figures.ts"
import type { AntiEntropy } from "./keys.ts"
import type { Cell } from "./runs.ts"
import * as Theory from "./theory.ts"

/** What a round makes of the share of nodes that do not know the rumor yet. */
export interface Step {
  /** Before the round, and after it: means over what runs came by. */
  readonly p: number
  readonly next: number
  readonly error: number
  readonly recurrence: number
}

/** Steps of all runs from where half of the nodes know it, those from about the same share together. */
export const endgame = ({ mode, nodes, runs }: Cell<AntiEntropy>): ReadonlyArray<Step> => {
  const bins = new Map<number, Array<readonly [p: number, next: number]>>()
  for (const { curve } of runs) {
    for (const [at, heard] of curve.entries()) {
      const left = nodes - heard
      const after = curve[at + 1]
      if (after === undefined || left === 0 || left > nodes / 2) continue
      // two for each halving
      const bin = Math.round(2 * Math.log2(left / nodes))
      const steps = bins.get(bin)
      const step = [left / nodes, (nodes - after) / nodes] as const
      if (steps === undefined) bins.set(bin, [step])
      else steps.push(step)
    }
  }
  return [...bins.values()].filter((steps) => steps.length >= 10).map((steps) => {
    const p = estimate(steps.map(([p]) => p)).mean
    const next: Estimate = estimate(steps.map(([, next]) => next))
    // of a mean over shares that differ, the recurrence's mean
    const recurrence = estimate(steps.map(([p]) => Theory.next(mode, p, nodes))).mean
    return { p, next: next.mean, error: next.error, recurrence }
  }).sort((a, b) => b.p - a.p)
}
