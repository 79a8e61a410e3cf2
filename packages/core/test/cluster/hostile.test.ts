import * as Address from "@effect-gossip/core/Address"
import * as GossipMetrics from "@effect-gossip/core/GossipMetrics"
import { Transport } from "@effect-gossip/core/Transport"
import * as Frame from "@effect-gossip/core/wire/Frame"
import type { Claim, Message } from "@effect-gossip/core/wire/Message"
import * as SimulatedNetwork from "@effect-gossip/testkit/SimulatedNetwork"
import * as Simulation from "@effect-gossip/testkit/Simulation"
import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Metric from "effect/Metric"
import * as Random from "effect/Random"

const cluster = Frame.clusterHash("default")
const attacker = Address.fromStringUnsafe("10.255.255.1:7946")
const frames = 100_000

/** Frames as an attacker sends them: noise, real frames cut short or with bytes changed, and real ones. */
const makeFrames = (
  random: { readonly nextDoubleUnsafe: () => number },
  self: { id: string; address: Address.Address }
) => {
  const draw = (bound: number) => Math.floor(random.nextDoubleUnsafe() * bound)
  const member = () => ({
    id: draw(4) === 0 ? self.id : `x${draw(200)}`,
    address: draw(4) === 0 ? self.address : Address.fromStringUnsafe(`10.1.0.${draw(8)}:7946`),
    incarnation: draw(3) === 0 ? draw(2 ** 47) : 1_767_225_600_000 + draw(100_000)
  })
  const claim = (): Claim => {
    switch (draw(4)) {
      case 0:
        return { _tag: "Alive", ...member(), metadata: new Uint8Array(draw(513)), protocolVersion: 1 + draw(255) }
      case 1:
        return { _tag: "Suspect", ...member(), from: `x${draw(200)}` }
      case 2:
        return { _tag: "Dead", ...member(), from: `x${draw(200)}`, age: draw(200_000) }
      default:
        return { _tag: "Left", ...member() }
    }
  }
  const message = (): Message => {
    switch (draw(8)) {
      case 0:
        return { _tag: "Ping", nonce: draw(2 ** 32), target: draw(2) === 0 ? self.id : "x1", table: draw(2 ** 32) }
      case 1:
        return { _tag: "Ack", nonce: draw(2 ** 32), table: draw(2 ** 32) }
      case 2: {
        const { address, id } = member()
        return { _tag: "PingRequest", nonce: draw(2 ** 32), target: id, address }
      }
      case 3:
        return { _tag: "SyncRequest", id: "x1", address: attacker, table: 1, claims: [claim(), claim()] }
      case 4:
        return { _tag: "SyncResponse", id: "x1", address: attacker, table: 1, claims: [claim()] }
      default:
        return claim()
    }
  }
  return (): Uint8Array => {
    if (draw(4) === 0) return Uint8Array.from({ length: draw(1400) }, () => draw(256))
    const frame = Frame.assemble(cluster, Array.from({ length: 1 + draw(2) }, () => Frame.encodeMessage(message())))
    switch (draw(4)) {
      case 0:
        return frame
      case 1:
        return frame.slice(0, draw(frame.length))
      default: {
        for (let i = 1 + draw(4); i > 0; i--) frame[draw(frame.length)] = draw(256)
        return frame
      }
    }
  }
}

describe("a node under hostile input", { timeout: 200_000 }, () => {
  it(`counts each of ${frames} random, truncated and mutated frames, and neither breaks nor restarts`, () => {
    Simulation.runUnsafe({ nodes: 3, seed: "hostile", atMost: "1 hour" }, (sim) =>
      Effect.gen(function*() {
        yield* sim.until(sim.isAgreed, { atMost: "5 seconds" })
        const random = yield* Random.Random
        const target = sim.nodes[1]!
        const context = yield* Layer.build(
          SimulatedNetwork.layerTransport({ address: attacker, maxDatagramSize: 65_000 })
        ).pipe(
          Effect.provideService(SimulatedNetwork.SimulatedNetwork, sim.network)
        )
        const transport = Context.get(context, Transport)
        const next = makeFrames(random, { id: target.name, address: target.address })
        const of = (metric: Metric.Counter<number>, attributes?: { readonly [name: string]: string }) =>
          sim.count(target.name, metric, attributes)
        const accounted = () =>
          of(GossipMetrics.messages, { direction: "in" }) + of(GossipMetrics.duplicates) + of(GossipMetrics.drops)
        const datagramsBefore = of(GossipMetrics.datagrams, { direction: "in" })
        const accountedBefore = accounted()
        for (let i = 1; i <= frames; i++) {
          yield* transport.send(target.address, next())
          // a few at a time: a buffer that overflows would be another test
          if (i % 50 === 0) yield* sim.advance("2 millis")
        }
        yield* sim.advance("1 second")
        assert.isAtLeast(of(GossipMetrics.datagrams, { direction: "in" }) - datagramsBefore, frames)
        // each was a message that was handled or known already, or was dropped for a reason
        assert.isAtLeast(accounted() - accountedBefore, frames)
        for (const reason of ["ReceiveBufferFull", "MailboxFull", "Defect", "TooLarge"]) {
          assert.strictEqual(of(GossipMetrics.drops, { reason }), 0, reason)
        }
        for (const reason of ["Malformed", "ForeignVersion", "ForeignCluster", "UndecodableMessage"]) {
          assert.isAbove(of(GossipMetrics.drops, { reason }), 0, reason)
        }
        assert.strictEqual(of(GossipMetrics.restarts), 0)
        // whatever was said of it and of the others, those who are there are alive again to each other
        const areAlive = Effect.map(
          Effect.forEach(sim.running(), sim.members),
          (views) =>
            views.every((view) =>
              sim.running().every((name) => view.find((member) => member.id === name)?.status === "Alive")
            )
        )
        yield* sim.until(areAlive, { atMost: "1 minute", every: "1 second" })
      }))
  })
})
