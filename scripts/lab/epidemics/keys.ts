/** What distinguishes the cells of each experiment. */
import * as Published from "./published.ts"
import type { Selection, Timing } from "./spread.ts"
import * as Theory from "./theory.ts"

// -----------------------------------------------------------------------------
// rumor
// -----------------------------------------------------------------------------

export interface Rumor {
  readonly nodes: number
  readonly mode: Theory.Mode
  readonly interest: "feedback" | "blind"
  readonly stop: "counter" | "coin"
  readonly k: number
  /** 0 for none. */
  readonly connectionLimit: number
  readonly hunting: number
  readonly eager: boolean
  readonly selection: Selection
  readonly loss: number
  readonly timing: Timing
}

/** The row that was published for a setting like this one. */
export const publishedOf = (key: Rumor): ReturnType<typeof Published.find> => {
  const isPlain = key.connectionLimit === 0 && !key.eager && key.selection === "uniform" && key.loss === 0
  return isPlain && key.timing === "synchronous" ? Published.find(key) : undefined
}

// -----------------------------------------------------------------------------
// anti-entropy
// -----------------------------------------------------------------------------

export interface AntiEntropy {
  readonly nodes: number
  readonly mode: Theory.Mode
}

// -----------------------------------------------------------------------------
// direct mail
// -----------------------------------------------------------------------------

export interface DirectMail {
  readonly nodes: number
  readonly loss: number
  readonly antiEntropy: boolean
}

// -----------------------------------------------------------------------------
// push-then-pull
// -----------------------------------------------------------------------------

export interface PushThenPull {
  readonly nodes: number
  /** Who asks whom, or another algorithm instead. */
  readonly variant: "announced" | "always" | "median-counter"
}

/** Rounds that theory says, but for a constant. */
export const theoryOf = ({ nodes, variant }: PushThenPull): { readonly rounds: number; readonly formula: string } =>
  variant === "median-counter"
    ? { rounds: Theory.rounds("pushPull", nodes), formula: Theory.formulas.pushPull }
    : { rounds: Theory.pushThenPullRounds(variant, nodes), formula: Theory.pushThenPullFormulas[variant] }

// -----------------------------------------------------------------------------
// ring
// -----------------------------------------------------------------------------

export interface Ring {
  readonly nodes: number
  readonly mode: "mail" | Theory.Mode
}

/** Rounds within which all know it, when nothing is lost. */
export const ringBound = (nodes: number): number => nodes - 1

// -----------------------------------------------------------------------------
// compare
// -----------------------------------------------------------------------------

export interface Compare<Name extends string = string> {
  readonly nodes: number
  readonly strategy: Name
  readonly loss: number
}
