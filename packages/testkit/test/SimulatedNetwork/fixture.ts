import * as Address from "@effect-gossip/core/Address"
import type { Receiver, TransportError } from "@effect-gossip/core/Transport"
import { it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as SimulatedNetwork from "../../src/SimulatedNetwork.ts"
import * as VirtualTime from "../../src/VirtualTime.ts"

export const addressOf = (index: number) => Address.make({ host: `10.0.${index >> 8}.${index & 0xff}`, port: 7946 })

export const bytes = (...values: ReadonlyArray<number>) => Uint8Array.from(values)

export const reasonOf = <A, R>(effect: Effect.Effect<A, TransportError, R>) =>
  Effect.map(Effect.flip(effect), (error) => error.reason)

/** What a receiver was given so far, as the first byte of each datagram. */
export const collect = Effect.fnUntraced(function*(receiver: Receiver) {
  const seen: Array<number> = []
  yield* Effect.forkScoped(
    Effect.forever(
      Effect.map(receiver.pull, (packets) => packets.forEach((packet) => seen.push(packet.payload[0]!)))
    )
  )
  return seen
})

/** Transports that collect what they are sent. */
export const cluster = Effect.fnUntraced(function*(size: number) {
  const network = yield* SimulatedNetwork.SimulatedNetwork
  return yield* Effect.forEach(
    Array.from({ length: size }, (_, i) => i + 1),
    Effect.fnUntraced(function*(i) {
      const transport = yield* network.open({ address: addressOf(i) })
      const seen = yield* collect(yield* transport.datagrams)
      return { ...transport, seen }
    })
  )
})

/** A pair of transports. */
export const pair = Effect.map(cluster(2), ([a, b]) => [a!, b!] as const)

export type Program = Effect.Effect<
  void,
  TransportError | SimulatedNetwork.SimulatedNetworkError | Uint8Array,
  SimulatedNetwork.SimulatedNetwork | Scope.Scope
>

/** The same test under virtual time and under Effect's `TestClock`. Both are moved by `TestClock.adjust`. */
export const both = (name: string, program: Program, options?: SimulatedNetwork.Options): void => {
  const ready = Effect.provide(program, SimulatedNetwork.layer(options))
  it.effect(`${name} (VirtualTime)`, () => Effect.provide(ready, VirtualTime.layer()))
  it.effect(`${name} (TestClock)`, () => ready)
}
