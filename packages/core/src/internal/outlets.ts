/** What happens in a node, handed to any number of streams that never hold it up: each has an outlet of its own. */
import type { NonEmptyReadonlyArray } from "effect/Array"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import type * as Scheduler from "effect/Scheduler"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"

/** What waits for one stream. */
export interface Outlet<A> {
  readonly size: number
  /** Takes some of it: of what there is, at least one. */
  readonly take: () => ReadonlyArray<A>
  /** Waits until there is something to take, or it has ended. */
  readonly filled: Effect.Effect<void>
  /** There will be no more. */
  readonly end: () => void
}

/** Takes as much as there is, once there is something. */
export type Pull<A, E> = Effect.Effect<NonEmptyReadonlyArray<A>, E | Cause.Done>

export class Outlets<A, O extends Outlet<A>, E> {
  readonly #open = new Set<O>()
  #end: Effect.Effect<never, E | Cause.Done> | undefined

  /** Those that are open. */
  get all(): ReadonlySet<O> {
    return this.#open
  }

  /** Ends all streams once they have given what they hold: quietly, or with an error. */
  end(error?: { readonly error: E }): void {
    this.#end ??= error === undefined ? Cause.done() : Effect.fail(error.error)
    for (const outlet of this.#open) outlet.end()
  }

  /** Opens an outlet, made in the same step so that nothing is missed or comes twice. */
  open(make: (dispatcher: Scheduler.SchedulerDispatcher) => O): Effect.Effect<Pull<A, E>, never, Scope.Scope> {
    return Effect.map(
      Effect.acquireRelease(
        Effect.withFiber((fiber) => {
          const outlet = make(fiber.currentDispatcher)
          this.#open.add(outlet)
          return Effect.succeed(outlet)
        }),
        (outlet) => Effect.sync(() => this.#open.delete(outlet))
      ),
      (outlet) => {
        const pull: Pull<A, E> = Effect.suspend(() => {
          if (outlet.size > 0) return Effect.succeed(outlet.take() as NonEmptyReadonlyArray<A>)
          if (this.#end !== undefined) return this.#end
          return Effect.andThen(outlet.filled, pull)
        })
        return pull
      }
    )
  }
}

/** A stream of what is read from an outlet that is opened when it is run; what reads as nothing is passed over. */
export const toStream = <A, B, E>(
  open: Effect.Effect<Pull<A, E>, never, Scope.Scope>,
  read: (taken: NonEmptyReadonlyArray<A>) => Effect.Effect<ReadonlyArray<B>>
): Stream.Stream<B, E> =>
  Stream.unwrap(Effect.map(open, (pull) => {
    const next: Pull<B, E> = Effect.flatMap(
      Effect.flatMap(pull, read),
      (values) => values.length > 0 ? Effect.succeed(values as NonEmptyReadonlyArray<B>) : next
    )
    return Stream.fromPull(Effect.succeed(next))
  }))

/** Ends the streams of a service when its node ends: quietly when that was stopped, with the error when it failed. */
export const endWithNode = <Failure extends { readonly reason: { readonly _tag: string } }, E>(
  failure: Effect.Effect<never, Failure>,
  streams: { readonly end: (error?: { readonly error: E }) => void },
  because: (failure: Failure) => E
): Effect.Effect<void, never, Scope.Scope> =>
  Effect.asVoid(
    Effect.forkScoped(Effect.catch(failure, (failure) =>
      Effect.sync(() =>
        streams.end(failure.reason._tag === "Stopped" ? undefined : { error: because(failure) })
      )))
  )
