/**
 * What happens to members, handed to any number of streams that never hold up the node.
 */
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import type * as Stream from "effect/Stream"
import { type Outlet, Outlets, toStream } from "../../../internal/outlets.ts"
import type { MembershipError } from "../../MembershipError.ts"
import type { MembershipEvent } from "../../MembershipEvent.ts"

const subjectOf = (event: MembershipEvent): string =>
  event._tag === "Conflict" ? `conflict ${event.id}` : event.member.id

class Subscriber implements Outlet<MembershipEvent> {
  readonly #latch = Latch.makeUnsafe()
  readonly filled: Effect.Effect<void> = this.#latch.await
  #pending: Array<MembershipEvent> = []
  /** Of whom the consumer has heard, and not that they are forgotten: no more than there are members, for it is told. */
  readonly #heard = new Set<string>()
  #compacted = 0

  constructor(present: ReadonlyArray<MembershipEvent>) {
    for (const event of present) this.add(event, Infinity)
  }

  get size(): number {
    return this.#pending.length
  }

  end(): void {
    this.#latch.openUnsafe()
  }

  add(event: MembershipEvent, capacity: number): void {
    this.#pending.push(event)
    // twice as many as were left the last time, so that an event costs the same however many members there are
    if (this.#pending.length > Math.max(capacity, 2 * this.#compacted)) this.#compact()
    if (this.#pending.length > 0) this.#latch.openUnsafe()
    // or the consumer would ask again and again
    else this.#latch.closeUnsafe()
  }

  take(): ReadonlyArray<MembershipEvent> {
    const taken = this.#pending
    this.#pending = []
    this.#compacted = 0
    this.#latch.closeUnsafe()
    for (const event of taken) {
      if (event._tag === "Reaped") this.#heard.delete(event.member.id)
      else if (event._tag !== "Conflict") this.#heard.add(event.member.id)
    }
    return taken
  }

  // The last event of each member, in the order of those; nothing of one who came and went unheard of, so that what is
  // held does not grow with all who ever were.
  #compact(): void {
    const last = new Map<string, MembershipEvent>()
    for (const event of this.#pending) {
      const subject = subjectOf(event)
      last.delete(subject)
      last.set(subject, event)
    }
    for (const [subject, event] of last) {
      if (event._tag === "Reaped" && !this.#heard.has(event.member.id)) last.delete(subject)
    }
    this.#pending = [...last.values()]
    this.#compacted = this.#pending.length
  }
}

export class Changes {
  readonly #outlets = new Outlets<MembershipEvent, Subscriber, MembershipError>()
  readonly #capacity: number

  constructor(capacity: number) {
    this.#capacity = capacity
  }

  publish(event: MembershipEvent): void {
    for (const subscriber of this.#outlets.all) subscriber.add(event, this.#capacity)
  }

  /** Ends all streams once they have given what they hold: quietly, or with an error. */
  end(error?: MembershipError): void {
    this.#outlets.end(error === undefined ? undefined : { error })
  }

  /** A stream that starts with what is present. */
  stream(present: () => ReadonlyArray<MembershipEvent>): Stream.Stream<MembershipEvent, MembershipError> {
    return toStream(this.#outlets.open(() => new Subscriber(present())), Effect.succeed)
  }
}
