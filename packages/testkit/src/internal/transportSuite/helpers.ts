import type { Packet, Receiver, TransportError } from "@effect-gossip/core/Transport"
import type { NonEmptyReadonlyArray } from "effect/Array"
import * as Effect from "effect/Effect"

/** So many bytes that do not repeat with a short period. */
export const pattern = (size: number, seed = 1): Uint8Array => {
  const bytes = new Uint8Array(size)
  let state = seed
  for (let i = 0; i < size; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) | 0
    bytes[i] = state >>> 24
  }
  return bytes
}

export const bytes = (...values: ReadonlyArray<number>): Uint8Array => Uint8Array.from(values)

/** The bytes as numbers, so that a Buffer and a Uint8Array compare as equal. */
export const numbers = (bytes: Uint8Array): ReadonlyArray<number> => Array.from(bytes)

/** Whether two have the same bytes; faster for large ones, and shorter when they differ. */
export const areEqual = (self: Uint8Array, that: Uint8Array): boolean =>
  self.length === that.length && self.every((byte, i) => byte === that[i])

/** Pulls until so many packets have arrived. */
export const take = Effect.fnUntraced(function*(receiver: Receiver, count: number) {
  const packets: Array<Packet> = []
  while (packets.length < count) for (const packet of yield* within(receiver.pull)) packets.push(packet)
  return packets as unknown as NonEmptyReadonlyArray<Packet>
})

/** The reason an effect fails for, which must be of the transport, and soon. */
export const reasonOf = <A, R>(effect: Effect.Effect<A, TransportError, R>) =>
  Effect.matchEffect(effect, {
    onFailure: (error) => Effect.succeed(error.reason),
    onSuccess: () => Effect.die(new Error("expected a failure, but it succeeded"))
  }).pipe(within)

/** Waits for a moment, but not for ever: what a conforming transport does takes less than 4 seconds here. */
export const within = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.timeout(effect, "4 seconds")

/** Looks until something holds. */
export const until = (condition: () => boolean) =>
  within(Effect.whileLoop({ while: () => !condition(), body: () => Effect.sleep("5 millis"), step: () => {} }))
