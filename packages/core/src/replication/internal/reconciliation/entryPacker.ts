/** Entries for one message: as many as fit. */
import { maxEntries, packedEntrySize, packEntries } from "../../../wire/ReconciliationMessage.ts"

/** Bytes of a message that an entry may not have for itself. */
const reserved = 4096

/** Bytes of the largest entry that can travel in messages of at most `maxBytes`. */
export const maxEntrySize = (maxBytes: number): number => maxBytes - reserved

export class EntryPacker {
  readonly #largest: number
  readonly #entries: Array<Uint8Array> = []
  /** Bytes that are left. */
  room: number

  /** @param room bytes that the entries, and what else is taken from it, may take of the `maxBytes` of a message */
  constructor(room: number, maxBytes: number) {
    this.room = room
    this.#largest = maxEntrySize(maxBytes)
  }

  get count(): number {
    return this.#entries.length
  }

  /** Whether no entry of so many bytes could be added any more. */
  isFull(size: number): boolean {
    return size > this.room || this.#entries.length === maxEntries
  }

  /** Adds an entry; false when it does not fit. One that would fit no message is passed over. */
  add(entry: Uint8Array): boolean {
    if (entry.length > this.#largest) return true
    const size = packedEntrySize(entry)
    if (this.isFull(size)) return false
    this.room -= size
    this.#entries.push(entry)
    return true
  }

  /** The field of a message: none without entries. */
  packed(): { entries?: Uint8Array } {
    return this.#entries.length === 0 ? {} : { entries: packEntries(this.#entries) }
  }
}
