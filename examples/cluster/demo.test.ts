import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Schedule, Schema } from "effect"
import * as Path from "node:path"
import { canFindProcesses, type Example, start } from "../processes.ts"
import * as Protocols from "./protocols.ts"
import { Result } from "./scenario.ts"

const main = Path.join(import.meta.dirname, "main.ts")
const demo = (...args: ReadonlyArray<string>) => start(main, args)

const nobodyLeft = (example: Example) =>
  canFindProcesses ? Effect.map(example.living, (living) => assert.deepStrictEqual(living, [])) : Effect.void

const Json = Schema.fromJsonString(Result)

// side by side, since all of them mostly wait
describe.concurrent("the demo", () => {
  for (const protocol of Protocols.names) {
    it.live(`goes through all steps with ${protocol}, and prints what they took as one line of JSON`, () =>
      Effect.gen(function*() {
        const example = yield* demo(
          "--nodes",
          "3",
          "--json",
          ...(protocol === "swim" ? [] : ["--protocol", protocol])
        )
        const status = yield* example.ended
        const stderr = yield* example.stderr
        assert.strictEqual(status, 0, stderr)

        const stdout = yield* example.stdout
        assert.match(stdout, /^\{.*\}\n$/, "one line, and nothing else")
        const result = yield* Schema.decodeEffect(Json)(stdout)
        const { crashKnownByAllMs, crashSuspectedMs, formedMs, leaveKnownByAllMs, nodes, pauseRefuted, rejoinedMs } =
          result
        assert.deepStrictEqual(Object.keys(JSON.parse(stdout)), Object.keys(result), "no other fields")
        assert.strictEqual(nodes, 3)
        assert.strictEqual(result.protocol, protocol)
        assert.strictEqual(pauseRefuted, true)
        for (const time of [formedMs, crashSuspectedMs, crashKnownByAllMs, rejoinedMs, leaveKnownByAllMs]) {
          assert(time !== null && time > 0 && time < 60_000, stdout)
        }
        // four probe intervals of suspicion lie between the two
        if (protocol === "swim") assert.isAtLeast(crashKnownByAllMs! - crashSuspectedMs!, 3000)
        // what is left, one of three, is no majority
        if (protocol === "cluster-bus") assert.match(stderr, /1 of 3 are no majority, and declare nobody dead/)
        if (protocol === "heartbeat") assert.notMatch(stderr, /suspect/)

        for (const step of ["form", "crash", "pause", "restart", "leave"]) {
          assert.match(stderr, new RegExp(`${step}: done in \\d+\\.\\d s: `))
        }
        yield* nobodyLeft(example)
      }).pipe(Effect.provide(NodeServices.layer)))
  }

  it.live("ends all its processes on Ctrl-C, also the one that is stopped", () =>
    Effect.gen(function*() {
      const example = yield* demo("--nodes", "3")
      yield* example.wrote(/SIGSTOP/)
      if (canFindProcesses) assert.isAtLeast((yield* example.living).length, 3)
      yield* example.signal("SIGINT")
      assert.strictEqual(yield* example.ended, 130)
      assert.match(yield* example.stderr, /Interrupted; all processes have been ended\./)
      yield* nobodyLeft(example)
    }).pipe(Effect.provide(NodeServices.layer)))

  it.live.skipIf(!canFindProcesses)(
    "is outlived by none of its processes, also not by one that is stopped",
    () =>
      Effect.gen(function*() {
        const example = yield* demo("--nodes", "3", "--json")
        yield* example.wrote(/SIGSTOP/)
        yield* example.signal("SIGKILL")
        yield* Effect.retry(
          Effect.filterOrFail(example.living, (living) => living.length === 0, (living) => ({ living })),
          { schedule: Schedule.spaced("100 millis"), times: 200 }
        )
        // all that its processes had to say went to it
        assert.notMatch(yield* example.stdout, /./)
      }).pipe(Effect.provide(NodeServices.layer))
  )

  it.live("says what is wrong with its arguments", () =>
    Effect.gen(function*() {
      for (
        const [nodes, problem] of [
          ["2", "a whole number from 3 to 50"],
          ["51", "a whole number from 3 to 50"],
          ["x", "number"],
          ["3.5", "integer"]
        ] as const
      ) {
        const example = yield* demo("--nodes", nodes)
        assert.strictEqual(yield* example.ended, 1)
        assert.include(yield* example.stderr, `Invalid value for flag --nodes: "${nodes}"`)
        assert.include(yield* example.stderr, problem)
      }
    }).pipe(Effect.provide(NodeServices.layer)))

  it.live("knows which protocols there are", () =>
    Effect.gen(function*() {
      const example = yield* demo("--protocol", "paxos")
      assert.strictEqual(yield* example.ended, 1)
      const stderr = yield* example.stderr
      assert.include(stderr, "Invalid value for flag --protocol: \"paxos\"")
      for (const name of Protocols.names) assert.include(stderr, name)
    }).pipe(Effect.provide(NodeServices.layer)))

  it.live("explains itself", () =>
    Effect.gen(function*() {
      const example = yield* demo("--help")
      assert.strictEqual(yield* example.ended, 0)
      for (
        const text of [
          "--nodes",
          "3 to 50",
          "--protocol",
          ...Protocols.names,
          "--json",
          "SIGKILL",
          "SIGSTOP",
          "SIGTERM",
          "Ctrl-C"
        ]
      ) {
        assert.include(yield* example.stdout, text)
      }
    }).pipe(Effect.provide(NodeServices.layer)))
})
