import * as Simulation from "@effect-gossip/testkit/Simulation"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as Heartbeat from "../../src/membership/Heartbeat.ts"
import { Membership } from "../../src/membership/Membership.ts"
import * as PhiDetector from "../../src/membership/PhiDetector.ts"

const run = <A, E, R>(
  program: (sim: Simulation.Simulation<PhiDetector.PhiDetector>) => Effect.Effect<A, E, R>
) =>
  Simulation.runUnsafe(
    { nodes: 4, protocol: Heartbeat.layer(), layer: () => PhiDetector.layer, atMost: "1 hour" },
    program as never
  ) as A

const phiOf = (sim: Simulation.Simulation<PhiDetector.PhiDetector>, id: string) =>
  sim.on("n0", PhiDetector.PhiDetector.use((detector) => detector.phi(id)))

describe("PhiDetector", () => {
  it("tells how surprising a member's silence is: little while it runs, and more and more when it does not", () => {
    run((sim) =>
      Effect.gen(function*() {
        yield* sim.advance("1 minute")
        assert.isBelow(Option.getOrThrow(yield* phiOf(sim, "n2")), 2)
        yield* sim.crash("n2")
        let before = 0
        yield* sim.advance("5 seconds")
        for (let i = 0; i < 10; i++) {
          yield* sim.advance("1 second")
          const phi = Option.getOrThrow(yield* phiOf(sim, "n2"))
          assert.isAbove(phi, before)
          before = phi
        }
        assert.isAbove(before, 3)
        yield* sim.advance("30 seconds")
        // the dead have none
        assert.deepStrictEqual(yield* phiOf(sim, "n2"), Option.none())
        assert.isBelow(Option.getOrThrow(yield* phiOf(sim, "n1")), 2)
      })
    )
  })

  it("says nothing of the node itself, nor of strangers", () => {
    run((sim) =>
      Effect.gen(function*() {
        yield* sim.advance("10 seconds")
        assert.deepStrictEqual(yield* phiOf(sim, "n0"), Option.none())
        assert.deepStrictEqual(yield* phiOf(sim, "nobody"), Option.none())
      })
    )
  })

  it("gives φ of all members each interval, until the node stops", () => {
    run((sim) =>
      Effect.gen(function*() {
        yield* sim.advance("30 seconds")
        const seen: Array<PhiDetector.Phis> = []
        const phis = yield* sim.on("n0", PhiDetector.PhiDetector.useSync((detector) => detector.phis))
        const fiber = yield* Effect.forkScoped(
          Stream.runForEach(phis, (each) => Effect.sync(() => void seen.push(each))),
          { startImmediately: true }
        )
        yield* sim.advance("10 seconds")
        assert.strictEqual(seen.length, 11)
        for (const each of seen) assert.sameMembers([...each.keys()], ["n1", "n2", "n3"])
        yield* sim.stop("n0")
        yield* sim.advance("1 second")
        assert.strictEqual(fiber.pollUnsafe()?._tag, "Success")
      })
    )
  })

  it.effect("is refused to nodes of another protocol", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(
        Layer.build(Layer.provide(PhiDetector.layer, Layer.succeed(Membership, {} as never)))
      )
      assert.strictEqual(error._tag, "InvalidOption")
      assert.include(error.message, "provide Heartbeat.layer() to Gossip.layer")
    }))
})
