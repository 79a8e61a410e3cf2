import { assert, describe, it } from "@effect/vitest"
import * as Config from "effect/Config"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Piggyback from "../../src/dissemination/Piggyback.ts"
import { Strategy } from "../../src/dissemination/Strategy.ts"

describe("Piggyback", () => {
  const wrong: ReadonlyArray<readonly [string, Partial<Piggyback.Options>]> = [
    ["gossipInterval", { gossipInterval: 9 }],
    ["gossipInterval", { gossipInterval: "2 hours" }],
    ["gossipNodes", { gossipNodes: -1 }],
    ["gossipNodes", { gossipNodes: 101 }],
    ["retransmitMultiplier", { retransmitMultiplier: 0 }],
    ["retransmitMultiplier", { retransmitMultiplier: 1.5 }],
    ["eager", { eager: 1 as never }]
  ]
  for (const [option, options] of wrong) {
    it.effect(`refuses ${JSON.stringify(options)}, and says what is wrong`, () =>
      Effect.gen(function*() {
        const error = yield* Effect.flip(Piggyback.make(options))
        assert.strictEqual(error._tag, "InvalidOption")
        assert.strictEqual(error.option, option)
      }))
  }

  it.effect("takes options at their bounds, and gives the strategy to who asks for one", () =>
    Effect.gen(function*() {
      yield* Piggyback.make({ gossipInterval: 10, gossipNodes: 0, retransmitMultiplier: 1 })
      yield* Piggyback.make({ gossipInterval: "1 hour", gossipNodes: 100, retransmitMultiplier: 100 })
      const given = yield* Effect.provide(Strategy, Piggyback.layer())
      assert.strictEqual(given?.name, "piggyback")
      assert.strictEqual(given?.roundInterval, 200)
    }))

  it.effect("reads its options from Config", () =>
    Effect.gen(function*() {
      const read = (env: Record<string, string>) =>
        Piggyback.config.pipe(
          Effect.provideService(ConfigProvider.ConfigProvider, ConfigProvider.fromUnknown(env))
        )
      assert.deepStrictEqual(yield* read({}), Piggyback.defaults)
      assert.strictEqual((yield* read({ gossipNodes: "5" })).gossipNodes, 5)
      const error = yield* Effect.flip(Layer.build(Piggyback.layerConfig({ gossipNodes: Config.succeed(-1) })))
      assert.strictEqual(error._tag, "InvalidOption")
    }))
})
