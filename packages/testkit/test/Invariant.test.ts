import * as Swim from "@effect-gossip/core/membership/Swim"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fault from "../src/Fault.ts"
import * as Invariant from "../src/Invariant.ts"
import * as Simulation from "../src/Simulation.ts"

/** What a run says that does not hold, or nothing. */
const violated = (
  options: Partial<Simulation.RunOptions> & { readonly invariants: ReadonlyArray<Invariant.Invariant> },
  program: Simulation.Program<unknown, Simulation.SimulationError> = (sim) => sim.advance("10 seconds")
): string | undefined => {
  const exit = Simulation.run({ nodes: 3, ...options }, program)
  if (Exit.isSuccess(exit)) return undefined
  return Effect.runSync(Effect.flip(Effect.failCause(exit.cause))).message
}

// a Swim that never finds out
const asleep = Swim.layer({ probeInterval: "1 hour", syncInterval: "24 hours", reconnectInterval: "24 hours" })

describe("an invariant", () => {
  it("ends the run when it does not hold, and says when and why", () => {
    const invariants = [
      Invariant.always("time stands still", (sim) => sim.now() < 2000 ? Effect.void : Effect.fail("it has passed"))
    ]
    assert.strictEqual(violated({ invariants }), "time stands still does not hold after 2 s: it has passed")
  })

  it("does not hold when its check dies, as assertions do", () => {
    const invariants = [Invariant.always("one is two", () => Effect.sync(() => assert.strictEqual(1, 2)))]
    assert.include(violated({ invariants }), "expected 1 to equal 2")
  })

  it("has the time it is given after the last fault", () => {
    const seen: Array<number> = []
    const calm = Invariant.eventually(
      "calm",
      { within: "4 seconds" },
      (sim) => Effect.sync(() => void seen.push(sim.now()))
    )
    assert.isUndefined(violated({
      invariants: [calm],
      faults: [Fault.pause("n1", { at: "3 seconds", for: "2 seconds" })],
      checkEvery: "1 second"
    }, (sim) => sim.advance("1 second")))
    // not before the fault, which came too soon; and at least once after it
    assert.strictEqual(seen[0], 9000)
  })

  it("is looked at once more when the program is done", () => {
    let checks = 0
    const counted = Invariant.eventually("counted", { within: "30 seconds" }, () => Effect.sync(() => void checks++))
    assert.isUndefined(violated({ invariants: [counted] }, () => Effect.void))
    assert.isAbove(checks, 0)
  })
})

describe("completeness", () => {
  const invariants = [Invariant.completeness({ within: "20 seconds" })]
  const faults = [Fault.crash("n2", { at: "5 seconds" })]

  it("holds when a crash is found out in time", () => {
    assert.isUndefined(violated({ invariants, faults }))
  })

  it("does not when it is not", () => {
    assert.match(
      violated({ invariants, faults, protocol: asleep })!,
      /^completeness does not hold after 25(\.\d+)? s: n0 still thinks that n2 is alive$/
    )
  })
})

describe("accuracy", () => {
  const faults = [Fault.partition(["n2"], { at: "5 seconds", for: "90 seconds" })]

  it("holds when those who were cut off are known again in time", () => {
    assert.isUndefined(violated({ faults, invariants: [Invariant.accuracy({ within: "70 seconds" })] }))
  })

  it("does not when they are not", () => {
    const protocol = Swim.layer({ reconnectInterval: "24 hours" })
    assert.match(
      violated({ faults, protocol, invariants: [Invariant.accuracy({ within: "70 seconds" })] })!,
      /^accuracy does not hold after 165(\.\d+)? s: n. thinks that n. is dead$/
    )
  })
})

describe("convergence", () => {
  it("does not hold when a node sees what others do not", () => {
    const protocol = Swim.layer({ probeInterval: "1 hour", syncInterval: "24 hours" })
    assert.match(
      violated({
        protocol,
        gossip: (_, index) => index === 2 ? { seeds: ["n2"] } : {},
        invariants: [Invariant.convergence({ within: "10 seconds" })]
      })!,
      /^convergence does not hold after 10(\.\d+)? s: n0 sees n2 as not there, which is alive in incarnation \d+$/
    )
  })
})

describe("the limits of nodes", () => {
  it("hold in an ordinary run, and no node leaves anything behind", () => {
    assert.isUndefined(violated({
      invariants: [Invariant.datagramSize(), Invariant.capacities(), Invariant.incarnations, Invariant.noLeaks],
      faults: [Fault.crash("n1", { at: "2 seconds", for: "5 seconds" })]
    }))
  })

  it("are seen to be passed", () => {
    assert.match(
      violated({ invariants: [Invariant.datagramSize({ limit: 20 })] })!,
      /sent \d+ bytes, which are more than 20/
    )
    assert.match(
      violated({ invariants: [Invariant.capacities({ mailbox: 0 })] })!,
      /gossip_mailbox_peak of n. is \d+, which is more than 0/
    )
  })

  it("count a fiber that outlives its node", () => {
    assert.match(
      violated(
        { invariants: [Invariant.noLeaks] },
        (sim) => sim.on("n1", Effect.asVoid(Effect.forkDetach(Effect.never)))
      )!,
      /^nodes leave nothing behind does not hold after \S+ s: 1 fibers of nodes that have ended still run$/
    )
  })
})
