import { assert, describe, it } from "@effect/vitest"
import * as Config from "effect/Config"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as ClusterBus from "../../src/membership/ClusterBus.ts"
import { defaultConfig } from "../../src/membership/internal/clusterBus/config.ts"
import { MembershipProtocol } from "../../src/membership/MembershipProtocol.ts"

const failure = (options: Partial<ClusterBus.Options>) => Effect.flip(Layer.build(ClusterBus.layer(options)))

describe("ClusterBus", () => {
  it("has Redis's default for the timeout, and serf's for the dead", () => {
    assert.deepStrictEqual(ClusterBus.defaults, {
      nodeTimeout: "15 seconds",
      votes: true,
      minVoters: 1,
      reconnectInterval: "30 seconds",
      deadRetention: "24 hours",
      maxMembers: 16_384
    })
    for (const [option, value] of Object.entries(ClusterBus.defaults)) {
      const known = defaultConfig[option as keyof typeof defaultConfig]
      assert.strictEqual(typeof value === "string" ? Duration.toMillis(value as Duration.Input) : value, known, option)
    }
  })

  it.effect("says within which time it finds out and comes together again, by its parameters", () =>
    Effect.gen(function*() {
      const { detection, healing } = yield* ClusterBus.bounds(6, { nodeTimeout: "2 seconds" })
      // half a timeout until it is pinged, the timeout, half of it until all have told all; a tick of 100 ms each
      assert.strictEqual(Duration.toMillis(detection), 4300)
      assert.strictEqual(Duration.toMillis(healing), 4300 + 120_000)
      for (const nodeTimeout of [200, 1000, 2000, 15_000]) {
        const few = yield* ClusterBus.bounds(68, { nodeTimeout })
        assert.isAtMost(Duration.toMillis(few.detection), 2.15 * nodeTimeout)
        // 100 who fail at once are told of in six messages
        const many = yield* ClusterBus.bounds(200, { nodeTimeout })
        assert.strictEqual(Duration.toMillis(many.detection), Duration.toMillis(few.detection) + nodeTimeout)
      }
      assert.strictEqual((yield* Effect.flip(ClusterBus.bounds(6, { nodeTimeout: 0 }))).option, "nodeTimeout")
    }))

  const wrong: ReadonlyArray<readonly [string, Partial<ClusterBus.Options>]> = [
    ["nodeTimeout", { nodeTimeout: 199 }],
    ["nodeTimeout", { nodeTimeout: "2 hours" }],
    ["nodeTimeout", { nodeTimeout: Number.NaN }],
    ["nodeTimeout", { nodeTimeout: "soon" as never }],
    ["votes", { votes: "yes" as never }],
    ["reconnectInterval", { reconnectInterval: 99 }],
    ["deadRetention", { deadRetention: 999 }],
    ["deadRetention", { deadRetention: Duration.days(366) }],
    ["maxMembers", { maxMembers: 0 }],
    ["maxMembers", { maxMembers: 1.5 }]
  ]
  for (const [option, options] of wrong) {
    it.effect(`refuses ${option} ${String(options[option as keyof ClusterBus.Options])}, and says what is wrong`, () =>
      Effect.gen(function*() {
        const error = yield* failure(options)
        assert.strictEqual(error._tag, "InvalidOption")
        assert.strictEqual(error.option, option)
        assert.match(error.message, new RegExp(`^option ${option}: .+ is (not (a|between)|neither) `))
      }))
  }

  it.effect("takes options at their bounds", () =>
    Effect.asVoid(
      Layer.build(ClusterBus.layer({
        nodeTimeout: 200,
        votes: false,
        reconnectInterval: 100,
        deadRetention: Duration.days(365),
        maxMembers: 1_000_000
      }))
    ))

  it.effect("is the protocol that a node uses, with the options of its layer", () =>
    Effect.gen(function*() {
      const context = yield* Layer.build(ClusterBus.layer())
      const make = Context.get(context, MembershipProtocol)
      assert.strictEqual(make({ seeds: [], metadata: new Uint8Array(0) }).name, "clusterBus")
    }))

  it.effect("has options in the environment, and checks them", () =>
    Effect.gen(function*() {
      const read = (env: Record<string, string>) => ClusterBus.config.parse(ConfigProvider.fromUnknown(env))
      assert.deepStrictEqual(yield* read({}), ClusterBus.defaults)
      const some = yield* read({ nodeTimeout: "2 seconds", votes: "false" })
      assert.strictEqual(Duration.toMillis(some.nodeTimeout), 2000)
      assert.isFalse(some.votes)
      assert.strictEqual((yield* Effect.flip(read({ maxMembers: "many" })))._tag, "ConfigError")
      const build = (env: Record<string, string>) =>
        Layer.build(ClusterBus.layerConfig()).pipe(
          Effect.provideService(ConfigProvider.ConfigProvider, ConfigProvider.fromUnknown(env))
        )
      yield* build({ nodeTimeout: "2 seconds" })
      assert.strictEqual((yield* Effect.flip(build({ nodeTimeout: "1 millis" })))._tag, "InvalidOption")
      yield* Layer.build(ClusterBus.layerConfig({ votes: Config.succeed(false) }))
    }))
})
