/**
 * Who is to be told of which keys: a consumer has one note for each key, however often that changed, and reads what is held
 * when it takes it. So none holds up the node, and none misses what there is in the end.
 */
import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { Outlets, type Pull } from "../../../internal/outlets.ts"
import { Waitable } from "../../../internal/waitable.ts"
import { toText } from "../crdt/bytes.ts"

/** What a consumer takes: a key that has changed, or that it has missed some, and all keys that there are follow. */
export type Note = { readonly _tag: "Changed"; readonly key: Uint8Array } | { readonly _tag: "Lagged" }

/** Most that are taken at a time. */
const chunkSize = 64

const lagged: Note = { _tag: "Lagged" }

class Feed extends Waitable {
  #hasLagged = false
  readonly #keys = new Map<string, Uint8Array>()

  get size(): number {
    return this.#keys.size + (this.#hasLagged ? 1 : 0)
  }

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

export class Feeds<E> extends Outlets<Note, Feed, E> {
  readonly #capacity: number
  readonly #source: Source
  readonly #onLag: () => void

  /** @param capacity notes that may wait beyond one for each key that is held */
  constructor(capacity: number, source: Source, onLag: () => void) {
    super()
    this.#capacity = capacity
    this.#source = source
    this.#onLag = onLag
  }

  /** Something has changed under these keys. */
  publish(changes: Iterable<{ readonly key: Uint8Array }>): void {
    for (const feed of this.all) {
      for (const { key } of changes) feed.add(key)
      if (feed.size > this.#capacity && feed.size > this.#capacity + this.#source.size()) {
        this.#onLag()
        feed.lag(this.#source.keys())
      }
    }
  }

  /** Changes may have been missed by all. */
  renew(): void {
    for (const feed of this.all) feed.lag(this.#source.keys())
  }

  /** Begins to note changes, of all keys that are held at first where `isFull`, and gives what takes them. */
  readonly opened = (isFull: boolean): Effect.Effect<Pull<Note, E>, never, Scope.Scope> =>
    this.open((dispatcher) => {
      const feed = new Feed(dispatcher)
      if (isFull) feed.fill(this.#source.keys())
      return feed
    })
}
