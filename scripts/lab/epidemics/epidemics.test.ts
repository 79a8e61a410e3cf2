import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { spawnSync } from "node:child_process"
import * as path from "node:path"
import { checkSvg } from "../svg.ts"
import { messagesPerExchange } from "./antiEntropy.ts"
import * as Contenders from "./contenders.ts"
import { endgame } from "./endgame.ts"
import { estimate, figures, show } from "./figures.ts"
import * as Keys from "./keys.ts"
import * as Plots from "./plots.ts"
import * as Published from "./published.ts"
import type { Cell } from "./runs.ts"
import * as Spread from "./spread.ts"
import type { StrategySetting } from "./strategies.ts"
import * as Theory from "./theory.ts"

const modes = ["push", "pull", "pushPull"] as const

/** A setting, run so many times. */
const runs = (
  setting: Partial<Spread.Setting> & { readonly nodes: number; readonly strategy: StrategySetting },
  count: number
) => Array.from({ length: count }, (_, run) => Spread.observe({ ...Spread.defaults, ...setting }, `test/${run}`))

const cell = <Key extends { readonly nodes: number }>(
  key: Key,
  setting: Omit<Partial<Spread.Setting>, "nodes" | "strategy"> & { readonly strategy: StrategySetting },
  count: number
): Cell<Key> => {
  const these = runs({ ...setting, nodes: key.nodes }, count)
  return { ...key, runs: these, figures: figures(these, key.nodes) }
}

const rumor = (
  options: Extract<StrategySetting, { readonly name: "rumor-mongering" }>["options"]
): StrategySetting => ({
  name: "rumor-mongering",
  options: { eager: false, ...options }
})

const simple = (mode: Theory.Mode) => ({
  strategy: { name: "none" } as const,
  antiEntropy: { mode, settling: 0 },
  untilAllKnow: true
})

describe("a run", () => {
  it("is the same for the same seed, and another for another", () => {
    for (const timing of ["synchronous", "asynchronous"] as const) {
      const setting = { ...Spread.defaults, nodes: 60, timing, loss: 0.1, strategy: rumor({ mode: "pushPull" }) }
      const once = Spread.observe(setting, "a")
      assert.deepStrictEqual(Spread.observe(setting, "a"), once)
      assert.notDeepEqual(Spread.observe(setting, "b"), once)
    }
  })

  it("counts rounds from the publication, and what was sent until nobody spoke of it any more", () => {
    const [run] = runs({ nodes: 2, strategy: rumor({ stop: { counter: 3 } }) }, 1)
    assert.deepStrictEqual(
      { ...run, payloadBytes: 0, controlBytes: 0, milestones: [] },
      {
        heard: 2,
        // one that was news, and three each that were not
        payload: 7,
        redundant: 6,
        control: 7,
        payloadBytes: 0,
        controlBytes: 0,
        busiest: 7,
        delayAverage: 1,
        delayLast: 1,
        hops: 1,
        curve: run!.curve,
        milestones: []
      }
    )
    assert.deepStrictEqual(run!.curve.slice(0, 3), [1, 2, 2])
    assert.strictEqual(run!.milestones.length, Spread.milestoneSteps + 1)
    assert.deepStrictEqual([run!.milestones[25], run!.milestones[26]], [0, 1])
  })

  it("is little else without rounds that begin together", () => {
    const spread = (timing: Spread.Timing) =>
      figures(runs({ nodes: 500, timing, strategy: rumor({ stop: { counter: 2 } }) }, 10), 500)
    const [synchronous, asynchronous] = [spread("synchronous"), spread("asynchronous")]
    assert.closeTo(asynchronous.residue, synchronous.residue, 0.01)
    assert.closeTo(asynchronous.traffic, synchronous.traffic, 0.15)
    assert.isBelow(asynchronous.delayLast, synchronous.delayLast)
  })

  it("takes less than ten seconds with 10,000 nodes", () => {
    const before = process.cpuUsage()
    const [run] = runs({ nodes: 10_000, strategy: { name: "push-then-pull", options: { eager: false } } }, 1)
    const { system, user } = process.cpuUsage(before)
    assert.strictEqual(run!.heard, 10_000)
    assert.isBelow(user + system, 10_000_000)
  })
})

describe("figures", () => {
  it("are means, with their standard errors", () => {
    const { error, mean } = estimate([1, 2, 3, 4])
    assert.strictEqual(mean, 2.5)
    assert.closeTo(error, Math.sqrt(5 / 3) / 2, 1e-12)
    assert.deepStrictEqual(estimate([7]), { mean: 7, error: 0 })
    const all = figures(runs({ nodes: 50, strategy: rumor({ stop: { counter: 1 } }) }, 20), 50)
    assert.closeTo(all.residue, 0.18, 0.06)
    assert.isAbove(all.incompleteRuns, 15)
    assert.strictEqual(all.curve[0], 0.02)
    assert.closeTo(all.curve.at(-1)!, 1 - all.residue, 1e-6)
    assert.match(show(all, "residue"), /^0\.\d+ ±0\.\d+$/)
  })
})

describe("simple epidemics", () => {
  const cells = new Map(modes.map((mode) => [mode, cell({ nodes: 1000, mode }, simple(mode), 20)]))

  for (const mode of modes) {
    it(`take the rounds that theory says, by ${mode}`, () => {
      const { delayLast, residue } = cells.get(mode)!.figures
      const theory = Theory.rounds(mode, 1000)
      assert.strictEqual(residue, 0)
      assert(delayLast > theory - 1 && delayLast < theory + 2, `${delayLast} rounds, ${theory} by theory`)
    })

    it(`end as the recurrence says, by ${mode}`, () => {
      // few runs come by the same share: those of all together
      const steps = cells.get(mode)!.runs.flatMap(({ curve }) =>
        curve.slice(0, -1).map((heard, at) => [1 - heard / 1000, 1 - curve[at + 1]! / 1000] as const)
      ).filter(([p]) => p > 0 && p < 0.5)
      const { error, mean } = estimate(steps.map(([p, next]) => next - Theory.next(mode, p, 1000)))
      assert.isAtMost(Math.abs(mean), 4 * error, `${mean} ±${error} off`)
      assert.isBelow(error, 0.003)
    })

    it(`take so many messages an exchange, by ${mode}`, () => {
      assert.strictEqual(messagesPerExchange(mode), { push: 1, pull: 2, pushPull: 3 }[mode])
    })
  }

  it("have an endgame that is told by shares", () => {
    const steps = endgame(cells.get("push")!)
    assert.isAbove(steps.length, 3)
    for (const { error, next, p, recurrence } of steps) {
      assert(p <= 0.5 && next < p)
      assert.closeTo(next, recurrence, 5 * error + 0.002)
    }
  })
})

describe("direct mail", () => {
  it("leaves out what is lost, and with anti-entropy behind it nobody", () => {
    const alone = figures(runs({ nodes: 500, loss: 0.1, strategy: { name: "direct-mail", options: {} } }, 20), 500)
    assert.closeTo(alone.residue, 0.1, 4 * alone.standardErrors.residue + 0.001)
    assert.strictEqual(alone.traffic, 499 / 500)
    const backed = figures(
      runs({
        nodes: 500,
        loss: 0.1,
        strategy: { name: "direct-mail", options: {} },
        antiEntropy: { mode: "pushPull", settling: 1 }
      }, 20),
      500
    )
    assert.strictEqual(backed.residue, 0)
    assert.strictEqual(backed.incompleteRuns, 0)
  })
})

describe("push-then-pull", () => {
  for (const pull of ["announced", "always"] as const) {
    it(`sends hardly more payloads than there are nodes, and leaves out nobody, when nodes ask ${pull}`, () => {
      for (const [nodes, count] of [[100, 40], [1000, 6]] as const) {
        const all = figures(
          runs({ nodes, strategy: { name: "push-then-pull", options: { eager: false, pull } } }, count),
          nodes
        )
        assert.strictEqual(all.residue, 0)
        assert.isAtMost(all.traffic, 1.03)
        const theory = Theory.pushThenPullRounds(pull, nodes)
        assert(all.delayLast > theory - 1 && all.delayLast < theory + 4, `${all.delayLast} rounds, ${theory} by theory`)
      }
    })
  }

  it("does so where the median counter sends ten times as many", () => {
    const all = figures(runs({ nodes: 500, strategy: { name: "median-counter", options: {} } }, 5), 500)
    assert.strictEqual(all.residue, 0)
    assert(all.traffic > 8 && all.traffic < 13, `${all.traffic}`)
    assert.closeTo(all.delayLast, Theory.rounds("pushPull", 500), 2)
  })

  it("does so where memberlist's rumors go 12 times from each", () => {
    const all = figures(runs({ nodes: 100, strategy: { name: "piggyback", options: { eager: false } } }, 10), 100)
    assert.strictEqual(all.traffic, 12)
    assert.isBelow(all.residue, 0.001)
  })
})

describe("a ring", () => {
  it("takes n - 1 rounds", () => {
    const ring = { selection: "ring" as const, nodes: 50 }
    const [mail] = runs({ ...ring, strategy: rumor({ interest: "blind", stop: { counter: 1 } }) }, 1)
    assert.deepStrictEqual([mail!.delayLast, mail!.payload], [Keys.ringBound(50), 50])
    for (const mode of ["push", "pull"] as const) {
      assert.strictEqual(runs({ ...ring, ...simple(mode) }, 1)[0]!.delayLast, Keys.ringBound(50))
    }
    // both ways round
    assert.strictEqual(runs({ ...ring, ...simple("pushPull") }, 1)[0]!.delayLast, 25)
  })
})

/** A setting of rumor mongering as the papers have it. */
const plain = {
  connectionLimit: 0,
  hunting: 0,
  eager: false,
  selection: "uniform",
  loss: 0,
  timing: "synchronous"
} as const

describe("published tables", () => {
  it("are found by their settings", () => {
    const key = { ...plain, nodes: 1000, mode: "pull", interest: "feedback", stop: "counter", k: 2 } as const
    assert.strictEqual(Keys.publishedOf(key)?.residue, 5.8e-4)
    assert.strictEqual(Keys.publishedOf(key)?.table, 3)
    assert.strictEqual(Keys.publishedOf({ ...key, nodes: 999 }), undefined)
    assert.strictEqual(Keys.publishedOf({ ...key, k: 9 }), undefined)
    assert.strictEqual(Keys.publishedOf({ ...key, mode: "pushPull" }), undefined)
    for (
      const variation of [
        { timing: "asynchronous" },
        { loss: 0.1 },
        { eager: true },
        { connectionLimit: 1 },
        { selection: "ring" }
      ] as const
    ) assert.strictEqual(Keys.publishedOf({ ...key, ...variation }), undefined)
    assert.strictEqual(Published.tables.length, 3)
  })
})

describe("plots", () => {
  it.effect("are well-formed", () =>
    Effect.gen(function*() {
      const key = { ...plain, nodes: 1000, mode: "push", interest: "feedback", stop: "counter" } as const
      const ks = [1, 2].flatMap((k) =>
        (["synchronous", "asynchronous"] as const).map((timing) => // as if they were the thousand nodes of the paper
        ({ ...cell({ nodes: 60 }, { timing, strategy: rumor({ stop: { counter: k } }) }, 3), ...key, k, timing }))
      )
      checkSvg(yield* Plots.rumor(ks), "synchronous", "asynchronous", "published")
      checkSvg(yield* Plots.rumor(ks.slice(0, 2)), "synchronous", "asynchronous")
      checkSvg(
        yield* Plots.antiEntropy(
          modes.flatMap((mode) => [20, 60].map((nodes) => cell({ nodes, mode }, simple(mode), 12)))
        ),
        "push-pull"
      )
      checkSvg(yield* Plots.antiEntropy([cell({ nodes: 20, mode: "pull" as const }, simple("pull"), 1)]), "pull")
      checkSvg(
        yield* Plots.directMail(
          [false, true].flatMap((antiEntropy) =>
            [0, 0.2].map((loss) =>
              cell({ nodes: 20, loss, antiEntropy }, {
                loss,
                strategy: { name: "direct-mail", options: {} },
                antiEntropy: antiEntropy ? { mode: "pushPull", settling: 1 } : undefined
              }, 2)
            )
          )
        ),
        "with anti-entropy behind it"
      )
      const announced = [20, 60].map((nodes) =>
        cell({ nodes, variant: "announced" as const }, { strategy: { name: "push-then-pull", options: {} } }, 2)
      )
      checkSvg(yield* Plots.pushThenPull(announced), "PushThenPull")
      checkSvg(
        yield* Plots.pushThenPull([
          ...announced,
          cell(
            { nodes: 20, variant: "median-counter" as const },
            { strategy: { name: "median-counter", options: {} } },
            2
          )
        ]),
        "MedianCounter"
      )
      checkSvg(
        yield* Plots.ring([
          cell({ nodes: 10, mode: "mail" as const }, { selection: "ring", strategy: rumor({ interest: "blind" }) }, 1),
          cell({ nodes: 10, mode: "pull" as const }, { selection: "ring", ...simple("pull") }, 1)
        ]),
        "told once",
        "pull"
      )
      checkSvg(
        yield* Plots.compare(
          Contenders.names.flatMap((strategy) =>
            [0, 0.1].map((loss) =>
              cell({ nodes: 30, strategy, loss }, {
                loss,
                timing: "asynchronous",
                strategy: Contenders.get(strategy).setting(true)
              }, 2)
            )
          )
        ),
        ...Contenders.names.map((name) => Contenders.get(name).title)
      )
    }))
})

describe("pnpm lab", () => {
  const lab = (...args: ReadonlyArray<string>) =>
    spawnSync(process.execPath, [path.join(import.meta.dirname, "../main.ts"), ...args], { encoding: "utf8" })

  const common = ["nodes", "runs", "seed", "residue", "traffic", "redundant", "control", "delayAverage", "delayLast"]

  for (
    const [command, also] of [
      [["rumor", "--k", "2"], ["published", "k", "mode", "interest", "stop"]],
      [["anti-entropy", "--mode", "pull", "--nodes", "50"], ["theory", "messagesPerExchange", "endgame"]],
      [["direct-mail", "--loss", "0.2", "--nodes", "50"], ["withAntiEntropy"]],
      [["push-then-pull", "--nodes", "50"], ["theory"]],
      [["ring", "--nodes", "20"], ["bound"]],
      [["compare", "--strategies", "memberlist", "--nodes", "30"], []]
    ] as const
  ) {
    it(`prints one JSON object on the last line of ${command[0]}, and progress elsewhere`, () => {
      const { status, stderr, stdout } = lab(...command, "--runs", "3", "--seed", "a", "--threads", "1", "--json")
      assert.strictEqual(status, 0, stderr)
      assert.match(stdout, /^\{.*\}\n$/)
      assert.match(stderr, /of \d+ runs, \d+ s/)
      const figures = JSON.parse(stdout)
      for (const name of [...common, "incompleteRuns", "standardErrors", ...also]) assert.property(figures, name)
      assert.deepStrictEqual([figures.runs, figures.seed], [3, "a"])
    })
  }

  it("does not depend on the number of threads, and lists cells where there are several", () => {
    const flags = ["rumor", "--nodes", "100", "--k", "1,2", "--runs", "50", "--json"]
    const one = lab(...flags, "--threads", "1")
    assert.strictEqual(lab(...flags, "--threads", "2").stdout, one.stdout)
    const { cells } = JSON.parse(one.stdout)
    assert.deepStrictEqual(cells.map(({ k, runs }: { k: number; runs: number }) => [k, runs]), [[1, 50], [2, 50]])
    assert.isAbove(cells[0].residue, cells[1].residue)
  })

  it("says what is wrong with its arguments", () => {
    const { status, stderr, stdout } = lab("anti-entropy", "--mode", "shout")
    assert.strictEqual(status, 1)
    assert.include(stdout + stderr, "of push, pull, pushPull")
  })
})
