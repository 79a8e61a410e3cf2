/**
 * The queue of what is still to be passed on: memberlist's `TransmitLimitedQueue`.
 *
 * Each is sent a limited number of times, the one sent least first; a newer one about a subject takes the place of the
 * older. The queue holds at most one a subject: whoever names the subjects bounds it.
 */

interface Broadcast<Subject, A> {
  readonly subject: Subject
  readonly item: A
  transmits: number
}

/** Holds encoded claims, or whatever else has a length in bytes. */
export class Broadcasts<A extends { readonly length: number } = Uint8Array, Subject = string> {
  readonly #bySubject = new Map<Subject, Broadcast<Subject, A>>()
  // one list for each number of transmits, oldest first: taking the least sent needs no sorting
  readonly #byTransmits: Array<Set<Broadcast<Subject, A>>> = []

  get size(): number {
    return this.#bySubject.size
  }

  /** Queues something in place of what is older about its subject. */
  add(subject: Subject, item: A): void {
    this.remove(subject)
    const broadcast = { subject, item, transmits: 0 }
    this.#bySubject.set(subject, broadcast)
    this.#bucket(0).add(broadcast)
  }

  /** Whether what is about a subject is still to be sent. */
  has(subject: Subject): boolean {
    return this.#bySubject.has(subject)
  }

  /** Forgets what is about a subject. */
  remove(subject: Subject): void {
    const broadcast = this.#bySubject.get(subject)
    if (broadcast === undefined) return
    this.#bySubject.delete(subject)
    this.#byTransmits[broadcast.transmits]!.delete(broadcast)
  }

  /** Forgets all but what is about some subjects. */
  clear(...except: ReadonlyArray<Subject>): void {
    for (const { subject } of [...this.#bySubject.values()]) if (!except.includes(subject)) this.remove(subject)
  }

  /**
   * Takes what fits `budget` bytes together, the least sent first, and counts each as sent once more. What was sent
   * `limit` times leaves the queue. What does not fit is passed over for what is smaller behind it.
   */
  take(budget: number, limit: number): Array<A> {
    const taken = this.#select(budget)
    for (const broadcast of taken) {
      this.#byTransmits[broadcast.transmits]!.delete(broadcast)
      broadcast.transmits++
      if (broadcast.transmits >= limit) this.#bySubject.delete(broadcast.subject)
      else this.#bucket(broadcast.transmits).add(broadcast)
    }
    return taken.map((broadcast) => broadcast.item)
  }

  #select(budget: number): Array<Broadcast<Subject, A>> {
    const taken: Array<Broadcast<Subject, A>> = []
    let room = budget
    let misfits = 0
    search: for (const bucket of this.#byTransmits) {
      for (const broadcast of bucket) {
        if (broadcast.item.length > room) {
          // the rest is hardly smaller: looking through a long queue would cost more than it fills
          if (++misfits > 8) break search
          continue
        }
        room -= broadcast.item.length
        taken.push(broadcast)
      }
    }
    return taken
  }

  #bucket(transmits: number): Set<Broadcast<Subject, A>> {
    while (this.#byTransmits.length <= transmits) this.#byTransmits.push(new Set())
    return this.#byTransmits[transmits]!
  }
}
