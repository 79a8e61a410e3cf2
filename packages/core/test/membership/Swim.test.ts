import { assert, describe, it } from "@effect/vitest"
import * as Config from "effect/Config"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { defaultConfig, nackTimeout } from "../../src/membership/internal/swim/config.ts"
import { MembershipProtocol } from "../../src/membership/MembershipProtocol.ts"
import * as Swim from "../../src/membership/Swim.ts"

const failure = (options: Partial<Swim.Options>) => Effect.flip(Layer.build(Swim.layer(options)))

const day = Duration.days(1)

describe("Swim", () => {
  it("has memberlist's defaults for a local network, and serf's for the dead", () => {
    assert.strictEqual(Swim.defaults, Swim.lan)
    assert.deepStrictEqual(Swim.defaults, {
      probeInterval: "1 second",
      probeTimeout: "500 millis",
      indirectProbes: 3,
      streamProbe: true,
      suspicionMultiplier: 4,
      suspicionMaxMultiplier: 6,
      localHealthMax: 8,
      nacks: true,
      buddySystem: true,
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

  it.effect("has memberlist's presets for nodes far apart and for nodes on one machine", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(Swim.wan, {
        ...Swim.lan,
        probeInterval: "5 seconds",
        probeTimeout: "3 seconds",
        suspicionMultiplier: 6,
        gossipInterval: "500 millis",
        gossipNodes: 4,
        gossipToTheDead: "60 seconds",
        syncInterval: "60 seconds"
      })
      assert.deepStrictEqual(Swim.local, {
        ...Swim.lan,
        probeTimeout: "200 millis",
        indirectProbes: 1,
        suspicionMultiplier: 3,
        gossipInterval: "100 millis",
        gossipToTheDead: "15 seconds",
        retransmitMultiplier: 2,
        syncInterval: "15 seconds"
      })
      for (const preset of [Swim.lan, Swim.wan, Swim.local]) yield* Layer.build(Swim.layer(preset))
    }))

  it("has relays say in time that they heard nothing, in every preset", () => {
    const of = ({ probeInterval, probeTimeout }: Swim.Options) => ({
      ...defaultConfig,
      probeInterval: Duration.toMillis(Duration.fromInputUnsafe(probeInterval)),
      probeTimeout: Duration.toMillis(Duration.fromInputUnsafe(probeTimeout))
    })
    assert.deepStrictEqual([Swim.lan, Swim.wan, Swim.local].map((preset) => nackTimeout(of(preset))), [400, 1600, 200])
  })

  it.effect("says within which time it finds out and comes together again, by its parameters", () =>
    Effect.gen(function*() {
      const { detection, healing } = yield* Swim.bounds(5)
      // 2 · 5 probes of 8 s, a suspicion of 24 s, 3 rounds of gossip; and four tries to reconnect
      assert.strictEqual(Duration.toMillis(detection), 80_000 + 24_000 + 600)
      assert.strictEqual(Duration.toMillis(healing), 104_600 + 120_000)
      const plain = yield* Swim.bounds(5, { localHealthMax: 1, suspicionMaxMultiplier: 1 })
      assert.strictEqual(Duration.toMillis(plain.detection), 10_000 + 4000 + 600)
      // where nobody could confirm a suspicion it is short from the start
      assert.strictEqual(Duration.toMillis((yield* Swim.bounds(3)).detection), 48_000 + 4000 + 400)
      const large = yield* Swim.bounds(1000, {
        probeInterval: "500 millis",
        probeTimeout: "200 millis",
        localHealthMax: 1
      })
      assert.strictEqual(Duration.toMillis(large.detection), 1_000_000 + 36_000 + 1200)
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
    ["suspicionMaxMultiplier", { suspicionMaxMultiplier: 0 }],
    ["suspicionMaxMultiplier", { suspicionMaxMultiplier: 101 }],
    ["localHealthMax", { localHealthMax: 0 }],
    ["localHealthMax", { localHealthMax: 2.5 }],
    ["nacks", { nacks: "yes" as never }],
    ["nacks", { nacks: undefined as never }],
    ["buddySystem", { buddySystem: 1 as never }],
    ["streamProbe", { streamProbe: null as never }],
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
        assert.match(error.message, new RegExp(`^option ${option}: .+ is (not (a|between)|neither) `))
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
        suspicionMaxMultiplier: 1,
        localHealthMax: 1,
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
      const some = yield* read({ probeInterval: "2 seconds", gossipNodes: "5", streamProbe: "false" })
      assert.deepStrictEqual(Duration.toMillis(some.probeInterval), 2000)
      assert.strictEqual(some.gossipNodes, 5)
      assert.isFalse(some.streamProbe)
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
