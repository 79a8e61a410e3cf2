import { assert, describe, it } from "@effect/vitest"
import * as Config from "effect/Config"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as MedianCounter from "../../src/dissemination/MedianCounter.ts"
import { Strategy } from "../../src/dissemination/Strategy.ts"

describe("MedianCounter", () => {
  const wrong: ReadonlyArray<readonly [string, Partial<MedianCounter.Options>]> = [
    ["counterMax", { counterMax: 0 }],
    ["counterMax", { counterMax: 101 }],
    ["counterMax", { counterMax: "some" as never }],
    ["coolingRounds", { coolingRounds: 0 }],
    ["coolingRounds", { coolingRounds: 2.5 }],
    ["roundInterval", { roundInterval: 9 }],
    ["roundInterval", { roundInterval: "2 hours" }]
  ]
  for (const [option, options] of wrong) {
    it.effect(`refuses ${JSON.stringify(options)}, and says what is wrong`, () =>
      Effect.gen(function*() {
        const error = yield* Effect.flip(MedianCounter.make(options))
        assert.strictEqual(error._tag, "InvalidOption")
        assert.strictEqual(error.option, option)
      }))
  }

  it.effect("takes options at their bounds, and gives the strategy to who asks for one", () =>
    Effect.gen(function*() {
      yield* MedianCounter.make({ counterMax: 1, coolingRounds: 1, roundInterval: 10 })
      yield* MedianCounter.make({ counterMax: 100, coolingRounds: 100, roundInterval: "1 hour" })
      const given = yield* Effect.provide(Strategy, MedianCounter.layer())
      assert.strictEqual(given?.name, "median-counter")
      assert.strictEqual(given?.roundInterval, 200)
    }))

  it.effect("reads its options from Config", () =>
    Effect.gen(function*() {
      const read = (env: Record<string, string>) =>
        MedianCounter.config.pipe(
          Effect.provideService(ConfigProvider.ConfigProvider, ConfigProvider.fromUnknown(env))
        )
      assert.deepStrictEqual(yield* read({}), MedianCounter.defaults)
      assert.strictEqual((yield* read({ counterMax: "3" })).counterMax, 3)
      const error = yield* Effect.flip(Layer.build(MedianCounter.layerConfig({ coolingRounds: Config.succeed(0) })))
      assert.strictEqual(error._tag, "InvalidOption")
    }))
})
