/**
 * New writes on their way out: batched into rumors. The first goes at once; those that follow within the interval wait for
 * each other, until a datagram is full.
 */
import { type BatchedWrite, batchHeadSize, packBatch, writeSize } from "./encoding.ts"
import { type Time, zero } from "./time.ts"

export class Rumors {
  readonly #room: number
  #writes: Array<BatchedWrite> = []
  #size = batchHeadSize
  /** The time of the last write that has left. */
  #previous: Time = zero

  /** @param room bytes of a batch that fits a datagram */
  constructor(room: number) {
    this.#room = room
  }

  get isEmpty(): boolean {
    return this.#writes.length === 0
  }

  /** Adds a write; gives back the batch that is full without it, if there is one. */
  add(write: BatchedWrite, incarnation: number): Uint8Array | undefined {
    const size = writeSize(write)
    const full = this.#size + size > this.#room ? this.take(incarnation) : undefined
    this.#writes.push(write)
    this.#size += size
    return full
  }

  /** The batch so far; undefined for none. */
  take(incarnation: number): Uint8Array | undefined {
    const writes = this.#writes
    if (writes.length === 0) return undefined
    const batch = packBatch({ incarnation, previous: this.#previous, writes })
    this.#previous = writes.at(-1)!.time
    this.#writes = []
    this.#size = batchHeadSize
    return batch
  }

  /** The next write is the first of another life. */
  begin(): void {
    this.#previous = zero
  }
}
