import { Membership } from "@effect-gossip/core/membership/Membership"
import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as KeyValueStore from "effect/persistence/KeyValueStore"
import * as TestClock from "effect/testing/TestClock"
import * as Fault from "../../../src/Fault.ts"
import * as Invariant from "../../../src/Invariant.ts"
import * as Simulation from "../../../src/Simulation.ts"

const failureOf = (exit: Exit.Exit<unknown, unknown>): string => {
  assert(Exit.isFailure(exit))
  const error = Cause.squash(exit.cause)
  return error instanceof Error ? error.message : String(error)
}

const failing = Invariant.always("bad", () => Effect.fail("it is bad"))

describe("a run", () => {
  it("fails when an observer, or what judges an event, throws", () => {
    for (const tag of ["DatagramSent", "FaultBegan", "MemberChanged", "NodeStarted"] as const) {
      const throwing = Invariant.ofEvents("judged", () => (event) => {
        if (event._tag === tag) throw new Error(`saw ${tag}`)
        return undefined
      })
      const exit = Simulation.run(
        { nodes: 2, invariants: [throwing], faults: [Fault.pause("n1", { for: 100 })] },
        (sim) => sim.advance("2 seconds")
      )
      assert.include(failureOf(exit), `saw ${tag}`)
    }
    const exit = Simulation.run({ nodes: 1 }, (sim) =>
      Effect.andThen(
        sim.observe((event) => {
          if (event._tag === "NodeCrashed") throw new Error("observed")
        }),
        Effect.andThen(sim.crash("n0"), sim.advance("1 second"))
      ))
    assert.strictEqual(failureOf(exit), "observed")
  })

  it("fails when a node cannot be started again by a fault's end", () => {
    let built = 0
    const layer = Layer.effectDiscard(
      Effect.suspend(() => ++built > 1 ? Effect.die(new Error("not twice")) : Effect.void)
    )
    const exit = Simulation.run(
      { nodes: 1, layer, faults: [Fault.crash("n0", { at: "1 second", for: "1 second" })] },
      () => Effect.void
    )
    assert.match(failureOf(exit), /n0 could not be started.*not twice/)
  })

  it("looks at each invariant, whatever another one waits for", () => {
    const waiting = Invariant.always("waits", () => Effect.never)
    assert.include(
      failureOf(Simulation.run({ nodes: 1, invariants: [waiting, failing] }, (sim) => sim.advance("5 seconds"))),
      "bad does not hold after 0.1 s"
    )
    assert.match(
      failureOf(Simulation.run({ nodes: 1, invariants: [waiting] }, (sim) => sim.advance("5 seconds"))),
      /waits does not hold after 6 s: a look at it has not ended for 5900 ms/
    )
  })

  it("looks at what has to hold in the end, however rarely it looks", () => {
    const eventually = Invariant.eventually("in the end", { within: "90 seconds" }, () => Effect.fail("it does not"))
    assert.include(
      failureOf(Simulation.run({ nodes: 1, invariants: [eventually], checkEvery: "1 minute" }, () => Effect.void)),
      "in the end does not hold"
    )
  })

  it("forgives a look at a node that ends meanwhile, and no other", () => {
    const asks = Invariant.always("asks n1", (sim) =>
      Effect.asVoid(sim.on("n1", Effect.sleep("300 millis"))).pipe(
        Effect.catch((error) => Effect.fail(error))
      ))
    const exit = Simulation.run({ nodes: 2, invariants: [asks] }, (sim) =>
      Effect.gen(function*() {
        yield* sim.advance("250 millis")
        yield* sim.crash("n1")
        yield* sim.advance("100 millis")
        yield* sim.note("still here")
        yield* sim.advance("1 second")
      }))
    assert.match(failureOf(exit), /asks n1 does not hold after 0\.[3-5]\d* s: n1 does not run/)
  })

  it("has faults that are there from the beginning, when nodes start", () => {
    const reading = Layer.effectDiscard(KeyValueStore.KeyValueStore.use((store) => store.get("key")))
    const exit = Simulation.run(
      { nodes: 1, layer: reading, faults: [Fault.disk("n0", { reads: 1 })] },
      () => Effect.void
    )
    assert.include(failureOf(exit), "n0 could not be started")
  })

  it("is not over before its faults are, however long its nodes take to start, and whoever injected them", () => {
    const slow = Layer.effectDiscard(Effect.sleep("5 seconds"))
    const began: Array<number> = []
    const { timeline } = Simulation.record(
      { nodes: 2, layer: slow, faults: [Fault.partition(["n1"], { at: "1 second", for: "5 seconds" })], settle: 0 },
      (sim) => Effect.asVoid(sim.inject(Fault.pause("n0", { at: "10 seconds", for: "2 seconds" })))
    )
    for (const event of timeline.events) if (event._tag === "FaultBegan") began.push(event.at)
    assert.deepStrictEqual(began, [6000, 15_000])
    assert.strictEqual(timeline.end, 17_000)
  })

  it("starts its nodes at once, so that one may wait for another", () => {
    const waiting = Layer.effectDiscard(Effect.gen(function*() {
      const membership = yield* Membership
      while ((yield* membership.members).length < 2) yield* Effect.sleep("10 millis")
    }))
    Simulation.runUnsafe({ nodes: 2, layer: waiting, atMost: "1 minute" }, (sim) => sim.advance("1 second"))
  })

  it("ends with what went wrong, though a node stands still or does not end", () => {
    const endless = Layer.effectDiscard(Effect.addFinalizer(() => Effect.never))
    const exit = Simulation.run(
      { nodes: 2, layer: endless, atMost: "10 minutes", faults: [Fault.pause("n1")] },
      (sim) =>
        Effect.gen(function*() {
          yield* Effect.forkScoped(sim.stop("n1"))
          yield* sim.advance("1 second")
          return yield* Effect.fail(new Error("the real failure"))
        })
    )
    assert.strictEqual(failureOf(exit), "the real failure")
  })

  it("refuses what makes no sense", () => {
    const refused = (options: object) =>
      failureOf(Simulation.run({ nodes: 2, ...options }, (sim) => sim.advance("1 second")))
    for (const nodes of [0, -1, NaN, 1.5, [], ["a", "a"], [""]]) assert.match(refused({ nodes }), /^nodes: /)
    assert.match(refused({ seed: NaN }), /^seed: /)
    assert.match(refused({ checkEvery: 0 }), /^checkEvery: /)
    for (const seeds of [0, -1, NaN, [], "abc"]) {
      assert.throws(() => Simulation.explore({ nodes: 1, seeds }), /^seeds: /)
    }
    assert.match(
      refused({ faults: [Fault.partition(["n0"], { for: 0 })] }),
      /no such fault/
    )
  })

  it.effect("on Effect's test clock moves time for nodes that take some to start", () =>
    Effect.gen(function*() {
      const layer = Layer.effectDiscard(Effect.sleep("3 seconds"))
      yield* Simulation.runEffect(
        { nodes: 2, layer, faults: [Fault.crash("n1", { at: "1 second", for: "1 second" })] },
        (sim) => sim.until(sim.isAgreed, { atMost: "20 seconds" })
      )
      yield* TestClock.adjust(0)
    }))
})

describe("a node that is being started", () => {
  const slow = Layer.effectDiscard(Effect.sleep("5 seconds"))

  it("can crash", () => {
    Simulation.runUnsafe({ nodes: 1, layer: slow, start: false }, (sim) =>
      Effect.gen(function*() {
        yield* sim.inject(Fault.crash("n0", { at: "2 seconds", for: "1 second" }))
        yield* Effect.forkScoped(sim.start("n0"))
        yield* sim.advance("4 seconds")
        assert.deepStrictEqual(sim.running(), [])
        assert.strictEqual(sim.quietFor(), 0)
        yield* sim.advance("4500 millis")
        assert.deepStrictEqual(sim.running(), ["n0"])
        assert.strictEqual(sim.lifeOf("n0"), 2)
      }))
  })

  it("waits until the process before it has left", () => {
    const leaving = Layer.effectDiscard(Effect.addFinalizer(() => Effect.sleep("3 seconds")))
    Simulation.runUnsafe({ nodes: 1, layer: leaving }, (sim) =>
      Effect.gen(function*() {
        yield* Effect.forkScoped(sim.stop("n0"))
        yield* sim.advance("1 second")
        yield* sim.start("n0")
        assert.isAtLeast(sim.now(), 3000)
        assert.deepStrictEqual(sim.running(), ["n0"])
      }))
  })
})

describe("a search", () => {
  it("does not take one of the simulation's failures for another", () => {
    const found = Simulation.explore({
      nodes: 2,
      seeds: 1,
      faults: { kinds: ["Crash"], minFaults: 2, maxFaults: 4, from: 0, within: "1 second", stayAway: false },
      program: (sim) =>
        Effect.gen(function*() {
          const crashed = sim.running().length < 2
          yield* sim.advance("2 seconds")
          if (crashed || sim.lifeOf("n0") + sim.lifeOf("n1") > 2 || sim.running().length < 2) {
            return yield* sim.until(Effect.succeed(false), { atMost: "1 second" })
          }
          return yield* sim.crash("nobody")
        })
    })
    assert(found._tag === "Broken")
    assert.include(found.problem, "the condition did not hold")
    assert.isAbove(found.faults.length, 0)
  })

  it("tells what failed when that does not fail again", () => {
    let runs = 0
    const found = Simulation.explore({
      nodes: 1,
      seeds: 1,
      program: () => ++runs === 1 ? Effect.fail(new Error("only once")) : Effect.void
    })
    assert(found._tag === "Broken")
    assert.match(found.problem, /^only once \(it did not fail again/)
    assert.isNotEmpty(found.replay)
  })
})
