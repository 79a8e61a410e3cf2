/** Keys that are being written, each by one at a time: the others wait, in the order they came. */
import * as Effect from "effect/Effect"

type Restore = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>

export class KeyLocks {
  /** Of each key that is held, who waits for it. */
  readonly #held = new Map<string, Array<() => void>>()

  /** Runs an effect while it holds a key. */
  readonly hold = (key: string) => <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.uninterruptibleMask((restore) => {
      const guarded = Effect.onExit(restore(effect), () => this.#release(key))
      if (this.#held.has(key)) return Effect.andThen(this.#acquire(key, restore), guarded)
      this.#held.set(key, [])
      return guarded
    })

  /** Runs an effect while it holds several keys. */
  readonly holdAll = (keys: Iterable<string>) => <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> => {
    // all in one order, so that no two wait for each other
    const sorted = [...new Set(keys)].sort()
    return Effect.uninterruptibleMask((restore) =>
      Effect.suspend(() => {
        let held = 0
        const acquire = Effect.whileLoop({
          while: () => held < sorted.length,
          body: () => this.#acquire(sorted[held]!, restore),
          step: () => void held++
        })
        const release = Effect.suspend(() =>
          Effect.forEach(sorted.slice(0, held), (key) => this.#release(key), { discard: true })
        )
        return Effect.ensuring(Effect.andThen(acquire, restore(effect)), release)
      })
    )
  }

  /** Only the wait is interruptible: a fiber may yield between any two steps, and a key that was taken must be known to be. */
  #acquire(key: string, restore: Restore): Effect.Effect<void> {
    return Effect.suspend(() => {
      const waiting = this.#held.get(key)
      if (waiting === undefined) {
        this.#held.set(key, [])
        return Effect.void
      }
      const turned = Effect.callback<void>((resume) => {
        const turn = () => resume(Effect.void)
        waiting.push(turn)
        return Effect.sync(() => {
          const at = waiting.indexOf(turn)
          if (at >= 0) waiting.splice(at, 1)
        })
      })
      // who is resumed runs in the stack of who has let go: it would grow with each that lets go at once
      return Effect.andThen(restore(turned), Effect.yieldNow)
    })
  }

  #release(key: string): Effect.Effect<void> {
    return Effect.sync(() => {
      const waiting = this.#held.get(key)!
      const next = waiting.shift()
      if (next === undefined) this.#held.delete(key)
      else next()
    })
  }
}
