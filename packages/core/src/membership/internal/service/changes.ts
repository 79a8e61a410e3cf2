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
  pending: Array<MembershipEvent>

  constructor(present: ReadonlyArray<MembershipEvent>) {
    this.pending = [...present]
    if (present.length > 0) this.latch.openUnsafe()
  }

  add(event: MembershipEvent, capacity: number): void {
    this.pending.push(event)
    if (this.pending.length > capacity) this.compact()
    this.latch.openUnsafe()
  }

  // the last event of each member, in the order of those
  compact(): void {
    const last = new Map<string, MembershipEvent>()
    for (const event of this.pending) {
      const subject = subjectOf(event)
      last.delete(subject)
      last.set(subject, event)
    }
    this.pending = [...last.values()]
  }

  take(): ReadonlyArray<MembershipEvent> {
    const taken = this.pending
    this.pending = []
    this.latch.closeUnsafe()
    return taken
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
      const subscriber = new Subscriber(present())
      yield* Effect.acquireRelease(
        Effect.sync(() => this.#subscribers.add(subscriber)),
        () => Effect.sync(() => this.#subscribers.delete(subscriber))
      )
      const pull: Effect.Effect<NonEmptyReadonlyArray<MembershipEvent>, MembershipError | Cause.Done> = Effect.suspend(
        () => {
          if (subscriber.pending.length > 0) {
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
