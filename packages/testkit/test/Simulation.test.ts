import * as GossipMetrics from "@effect-gossip/core/GossipMetrics"
import { Membership } from "@effect-gossip/core/membership/Membership"
import * as Swim from "@effect-gossip/core/membership/Swim"
import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Metric from "effect/Metric"
import * as SimulatedNetwork from "../src/SimulatedNetwork.ts"
import * as Simulation from "../src/Simulation.ts"

const reasonOf = (error: { readonly _tag: string; readonly reason?: { readonly _tag: string } }) => error.reason?._tag

const agree = (sim: Simulation.Simulation) => sim.until(sim.isAgreed, { atMost: "5 seconds" })

describe("Simulation", () => {
  it("starts all nodes at once, which join through the first", () => {
    const names = Simulation.runUnsafe({ nodes: 4 }, (sim) =>
      Effect.gen(function*() {
        const took = yield* agree(sim)
        assert.isBelow(Duration.toMillis(took), 2000)
        return sim.running()
      }))
    assert.deepStrictEqual(names, ["n0", "n1", "n2", "n3"])
  })

  it("gives nodes the names it is told, and their options by name and place", () => {
    Simulation.runUnsafe({
      nodes: ["x", "y"],
      gossip: (node, index) => ({ metadata: new TextEncoder().encode(`${node.name}${index}`) })
    }, (sim) =>
      Effect.gen(function*() {
        yield* agree(sim)
        const members = yield* sim.members("y")
        assert.deepStrictEqual(
          members.map((member) => [member.id, new TextDecoder().decode(member.metadata)]).toSorted(),
          [["x", "x0"], ["y", "y1"]]
        )
      }))
  })

  it("runs an effect with the services of a node", () => {
    Simulation.runUnsafe({ nodes: 2 }, (sim) =>
      Effect.gen(function*() {
        const self = yield* sim.on("n1", Membership.use((membership) => membership.self))
        assert.strictEqual(self.address, sim.nodes[1]!.address)
      }))
  })

  it("crashes a node without a word, and frees its address for the next life", () => {
    Simulation.runUnsafe({ nodes: 3 }, (sim) =>
      Effect.gen(function*() {
        yield* agree(sim)
        const before = sim.network.countersOf(sim.nodes[2]!.address).datagramsSent
        yield* sim.crash("n2")
        yield* sim.advance("3 seconds")
        assert.strictEqual(sim.network.countersOf(sim.nodes[2]!.address).datagramsSent, before)
        assert.deepStrictEqual(sim.running(), ["n0", "n1"])
        assert.isFalse(yield* sim.isAgreed)
        yield* sim.start("n2")
        yield* agree(sim)
      }))
  })

  it("lets a node leave, and waits until it has", () => {
    Simulation.runUnsafe({ nodes: 3 }, (sim) =>
      Effect.gen(function*() {
        yield* agree(sim)
        yield* sim.stop("n2")
        yield* sim.advance("1 second")
        const statuses = (yield* sim.members("n0")).map((member) => `${member.id} ${member.status}`)
        assert.sameMembers(statuses, ["n0 Alive", "n1 Alive", "n2 Left"])
        assert.isTrue(yield* sim.isAgreed)
      }))
  })

  it("is not agreed while a node knows an earlier life of another", () => {
    Simulation.runUnsafe({ nodes: 3 }, (sim) =>
      Effect.gen(function*() {
        yield* agree(sim)
        yield* sim.crash("n2")
        yield* sim.start("n2")
        assert.isFalse(yield* sim.isAgreed)
        yield* agree(sim)
      }))
  })

  it("cuts groups off by name, from everyone or from each other", () => {
    Simulation.runUnsafe({ nodes: 4 }, (sim) =>
      Effect.gen(function*() {
        const [a, b, c] = sim.nodes.map((node) => node.address)
        const cut = yield* sim.partition(["n0"], ["n1"])
        assert.isFalse(sim.network.isConnected(a!, b!))
        assert.isTrue(sim.network.isConnected(a!, c!))
        yield* cut.heal
        yield* sim.partition(["n0", "n1"])
        assert.isTrue(sim.network.isConnected(a!, b!))
        assert.isFalse(sim.network.isConnected(a!, c!))
      }))
  })

  it("counts what its nodes count, apart from all else in the process", () => {
    Simulation.runUnsafe({ nodes: 2 }, (sim) =>
      Effect.gen(function*() {
        yield* sim.advance("10 seconds")
        assert.isAtLeast(sim.count("n1", GossipMetrics.probes, { result: "direct" }), 9)
        assert.strictEqual(sim.count("n1", GossipMetrics.probes, { result: "failed" }), 0)
        assert.isFalse((yield* Metric.snapshot).some((metric) => metric.id === GossipMetrics.probes.id))
      }))
  })

  it("runs the membership protocol it is told", () => {
    Simulation.runUnsafe(
      { nodes: 2, protocol: Swim.layer({ probeInterval: "100 millis", probeTimeout: "50 millis" }) },
      (
        sim
      ) =>
        Effect.gen(function*() {
          yield* sim.advance("10 seconds")
          assert.isAtLeast(sim.count("n0", GossipMetrics.probes), 95)
        })
    )
  })

  it("says what is wrong with what it is told", () => {
    Simulation.runUnsafe({ nodes: 2 }, (sim) =>
      Effect.gen(function*() {
        assert.strictEqual(reasonOf(yield* Effect.flip(sim.crash("nobody"))), "UnknownNode")
        assert.strictEqual(reasonOf(yield* Effect.flip(sim.start("n0"))), "AlreadyRunning")
        yield* sim.crash("n0")
        assert.strictEqual(reasonOf(yield* Effect.flip(sim.members("n0"))), "NotRunning")
        const never = sim.until(Effect.succeed(false), { atMost: "1 second" })
        const error = yield* Effect.flip(never)
        assert.strictEqual(reasonOf(error), "NotReached")
        assert.include(error.message, "1s")
      }))
    const exit = Simulation.run({ nodes: 1, gossip: { cluster: "" } }, () => Effect.void)
    assert(Exit.isFailure(exit))
    const failed = Effect.runSync(Effect.flip(Effect.failCause(exit.cause)))
    assert.strictEqual(reasonOf(failed), "NotStarted")
    assert.include(failed.message, "cluster")
  })

  it("gives up waiting in time, whatever the time at which that began", () => {
    Simulation.runUnsafe({ nodes: 1 }, (sim) =>
      Effect.gen(function*() {
        for (let i = 0; i < 100; i++) {
          yield* sim.advance(57.301 + i / 7)
          const error = yield* Effect.flip(
            sim.until(Effect.succeed(false), { atMost: "30 seconds", every: "1 second" })
          )
          assert.strictEqual(reasonOf(error), "NotReached")
        }
      }))
  })

  it("leaves the same trace for the same seed", () => {
    const run = (seed: number) =>
      Simulation.runUnsafe(
        { nodes: 8, seed, link: { loss: 0.1 } },
        (sim) => Effect.as(sim.advance("20 seconds"), sim.network).pipe(Effect.map((network) => network.traceHash()))
      )
    assert.strictEqual(run(3), run(3))
    assert.notStrictEqual(run(3), run(4))
  })

  it.effect("ends with its scope, whatever it was doing, also under Effect's test clock", () =>
    Effect.gen(function*() {
      const network = yield* SimulatedNetwork.SimulatedNetwork
      yield* Effect.scoped(Effect.gen(function*() {
        const sim = yield* Simulation.make({ nodes: 5 })
        yield* sim.advance("1 second")
        yield* sim.crash("n4")
      }))
      const before = network.totals().datagramsSent
      // each address is free again, and nobody speaks any more
      yield* Effect.scoped(Simulation.make({ nodes: 5, start: false }))
      assert.strictEqual(network.totals().datagramsSent, before)
    }).pipe(Effect.provide(SimulatedNetwork.layer())))
})
