import * as GossipMetrics from "@effect-gossip/core/GossipMetrics"
import * as ClusterBus from "@effect-gossip/core/membership/ClusterBus"
import * as Heartbeat from "@effect-gossip/core/membership/Heartbeat"
import { Membership } from "@effect-gossip/core/membership/Membership"
import { MembershipProtocol } from "@effect-gossip/core/membership/MembershipProtocol"
import * as Swim from "@effect-gossip/core/membership/Swim"
import * as Simulation from "@effect-gossip/testkit/Simulation"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"

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

/** A protocol that breaks at a time of a node's first life, where it is to. */
const breaking = (after: number, isToBreak: (id: string) => boolean) =>
  Layer.effect(
    MembershipProtocol,
    Effect.map(MembershipProtocol, (inner): MembershipProtocol => (options) => {
      const protocol = inner(options)
      return {
        ...protocol,
        make: (birth) => {
          const machine = protocol.make(birth)
          const step: typeof machine.step = (input, now, random) => {
            if (birth.restarts === 0 && now >= birth.now + after && isToBreak(birth.id)) throw new Error("planted")
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

describe("nodes", () => {
  it("come together again after all of them broke at once, with nobody left to wake them", () => {
    Simulation.runUnsafe({ nodes: 5, protocol: breaking(3000, () => true) }, (sim) =>
      Effect.gen(function*() {
        yield* sim.until(sim.isAgreed, { atMost: "2900 millis" })
        yield* sim.advance("5 seconds")
        for (const name of sim.running()) assert.strictEqual(sim.count(name, GossipMetrics.restarts), 1)
        yield* sim.until(sim.isAgreed, { atMost: "10 seconds" })
      }))
  })

  for (
    const [name, protocol] of Object.entries({
      Swim: Swim.layer(),
      Heartbeat: Heartbeat.layer(),
      ClusterBus: ClusterBus.layer()
    })
  ) {
    it(`that broke tell nobody again of those whom they knew (${name})`, () => {
      const layer = Layer.provide(breaking(10_000, (id) => id === "n0"), protocol)
      Simulation.runUnsafe({ nodes: 4, protocol: layer }, (sim) =>
        Effect.gen(function*() {
          yield* sim.until(sim.isAgreed, { atMost: "9 seconds" })
          const events: Array<string> = []
          const changes = yield* sim.on("n0", Membership.useSync((membership) => membership.changes))
          yield* Effect.forkScoped(
            Stream.runForEach(changes, (event) =>
              Effect.sync(() => {
                if (event._tag !== "Conflict") events.push(`${event._tag} ${event.member.id}`)
              }))
          )
          yield* sim.advance("30 seconds")
          assert.strictEqual(sim.count("n0", GossipMetrics.restarts), 1)
          assert.isTrue(yield* sim.isAgreed)
          assert.sameMembers(events, ["Joined n0", "Joined n1", "Joined n2", "Joined n3"])
          yield* sim.stop("n3")
          yield* sim.advance("5 seconds")
          assert.deepStrictEqual(events.slice(4), ["Left n3"])
        }))
    })
  }
})
