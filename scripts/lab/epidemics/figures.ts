/**
 * What runs that differ by their seed alone come to: means, and the standard errors of these.
 */
import type { Run } from "./spread.ts"

/** Means over runs. Counts are per node, times in rounds. */
export interface Means {
  /** Share of nodes that the rumor did not reach. */
  readonly residue: number
  /** Messages with the payload. */
  readonly traffic: number
  /** Payloads that came to who knew the rumor. */
  readonly redundant: number
  /** Messages without a payload. */
  readonly control: number
  /** Bytes of either. */
  readonly payloadBytes: number
  readonly controlBytes: number
  /** Messages, of either kind, that the busiest node sent. */
  readonly busiest: number
  /** From publication until a node heard it, on average over those that did; and until the last of them did. */
  readonly delayAverage: number
  readonly delayLast: number
}

export interface Figures extends Means {
  /** Runs in which the rumor did not reach all. */
  readonly incompleteRuns: number
  /** The longest of all runs. */
  readonly delayMax: number
  /** Most nodes that passed it on before somebody heard it, in all runs. */
  readonly hopsMax: number
  readonly standardErrors: Means
  /** Share of nodes that know it by the end of each round, on average. */
  readonly curve: ReadonlyArray<number>
}

/** A mean, and its standard error. */
export interface Estimate {
  readonly mean: number
  readonly error: number
}

/** The mean of values, of which there is one at least. */
export const estimate = (values: ReadonlyArray<number>): Estimate => {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  if (values.length === 1) return { mean, error: 0 }
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1)
  return { mean, error: Math.sqrt(variance / values.length) }
}

const round = (value: number): number => Number(value.toPrecision(6))

/** What runs with so many nodes came to together. */
export const figures = (runs: ReadonlyArray<Run>, nodes: number): Figures => {
  const of: { readonly [Name in keyof Means]: Estimate } = {
    residue: estimate(runs.map(({ heard }) => (nodes - heard) / nodes)),
    traffic: estimate(runs.map(({ payload }) => payload / nodes)),
    redundant: estimate(runs.map(({ redundant }) => redundant / nodes)),
    control: estimate(runs.map(({ control }) => control / nodes)),
    payloadBytes: estimate(runs.map(({ payloadBytes }) => payloadBytes / nodes)),
    controlBytes: estimate(runs.map(({ controlBytes }) => controlBytes / nodes)),
    busiest: estimate(runs.map(({ busiest }) => busiest)),
    delayAverage: estimate(runs.map(({ delayAverage }) => delayAverage)),
    delayLast: estimate(runs.map(({ delayLast }) => delayLast))
  }
  const pick = (what: keyof Estimate) =>
    Object.fromEntries(Object.entries(of).map(([name, value]) => [name, round(value[what])])) as unknown as Means
  const rounds = Math.max(...runs.map(({ curve }) => curve.length))
  return {
    ...pick("mean"),
    incompleteRuns: runs.filter(({ heard }) => heard < nodes).length,
    delayMax: round(Math.max(...runs.map(({ delayLast }) => delayLast))),
    hopsMax: Math.max(...runs.map(({ hops }) => hops)),
    standardErrors: pick("error"),
    curve: Array.from(
      { length: rounds },
      (_, at) => round(estimate(runs.map(({ curve }) => (curve[at] ?? curve.at(-1)!) / nodes)).mean)
    )
  }
}

/** A mean and its standard error, for a cell. */
export const show = (figures: Figures, name: keyof Means): string => {
  const value = figures[name]
  const error = figures.standardErrors[name]
  if (value === 0 && error === 0) return "0"
  return `${digits(value)} ±${error === 0 ? "0" : error.toPrecision(1)}`
}

const digits = (value: number): string => {
  const text = value.toPrecision(3)
  return text.includes("e") ? Number(text).toExponential(1) : text
}
