/**
 * A limit on what all processes of a service do together, by counting all of it, everywhere.
 *
 * A process admits by what it has heard of, and asks nobody. So the limit is passed by what others admit while the news of it is
 * on its way, some milliseconds; at most each process admits all of it, as it does when all are cut off from each other. What
 * was admitted is counted in any case, and counts for all as soon as they hear of it. Where a limit must never be passed, give
 * each process a share of it.
 *
 * A window is one by the clock of who admits: clocks that differ have its ends overlap by as much.
 */
import { ReplicatedCrdt } from "@effect-gossip/core"
import { ORMap, PNCounter } from "@effect-gossip/core/replication"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"

const Windows = ORMap.make({ key: Schema.Int, value: PNCounter.definition })

/** What was admitted in each window of time, by when it began. */
export class Admitted extends ReplicatedCrdt.Service<Admitted>()("examples/Admitted", { crdt: Windows }) {}

export interface Options {
  /** How many are admitted in a window. */
  readonly limit: number
  readonly window: Duration.Input
}

export class Limiter extends Context.Service<Limiter, {
  /** Takes one of those that may be admitted, if there is one. */
  readonly take: Effect.Effect<boolean, ReplicatedCrdt.ReplicatedCrdtError>
  /** Gives back what was not needed, for anybody to take in the present window; no more than was admitted in it. */
  readonly giveBack: (count: number) => Effect.Effect<void, ReplicatedCrdt.ReplicatedCrdtError>
  /** How many were admitted in the present window, as far as this process has heard. */
  readonly used: Effect.Effect<number>
}>()("examples/rate-limit/Limiter") {}

export const layer = (options: Options) =>
  Layer.effect(
    Limiter,
    Effect.gen(function*() {
      const admitted = yield* Admitted
      const length = Duration.toMillis(options.window)
      const window = Effect.map(Clock.currentTimeMillis, (now) => now - now % length)
      const usedIn = (state: ORMap.State<number, PNCounter.Store>, window: number) =>
        Option.getOrElse(Windows.get(state, window), () => 0)

      return Limiter.of({
        take: Effect.gen(function*() {
          const now = yield* window
          // what is asked and what is counted are one step: nothing of this process comes between
          const version = yield* admitted.update((state, writer) =>
            usedIn(state, now) >= options.limit
              ? Windows.empty
              : Windows.update(state, now, (counter) => PNCounter.definition.increment(counter, writer))
          )
          return Option.isSome(version)
        }),
        giveBack: Effect.fnUntraced(function*(count) {
          const now = yield* window
          yield* admitted.update((state, writer) => {
            // what was taken in a window that is over is nobody's any more
            const unused = Math.min(count, usedIn(state, now))
            return unused <= 0
              ? Windows.empty
              : Windows.update(state, now, (counter) => PNCounter.definition.decrement(counter, writer, unused))
          })
        }),
        used: Effect.flatMap(window, (now) => Effect.map(admitted.state, (state) => usedIn(state, now)))
      })
    })
  ).pipe(Layer.provide(Layer.provideMerge(sweeping(options), Admitted.layer)))

/** Windows that are long over are removed, by whoever comes first. */
const sweeping = ({ window }: Options) =>
  Layer.effectDiscard(Effect.gen(function*() {
    const admitted = yield* Admitted
    const sweep = Effect.gen(function*() {
      const now = yield* Clock.currentTimeMillis
      for (const [began] of yield* admitted.value) {
        // clocks differ: somebody may still be in it
        if (began + 10 * Duration.toMillis(window) < now) {
          yield* admitted.update((state) => Windows.remove(state, began))
        }
      }
    })
    yield* Effect.forkScoped(Effect.forever(Effect.andThen(Effect.sleep(window), Effect.ignore(sweep))))
  }))
