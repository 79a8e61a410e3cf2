/** Waiting until a write is everywhere. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { millis } from "../../../internal/options.ts"
import type { Progress, Space } from "../../Replica.ts"
import { NotStable, ReplicaError } from "../../ReplicaError.ts"
import type { Version } from "../../ReplicaMachine.ts"

const week = 7 * 24 * 3600 * 1000

/** Returns once the write is stable, and fails with `NotStable` after the time that is given. */
export const awaitStable = Effect.fnUntraced(function*(
  name: string,
  space: Space,
  version: Version,
  options: { readonly timeout: Duration.Input }
): Effect.fn.Return<void, ReplicaError> {
  const timeout = yield* Effect.mapError(
    millis("timeout", options.timeout, { minimum: 0, maximum: week }),
    (reason) => new ReplicaError({ reason })
  )
  let latest: Progress = { isStable: false, count: undefined, lacking: [] }
  const done = yield* space.progress(version).pipe(
    Stream.runForEach((progress) => Effect.sync(() => (latest = progress))),
    Effect.timeoutOption(Duration.millis(timeout))
  )
  if (Option.isSome(done) && latest.isStable) return
  const { count, lacking } = latest
  return yield* new ReplicaError({ reason: new NotStable({ space: name, timeout, count, lacking }) })
})
