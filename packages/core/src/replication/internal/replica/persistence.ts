/**
 * What is to be stored: one batch at a time, which holds all that has changed since the one before, with what the replica
 * then knew. So whatever is recovered, its versions claim no more than its entries hold.
 */
import type { ReplicaEvent, ReplicaResult } from "../../ReplicaMachine.ts"
import type { Entries } from "./entries.ts"
import type { VersionVector } from "./vector.ts"

interface Waiter {
  readonly completion: number
  readonly result: ReplicaResult
}

export class Persistence {
  readonly #changed = new Map<string, Uint8Array>()
  #isMetaChanged = false
  #waiters: Array<Waiter> = []
  #outstanding: { readonly versions: VersionVector; readonly waiters: Array<Waiter> } | undefined
  #sequence = 0

  /** What is held under a key has changed. */
  note(id: string, key: Uint8Array): void {
    this.#changed.set(id, key)
  }

  noteMeta(): void {
    this.#isMetaChanged = true
  }

  /** To be completed once all is stored that was noted until now. */
  wait(completion: number, result: ReplicaResult): void {
    this.#waiters.push({ completion, result })
  }

  /** Whether something is to be stored, and may be. */
  get isDue(): boolean {
    return this.#outstanding === undefined &&
      (this.#changed.size > 0 || this.#isMetaChanged || this.#waiters.length > 0)
  }

  /** Whether something is not stored yet. */
  get isBehind(): boolean {
    return this.#outstanding !== undefined || this.isDue
  }

  /** @param versions a copy of what is known now */
  next(
    space: string,
    entries: Entries,
    meta: Uint8Array,
    versions: VersionVector
  ): Extract<ReplicaEvent, { readonly _tag: "Persist" }> {
    const puts: Array<readonly [Uint8Array, Uint8Array]> = []
    const removes: Array<Uint8Array> = []
    for (const [id, key] of this.#changed) {
      const held = entries.get(id)
      const record = held === undefined ? undefined : entries.record(held)
      if (record === undefined) removes.push(key)
      else puts.push([key, record])
    }
    this.#changed.clear()
    this.#isMetaChanged = false
    this.#outstanding = { versions, waiters: this.#waiters }
    this.#waiters = []
    return { _tag: "Persist", space, sequence: ++this.#sequence, puts, removes, meta }
  }

  /** The batch is stored: what was known then, and who has waited for it. */
  committed(
    sequence: number
  ): { readonly versions: VersionVector; readonly waiters: ReadonlyArray<Waiter> } | undefined {
    if (sequence !== this.#sequence) return undefined
    const outstanding = this.#outstanding
    this.#outstanding = undefined
    return outstanding
  }

  /** The batch is not stored yet: all who wait, and need not any more. */
  failed(sequence: number): ReadonlyArray<Waiter> {
    return sequence === this.#sequence ? this.takeWaiters() : []
  }

  /** All who wait, and need not any more. */
  takeWaiters(): ReadonlyArray<Waiter> {
    return [...this.#outstanding?.waiters.splice(0) ?? [], ...this.#waiters.splice(0)]
  }
}
