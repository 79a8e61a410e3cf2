/**
 * Who is to be told of which keys: a consumer has one note for each key, however often that changed, and reads what is held
 * when it takes it. So none holds up the node, and none misses what there is in the end.
 */
import type { NonEmptyReadonlyArray } from "effect/Array"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import type * as Scheduler from "effect/Scheduler"
import type * as Scope from "effect/Scope"
import { toText } from "../crdt/bytes.ts"

/** What a consumer takes: a key that has changed, or that it has missed some, and all keys that there are follow. */
export type Note = { readonly _tag: "Changed"; readonly key: Uint8Array } | { readonly _tag: "Lagged" }

/** Most that are taken at a time. */
const chunkSize = 64

const lagged: Note = { _tag: "Lagged" }

class Feed {
  readonly #dispatcher: Scheduler.SchedulerDispatcher
  #resume: ((filled: Effect.Effect<void>) => void) | undefined
  #isWaking = false
  #hasEnded = false
  #hasLagged = false
  readonly #keys = new Map<string, Uint8Array>()

  /** @param dispatcher runs the task that wakes the consumer, who must not run in the stack of the node's loop */
  constructor(dispatcher: Scheduler.SchedulerDispatcher) {
    this.#dispatcher = dispatcher
  }

  get size(): number {
    return this.#keys.size + (this.#hasLagged ? 1 : 0)
  }

  readonly filled: Effect.Effect<void> = Effect.callback((resume) => {
    if (this.size > 0 || this.#hasEnded) return resume(Effect.void)
    // without a finalizer: a consumer that is no more is not resumed
    this.#resume = resume
  })

  add(key: Uint8Array): void {
    const text = toText(key)
    if (this.#keys.has(text)) return
    this.#keys.set(text, key)
    this.wake()
  }

  /** All that it holds is void: the keys that there are take its place. */
  lag(keys: Iterable<Uint8Array>): void {
    this.#keys.clear()
    this.#hasLagged = true
    this.fill(keys)
  }

  fill(keys: Iterable<Uint8Array>): void {
    for (const key of keys) this.#keys.set(toText(key), key)
    this.wake()
  }

  end(): void {
    this.#hasEnded = true
    this.wake()
  }

  wake(): void {
    if (this.#isWaking || this.#resume === undefined) return
    this.#isWaking = true
    this.#dispatcher.scheduleTask(this.#awaken, 0)
  }

  readonly #awaken = (): void => {
    this.#isWaking = false
    const resume = this.#resume
    this.#resume = undefined
    resume?.(Effect.void)
  }

  take(): ReadonlyArray<Note> {
    const taken: Array<Note> = []
    if (this.#hasLagged) {
      this.#hasLagged = false
      taken.push(lagged)
    }
    for (const [text, key] of this.#keys) {
      if (taken.length >= chunkSize) break
      this.#keys.delete(text)
      taken.push({ _tag: "Changed", key })
    }
    return taken
  }
}

/** What there is to be told of. */
export interface Source {
  /** How many keys are held. */
  readonly size: () => number
  readonly keys: () => Iterable<Uint8Array>
}

export class Feeds<E> {
  readonly #feeds = new Set<Feed>()
  readonly #capacity: number
  readonly #source: Source
  readonly #onLag: () => void
  #end: Effect.Effect<never, E | Cause.Done> | undefined

  /** @param capacity notes that may wait beyond one for each key that is held */
  constructor(capacity: number, source: Source, onLag: () => void) {
    this.#capacity = capacity
    this.#source = source
    this.#onLag = onLag
  }

  /** Something has changed under these keys. */
  publish(keys: Iterable<Uint8Array>): void {
    if (this.#feeds.size === 0) return
    for (const feed of this.#feeds) {
      for (const key of keys) feed.add(key)
      if (feed.size > this.#capacity && feed.size > this.#capacity + this.#source.size()) {
        this.#onLag()
        feed.lag(this.#source.keys())
      }
    }
  }

  /** Changes may have been missed by all. */
  renew(): void {
    for (const feed of this.#feeds) feed.lag(this.#source.keys())
  }

  /** Ends all streams once they have given what they hold: quietly, or with an error. */
  end(error?: { readonly error: E }): void {
    this.#end ??= error === undefined ? Cause.done() : Effect.fail(error.error)
    for (const feed of this.#feeds) feed.end()
  }

  /** Begins to note changes, of all keys that are held at first where `isFull`, and gives what takes them. */
  readonly open = (
    isFull: boolean
  ): Effect.Effect<Effect.Effect<NonEmptyReadonlyArray<Note>, E | Cause.Done>, never, Scope.Scope> =>
    Effect.withFiber((fiber) => {
      const feed = new Feed(fiber.currentDispatcher)
      const pull: Effect.Effect<NonEmptyReadonlyArray<Note>, E | Cause.Done> = Effect.suspend(() => {
        if (feed.size > 0) return Effect.succeed(feed.take() as NonEmptyReadonlyArray<Note>)
        if (this.#end !== undefined) return this.#end
        return Effect.andThen(feed.filled, pull)
      })
      return Effect.as(
        Effect.acquireRelease(
          Effect.sync(() => {
            this.#feeds.add(feed)
            if (isFull) feed.fill(this.#source.keys())
          }),
          () => Effect.sync(() => this.#feeds.delete(feed))
        ),
        pull
      )
    })
}
