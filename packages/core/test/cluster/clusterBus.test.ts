import * as ClusterBus from "@effect-gossip/core/membership/ClusterBus"
import type { Status } from "@effect-gossip/core/membership/Member"
import * as Invariant from "@effect-gossip/testkit/Invariant"
import * as Simulation from "@effect-gossip/testkit/Simulation"
import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { generator } from "../support/generator.ts"

const nodeTimeout = 2000
const protocol = ClusterBus.layer({ nodeTimeout })

const isTo = (sim: Simulation.Simulation, id: string, status: Status) =>
  Effect.gen(function*() {
    for (const observer of sim.running()) {
      const member = (yield* sim.members(observer)).find((member) => member.id === id)
      if (member?.status !== status) return false
    }
    return true
  })

describe("ClusterBus", { timeout: 200_000 }, () => {
  it("has a crashed node FAIL to all within 2.2 timeouts, whichever of six it is and whenever", () => {
    const times: Array<number> = []
    for (let seed = 0; seed < 40; seed++) {
      const { int } = generator(`crash ${seed}`)
      const crashed = `n${int(6)}`
      times.push(
        Simulation.runUnsafe(
          { nodes: 6, seed, link: { latency: "1 millis" }, protocol },
          (sim) =>
            Effect.gen(function*() {
              yield* sim.until(sim.isAgreed, { atMost: "5 seconds" })
              yield* sim.advance(3000 + int(3000))
              yield* sim.crash(crashed)
              const time = yield* sim.until(isTo(sim, crashed, "Dead"), { atMost: "1 minute", every: 5 })
              return Duration.toMillis(time)
            })
        )
      )
    }
    const worst = Math.max(...times)
    assert.isAtMost(worst, 2.2 * nodeTimeout)
    // nor sooner than a ping may take to be answered
    assert.isAtLeast(Math.min(...times), nodeTimeout)
  })

  it("declares nobody FAIL on the lesser side of a partition, however it is cut and for how long", () => {
    for (let seed = 0; seed < 40; seed++) {
      const { int } = generator(`partition ${seed}`)
      Simulation.runUnsafe({ nodes: 7, seed, protocol }, (sim) =>
        Effect.gen(function*() {
          yield* sim.until(sim.isAgreed, { atMost: "5 seconds" })
          yield* sim.advance(int(2000))
          const names = sim.nodes.map((node) => node.name)
          // up to three of seven, perhaps in two parts
          const lesser = Array.from({ length: 1 + int(3) }, () => names.splice(int(names.length), 1)[0]!)
          const cuts = [yield* sim.partition(lesser)]
          if (lesser.length > 1 && int(2) === 0) cuts.push(yield* sim.partition(lesser.slice(1)))
          for (let passed = 0; passed < 20_000; passed += 500) {
            yield* sim.advance(500)
            for (const observer of lesser) {
              for (const { id, status } of yield* sim.members(observer)) {
                assert.notStrictEqual(status, "Dead", `${id} to ${observer} with seed ${seed}`)
              }
            }
          }
          for (const observer of names) {
            const dead = (yield* sim.members(observer)).filter(({ status }) => status === "Dead").map(({ id }) => id)
            assert.sameMembers(dead, lesser, `to ${observer} with seed ${seed}`)
          }
          for (const cut of cuts) yield* cut.heal
          yield* sim.until(sim.isAgreed, { atMost: "10 seconds" })
        }))
    }
  })

  it("comes over faults of a minority: nobody is missed who is there, and nobody listed who is not", () => {
    const found = Simulation.explore({
      nodes: 5,
      protocol,
      seeds: 15,
      title: "ClusterBus under faults",
      // with a majority lost, nobody can be declared dead
      faults: { spare: ["n0", "n1", "n2"] },
      invariants: Invariant.membership({ within: "2 minutes" })
    })
    assert.strictEqual(found._tag, "Held", Simulation.format(found))
  })

  it("comes over the loss of a majority, once that is back", () => {
    const found = Simulation.explore({
      nodes: 5,
      protocol,
      seeds: 15,
      title: "ClusterBus without a majority",
      faults: { stayAway: false },
      invariants: Invariant.membership({ within: "2 minutes" })
    })
    assert.strictEqual(found._tag, "Held", Simulation.format(found))
  })
})
