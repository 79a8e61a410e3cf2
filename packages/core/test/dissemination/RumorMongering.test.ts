import { Experiment } from "@effect-gossip/testkit"
import { assert, describe, it } from "@effect/vitest"
import * as Config from "effect/Config"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { makeProtocol } from "../../src/dissemination/DisseminationMachine.ts"
import { uniform } from "../../src/dissemination/PeerSelection.ts"
import * as RumorMongering from "../../src/dissemination/RumorMongering.ts"
import { combine, residue, traffic } from "../../src/dissemination/SpreadReport.ts"
import { Strategy } from "../../src/dissemination/Strategy.ts"

describe("RumorMongering", () => {
  const wrong: ReadonlyArray<readonly [string, Partial<RumorMongering.Options>]> = [
    ["mode", { mode: "shout" as never }],
    ["interest", { interest: "some" as never }],
    ["stop.counter", { stop: { counter: 0 } }],
    ["stop.counter", { stop: { counter: 1.5 } }],
    ["stop.counter", { stop: {} as never }],
    ["stop.coin", { stop: { coin: 101 } }],
    ["connectionLimit", { connectionLimit: 0 }],
    ["connectionLimit", { connectionLimit: 1001 }],
    ["hunting", { hunting: -1 }],
    ["hunting", { hunting: 101 }],
    ["roundInterval", { roundInterval: 9 }],
    ["roundInterval", { roundInterval: "2 hours" }],
    ["eager", { eager: "very" as never }]
  ]
  for (const [option, options] of wrong) {
    it.effect(`refuses ${JSON.stringify(options)}, and says what is wrong`, () =>
      Effect.gen(function*() {
        const error = yield* Effect.flip(RumorMongering.make(options))
        assert.strictEqual(error._tag, "InvalidOption")
        assert.strictEqual(error.option, option)
        assert.strictEqual((yield* Effect.flip(Layer.build(RumorMongering.layer(options)))).option, option)
      }))
  }

  it.effect("takes options at their bounds, and gives the strategy to who asks for one", () =>
    Effect.gen(function*() {
      for (
        const options of [
          { stop: { counter: 1 }, connectionLimit: 1, hunting: 0, roundInterval: 10 },
          { stop: { coin: 100 }, connectionLimit: 1000, hunting: 100, roundInterval: "1 hour" }
        ] as const
      ) {
        const strategy = yield* RumorMongering.make(options)
        assert.strictEqual(strategy.name, "rumor-mongering")
      }
      assert.strictEqual(yield* Strategy, undefined)
      const given = yield* Effect.provide(Strategy, RumorMongering.layer({ roundInterval: "1 second" }))
      assert.strictEqual(given?.roundInterval, 1000)
    }))

  it.effect("reads its options from Config", () =>
    Effect.gen(function*() {
      const read = (env: Record<string, string>) =>
        RumorMongering.config.pipe(
          Effect.provideService(ConfigProvider.ConfigProvider, ConfigProvider.fromUnknown(env))
        )
      assert.deepStrictEqual(yield* read({}), RumorMongering.defaults)
      const some = yield* read({ mode: "pull", stop: "coin", k: "3", connectionLimit: "2", eager: "false" })
      assert.strictEqual(some.mode, "pull")
      assert.deepStrictEqual(some.stop, { coin: 3 })
      assert.strictEqual(some.connectionLimit, 2)
      assert.isFalse(some.eager)
      assert.strictEqual((yield* Effect.flip(read({ mode: "shout" })))._tag, "ConfigError")
      yield* Layer.build(RumorMongering.layerConfig({ mode: Config.succeed("pushPull" as const) }))
      const error = yield* Effect.flip(Layer.build(RumorMongering.layerConfig({ hunting: Config.succeed(-1) })))
      assert.strictEqual(error._tag, "InvalidOption")
    }))
})

// -----------------------------------------------------------------------------
// Demers et al. 1987, tables 1 to 3
// -----------------------------------------------------------------------------

const nodes = 1000
const second = 1000

/** One rumor in the paper's setting: rounds that begin together, and no delays. */
const spread = (options: Partial<RumorMongering.Options>, seed: string) => {
  const strategy = Effect.runSync(RumorMongering.make({ ...options, eager: false, roundInterval: second }))
  const experiment = Experiment.makeUnsafe({
    nodes,
    seed,
    machine: (birth, { peers }) =>
      makeProtocol({
        peers,
        selection: uniform,
        strategy,
        antiEntropy: undefined,
        retention: Infinity,
        dedupWindow: Infinity,
        pacing: { phase: 0 }
      }).make(birth)
  })
  let last = 0
  let lastSent = 0
  experiment.onEvent((_, __, now) => last = Math.floor(now / second))
  experiment.onDatagram((_, __, messages) => {
    if (messages.some(({ _tag }) => _tag === "News")) lastSent = experiment.now
  })
  experiment.command(0, { _tag: "Publish", topic: "topic", payload: new Uint8Array(1) })
  // in pull nodes ask for ever; that nobody answers in 8 rounds is as good as none that could
  experiment.run({ until: Infinity, while: () => experiment.now < lastSent + 8 * second })
  const report = combine(experiment.machines.flatMap((machine) => [...machine.reports().values()]))
  return { residue: residue(report, nodes), traffic: traffic(report, nodes), delayLast: last }
}

const estimate = (values: ReadonlyArray<number>) => {
  const mean = values.reduce((sum, value) => sum + value) / values.length
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1)
  return { mean, error: Math.sqrt(variance / values.length) }
}

type Row = readonly [k: number, residue: string, traffic: string, delayLast: string, runs: number]

const tables: ReadonlyArray<{
  readonly title: string
  readonly options: (k: number) => Partial<RumorMongering.Options>
  readonly rows: ReadonlyArray<Row>
}> = [
  {
    title: "table 1 (push, feedback, counter)",
    options: (k) => ({ mode: "push", interest: "feedback", stop: { counter: k } }),
    rows: [
      [1, "0.18", "1.7", "16.8", 12],
      [2, "0.037", "3.3", "16.9", 10],
      [3, "0.011", "4.5", "17.4", 10],
      [4, "0.0036", "5.6", "17.5", 10],
      [5, "0.0012", "6.7", "17.7", 10]
    ]
  },
  {
    title: "table 2 (push, blind, coin)",
    options: (k) => ({ mode: "push", interest: "blind", stop: { coin: k } }),
    rows: [
      [1, "0.96", "0.04", "38", 40],
      [2, "0.20", "1.6", "33", 20],
      [3, "0.060", "2.8", "32", 12],
      [4, "0.021", "3.9", "32", 12],
      [5, "0.008", "4.9", "32", 12]
    ]
  },
  {
    title: "table 3 (pull, feedback, counter)",
    options: (k) => ({ mode: "pull", interest: "feedback", stop: { counter: k } }),
    rows: [
      [1, "3.1e-2", "2.7", "17.6", 12],
      [2, "5.8e-4", "4.5", "15.4", 10],
      [3, "4.0e-6", "6.1", "14.0", 8]
    ]
  }
]

/** Half a unit of the last digit that was printed, and the error of runs of whose number nothing is known. */
const printedError = (text: string, share: number): number => {
  const [digits = "", exponent = "0"] = text.split("e")
  const decimals = digits.includes(".") ? digits.length - digits.indexOf(".") - 1 : 0
  return 0.5 * 10 ** (Number(exponent) - decimals) + share * Number(text)
}

describe("rumor mongering among 1000 nodes", () => {
  for (const { options, rows, title } of tables) {
    for (const [k, expectedResidue, expectedTraffic, expectedLast, runs] of rows) {
      it(`comes out as Demers et al.'s ${title} has it for k = ${k}`, () => {
        const results = Array.from({ length: runs }, (_, run) => spread(options(k), `tables/${run}`))
        const close = (name: keyof typeof results[number], text: string, share: number) => {
          const { error, mean } = estimate(results.map((result) => result[name]))
          // one node in all runs is the least that can be seen
          const margin = 4 * error + printedError(text, share) + 1 / nodes / runs
          assert.closeTo(mean, Number(text), margin, `${name} of ${mean} ±${error}`)
        }
        close("residue", expectedResidue, 0.02)
        close("traffic", expectedTraffic, 0.01)
        close("delayLast", expectedLast, 0.02)
      })
    }
  }
})
