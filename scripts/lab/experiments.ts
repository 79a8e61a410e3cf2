/**
 * What the lab varies: each experiment is a list of cells, and each cell some trials that differ by their seed alone.
 */
import { Effect } from "effect"
import * as Detection from "./detection.ts"
import * as Pool from "./pool.ts"
import * as Protocols from "./protocols.ts"

/** How experiments are run. */
export interface Options {
  readonly seed: string
  readonly threads?: number | undefined
}

/** A setting, and what it came to. */
export type Cell<Key> = Key & {
  readonly figures: Detection.Figures
  readonly observations: ReadonlyArray<Detection.Observation>
}

const seedOf = (seed: string, run: number) => `${seed}/${run}`

/**
 * Runs so many trials for each key. The same run of two keys has the same seed, so that they begin alike where they are
 * alike.
 */
const run = Effect.fnUntraced(function*<Key extends object>(
  keys: ReadonlyArray<Key>,
  runs: number,
  trialOf: (key: Key) => Omit<Detection.Trial, "seed">,
  { seed, threads }: Options
) {
  const trials = keys.flatMap((key) =>
    Array.from({ length: runs }, (_, index): Detection.Trial => ({ ...trialOf(key), seed: seedOf(seed, index) }))
  )
  const observations = yield* Pool.runAll<"Detection">(
    trials.map((trial) => ({ _tag: "Detection", trial })),
    { threads, unit: "trials" }
  )
  return keys.map((key, index): Cell<Key> => {
    const these = observations.slice(index * runs, (index + 1) * runs)
    return { ...key, figures: Detection.figures(these), observations: these }
  })
})

// -----------------------------------------------------------------------------
// one setting
// -----------------------------------------------------------------------------

/** Runs one setting. */
export const detection = (trial: Omit<Detection.Trial, "seed">, runs: number, options: Options) =>
  Effect.map(run([{}], runs, () => trial, options), ([cell]) => cell!.figures)

// -----------------------------------------------------------------------------
// loss
// -----------------------------------------------------------------------------

export interface LossKey {
  readonly protocol: Protocols.Name
  readonly loss: number
}

export const losses: ReadonlyArray<number> = [0, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5]

/** Detection and false positives of protocols over loss. */
export const loss = (
  what: {
    readonly protocols: ReadonlyArray<Protocols.Name>
    readonly losses: ReadonlyArray<number>
    readonly nodes: number
    readonly crashes: number
    readonly window: number
    readonly runs: number
  },
  options: Options
) =>
  run(
    what.protocols.flatMap((protocol) => what.losses.map((loss): LossKey => ({ protocol, loss }))),
    what.runs,
    ({ loss, protocol }) => ({
      ...Detection.defaults,
      protocol,
      loss,
      nodes: what.nodes,
      crashes: what.crashes,
      window: what.window,
      idle: 0
    }),
    options
  )

// -----------------------------------------------------------------------------
// Lifeguard
// -----------------------------------------------------------------------------

export interface LifeguardKey {
  readonly variant: Protocols.Variant
  readonly paused: number
  readonly pauseFor: number
  readonly pauseGap: number
}

/** The Lifeguard paper's interval experiment: so many nodes stall at once, again and again. */
export const lifeguard = (
  what: {
    readonly variants: ReadonlyArray<Protocols.Variant>
    readonly paused: ReadonlyArray<number>
    readonly pauseFor: ReadonlyArray<number>
    readonly pauseGap: ReadonlyArray<number>
    readonly nodes: number
    readonly stall: Detection.Trial["stall"]
    readonly crashes: number
    readonly window: number
    readonly runs: number
  },
  options: Options
) =>
  run(
    what.variants.flatMap((variant) =>
      what.paused.flatMap((paused) =>
        what.pauseFor.flatMap((pauseFor) =>
          what.pauseGap.map((pauseGap): LifeguardKey => ({ variant, paused, pauseFor, pauseGap }))
        )
      )
    ),
    what.runs,
    ({ paused, pauseFor, pauseGap, variant }) => ({
      ...Detection.defaults,
      protocol: "swim",
      settings: Protocols.variants[variant].settings,
      nodes: what.nodes,
      stall: what.stall,
      paused,
      pauseFor,
      pauseGap,
      crashes: what.crashes,
      window: what.window,
      settle: 10_000,
      idle: 0
    }),
    options
  )

export const pausedCounts: ReadonlyArray<number> = [1, 4, 8, 16, 32]
export const pauses: ReadonlyArray<number> = [128, 8192, 16_384, 32_768]
export const gaps: ReadonlyArray<number> = [64]

/** What a variant came to over all its cells; `factor` says how many times more plain Swim had of it. */
export interface LifeguardTotal {
  readonly variant: Protocols.Variant
  /** `Died` events about healthy nodes; of those the ones at healthy nodes; and about nodes that stall. */
  readonly aboutHealthy: number
  readonly aboutHealthyAtHealthy: number
  readonly aboutPaused: number
  readonly aboutHealthyPerNodeHour: number
  readonly factor: number | null
  readonly factorAtHealthy: number | null
  readonly firstMillis: Detection.Summary
  readonly allMillis: Detection.Summary
  readonly missed: number
}

/** Each variant over all its cells. */
export const lifeguardTotals = (cells: ReadonlyArray<Cell<LifeguardKey>>): ReadonlyArray<LifeguardTotal> => {
  const of = (variant: Protocols.Variant) => {
    const observations = cells.filter((cell) => cell.variant === variant).flatMap((cell) => cell.observations)
    return observations.length === 0 ? undefined : Detection.figures(observations)
  }
  const plain = of("plain")?.falsePositives.aboutHealthy
  const factor = (before: number | undefined, now: number) =>
    before === undefined || before === 0 ? null : before / Math.max(1, now)
  return Protocols.variantNames.flatMap((variant) => {
    const figures = of(variant)
    if (figures === undefined) return []
    const { detection, falsePositives } = figures
    const { aboutHealthy, aboutHealthyPerNodeHour, aboutPaused } = falsePositives
    const total = ({ byHealthy, byPaused }: Detection.Counts) => byHealthy + byPaused
    return [{
      variant,
      aboutHealthy: total(aboutHealthy),
      aboutHealthyAtHealthy: aboutHealthy.byHealthy,
      aboutPaused: total(aboutPaused),
      aboutHealthyPerNodeHour,
      factor: factor(plain && total(plain), total(aboutHealthy)),
      factorAtHealthy: factor(plain?.byHealthy, aboutHealthy.byHealthy),
      firstMillis: detection.firstMillis,
      allMillis: detection.allMillis,
      missed: detection.missedByAll
    }]
  })
}

// -----------------------------------------------------------------------------
// load
// -----------------------------------------------------------------------------

export interface LoadKey {
  readonly protocol: Protocols.Name
  readonly nodes: number
}

export const sizes: ReadonlyArray<number> = [8, 16, 32, 64, 128, 256, 512]

/** What idle nodes send, over the size of the cluster: measured for `idle` with up to 64 nodes, and shorter with more. */
export const load = (
  what: {
    readonly protocols: ReadonlyArray<Protocols.Name>
    readonly sizes: ReadonlyArray<number>
    readonly idle: number
    readonly runs: number
  },
  options: Options
) =>
  run(
    what.protocols.flatMap((protocol) => what.sizes.map((nodes): LoadKey => ({ protocol, nodes }))),
    what.runs,
    ({ nodes, protocol }) => ({
      ...Detection.defaults,
      protocol,
      nodes,
      crashes: 0,
      window: 0,
      settle: Protocols.get(protocol).settle,
      // the more nodes, the sooner their mean is known
      idle: Math.max(10_000, Math.round(what.idle * Math.min(1, 64 / nodes)))
    }),
    options
  )

/** A cell without what it was made of: what is printed. */
export const printed = <Key>({ observations: _, ...cell }: Cell<Key>) => cell
