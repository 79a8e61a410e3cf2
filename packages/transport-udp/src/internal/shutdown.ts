/**
 * How the parts of a transport learn that it closes, whichever fibers use them.
 */
import type { TransportError } from "@effect-gossip/core/Transport"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as errors from "./errors.ts"

export interface Shutdown {
  readonly begun: () => boolean
  readonly begin: Effect.Effect<void>
  /** Runs an effect until the transport closes, which interrupts it and fails with `Closed`. */
  readonly orClosed: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E | TransportError, R>
}

export const make = (): Shutdown => {
  const signal = Deferred.makeUnsafe<never, TransportError>()
  let begun = false
  return {
    begun: () => begun,
    begin: Effect.suspend(() => {
      begun = true
      return Deferred.fail(signal, errors.closed())
    }),
    orClosed: (effect) =>
      Effect.suspend(() => begun ? Effect.fail(errors.closed()) : Effect.raceFirst(effect, Deferred.await(signal)))
  }
}
