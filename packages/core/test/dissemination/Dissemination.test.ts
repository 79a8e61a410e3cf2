import * as Simulation from "@effect-gossip/testkit/Simulation"
import { assert, describe, it } from "@effect/vitest"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as DirectMail from "../../src/dissemination/DirectMail.ts"
import { Dissemination } from "../../src/dissemination/Dissemination.ts"
import * as DisseminationOptions from "../../src/dissemination/DisseminationOptions.ts"
import * as PeerSelection from "../../src/dissemination/PeerSelection.ts"
import { type Spreading, Strategy } from "../../src/dissemination/Strategy.ts"
import * as GossipMetrics from "../../src/GossipMetrics.ts"
import * as Swim from "../../src/membership/Swim.ts"
import * as Topic from "../../src/Topic.ts"

class Numbers extends Topic.Service<Numbers>()("test/Numbers", { payload: Schema.Int }) {}
class Others extends Topic.Service<Others>()("test/Others", { payload: Schema.Int }) {}

const topics = Layer.mergeAll(Numbers.layer, Others.layer)

const agree = (sim: Simulation.Simulation<Numbers | Others>) => sim.until(sim.isAgreed, { atMost: "30 seconds" })

/** Collects what a node is told, in its present life. */
const collect = Effect.fnUntraced(function*(sim: Simulation.Simulation<Numbers | Others>, name: string) {
  const told: Array<number> = []
  const messages = yield* sim.on(name, Numbers.useSync((numbers) => numbers.messages))
  const fiber = yield* Effect.forkScoped(
    Stream.runForEach(messages, ({ payload }) => Effect.sync(() => void told.push(payload))),
    { startImmediately: true }
  )
  return { told, fiber }
})

const publish = (sim: Simulation.Simulation<Numbers | Others>, name: string, payload: number) =>
  sim.on(name, Numbers.use((numbers) => numbers.publish(payload)))

const reports = (sim: Simulation.Simulation<Numbers | Others>, name: string) =>
  sim.on(name, Dissemination.use((dissemination) => dissemination.reports))

const silent: Spreading = {
  heard: () => {},
  heardAgain: () => {},
  received: () => {},
  round: () => false,
  forget: () => {}
}

/** A strategy of others that does nothing, but for what is given. */
const strategy = (make: (host: Parameters<Strategy["make"]>[0]) => Partial<Spreading>): Strategy => ({
  kind: 200,
  name: "own",
  roundInterval: 1000,
  make: (host) => ({ ...silent, ...make(host) })
})

/** Breaks its node when a number above 100 is published there. */
const breaking = Layer.succeed(
  Strategy,
  strategy((host) => ({
    heard: (rumor, from) => {
      if (from === undefined && rumor.payload.at(-1)! > 100) throw new Error("planted")
      for (const peer of host.selector.next(host.peers.size)) if (from === undefined) host.push(peer.address, rumor)
    }
  }))
)

describe("the dissemination of a node", () => {
  it("tells each topic what is published in it, and nothing else", () => {
    Simulation.runUnsafe({ nodes: 3, layer: topics }, (sim) =>
      Effect.gen(function*() {
        yield* agree(sim)
        const { told } = yield* collect(sim, "n1")
        yield* publish(sim, "n0", 1)
        yield* sim.on("n0", Others.use((others) => others.publish(2)))
        yield* publish(sim, "n2", 3)
        yield* sim.advance("2 seconds")
        assert.sameMembers(told, [1, 3])
      }))
  })

  it("refuses a second topic of one name, until the first has closed", () => {
    Simulation.runUnsafe({ nodes: 1, layer: Numbers.layer }, (sim) =>
      Effect.gen(function*() {
        class Twin extends Topic.Service<Twin>()("test/Numbers", { payload: Schema.String }) {}
        class Free extends Topic.Service<Free>()("test/Free", { payload: Schema.String }) {}
        const twin = yield* sim.on("n0", Effect.flip(Effect.scoped(Layer.build(Twin.layer))))
        assert.strictEqual(twin.reason._tag, "TopicTaken")
        for (let i = 0; i < 2; i++) yield* sim.on("n0", Effect.scoped(Layer.build(Free.layer)))
      }))
  })

  it("uses push-then-pull, and a strategy that is provided to it instead", () => {
    for (
      const [protocol, name] of [
        [undefined, "push-then-pull"],
        [DirectMail.layer(), "direct-mail"]
      ] as const
    ) {
      Simulation.runUnsafe({ nodes: 3, protocol, layer: topics }, (sim) =>
        Effect.gen(function*() {
          yield* agree(sim)
          yield* publish(sim, "n0", 1)
          yield* sim.advance("1 second")
          assert.strictEqual((yield* reports(sim, "n0")).get(name)?.published, 1)
          assert.strictEqual((yield* reports(sim, "n1")).get(name)?.delivered, 1)
        }))
    }
  })

  it("uses a topic's own strategy for what is published in it, and its own for the others", () => {
    const layer = Layer.mergeAll(Numbers.layer.pipe(Layer.provide(DirectMail.layer())), Others.layer)
    Simulation.runUnsafe({ nodes: 3, layer }, (sim) =>
      Effect.gen(function*() {
        yield* agree(sim)
        yield* publish(sim, "n0", 1)
        for (let i = 0; i < 2; i++) yield* sim.on("n0", Others.use((others) => others.publish(2)))
        yield* sim.advance("1 second")
        const counted = yield* reports(sim, "n0")
        assert.strictEqual(counted.get("direct-mail")?.published, 1)
        assert.strictEqual(counted.get("direct-mail")?.payloadMessages, 2)
        assert.strictEqual(counted.get("push-then-pull")?.published, 2)
      }))
  })

  it("talks to those who are there, by the selection that is provided, and to nobody else", () => {
    const asked: Array<ReadonlyArray<string>> = []
    const own = Layer.succeed(
      Strategy,
      strategy((host) => ({
        heard: (_, from) => {
          if (from === undefined) asked.push(host.selector.next(10).map((peer) => peer.id))
        }
      }))
    )
    const protocol = Layer.mergeAll(own, PeerSelection.layerRing)
    Simulation.runUnsafe(
      { nodes: 5, protocol, layer: topics, gossip: { seeds: ["n1"] } },
      (sim) =>
        Effect.gen(function*() {
          yield* agree(sim)
          yield* publish(sim, "n2", 0)
          yield* sim.crash("n3")
          yield* sim.until(sim.isAgreed, { atMost: "1 minute" })
          yield* publish(sim, "n2", 1)
          yield* sim.stop("n0")
          yield* sim.until(sim.isAgreed, { atMost: "1 minute" })
          yield* publish(sim, "n2", 2)
          yield* sim.start("n3")
          yield* agree(sim)
          yield* publish(sim, "n2", 3)
          assert.deepStrictEqual(asked, [
            ["n3", "n4", "n0", "n1"],
            ["n4", "n0", "n1"],
            ["n4", "n1"],
            ["n3", "n4", "n1"]
          ])
        })
    )
  })

  it("holds what is published for as long as its options say", () => {
    const protocol = DisseminationOptions.layer({ retention: "5 seconds", dedupWindow: "5 seconds" })
    Simulation.runUnsafe({ nodes: 2, protocol, layer: topics }, (sim) =>
      Effect.gen(function*() {
        const held = () => {
          const gauges = sim.metrics().filter(({ id }) => id === GossipMetrics.rumorsHeld.id)
          return gauges.map(({ state }) => "value" in state ? Number(state.value) : NaN)
        }
        yield* agree(sim)
        yield* publish(sim, "n0", 1)
        yield* sim.advance("4 seconds")
        assert.deepStrictEqual(held(), [1, 1])
        yield* sim.advance("4 seconds")
        assert.deepStrictEqual(held(), [0, 0])
      }))
  })

  it("is not harmed by a subscriber that throws, and neither are others", () => {
    Simulation.runUnsafe({ nodes: 3, layer: topics }, (sim) =>
      Effect.gen(function*() {
        yield* agree(sim)
        const heard: Array<string> = []
        yield* sim.on(
          "n1",
          Dissemination.use((dissemination) =>
            dissemination.subscribe("test/throws", {
              onRumor: (rumor) => {
                heard.push(rumor.origin)
                throw new Error("planted")
              }
            })
          )
        )
        const { told } = yield* collect(sim, "n1")
        const post = (name: string) =>
          sim.on(
            name,
            Dissemination.use((dissemination) => dissemination.publish("test/throws", Uint8Array.of(1)))
          )
        yield* post("n0")
        yield* post("n1")
        yield* publish(sim, "n0", 1)
        yield* sim.advance("2 seconds")
        assert.sameMembers(heard, ["n0", "n1"])
        assert.deepStrictEqual(told, [1])
        assert.strictEqual(sim.count("n1", GossipMetrics.restarts), 0)
        assert.strictEqual(sim.count("n1", GossipMetrics.drops, { reason: "SubscriberDefect" }), 2)
      }))
  })

  it("counts as metrics from the first what it has not been told of", () => {
    Simulation.runUnsafe({ nodes: 2, layer: topics }, (sim) =>
      Effect.gen(function*() {
        yield* agree(sim)
        yield* publish(sim, "n0", 1)
        yield* sim.stop("n1")
        yield* sim.advance("1 second")
        yield* sim.start("n1")
        yield* agree(sim)
        yield* sim.advance("10 seconds")
        const { controlMessages, delivered } = (yield* reports(sim, "n1")).get("anti-entropy")!
        assert.strictEqual(delivered, 0)
        assert.isAbove(controlMessages, 0)
        const strategy = "anti-entropy"
        assert.strictEqual(sim.count("n1", GossipMetrics.controlMessages, { strategy }), controlMessages)
      }))
  })

  it("repairs nothing when anti-entropy is off", () => {
    const protocol = Layer.mergeAll(
      DirectMail.layer(),
      DisseminationOptions.layer({ antiEntropy: "off" }),
      Swim.layer({ probeTimeout: "200 millis" })
    )
    Simulation.runUnsafe({ nodes: 3, protocol, layer: topics }, (sim) =>
      Effect.gen(function*() {
        yield* agree(sim)
        const [first, second] = [yield* collect(sim, "n1"), yield* collect(sim, "n2")]
        const cut = yield* sim.partition(["n2"])
        yield* publish(sim, "n0", 1)
        yield* sim.advance("500 millis")
        yield* cut.heal
        yield* sim.advance("30 seconds")
        assert.deepStrictEqual(first.told, [1])
        assert.deepStrictEqual(second.told, [])
        assert.isFalse((yield* reports(sim, "n0")).has("anti-entropy"))
      }))
  })

  describe("that broke", () => {
    it("is restarted: what broke it fails with Broken, and streams and topics live on", () => {
      const layer = Layer.mergeAll(Numbers.layer.pipe(Layer.provide(breaking)), Others.layer)
      Simulation.runUnsafe({ nodes: 3, protocol: breaking, layer }, (sim) =>
        Effect.gen(function*() {
          yield* agree(sim)
          const [own, other] = [yield* collect(sim, "n0"), yield* collect(sim, "n1")]
          yield* publish(sim, "n0", 1)
          const failing = yield* Effect.forkScoped(Effect.flip(publish(sim, "n0", 60)))
          yield* sim.advance("5 seconds")
          const error = yield* Fiber.join(failing)
          assert(error._tag === "TopicError")
          assert.strictEqual(error.reason._tag, "Broken")
          assert.strictEqual(sim.count("n0", GossipMetrics.restarts), 1)
          yield* agree(sim)
          yield* publish(sim, "n0", 2)
          yield* publish(sim, "n1", 3)
          yield* sim.advance("1 second")
          assert.sameMembers(own.told.filter((n) => n !== 60), [1, 2, 3])
          assert.sameMembers(other.told.filter((n) => n !== 60), [1, 2, 3])
          // the topic's own strategy is known to the machine that took its place
          assert.isAtLeast((yield* reports(sim, "n0")).get("own")!.published, 2)
        }))
    })

    it("fails its streams, and what is asked of it, when it gives up", () => {
      Simulation.runUnsafe(
        { nodes: 2, protocol: breaking, layer: topics, gossip: { defectRetryPolicy: Schedule.recurs(0) } },
        (sim) =>
          Effect.gen(function*() {
            yield* agree(sim)
            const { fiber } = yield* collect(sim, "n0")
            const { fiber: healthy } = yield* collect(sim, "n1")
            const failing = yield* Effect.forkScoped(Effect.flip(publish(sim, "n0", 60)))
            yield* sim.advance("1 second")
            yield* Fiber.join(failing)
            const error = yield* Effect.flip(Fiber.join(fiber))
            assert.strictEqual(error.reason._tag, "GaveUp")
            const later = yield* Effect.flip(publish(sim, "n0", 1))
            assert(later._tag === "TopicError")
            assert.strictEqual(later.reason._tag, "GaveUp")
            assert.isUndefined(healthy.pollUnsafe())
          })
      )
    })
  })

  it("ends its streams when it stops", () => {
    Simulation.runUnsafe({ nodes: 2, layer: topics }, (sim) =>
      Effect.gen(function*() {
        yield* agree(sim)
        const { fiber, told } = yield* collect(sim, "n0")
        yield* publish(sim, "n0", 1)
        yield* sim.stop("n0")
        assert.isTrue(Exit.isSuccess(yield* Fiber.await(fiber)))
        assert.deepStrictEqual(told, [1])
      }))
  })

  it("counts as metrics what its reports say, by strategy", () => {
    const layer = Layer.mergeAll(Numbers.layer.pipe(Layer.provide(DirectMail.layer())), Others.layer)
    Simulation.runUnsafe({ nodes: 5, layer }, (sim) =>
      Effect.gen(function*() {
        yield* agree(sim)
        for (let n = 0; n < 10; n++) {
          yield* publish(sim, "n0", n)
          yield* sim.on("n1", Others.use((others) => others.publish(n)))
        }
        yield* sim.advance("5 seconds")
        for (const { name } of sim.nodes) {
          for (const [strategy, report] of yield* reports(sim, name)) {
            const counted = {
              published: sim.count(name, GossipMetrics.rumorsPublished, { strategy }),
              delivered: sim.count(name, GossipMetrics.rumorsDelivered, { strategy }),
              payloadMessages: sim.count(name, GossipMetrics.payloadMessages, { strategy }),
              payloadBytes: sim.count(name, GossipMetrics.payloadBytes, { strategy }),
              redundant: sim.count(name, GossipMetrics.payloadsRedundant, { strategy }),
              controlMessages: sim.count(name, GossipMetrics.controlMessages, { strategy }),
              controlBytes: sim.count(name, GossipMetrics.controlBytes, { strategy }),
              delaySumMillis: sim.count(name, GossipMetrics.deliveryDelay, { strategy })
            }
            const { delayMaxMillis: _, hopsMax: __, ...expected } = report
            assert.deepStrictEqual(counted, expected, `${strategy} at ${name}`)
          }
        }
        assert.strictEqual(sim.count("n2", GossipMetrics.rumorsDelivered), 20)
        assert.strictEqual(sim.count("n2", GossipMetrics.rumorsDelivered, { strategy: "direct-mail" }), 10)
      }))
  })
})

describe("DisseminationOptions", () => {
  const refusal = (options: Partial<DisseminationOptions.Options>) =>
    Effect.flip(Layer.build(DisseminationOptions.layer(options)))

  it.effect("have defaults that are options, and say what is wrong with others", () =>
    Effect.gen(function*() {
      yield* Layer.build(DisseminationOptions.layer(DisseminationOptions.defaults))
      yield* Layer.build(DisseminationOptions.layer({ retention: "1 second", antiEntropy: "off" }))
      for (
        const [options, option] of [
          [{ retention: "10 millis" }, "retention"],
          [{ retention: "1 hour" }, "dedupWindow"],
          [{ dedupWindow: "30 seconds" }, "dedupWindow"],
          [{ maxRumors: 0 }, "maxRumors"],
          [{ maxSeen: 4000 }, "maxSeen"],
          [{ maxPayloadSize: 32 * 1024 * 1024 }, "maxBytes"],
          [{ maxPayloadSize: 0 }, "maxPayloadSize"],
          [{ askTimeout: 1 }, "askTimeout"],
          [{ maxWanted: 70_000 }, "maxWanted"],
          [{ announceInterval: "2 seconds" }, "announceInterval"],
          [{ antiEntropy: "both" as never }, "antiEntropy"],
          [{ antiEntropyInterval: 0 }, "antiEntropyInterval"],
          [{ antiEntropySettling: "2 hours" }, "antiEntropySettling"],
          // nothing would ever be compared
          [{ retention: "1 second" }, "antiEntropySettling"],
          [{ antiEntropyInterval: "1 minute" }, "antiEntropySettling"]
        ] as const
      ) {
        const error = yield* refusal(options)
        assert.strictEqual(error.option, option)
      }
    }).pipe(Effect.scoped))

  it.effect("are read from Config, each by its name, and have defaults there", () =>
    Effect.gen(function*() {
      const read = (environment: Record<string, string>) =>
        Layer.build(DisseminationOptions.layerConfig()).pipe(
          Effect.map(Context.get(DisseminationOptions.DisseminationOptions)),
          Effect.provideService(ConfigProvider.ConfigProvider, ConfigProvider.fromUnknown(environment))
        )
      const defaults = yield* DisseminationOptions.DisseminationOptions
      assert.deepStrictEqual(yield* read({}), defaults)
      const given = yield* read({ retention: "2 minutes", maxRumors: "10", antiEntropy: "off", maxPayloadSize: "5000" })
      assert.deepStrictEqual(given, {
        ...defaults,
        retention: 120_000,
        maxRumors: 10,
        antiEntropy: undefined,
        maxPayloadSize: 5000
      })
    }).pipe(Effect.scoped))
})
