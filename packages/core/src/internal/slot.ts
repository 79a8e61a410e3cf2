/**
 * What one fiber may hold at a time: the others wait for their turn, in the order they came, or fail when it closes.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"

export interface Slot<E> {
  /** Waits for the slot and holds it until the scope closes. */
  readonly hold: Effect.Effect<void, E, Scope.Scope>
  /** Fails those who wait, and all who come later. */
  readonly close: () => void
}

export const make = <E>(closed: Effect.Effect<never, E>): Slot<E> => {
  const waiting: Array<(result: Effect.Effect<void, E>) => void> = []
  let isHeld = false
  let isClosed = false

  const acquire = Effect.callback<void, E>((resume) => {
    if (isClosed) return resume(closed)
    if (!isHeld) {
      isHeld = true
      return resume(Effect.void)
    }
    waiting.push(resume)
    return Effect.sync(() => {
      const index = waiting.indexOf(resume)
      if (index >= 0) waiting.splice(index, 1)
    })
  })
  const release = Effect.sync(() => {
    const next = waiting.shift()
    if (next === undefined) isHeld = false
    else next(Effect.void)
  })

  return {
    hold: Effect.acquireRelease(acquire, () => release, { interruptible: true }),
    close: () => {
      isClosed = true
      for (const resume of waiting.splice(0)) resume(closed)
    }
  }
}
