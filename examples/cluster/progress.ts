/**
 * How far the demo is: the step it is in, what that waits for, and the steps behind it.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as SubscriptionRef from "effect/SubscriptionRef"

/** What was done, and what is being waited for. */
export interface Waiting {
  readonly did: string
  readonly until?: string
  /** How many processes have seen it, and how many are to. */
  readonly done: number
  readonly of: number
}

/** A step of the demo. Times are in milliseconds, of a clock that never jumps. */
export interface Step {
  readonly title: string
  readonly startedAt: number
  readonly waiting: Waiting
  /** What it came to, once it is finished. */
  readonly outcome?: { readonly text: string; readonly endedAt: number; readonly failed: boolean }
}

export interface Snapshot {
  readonly startedAt: number
  /** The names of all processes that there will be. */
  readonly names: ReadonlyArray<string>
  /** All steps that there will be. */
  readonly titles: ReadonlyArray<string>
  /** The steps begun, of which the last may be going on. */
  readonly steps: ReadonlyArray<Step>
}

export class Progress
  extends Context.Service<Progress, SubscriptionRef.SubscriptionRef<Snapshot>>()("examples/cluster/Progress")
{
  static readonly layer = (options: Pick<Snapshot, "names" | "titles">) =>
    Layer.effect(
      Progress,
      Effect.flatMap(now, (startedAt) => SubscriptionRef.make<Snapshot>({ ...options, startedAt, steps: [] }))
    )
}

/** Milliseconds of a clock that never jumps. */
export const now: Effect.Effect<number> = Effect.map(Clock.monotonicTimeNanos, (nanos) => Number(nanos) / 1e6)

/** Says what was done, and what is waited for. */
export const describe = ({ did, until }: Waiting): string => until === undefined ? did : `${did}, until ${until}`
