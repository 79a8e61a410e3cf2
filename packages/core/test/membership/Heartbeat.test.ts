import * as Invariant from "@effect-gossip/testkit/Invariant"
import * as Simulation from "@effect-gossip/testkit/Simulation"
import { assert, describe, it } from "@effect/vitest"
import * as Config from "effect/Config"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Heartbeat from "../../src/membership/Heartbeat.ts"
import { defaultConfig } from "../../src/membership/internal/heartbeat/config.ts"
import { MembershipProtocol } from "../../src/membership/MembershipProtocol.ts"

const failure = (options: Partial<Heartbeat.Options>) => Effect.flip(Layer.build(Heartbeat.layer(options)))

describe("Heartbeat", () => {
  it("has Cassandra's defaults", () => {
    assert.deepStrictEqual(Heartbeat.defaults, {
      gossipInterval: "1 second",
      phiThreshold: 8,
      sampleWindow: 1000,
      maxInterval: "2 seconds",
      reconnectInterval: "30 seconds",
      deadRetention: "24 hours",
      maxMembers: 16_384
    })
  })

  it("has the same defaults with and without its layer", () => {
    for (const [option, value] of Object.entries(Heartbeat.defaults)) {
      const known = defaultConfig[option as keyof typeof defaultConfig]
      assert.strictEqual(typeof value === "string" ? Duration.toMillis(value as Duration.Input) : value, known, option)
    }
  })

  const wrong: ReadonlyArray<readonly [string, Partial<Heartbeat.Options>]> = [
    ["gossipInterval", { gossipInterval: 9 }],
    ["gossipInterval", { gossipInterval: "2 hours" }],
    ["gossipInterval", { gossipInterval: "soon" as never }],
    ["phiThreshold", { phiThreshold: 0.5 }],
    ["phiThreshold", { phiThreshold: 17 }],
    ["phiThreshold", { phiThreshold: Number.NaN }],
    ["sampleWindow", { sampleWindow: 9 }],
    ["sampleWindow", { sampleWindow: 10.5 }],
    ["maxInterval", { maxInterval: 0 }],
    ["maxInterval", { maxInterval: Infinity }],
    ["reconnectInterval", { reconnectInterval: 99 }],
    ["deadRetention", { deadRetention: 999 }],
    ["maxMembers", { maxMembers: 0 }]
  ]
  for (const [option, options] of wrong) {
    const given = String(options[option as keyof Heartbeat.Options])
    it.effect(`refuses ${option} ${given}, and says what would be right`, () =>
      Effect.gen(function*() {
        const error = yield* failure(options)
        assert.strictEqual(error._tag, "InvalidOption")
        assert.strictEqual(error.option, option)
        assert.match(error.message, new RegExp(`^option ${option}: .+ is not (a|between) `))
      }))
  }

  it.effect("refuses a longest interval that is shorter than the interval", () =>
    Effect.gen(function*() {
      const error = yield* failure({ gossipInterval: "5 seconds" })
      assert.strictEqual(error.option, "maxInterval")
      assert.include(error.message, "shorter than gossipInterval (5000 ms)")
      yield* Layer.build(Heartbeat.layer({ gossipInterval: "5 seconds", maxInterval: "10 seconds" }))
    }))

  it.effect("is the protocol that a node uses, with the options of its layer", () =>
    Effect.gen(function*() {
      const context = yield* Layer.build(Heartbeat.layer())
      const protocol = Context.get(context, MembershipProtocol)({ seeds: [], metadata: new Uint8Array(0) })
      assert.strictEqual(protocol.name, "heartbeat")
    }))

  it.effect("has options in the environment, and checks them", () =>
    Effect.gen(function*() {
      const read = (env: Record<string, string>) => Heartbeat.config.parse(ConfigProvider.fromUnknown(env))
      assert.deepStrictEqual(yield* read({}), Heartbeat.defaults)
      assert.strictEqual((yield* read({ phiThreshold: "9.5" })).phiThreshold, 9.5)
      assert.strictEqual((yield* Effect.flip(read({ sampleWindow: "many" })))._tag, "ConfigError")
      const build = (env: Record<string, string>) =>
        Layer.build(Heartbeat.layerConfig()).pipe(
          Effect.provideService(ConfigProvider.ConfigProvider, ConfigProvider.fromUnknown(env))
        )
      yield* build({ gossipInterval: "2 seconds" })
      assert.strictEqual((yield* Effect.flip(build({ gossipInterval: "3 seconds" })))._tag, "InvalidOption")
      yield* Layer.build(Heartbeat.layerConfig({ phiThreshold: Config.succeed(10) }))
    }))

  it.effect("says within which time it finds out and comes together again, by its parameters", () =>
    Effect.gen(function*() {
      const { detection, healing } = yield* Heartbeat.bounds(5)
      // 8 · ln 10 intervals of 2 s, 8 rounds in which the last heartbeat spreads, and a round until it is looked at
      assert.strictEqual(Duration.toMillis(detection), Math.ceil(8 * Math.LN10 * 2000) + 8000 + 1000)
      assert.strictEqual(Duration.toMillis(healing), Duration.toMillis(detection) + 120_000)
      // what a datagram does not hold takes as many times longer
      const [large, twice] = [yield* Heartbeat.bounds(520), yield* Heartbeat.bounds(1024)]
      assert.approximately(Duration.toMillis(twice.detection) / Duration.toMillis(large.detection), 1024 / 520, 0.1)
      assert.strictEqual((yield* Effect.flip(Heartbeat.bounds(5, { phiThreshold: 0 }))).option, "phiThreshold")
    }))
})

describe("a cluster of nodes that use Heartbeat", () => {
  const bounds = (nodes: number) => Effect.runSync(Heartbeat.bounds(nodes))

  /** How long after a crash each other node had it dead, in milliseconds, and who was dead that was not down. */
  const crashes = (options: { readonly nodes: number; readonly loss: number; readonly seed: number }) =>
    Simulation.runUnsafe(
      {
        nodes: options.nodes,
        seed: options.seed,
        link: { loss: options.loss },
        protocol: Heartbeat.layer(),
        trace: true,
        atMost: "1 hour"
      },
      (sim) =>
        Effect.gen(function*() {
          const after: Array<number> = []
          const wrong: Array<string> = []
          let down: { readonly name: string; readonly at: number } | undefined
          yield* sim.observe((event) => {
            if (event._tag !== "MemberChanged" || event.change !== "Died") return
            if (event.member === down?.name) after.push(event.at - down.at)
            else wrong.push(`${event.member} to ${event.node} at ${event.at}`)
          })
          yield* sim.advance("5 minutes")
          for (const name of ["n1", "n2"]) {
            down = { name, at: sim.now() }
            yield* sim.crash(name)
            yield* sim.advance(bounds(options.nodes).detection)
            yield* sim.start(name)
            yield* sim.advance("1 minute")
          }
          return { after, wrong }
        })
    )

  for (const loss of [0, 0.05]) {
    it(`has all who crash dead to all within the bound, and nobody else, at ${loss * 100}% loss`, () => {
      for (const seed of [1, 2]) {
        const { after, wrong } = crashes({ nodes: 8, loss, seed })
        assert.deepStrictEqual(wrong, [])
        assert.strictEqual(after.length, 14)
        assert.isAtMost(Math.max(...after), Duration.toMillis(bounds(8).detection))
        // φ of 8 is 18.4 intervals, which are hardly below a second
        assert.isAtLeast(Math.min(...after), 16_000)
      }
    })
  }

  it("keeps what every membership promises under whatever faults, within the bound of detection", () => {
    const exploration = Simulation.explore({
      nodes: 5,
      seeds: 4,
      protocol: Heartbeat.layer(),
      invariants: Invariant.membership({ within: bounds(5).detection })
    })
    assert.strictEqual(exploration._tag, "Held", exploration._tag === "Broken" ? exploration.problem : undefined)
  })

  it("sends no more as it grows than a digest and its answer a second", () => {
    const bytes = (nodes: number) =>
      Simulation.runUnsafe({ nodes, protocol: Heartbeat.layer(), atMost: "1 hour" }, (sim) =>
        Effect.gen(function*() {
          yield* sim.advance("30 seconds")
          const before = sim.network.totals()
          yield* sim.advance("30 seconds")
          const after = sim.network.totals()
          assert.strictEqual(after.exchanges, before.exchanges)
          return {
            datagrams: (after.datagramsSent - before.datagramsSent) / nodes / 30,
            bytes: (after.datagramBytesSent - before.datagramBytesSent) / nodes / 30
          }
        }))
    const [few, many] = [bytes(5), bytes(100)]
    assert.isAtMost(few.bytes, 200)
    assert.isAtMost(many.datagrams, 2.5)
    assert.isAtMost(many.bytes, 2 * 1400)
  })
})
