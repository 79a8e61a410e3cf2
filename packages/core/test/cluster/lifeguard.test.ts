import * as GossipMetrics from "@effect-gossip/core/GossipMetrics"
import * as Swim from "@effect-gossip/core/membership/Swim"
import * as Fault from "@effect-gossip/testkit/Fault"
import * as Simulation from "@effect-gossip/testkit/Simulation"
import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"

/** Swim as it was before Lifeguard. */
const plain: Partial<Swim.Options> = {
  localHealthMax: 1,
  suspicionMaxMultiplier: 1,
  nacks: false,
  buddySystem: false,
  streamProbe: false
}

/** Counts who is declared dead by whom, from now on. */
const deaths = Effect.fnUntraced(function*(sim: Simulation.Simulation) {
  const deaths: Array<{ readonly at: number; readonly by: string; readonly of: string }> = []
  yield* sim.observe((event) => {
    if (event._tag === "MemberChanged" && event.change === "Died") {
      deaths.push({ at: sim.now(), by: event.node, of: event.member })
    }
  })
  return deaths
})

/**
 * The anomaly of the Lifeguard paper (§V): what a slow node says and what is said to it waits until the stall is over,
 * while its timers run.
 */
const stall = (node: string, options: { readonly at: number; readonly for: number }): Fault.Schedule => {
  const step = Math.min(options.for, 128)
  return Array.from({ length: Math.ceil(options.for / step) }, (_, index) => {
    const passed = index * step
    const left = options.for - passed
    return Fault.link([node], { latency: left }, { at: options.at + passed, for: Math.min(step, left) })
  })
}

describe("16 nodes", { timeout: 120_000 }, () => {
  it("declare a crashed one dead 6 to 12 s later, and all know within 2 s more", () => {
    Simulation.runUnsafe(
      { nodes: 16, seed: "detection", trace: true, atMost: "1 hour" },
      (sim) =>
        Effect.gen(function*() {
          yield* sim.until(sim.isAgreed, { atMost: "10 seconds" })
          const declared = yield* deaths(sim)
          const times: Array<number> = []
          for (const victim of ["n3", "n7", "n11", "n15", "n1", "n5", "n9", "n13"]) {
            yield* sim.advance("12345 millis")
            declared.length = 0
            const crashedAt = sim.now()
            yield* sim.crash(victim)
            yield* sim.until(Effect.sync(() => declared.length === 15), { atMost: "30 seconds" })
            const [first] = declared
            times.push(first!.at - crashedAt)
            assert.isAtMost(declared.at(-1)!.at - first!.at, 2000)
            assert.isTrue(declared.every((death) => death.of === victim))
            yield* sim.start(victim)
            yield* sim.until(sim.isAgreed, { atMost: "10 seconds" })
          }
          for (const time of times) assert.isTrue(time > 5000 && time < 12_000, `${time}`)
          const mean = times.reduce((sum, time) => sum + time, 0) / times.length
          assert.isTrue(mean > 6000 && mean < 8000, `${mean}`)
        }).pipe(Effect.scoped)
    )
  })

  it("hold nobody for dead on the word of one that was stopped for 30 s, whose health is bad for a while", () => {
    Simulation.runUnsafe(
      { nodes: 16, seed: "stopped", trace: true, atMost: "1 hour" },
      (sim) =>
        Effect.gen(function*() {
          yield* sim.until(sim.isAgreed, { atMost: "10 seconds" })
          const declared = yield* deaths(sim)
          const health = () =>
            sim.metrics().find((series) =>
              series.id === GossipMetrics.localHealth.id && series.attributes?.["node"] === "n5"
            )
          for (let i = 0; i < 5; i++) {
            yield* sim.advance("7 seconds")
            yield* sim.inject(Fault.pause("n5", { for: "30 seconds" }))
            yield* sim.advance("30001 millis")
            const series = health()
            assert(series?.type === "Gauge")
            assert.isAtLeast(Number(series.state.value), 5)
            yield* sim.until(sim.isAgreed, { atMost: "1 minute" })
            yield* sim.advance("20 seconds")
            const after = health()
            assert(after?.type === "Gauge")
            assert.strictEqual(Number(after.state.value), 0)
          }
          // it was itself declared dead, each time, and rightly
          assert.isAtLeast(declared.length, 5 * 15)
          assert.deepStrictEqual([...new Set(declared.map((death) => death.of))], ["n5"])
        }).pipe(Effect.scoped)
    )
  })

  it("think nobody dead whom no datagram reaches, as long as streams do", () => {
    Simulation.runUnsafe(
      {
        nodes: 16,
        seed: "datagrams",
        atMost: "1 hour",
        faults: [Fault.link(["n5"], { loss: 1 }, { at: "5 seconds", for: "2 minutes" })]
      },
      (sim) =>
        Effect.gen(function*() {
          yield* sim.advance("2 minutes")
          for (const name of sim.running()) {
            for (const member of yield* sim.members(name)) assert.notStrictEqual(member.status, "Dead")
          }
          assert.isAtLeast(sim.count("n5", GossipMetrics.probes, { result: "stream" }), 50)
          assert.strictEqual(sim.count("n5", GossipMetrics.suspicions, { outcome: "confirmed" }), 0)
        })
    )
  })
})

describe("32 nodes of which 4 stall for 16 s again and again", { timeout: 240_000 }, () => {
  const run = (options: Partial<Swim.Options>) =>
    Simulation.runUnsafe(
      { nodes: 32, seed: "stalls", trace: true, atMost: "1 hour", protocol: Swim.layer(options) },
      (sim) =>
        Effect.gen(function*() {
          yield* sim.until(sim.isAgreed, { atMost: "10 seconds" })
          const slow = ["n28", "n29", "n30", "n31"]
          const declared = yield* deaths(sim)
          const began = sim.now()
          const cycle = 16_448
          for (const node of slow) {
            for (let i = 0; i < 4; i++) yield* sim.inject(stall(node, { at: i * cycle, for: 16_384 }))
          }
          yield* sim.advance(4 * cycle)
          const wrong = declared.filter(({ of }) => !slow.includes(of)).length
          // of the first stall: later ones may begin before the former death is taken back
          const found = slow.map((node) => declared.find(({ by, of }) => of === node && !slow.includes(by)))
            .map((death) => death === undefined ? Infinity : death.at - began)
          yield* sim.until(sim.isAgreed, { atMost: "5 minutes", every: "1 second" })
          return { wrong, found: Math.max(...found) }
        }).pipe(Effect.scoped)
    )

  it("are declared dead wrongly a hundred times less often with Lifeguard, and no later rightly", () => {
    const without = run(plain)
    const lifeguard = run({})
    assert.isAtLeast(without.wrong, 500)
    assert.isAtMost(lifeguard.wrong, without.wrong / 100)
    assert.isAtMost(lifeguard.found, without.found * 1.05)
    assert.isBelow(lifeguard.found, Duration.toMillis("14 seconds"))
  })
})
