/**
 * Replicated maps over real sockets: what a simulated network does not show, as that exchanges come from ports at which
 * nobody listens.
 */
import { Gossip, ReplicatedMap } from "@effect-gossip/core"
import { Membership } from "@effect-gossip/core/membership"
import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Layer, References, Schedule, Schema } from "effect"
import * as UdpTransport from "../src/UdpTransport.ts"

class Numbers extends ReplicatedMap.Service<Numbers>()("test/Numbers", { key: Schema.Int, value: Schema.Int }) {}

const start = (name: string, seeds?: ReadonlyArray<string>) =>
  Layer.build(Layer.fresh(
    Numbers.layer.pipe(
      Layer.provideMerge(Gossip.layer({ name, ...(seeds !== undefined && { seeds }) })),
      Layer.provide(UdpTransport.layer({ host: "127.0.0.1", port: 0 }))
    )
  ))

describe("a replicated map over UDP and TCP", () => {
  it.live("is given to a node that joins late, and is known to be stable there", () =>
    Effect.gen(function*() {
      const first = yield* start("a")
      const seeds = [(yield* Context.get(first, Membership.Membership).self).address]
      const numbers = Context.get(first, Numbers)
      yield* numbers.setAll(Array.from({ length: 3000 }, (_, i) => [i, i * i]))
      yield* numbers.delete(7)
      // what is news would be told to a node that joins while it is
      yield* Effect.sleep("2 seconds")
      const second = Context.get(yield* start("b", seeds), Numbers)
      yield* second.size.pipe(
        Effect.repeat({ until: (size) => size === 2999, schedule: Schedule.spaced("50 millis") }),
        Effect.timeout("20 seconds")
      )
      const version = yield* second.set(1, -1)
      yield* second.awaitStable(version, { timeout: "10 seconds" })
      assert.deepStrictEqual(yield* numbers.get(1), yield* second.get(1))
    }).pipe(Effect.scoped, Effect.provideService(References.MinimumLogLevel, "None")))
})
