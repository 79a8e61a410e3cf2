import * as Address from "@effect-gossip/core/Address"
import * as Gossip from "@effect-gossip/core/Gossip"
import * as MemoryTransport from "@effect-gossip/core/MemoryTransport"
import * as VirtualTime from "@effect-gossip/testkit/VirtualTime"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Metric from "effect/Metric"
import * as References from "effect/References"
import * as Scope from "effect/Scope"

const addressOf = (index: number) => Address.fromStringUnsafe(`10.0.0.${index}:7946`)

/** Fibers that have begun and not ended, by Effect's own account. */
const activeFibers = Effect.map(Metric.snapshot, (metrics) => {
  const active = metrics.find((metric) => metric.id === "child_fibers_active")
  // there is no such series before the first fiber began
  if (active === undefined) return 0
  assert(active.type === "Gauge")
  return Number(active.state.value)
})

describe("closing a node", () => {
  // from before it has joined, through joining, probing, a death, to long after
  for (const millis of [0, 0.5, 1, 1.5, 2, 3, 7, 150, 600, 999.5, 1000, 1500, 2500, 8000, 30_000]) {
    it(`after ${millis} ms leaves no fiber, timer or open transport behind`, () => {
      VirtualTime.runUnsafe(
        Effect.gen(function*() {
          const time = yield* VirtualTime.VirtualTime
          const network = MemoryTransport.makeNetwork()
          const fibersBefore = yield* activeFibers
          const timersBefore = time.counters().pendingTimers
          const scopes = yield* Effect.forEach([1, 2, 3], (index) =>
            Effect.gen(function*() {
              const scope = yield* Scope.make()
              yield* Layer.buildWithScope(
                Gossip.layer({
                  name: `n${index}`,
                  // one that is there, and one that is not
                  seeds: [addressOf(1), addressOf(9)]
                }).pipe(
                  Layer.provide(MemoryTransport.layer({ address: addressOf(index) })),
                  Layer.provide(Layer.succeed(MemoryTransport.MemoryNetwork, network))
                ),
                scope
              ).pipe(Effect.provideService(References.MinimumLogLevel, "None"))
              return scope
            }))
          yield* time.adjust(millis)
          assert.isAbove(yield* activeFibers, fibersBefore + 9)
          assert.strictEqual(network.addresses().length, 3)
          yield* Effect.forEach(scopes, (scope) => Scope.close(scope, Exit.void), { concurrency: "unbounded" })
          yield* time.flush
          assert.deepStrictEqual(network.addresses(), [])
          assert.strictEqual(yield* activeFibers, fibersBefore)
          assert.strictEqual(time.counters().pendingTimers, timersBefore)
        }).pipe(Metric.enableRuntimeMetrics, Effect.provideService(Metric.MetricRegistry, new Map())),
        { seed: millis }
      )
    })
  }

  it("leaves within its timeout even when nobody can be told", () => {
    VirtualTime.runUnsafe(
      Effect.gen(function*() {
        const time = yield* VirtualTime.VirtualTime
        const network = MemoryTransport.makeNetwork()
        const node = (index: number) =>
          Gossip.layer({ name: `n${index}`, seeds: [addressOf(1)], leaveTimeout: "100 millis" }).pipe(
            Layer.provide(MemoryTransport.layer({ address: addressOf(index) })),
            Layer.provide(Layer.succeed(MemoryTransport.MemoryNetwork, network))
          )
        const one = yield* Scope.make()
        const two = yield* Scope.make()
        yield* Effect.forEach(
          [[1, one], [2, two]] as const,
          ([index, scope]) => Layer.buildWithScope(node(index), scope)
        ).pipe(
          Effect.provideService(References.MinimumLogLevel, "None")
        )
        yield* time.adjust("5 seconds")
        const before = time.elapsedUnsafe()
        yield* Scope.close(two, Exit.void)
        assert.isAtMost(time.elapsedUnsafe() - before, 150)
        yield* Scope.close(one, Exit.void)
      }),
      { seed: 1 }
    )
  })
})
