import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fault from "../../../src/Fault.ts"
import * as Invariant from "../../../src/Invariant.ts"
import * as Simulation from "../../../src/Simulation.ts"

/** Holds unless two certain nodes are down at a time: what a search has to find. */
const notBoth = Invariant.always("n1 or n2 runs", (sim) => {
  const running = sim.running()
  return running.includes("n1") || running.includes("n2") ? Effect.void : Effect.fail("both are down")
})

const search = {
  nodes: 4,
  seeds: 200,
  faults: { kinds: ["Crash", "Pause", "Partition"], maxFaults: 5, from: 0, within: "10 seconds", longest: "5 seconds" },
  invariants: [notBoth],
  settle: 0
} as const

describe("a search", () => {
  const found = Simulation.explore(search)

  it("finds a schedule that fails, and leaves of it only what is needed", () => {
    assert(found._tag === "Broken")
    assert.include(found.problem, "n1 or n2 runs does not hold")
    assert.isAbove(found.found.length, 2)
    assert.sameMembers(found.faults.map((fault) => `${fault._tag} ${Fault.nodes(fault)}`), ["Crash n1", "Crash n2"])
  })

  it("says what it found, in words and in a line that runs it again", () => {
    assert(found._tag === "Broken")
    const text = Simulation.format(found)
    assert.match(text, /^n1 or n2 runs does not hold after [\d.]+ s: both are down\n/)
    assert.include(text, `in run ${found.runs} with seed ${found.seed}`)
    assert.include(text, "n1 crashes")
    assert.include(text, `\nreplay: ${found.replay}`)
    const again = Simulation.replay(search, found.replay, () => Effect.void)
    assert(Exit.isFailure(again))
    assert.include(String(again.cause), "both are down")
  })

  it("keeps what happened, up to the failure", () => {
    assert(found._tag === "Broken")
    const tags = new Set(found.timeline.events.map((event) => event._tag))
    for (
      const tag of ["NodeStarted", "FaultBegan", "NodeCrashed", "MemberChanged", "DatagramSent", "Violated"] as const
    ) {
      assert.isTrue(tags.has(tag), tag)
    }
    assert.strictEqual(found.timeline.events.at(-1)?._tag === "Violated", true)
  })

  it("finds the same again", () => {
    const again = Simulation.explore(search)
    assert(found._tag === "Broken" && again._tag === "Broken")
    assert.strictEqual(again.replay, found.replay)
    assert.strictEqual(again.shrinkRuns, found.shrinkRuns)
  })

  it("says how much it has tried when nothing fails", () => {
    const tried: Array<Simulation.Attempt> = []
    const held = Simulation.explore({ ...search, seeds: ["a", "b"], invariants: [], onRun: (run) => tried.push(run) })
    assert.deepStrictEqual(held, {
      _tag: "Held",
      runs: 2,
      faults: tried.reduce((sum, { faults }) => sum + faults.length, 0)
    })
    assert.deepStrictEqual(tried.map(({ seed }) => seed), ["a", "b"])
    assert.match(Simulation.format(held), /^all invariants held in 2 runs with \d+ faults$/)
  })

  it("takes schedules of one's own making", () => {
    const held = Simulation.explore({
      nodes: 3,
      seeds: 3,
      faults: Arbitrary.Constant([Fault.crash("n1", { at: "1 second" })]),
      invariants: [Invariant.always("n0 runs", (sim) => sim.running()[0] === "n0" ? Effect.void : Effect.fail("no"))]
    })
    assert.deepStrictEqual(held, { _tag: "Held", runs: 3, faults: 3 })
  })

  it("finds a program that fails, and does not take another failure for it", () => {
    const found = Simulation.explore({
      ...search,
      invariants: [],
      program: (sim) =>
        Effect.gen(function*() {
          yield* sim.advance("12 seconds")
          const up = sim.running().length
          if (up === 3) return yield* Effect.fail(new Error("one is down"))
          if (up < 3) return yield* Effect.fail(new TypeError("more are down"))
        })
    })
    assert(found._tag === "Broken")
    assert.strictEqual(found.problem, found.faults.length === 1 ? "one is down" : "more are down")
  })

  it("runs without faults when none are needed", () => {
    const found = Simulation.explore({
      ...search,
      settle: "1 second",
      invariants: [Invariant.always("never", () => Effect.fail("it is not"))]
    })
    assert(found._tag === "Broken")
    assert.deepStrictEqual(found.faults, [])
    assert.include(Simulation.format(found), "it needs no faults")
  })
})

describe("a replay", () => {
  it("that cannot be read is refused", () => {
    for (const token of ["", "{}", "{\"seed\":1,\"faults\":[{\"_tag\":\"Crash\"}]}"]) {
      const exit = Simulation.replay({ nodes: 1 }, token, () => Effect.void)
      assert(Exit.isFailure(exit))
      const error = Effect.runSync(Effect.flip(Effect.failCause(exit.cause)))
      assert(error instanceof Simulation.SimulationError)
      assert.strictEqual(error.reason._tag, "InvalidReplay")
    }
  })

  it("is of the seed and the faults it says", () => {
    const faults = [Fault.crash("n1", { at: "1 second" })]
    const hash = (sim: Simulation.Simulation) => Effect.as(sim.advance("5 seconds"), undefined)
    const seen: Array<string> = []
    const program = (sim: Simulation.Simulation) =>
      Effect.andThen(hash(sim), Effect.sync(() => seen.push(sim.traceHash())))
    Simulation.runUnsafe({ nodes: 3, seed: "s", faults, trace: true }, program)
    Simulation.replay({ nodes: 3 }, Simulation.formatReplay({ seed: "s", faults }), program)
    Simulation.replay({ nodes: 3 }, Simulation.formatReplay({ seed: "t", faults }), program)
    assert.strictEqual(seen[0], seen[1])
    assert.notStrictEqual(seen[0], seen[2])
  })
})

describe("a run with faults", () => {
  it("is not over before they are, and time to settle has passed", () => {
    const { timeline } = Simulation.record({
      nodes: 3,
      faults: [Fault.crash("n2", { at: "5 seconds", for: "5 seconds" })],
      settle: "1 second"
    }, () => Effect.void)
    const at = (tag: string) => timeline.events.filter((event) => event._tag === tag).map((event) => event.at)
    assert.deepStrictEqual(at("FaultBegan"), [5000])
    assert.deepStrictEqual(at("FaultEnded"), [10_000])
    assert.strictEqual(timeline.end, 11_000)
  })
})
