/**
 * The queue of claims still to be passed on: memberlist's `TransmitLimitedQueue`.
 *
 * Each claim is sent a limited number of times, the one sent least first; a newer claim about a subject takes the
 * place of the older. The queue holds at most one claim a subject, so the member table bounds it.
 */

interface Broadcast {
  readonly subject: string
  readonly bytes: Uint8Array
  transmits: number
}

export class Broadcasts {
  readonly #bySubject = new Map<string, Broadcast>()
  // one list for each number of transmits, oldest first: taking the least sent needs no sorting
  readonly #byTransmits: Array<Set<Broadcast>> = []

  get size(): number {
    return this.#bySubject.size
  }

  /** Queues a claim in place of any older one about its subject. */
  add(subject: string, bytes: Uint8Array): void {
    this.remove(subject)
    const broadcast = { subject, bytes, transmits: 0 }
    this.#bySubject.set(subject, broadcast)
    this.#bucket(0).add(broadcast)
  }

  /** Whether the claim about a subject is still to be sent. */
  has(subject: string): boolean {
    return this.#bySubject.has(subject)
  }

  /** Forgets the claim about a subject. */
  remove(subject: string): void {
    const broadcast = this.#bySubject.get(subject)
    if (broadcast === undefined) return
    this.#bySubject.delete(subject)
    this.#byTransmits[broadcast.transmits]!.delete(broadcast)
  }

  /** Forgets all claims but those about some subjects. */
  clear(...except: ReadonlyArray<string>): void {
    for (const { subject } of [...this.#bySubject.values()]) if (!except.includes(subject)) this.remove(subject)
  }

  /**
   * Takes claims that fit `budget` bytes together, the least sent first, and counts each as sent once more. A claim
   * sent `limit` times leaves the queue. One that does not fit is passed over for smaller ones behind it.
   */
  take(budget: number, limit: number): Array<Uint8Array> {
    const taken = this.#select(budget)
    for (const broadcast of taken) {
      this.#byTransmits[broadcast.transmits]!.delete(broadcast)
      broadcast.transmits++
      if (broadcast.transmits >= limit) this.#bySubject.delete(broadcast.subject)
      else this.#bucket(broadcast.transmits).add(broadcast)
    }
    return taken.map((broadcast) => broadcast.bytes)
  }

  #select(budget: number): Array<Broadcast> {
    const taken: Array<Broadcast> = []
    let room = budget
    let misfits = 0
    search: for (const bucket of this.#byTransmits) {
      for (const broadcast of bucket) {
        if (broadcast.bytes.length > room) {
          // the rest is hardly smaller: looking through a long queue would cost more than it fills
          if (++misfits > 8) break search
          continue
        }
        room -= broadcast.bytes.length
        taken.push(broadcast)
      }
    }
    return taken
  }

  #bucket(transmits: number): Set<Broadcast> {
    while (this.#byTransmits.length <= transmits) this.#byTransmits.push(new Set())
    return this.#byTransmits[transmits]!
  }
}
