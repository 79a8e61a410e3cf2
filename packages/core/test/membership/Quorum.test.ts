import * as ClusterBus from "@effect-gossip/core/membership/ClusterBus"
import * as Quorum from "@effect-gossip/core/membership/Quorum"
import * as Simulation from "@effect-gossip/testkit/Simulation"
import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Stream from "effect/Stream"

const options = {
  protocol: ClusterBus.layer({ nodeTimeout: "2 seconds" }),
  layer: Quorum.layer
}

const stateOf = <R>(sim: Simulation.Simulation<R | Quorum.Quorum>, name: string) =>
  sim.on(name, Quorum.Quorum.use((quorum) => quorum.state))

describe("Quorum", () => {
  it("is lost to the lesser side of a partition, and comes back with the others", () => {
    Simulation.runUnsafe({ nodes: 5, ...options }, (sim) =>
      Effect.gen(function*() {
        yield* sim.until(sim.isAgreed, { atMost: "5 seconds" })
        const told: Array<string> = []
        const changes = yield* sim.on("n4", Quorum.Quorum.useSync((quorum) => quorum.changes))
        yield* Effect.forkScoped(
          Stream.runForEach(changes, ({ reachable, status, voters }) =>
            Effect.sync(() => void told.push(`${status} ${reachable}/${voters}`))),
          { startImmediately: true }
        )
        const cut = yield* sim.partition(["n3", "n4"])
        // a timeout and a half, and a tick or two
        yield* sim.advance("3200 millis")
        for (const name of ["n3", "n4"]) {
          assert.deepStrictEqual(yield* stateOf(sim, name), { status: "Lost", voters: 5, reachable: 2 })
        }
        for (const name of ["n0", "n1", "n2"]) {
          assert.strictEqual((yield* stateOf(sim, name)).status, "Ok")
        }
        yield* sim.advance("1 minute")
        yield* cut.heal
        yield* sim.until(sim.isAgreed, { atMost: "5 seconds" })
        assert.deepStrictEqual(yield* stateOf(sim, "n4"), { status: "Ok", voters: 5, reachable: 5 })
        assert.strictEqual(told[0], "Ok 5/5")
        assert.include(told, "Lost 2/5")
        assert.strictEqual(told.at(-1), "Ok 5/5")
        for (let i = 1; i < told.length; i++) {
          assert.notStrictEqual(told[i], told[i - 1])
        }
      }))
  })

  it("tells of a change that shows by no member: a dead voter of whom nothing else is known is forgotten", () => {
    const protocol = ClusterBus.layer({ nodeTimeout: "2 seconds", deadRetention: "30 seconds" })
    Simulation.runUnsafe({ nodes: 4, ...options, protocol }, (sim) =>
      Effect.gen(function*() {
        yield* sim.until(sim.isAgreed, { atMost: "5 seconds" })
        yield* sim.crash("n3")
        yield* sim.advance("6 seconds")
        yield* sim.crash("n1")
        yield* sim.start("n1")
        yield* sim.advance("2 seconds")
        // n1 has heard of n3 as dead only
        assert.deepStrictEqual((yield* sim.members("n1")).map(({ id }) => id).sort(), ["n0", "n1", "n2"])
        const told: Array<string> = []
        const changes = yield* sim.on("n1", Quorum.Quorum.useSync((quorum) => quorum.changes))
        yield* Effect.forkScoped(
          Stream.runForEach(changes, ({ reachable, status, voters }) =>
            Effect.sync(() => void told.push(`${status} ${reachable}/${voters}`))),
          { startImmediately: true }
        )
        yield* sim.advance("1 minute")
        assert.deepStrictEqual(told, ["Ok 3/4", "Ok 3/3"])
      }))
  })

  it("does not count nodes that do not vote", () => {
    Simulation.runUnsafe(
      {
        nodes: 4,
        ...options,
        protocol: ClusterBus.layer({ nodeTimeout: "2 seconds", votes: false })
      },
      (sim) =>
        Effect.gen(function*() {
          yield* sim.until(sim.isAgreed, { atMost: "5 seconds" })
          assert.deepStrictEqual(yield* stateOf(sim, "n0"), { status: "Lost", voters: 1, reachable: 0 })
        })
    )
  })

  it("is for nodes that use ClusterBus", () => {
    const exit = Simulation.run({ nodes: 1, layer: Quorum.layer }, () => Effect.void)
    assert(Exit.isFailure(exit))
    assert.include(Cause.pretty(exit.cause), "provide ClusterBus.layer() to Gossip.layer")
  })
})
