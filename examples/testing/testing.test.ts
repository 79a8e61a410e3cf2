import { Fault, Simulation } from "@effect-gossip/testkit"
import { it } from "@effect-gossip/testkit/Vitest"
import { NodeServices } from "@effect/platform-node"
import { assert, describe } from "@effect/vitest"
import { Effect, Exit, FileSystem } from "effect"
import * as Path from "node:path"
import { start } from "../processes.ts"
import { leaders } from "./invariant.ts"
import type { Leader } from "./leader.ts"
import { bounds, byLease, byView, cluster, replay, search } from "./search.ts"

const until = (sim: Simulation.Simulation<Leader>, name: string) =>
  sim.until(Effect.map(leaders(sim), (names) => names.length === 1 && names[0] === name), { atMost: "40 seconds" })

// what one thinks of first: both versions pass
for (const version of [byView, byLease]) {
  const options = { ...cluster(version), invariants: [] }

  describe(`a leader ${version.name}`, () => {
    it.simulation("is the node of the lowest name", options, (sim) => until(sim, "n0"))

    it.simulation("is the next one after it has left", options, (sim) =>
      Effect.gen(function*() {
        yield* until(sim, "n0")
        yield* sim.stop("n0")
        yield* until(sim, "n1")
      }))

    it.simulation("is the next one after it has crashed, until it is back", options, (sim) =>
      Effect.gen(function*() {
        yield* until(sim, "n0")
        yield* sim.crash("n0")
        yield* until(sim, "n1")
        yield* sim.start("n0")
        yield* until(sim, "n0")
      }))

    it.simulation("is one of the majority when it is cut off", options, (sim) =>
      Effect.gen(function*() {
        yield* until(sim, "n0")
        const cut = yield* sim.partition(["n0"])
        yield* until(sim, "n1")
        yield* cut.heal
        yield* until(sim, "n0")
      }))

    it.simulation("is nobody when most nodes are down", options, (sim) =>
      Effect.gen(function*() {
        yield* until(sim, "n0")
        yield* sim.crash("n1")
        yield* sim.crash("n2")
        yield* sim.advance("30 seconds")
        assert.deepStrictEqual(yield* leaders(sim), [])
      }))
  })
}

describe("the search", () => {
  it.effect("finds two leaders by view, and what is enough for them", () =>
    Effect.gen(function*() {
      const found = yield* search(byView, 3)
      assert(found._tag === "Broken")
      assert.match(found.problem, /^never two leaders does not hold after [\d.]+ s: n\d and n\d lead at once$/)
      assert.isAtMost(found.faults.length, 2)
      assert.isAtMost(found.faults.length, found.found.length)

      // what it prints is that very run, every time
      const attempt = yield* Simulation.parseReplay(found.replay)
      for (const { exit, timeline } of [replay(byView, attempt), replay(byView, attempt)]) {
        assert(Exit.isFailure(exit))
        assert.deepStrictEqual(exit.cause, found.cause)
        assert.deepStrictEqual(timeline, found.timeline)
      }
      assert(Exit.isSuccess(replay(byLease, attempt).exit))
    }))

  // a node that stands still notices neither that it does nor that others go on without it
  it.simulation("a stall does not make two leaders by lease", {
    ...cluster(byLease),
    faults: [Fault.pause("n0", { at: "20 seconds", for: "25 seconds" })]
  }, (sim) =>
    Effect.gen(function*() {
      yield* until(sim, "n0")
      yield* sim.advance("25 seconds")
      yield* until(sim, "n1")
    }))

  it.simulation("nothing makes two leaders by lease", { ...cluster(byLease), seeds: 10, faults: bounds })
})

const guide = Path.join(import.meta.dirname, "../../docs/testing.md")
const main = Path.join(import.meta.dirname, "main.ts")
// what one process has compiled, the next ones need not
const compiled = Path.join(import.meta.dirname, "../build/compiled")
const example = (...args: ReadonlyArray<string>) => start(main, args, { NODE_COMPILE_CACHE: compiled })
const stall = Simulation.formatReplay({ seed: 0, faults: [Fault.pause("n0", { at: "5 seconds", for: "8 seconds" })] })

// side by side, since processes take a while to start
describe.concurrent("the example", () => {
  it.live("says what breaks the one and not the other, and draws it", () =>
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const file = Path.join(yield* fs.makeTempDirectoryScoped(), "run.html")
      const run = yield* example("--seeds", "3", "--timeline", file)
      const status = yield* run.ended
      const stdout = yield* run.stdout
      assert.strictEqual(status, 0, stdout + (yield* run.stderr))
      assert.match(stdout, /by view:[^]*✗ never two leaders does not hold after [^]*found in run \d+ with seed \d+/)
      assert.match(stdout, /see it again: pnpm example:testing --replay '\{"seed":\d+,"faults":\[\{.*\}\]\}'\n/)
      assert.match(stdout, /by lease:[^]*✓ all invariants held in this run\n✓ all invariants held in 3 runs/)
      // oxlint-disable-next-line no-control-regex -- escapes are what it must not have without a terminal
      assert.notMatch(stdout, /\x1b|\r/)
      assert.include(stdout, `as a picture: ${file}\n`)
      // figures apart, the guide shows the same
      const shown = /```text example:testing\n([^]*?)```/.exec(yield* fs.readFileString(guide))?.[1]
      const figures = /\d+(\.\d+)?/g
      assert.strictEqual(
        stdout.trimStart().replace(file, "docs/images/two-leaders.svg").replace(figures, "#"),
        shown?.replace(figures, "#")
      )
      assert.match(yield* fs.readFileString(file), /^<!doctype html>[^]*never two leaders/i)
    }).pipe(Effect.provide(NodeServices.layer)))

  it.live("replays one run", () =>
    Effect.gen(function*() {
      const run = yield* example("--replay", stall)
      const status = yield* run.ended
      const stdout = yield* run.stdout
      assert.strictEqual(status, 0, stdout + (yield* run.stderr))
      assert.match(stdout, /by view:[^]*✗ never two leaders does not hold after 13(\.\d+)? s: n0 and n1 lead at once\n/)
      assert.match(stdout, /by lease:[^]*✓ all invariants held in this run\n$/)
    }).pipe(Effect.provide(NodeServices.layer)))

  it.live("ends on Ctrl-C", () =>
    Effect.gen(function*() {
      const run = yield* example("--fixed", "--seeds", "10000")
      yield* run.wrote(/by lease/)
      yield* run.signal("SIGINT")
      assert.strictEqual(yield* run.ended, 130)
    }).pipe(Effect.provide(NodeServices.layer)))

  it.live("says what is wrong with its arguments", () =>
    Effect.gen(function*() {
      for (
        const [flag, value, problem] of [
          ["--seeds", "0", "Invalid value for flag --seeds: \"0\". Expected: a whole number from 1 to 10000"],
          ["--replay", "{}", "Invalid value for flag --replay: \"{}\". Expected: what a search has printed"],
          ["--replay", stall.replace("n0", "n9"), "this run cannot be: no node of the simulation is named n9"],
          ["--replay", "{\"seed\":0,\"faults\":[]}", "this run does not break the leader by view"],
          ["--timeline", "/nowhere/run.svg", "the timeline could not be written"]
        ] as const
      ) {
        const run = yield* example(flag, value, ...(flag === "--timeline" ? ["--replay", stall] : []))
        assert.strictEqual(yield* run.ended, 1, value)
        assert.include(yield* run.stderr, problem)
      }
    }).pipe(Effect.provide(NodeServices.layer)))

  it.live("explains itself", () =>
    Effect.gen(function*() {
      const run = yield* example("--help")
      assert.strictEqual(yield* run.ended, 0)
      for (const text of ["--seeds", "--replay", "--timeline", "--fixed", "leader.ts", "invariant.ts"]) {
        assert.include(yield* run.stdout, text)
      }
    }).pipe(Effect.provide(NodeServices.layer)))
})
