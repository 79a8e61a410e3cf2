import { assert, describe, it } from "@effect/vitest"
import * as Config from "effect/Config"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { defaultConfig } from "../../src/membership/internal/swim/config.ts"
import { MembershipProtocol } from "../../src/membership/MembershipProtocol.ts"
import * as Swim from "../../src/membership/Swim.ts"

const failure = (options: Partial<Swim.Options>) => Effect.flip(Layer.build(Swim.layer(options)))

const day = Duration.days(1)

describe("Swim", () => {
  it("has memberlist's defaults for a local network, and serf's for the dead", () => {
    assert.deepStrictEqual(Swim.defaults, {
      probeInterval: "1 second",
      probeTimeout: "500 millis",
      indirectProbes: 3,
      suspicionMultiplier: 4,
      gossipInterval: "200 millis",
      gossipNodes: 3,
      gossipToTheDead: "30 seconds",
      retransmitMultiplier: 4,
      syncInterval: "30 seconds",
      reconnectInterval: "30 seconds",
      deadRetention: "24 hours",
      maxMembers: 16_384
    })
  })

  it.effect("says within which time it finds out and comes together again, by its parameters", () =>
    Effect.gen(function*() {
      const { detection, healing } = yield* Swim.bounds(5)
      // 2 · 5 probes, a suspicion of 4 s, 3 rounds of gossip; and four tries to reconnect
      assert.strictEqual(Duration.toMillis(detection), 10_000 + 4000 + 600)
      assert.strictEqual(Duration.toMillis(healing), 14_600 + 120_000)
      const large = yield* Swim.bounds(1000, { probeInterval: "500 millis", probeTimeout: "200 millis" })
      assert.strictEqual(Duration.toMillis(large.detection), 1_000_000 + 6000 + 1200)
      assert.strictEqual((yield* Effect.flip(Swim.bounds(5, { gossipNodes: 0 }))).option, "gossipNodes")
    }))

  it("has the same defaults with and without its layer", () => {
    for (const [option, value] of Object.entries(Swim.defaults)) {
      const known = defaultConfig[option as keyof typeof defaultConfig]
      assert.strictEqual(typeof value === "string" ? Duration.toMillis(value as Duration.Input) : value, known, option)
    }
  })

  const wrong: ReadonlyArray<readonly [string, Partial<Swim.Options>]> = [
    ["probeInterval", { probeInterval: 0 }],
    ["probeInterval", { probeInterval: "-1 second" }],
    ["probeInterval", { probeInterval: Number.NaN }],
    ["probeInterval", { probeInterval: Infinity }],
    ["probeInterval", { probeInterval: "2 hours" }],
    ["probeInterval", { probeInterval: "soon" as never }],
    ["probeTimeout", { probeTimeout: 0 }],
    ["indirectProbes", { indirectProbes: -1 }],
    ["indirectProbes", { indirectProbes: 101 }],
    ["suspicionMultiplier", { suspicionMultiplier: 0 }],
    ["suspicionMultiplier", { suspicionMultiplier: 1.5 }],
    ["gossipInterval", { gossipInterval: 9 }],
    ["gossipNodes", { gossipNodes: 0 }],
    ["gossipToTheDead", { gossipToTheDead: -1 }],
    ["gossipToTheDead", { gossipToTheDead: Duration.days(2) }],
    ["retransmitMultiplier", { retransmitMultiplier: Number.NaN }],
    ["syncInterval", { syncInterval: 99 }],
    ["reconnectInterval", { reconnectInterval: Duration.days(2) }],
    ["deadRetention", { deadRetention: 999 }],
    ["deadRetention", { deadRetention: Duration.days(366) }],
    ["maxMembers", { maxMembers: 0 }],
    ["maxMembers", { maxMembers: 1e7 }]
  ]
  for (const [option, options] of wrong) {
    it.effect(`refuses ${option} ${String(options[option as keyof Swim.Options])}, and says what would be right`, () =>
      Effect.gen(function*() {
        const error = yield* failure(options)
        assert.strictEqual(error._tag, "InvalidOption")
        assert.strictEqual(error.option, option)
        assert.match(error.message, new RegExp(`^option ${option}: .+ is not (a|between) `))
      }))
  }

  it.effect("refuses a probe timeout that is not shorter than the interval", () =>
    Effect.gen(function*() {
      for (const probeTimeout of ["1 second", "2 seconds"] as const) {
        const error = yield* failure({ probeTimeout })
        assert.strictEqual(error.option, "probeTimeout")
        assert.include(error.message, "not shorter than probeInterval (1000 ms)")
      }
      assert.strictEqual((yield* failure({ probeInterval: "400 millis" })).option, "probeTimeout")
      yield* Layer.build(Swim.layer({ probeInterval: "400 millis", probeTimeout: "100 millis" }))
    }))

  it.effect("takes options at their bounds", () =>
    Effect.asVoid(
      Layer.build(Swim.layer({
        probeInterval: 10,
        probeTimeout: 1,
        indirectProbes: 0,
        suspicionMultiplier: 1,
        gossipInterval: 10,
        gossipNodes: 1,
        gossipToTheDead: 0,
        retransmitMultiplier: 1,
        syncInterval: 100,
        reconnectInterval: day,
        deadRetention: Duration.days(365),
        maxMembers: 1_000_000
      }))
    ))

  it.effect("is the protocol that a node uses, with the options of its layer", () =>
    Effect.gen(function*() {
      const context = yield* Layer.build(Swim.layer())
      const make = Context.get(context, MembershipProtocol)
      const protocol = make({ seeds: [], metadata: new Uint8Array(0) })
      assert.strictEqual(protocol.name, "swim")
    }))

  it.effect("has options in the environment", () =>
    Effect.gen(function*() {
      const read = (env: Record<string, string>) => Swim.config.parse(ConfigProvider.fromUnknown(env))
      const none = yield* read({})
      assert.deepStrictEqual(none, Swim.defaults)
      const some = yield* read({ probeInterval: "2 seconds", gossipNodes: "5" })
      assert.deepStrictEqual(Duration.toMillis(some.probeInterval), 2000)
      assert.strictEqual(some.gossipNodes, 5)
      assert.strictEqual((yield* Effect.flip(read({ gossipNodes: "many" })))._tag, "ConfigError")
    }))

  it.effect("reads its options from Config, and checks them", () =>
    Effect.gen(function*() {
      const build = (env: Record<string, string>) =>
        Layer.build(Swim.layerConfig()).pipe(
          Effect.provideService(ConfigProvider.ConfigProvider, ConfigProvider.fromUnknown(env))
        )
      yield* build({ probeInterval: "2 seconds" })
      const error = yield* Effect.flip(build({ probeInterval: "100 millis" }))
      assert.strictEqual(error._tag, "InvalidOption")
      assert.strictEqual((yield* Effect.flip(build({ maxMembers: "x" })))._tag, "ConfigError")
      yield* Layer.build(Swim.layerConfig({ gossipNodes: Config.succeed(5) }))
    }))
})
