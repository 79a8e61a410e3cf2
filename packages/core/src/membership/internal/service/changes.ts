/**
 * What happens to members, handed to any number of streams that never hold up the node.
 */
import type { NonEmptyReadonlyArray } from "effect/Array"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import * as Stream from "effect/Stream"
import type { MembershipError } from "../../MembershipError.ts"
import type { MembershipEvent } from "../../MembershipEvent.ts"

const subjectOf = (event: MembershipEvent): string =>
  event._tag === "Conflict" ? `conflict ${event.id}` : event.member.id

class Subscriber {
  readonly latch = Latch.makeUnsafe()
  #pending: Array<MembershipEvent> = []
  /** Of whom something is pending, and whether the consumer has never heard of them. */
  readonly #unheard = new Map<string, boolean>()
  #compacted = 0

  constructor(present: ReadonlyArray<MembershipEvent>) {
    for (const event of present) this.add(event, Infinity)
  }

  get isEmpty(): boolean {
    return this.#pending.length === 0
  }

  add(event: MembershipEvent, capacity: number): void {
    const subject = subjectOf(event)
    if (!this.#unheard.has(subject)) this.#unheard.set(subject, event._tag === "Joined")
    this.#pending.push(event)
    // twice as many as were left the last time, so that an event costs the same however many members there are
    if (this.#pending.length > Math.max(capacity, 2 * this.#compacted)) this.#compact()
    this.latch.openUnsafe()
  }

  take(): ReadonlyArray<MembershipEvent> {
    const taken = this.#pending
    this.#pending = []
    this.#unheard.clear()
    this.#compacted = 0
    this.latch.closeUnsafe()
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
      if (event._tag !== "Reaped" || this.#unheard.get(subject) !== true) continue
      last.delete(subject)
      this.#unheard.delete(subject)
    }
    this.#pending = [...last.values()]
    this.#compacted = this.#pending.length
  }
}

export class Changes {
  readonly #subscribers = new Set<Subscriber>()
  readonly #capacity: number
  #end: Effect.Effect<never, MembershipError | Cause.Done> | undefined

  constructor(capacity: number) {
    this.#capacity = capacity
  }

  publish(event: MembershipEvent): void {
    for (const subscriber of this.#subscribers) subscriber.add(event, this.#capacity)
  }

  /** Ends all streams once they have given what they hold: quietly, or with an error. */
  end(error?: MembershipError): void {
    this.#end ??= error === undefined ? Cause.done() : Effect.fail(error)
    for (const subscriber of this.#subscribers) subscriber.latch.openUnsafe()
  }

  /** A stream that starts with what is present. */
  stream(present: () => ReadonlyArray<MembershipEvent>): Stream.Stream<MembershipEvent, MembershipError> {
    return Stream.unwrap(Effect.gen({ self: this }, function*() {
      // in one step: an event between the two would be lost, or come twice
      const subscriber = yield* Effect.acquireRelease(
        Effect.sync(() => {
          const subscriber = new Subscriber(present())
          this.#subscribers.add(subscriber)
          return subscriber
        }),
        (subscriber) => Effect.sync(() => this.#subscribers.delete(subscriber))
      )
      const pull: Effect.Effect<NonEmptyReadonlyArray<MembershipEvent>, MembershipError | Cause.Done> = Effect.suspend(
        () => {
          if (!subscriber.isEmpty) {
            return Effect.succeed(subscriber.take() as NonEmptyReadonlyArray<MembershipEvent>)
          }
          if (this.#end !== undefined) return this.#end
          return Effect.andThen(subscriber.latch.await, pull)
        }
      )
      return Stream.fromPull(Effect.succeed(pull))
    }))
  }
}
