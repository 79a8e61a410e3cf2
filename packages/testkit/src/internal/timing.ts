/** Time in plain functions, over virtual time or any `Clock`. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import { VirtualTime } from "../VirtualTime.ts"

export interface Timing {
  /** Milliseconds since some start, never going back. */
  readonly now: () => number
  /** Runs a task after so many milliseconds, unless it is cancelled before. */
  readonly schedule: (delay: number, task: () => void) => { readonly cancel: () => void }
}

/** Under virtual time what is scheduled are timers of its loop; under another clock, fibers that sleep. */
export const make: Effect.Effect<Timing, never, Scope.Scope> = Effect.gen(function*() {
  const virtualTime = yield* Effect.serviceOption(VirtualTime)
  if (Option.isSome(virtualTime)) {
    return { now: virtualTime.value.elapsedUnsafe, schedule: virtualTime.value.scheduleUnsafe }
  }
  const clock = yield* Clock.Clock
  const start = clock.monotonicTimeNanosUnsafe()
  const run = yield* FiberSet.makeRuntime<never>()
  return {
    now: () => Number(clock.monotonicTimeNanosUnsafe() - start) / 1e6,
    schedule: (delay, task) => {
      const wait = delay === 0 ? Effect.yieldNow : Effect.sleep(delay)
      const fiber = run(Effect.andThen(wait, Effect.sync(task)))
      return { cancel: () => fiber.interruptUnsafe() }
    }
  }
})
