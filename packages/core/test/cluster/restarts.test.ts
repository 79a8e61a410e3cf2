import * as GossipMetrics from "@effect-gossip/core/GossipMetrics"
import { MembershipProtocol } from "@effect-gossip/core/membership/MembershipProtocol"
import * as Simulation from "@effect-gossip/testkit/Simulation"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"

describe("a seed that is restarted before anyone misses it", { timeout: 120_000 }, () => {
  for (const nodes of [5, 20, 100]) {
    it(`knows all ${nodes} nodes within 5 s, though its only seed is itself`, () => {
      for (let seed = 0; seed < 5; seed++) {
        Simulation.runUnsafe({ nodes, seed }, (sim) =>
          Effect.gen(function*() {
            yield* sim.until(sim.isAgreed, { atMost: "5 seconds", every: "100 millis" })
            yield* sim.advance("10 seconds")
            yield* sim.crash("n0")
            yield* sim.advance("300 millis")
            yield* sim.start("n0")
            yield* sim.until(sim.isAgreed, { atMost: "5 seconds", every: "100 millis" })
          }))
      }
    })
  }
})

describe("a node that leaves when most others are dead", { timeout: 120_000 }, () => {
  it("is seen to leave by those who are there, and not to die", () => {
    for (let seed = 0; seed < 20; seed++) {
      Simulation.runUnsafe({ nodes: 20, seed }, (sim) =>
        Effect.gen(function*() {
          yield* sim.until(sim.isAgreed, { atMost: "5 seconds", every: "100 millis" })
          for (const node of sim.nodes.slice(2)) yield* sim.crash(node.name)
          // with 18 of 20 gone each probe fails, and Lifeguard has the two who are there doubt themselves and take their time
          yield* sim.until(sim.isAgreed, { atMost: "10 minutes", every: "1 second" })
          yield* sim.stop("n1")
          yield* sim.advance("30 seconds")
          const seen = (yield* sim.members("n0")).find((member) => member.id === "n1")
          assert.strictEqual(seen?.status, "Left")
        }))
    }
  })
})

describe("nodes", () => {
  it("come together again after all of them broke at once, with nobody left to wake them", () => {
    const breaking = Layer.effect(
      MembershipProtocol,
      Effect.map(MembershipProtocol, (swim): MembershipProtocol => (options) => {
        const protocol = swim(options)
        return {
          ...protocol,
          make: (birth) => {
            const machine = protocol.make(birth)
            const step: typeof machine.step = (input, now, random) => {
              if (birth.restarts === 0 && now >= birth.now + 3000) throw new Error("planted")
              return machine.step(input, now, random)
            }
            return new Proxy(machine, {
              get: (target, key) => {
                if (key === "step") return step
                const value: unknown = Reflect.get(target, key, target)
                return typeof value === "function" ? value.bind(target) : value
              }
            })
          }
        }
      })
    )
    Simulation.runUnsafe({ nodes: 5, protocol: breaking }, (sim) =>
      Effect.gen(function*() {
        yield* sim.until(sim.isAgreed, { atMost: "2900 millis" })
        yield* sim.advance("5 seconds")
        for (const name of sim.running()) assert.strictEqual(sim.count(name, GossipMetrics.restarts), 1)
        yield* sim.until(sim.isAgreed, { atMost: "10 seconds" })
      }))
  })
})
