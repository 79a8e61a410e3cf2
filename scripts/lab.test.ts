import { assert, describe, it } from "@effect/vitest"
import { Effect, Result, Schema } from "effect"
import { spawnSync } from "node:child_process"
import * as path from "node:path"
import * as Detection from "./lab/detection.ts"
import { formatMillis, parseMillis } from "./lab/durations.ts"
import type * as Experiments from "./lab/experiments.ts"
import * as Plots from "./lab/plots.ts"
import * as Protocols from "./lab/protocols.ts"
import { checkSvg } from "./lab/svg.ts"

const lab = (...args: ReadonlyArray<string>) =>
  spawnSync(process.execPath, [path.join(import.meta.dirname, "lab/main.ts"), ...args], { encoding: "utf8" })

const trial = (options: Partial<Detection.Trial>): Detection.Trial => ({
  ...Detection.defaults,
  protocol: "swim",
  nodes: 8,
  settle: 5000,
  idle: 10_000,
  window: 10_000,
  seed: "test",
  ...options
})

describe("a trial", () => {
  it("is the same for the same seed, and another for another", () => {
    const once = Detection.observe(trial({ loss: 0.1, paused: 2, pauseFor: 3000, pauseGap: 500 }))
    assert.deepStrictEqual(Detection.observe(trial({ loss: 0.1, paused: 2, pauseFor: 3000, pauseGap: 500 })), once)
    assert.notStrictEqual(
      Detection.observe(trial({ loss: 0.1, paused: 2, pauseFor: 3000, pauseGap: 500, seed: "other" })).traceHash,
      once.traceHash
    )
  })

  for (
    const [protocol, settings, within] of [
      ["swim", {}, 20_000],
      ["heartbeat", { gossipInterval: 200, maxInterval: 400 }, 15_000],
      ["cluster-bus", { nodeTimeout: 2000 }, 4400]
    ] as const
  ) {
    it(`finds out about crashes with ${protocol}, and about nobody else`, () => {
      const observation = Detection.observe(trial({ protocol, settings, crashes: 3 }))
      const { detection, falsePositives, join, load } = Detection.figures([observation])
      assert.strictEqual(observation.detections.length, 3)
      assert.strictEqual(detection.missedByAll, 0)
      for (const { all, first, suspected } of observation.detections) {
        assert(suspected! > 0 && suspected! <= first! && first! <= all! && all! < within, JSON.stringify(observation))
      }
      assert.strictEqual(falsePositives.aboutHealthyPerNodeHour, 0)
      assert(join.millis.mean! > 0 && join.millis.mean! < 5000)
      assert(load.messagesPerNodeSecond > 0 && load.bytesPerNodeSecond > 0)
      assert(load.busiestBytesPerSecond >= load.bytesPerNodeSecond)
    })
  }

  it("counts who is paused apart from who is healthy", () => {
    const { falsePositives, falseVerdicts, nodeSeconds } = Detection.observe(
      trial({ paused: 2, pauseFor: 30_000, pauseGap: 5000, crashes: 0, window: 35_000 })
    )
    assert.strictEqual(nodeSeconds, 8 * 35)
    // both, at the six that are healthy at least
    assert.isAtLeast(falsePositives.aboutPaused.byHealthy, 12)
    assert.deepStrictEqual(falseVerdicts.aboutPaused, { byHealthy: 2, byPaused: 0 })
    assert.deepStrictEqual(falsePositives.aboutHealthy, { byHealthy: 0, byPaused: 0 })
  })

  it("lets a node whose messages stall accuse healthy ones, unless Lifeguard keeps it from that", () => {
    const about = (variant: Protocols.Variant) =>
      Detection.observe(trial({
        settings: Protocols.variants[variant].settings,
        paused: 1,
        stall: "messages",
        pauseFor: 16_000,
        pauseGap: 1000,
        crashes: 0,
        window: 34_000
      }))
    const plain = about("plain")
    assert.isAbove(plain.falseVerdicts.aboutHealthy.byPaused, 5)
    assert.strictEqual(plain.falseVerdicts.aboutHealthy.byHealthy, 0)
    assert.isBelow(
      about("lifeguard").falseVerdicts.aboutHealthy.byPaused,
      plain.falseVerdicts.aboutHealthy.byPaused / 5
    )
  })

  it("has its options checked", () => {
    const decode = (options: object) => Schema.decodeUnknownResult(Detection.Trial)({ ...trial({}), ...options })
    assert(Result.isSuccess(decode({})))
    for (const wrong of [{ nodes: 1 }, { loss: 1 }, { protocol: "paxos" }, { pauseFor: 0 }, { paused: 7 }]) {
      assert(Result.isFailure(decode(wrong)), JSON.stringify(wrong))
    }
  })
})

describe("figures", () => {
  it("are means and nearest ranks, of what was found out", () => {
    const values = Array.from({ length: 200 }, (_, index) => 200 - index)
    assert.deepStrictEqual(Detection.summarize([null, ...values]), { mean: 101, median: 100, p99: 198, max: 200 })
    assert.deepStrictEqual(Detection.summarize([null]), { mean: null, median: null, p99: null, max: null })
  })

  it("has durations as flags have them", () => {
    assert.deepStrictEqual(["250ms", "10s", "1.5m", "1h", "10", "s", "-1s"].map(parseMillis), [
      250,
      10_000,
      90_000,
      3_600_000,
      undefined,
      undefined,
      undefined
    ])
    assert.deepStrictEqual([128, 1000, 16_384].map(formatMillis), ["128ms", "1s", "16.384s"])
  })
})

describe("plots", () => {
  const cell = <Key>(key: Key, observation: Detection.Observation): Experiments.Cell<Key> => ({
    ...key,
    observations: [observation],
    figures: Detection.figures([observation])
  })
  const observation = Detection.observe(trial({ nodes: 4 }))
  it.effect("are well-formed", () =>
    Effect.gen(function*() {
      const { names } = Protocols
      const titles = names.map((name) => Protocols.get(name).title)
      checkSvg(
        yield* Plots.loss(
          names.flatMap((protocol) => [0, 0.5].map((loss) => cell({ protocol, loss }, observation))),
          { nodes: 4 }
        ),
        ...titles
      )
      checkSvg(
        yield* Plots.load(names.flatMap((protocol) => [8, 16].map((nodes) => cell({ protocol, nodes }, observation)))),
        ...titles
      )
      checkSvg(
        yield* Plots.lifeguard(
          Protocols.variantNames.flatMap((variant) =>
            [128, 32_768].map((pauseFor) => cell({ variant, paused: 1, pauseFor, pauseGap: 64 }, observation))
          ),
          { nodes: 4 }
        ),
        ...Protocols.variantNames.map((variant) => Protocols.variants[variant].title)
      )
    }))
})

describe("pnpm lab", () => {
  it("prints one JSON object on the last line, the same for the same seed and any number of threads", () => {
    const flags = ["detection", "--nodes", "3", "--runs", "2", "--window", "1s", "--seed", "a", "--json"]
    const one = lab(...flags, "--threads", "1")
    assert.strictEqual(one.status, 0, one.stderr)
    assert.match(one.stdout, /^\{.*\}\n$/)
    assert.strictEqual(lab(...flags, "--threads", "2").stdout, one.stdout)
    const { detection, falsePositives, join, load, nodes, protocol, runs, seed } = JSON.parse(one.stdout)
    assert.deepStrictEqual({ nodes, protocol, runs, seed }, { nodes: 3, protocol: "swim", runs: 2, seed: "a" })
    assert.strictEqual(detection.crashes, 2)
    for (const summary of ["suspectedMillis", "firstMillis", "allMillis", "spreadMillis"]) {
      assert.deepStrictEqual(Object.keys(detection[summary]), ["mean", "median", "p99", "max"])
    }
    assert.strictEqual(falsePositives.aboutHealthyPerNodeHour, 0)
    assert.strictEqual(load.messagesPerNodeSecond, 2)
    assert.isAbove(join.millis.mean, 0)
  })

  it("says what is wrong with its arguments", () => {
    for (
      const [args, problem] of [
        [["--pauseFor", "long"], "a duration such as 10s or 250ms"],
        [["--set", "foo=1"], "swim has no option foo"]
      ] as const
    ) {
      const { status, stderr, stdout } = lab("detection", ...args)
      assert.strictEqual(status, 1)
      assert.include(stdout + stderr, problem)
    }
  })
})
