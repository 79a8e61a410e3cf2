/**
 * Three processes that let through a hundred requests together, by counting all of them at each.
 *
 *     npx --yes pnpm@12.21.0 example:rate-limit
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Schedule from "effect/Schedule"
import * as NodePath from "node:path"
import { spawned } from "../spawned.ts"

const entry = NodePath.join(import.meta.dirname, "node.ts")
const limit = 100

const start = Effect.fnUntraced(function*(name: string, seeds: ReadonlyArray<string>) {
  const process = yield* spawned(name, [entry, name, `${limit}`, ...seeds])
  const [, address] = yield* process.says(/listens at (\S+)/)
  return { ...process, name, address: address! }
})

type Node = Effect.Success<ReturnType<typeof start>>

/** How many of so many requests a process lets through. */
const take = (node: Node, count: number) =>
  Effect.map(node.tell(`take ${count}`, /let through (\d+) of \d+/), ([, taken]) => Number(taken))

/** Waits until all have heard of as many. */
const agree = (nodes: ReadonlyArray<Node>, used: number) =>
  Effect.forEach(nodes, (node) =>
    Effect.repeat(node.tell("used", /(\d+) are used/), {
      until: ([, heard]) => Number(heard) === used,
      schedule: Schedule.spaced("50 millis")
    }), { discard: true })

const program = Effect.gen(function*() {
  const a = yield* start("a", [])
  const others = yield* Effect.forEach(["b", "c"], (name) => start(name, [a.address]))
  const nodes = [a, ...others]
  for (const node of nodes) for (const { name } of nodes) yield* node.says(new RegExp(`knows ${name}`))

  yield* Console.log(`\n${limit} requests may pass, of 40 at each, one process after the other`)
  let passed = 0
  for (const node of nodes) {
    passed += yield* take(node, 40)
    yield* agree(nodes, passed)
  }
  yield* Console.log(`${passed} have passed`)

  yield* Console.log("\nb gives back 20, and c takes them")
  yield* others[0]!.tell("back 20", /gave back 20/)
  yield* agree(nodes, passed - 20)
  passed += (yield* take(others[1]!, 40)) - 20
  yield* agree(nodes, passed)
  yield* Console.log(`${passed} have passed`)

  yield* Console.log(
    `\nall are given back, and then each is asked for ${limit} at once: none knows at first what the others let through`
  )
  yield* a.tell(`back ${passed}`, /gave back/)
  yield* agree(nodes, 0)
  const each = yield* Effect.forEach(nodes, (node) => take(node, limit), { concurrency: "unbounded" })
  passed = each.reduce((sum, count) => sum + count)
  yield* agree(nodes, passed)
  yield* Console.log(
    `${passed} have passed: ${passed - limit} more than ${limit}, while the news of others was on its way`
  )

  yield* Console.log("\nby now all know, and nothing passes")
  for (const node of nodes) yield* take(node, 10)
})

program.pipe(
  Effect.timeout("50 seconds"),
  Effect.scoped,
  Effect.andThen(Console.log("\nno process is left behind")),
  Effect.provide(Layer.mergeAll(NodeServices.layer, Layer.succeed(Logger.LogToStderr, true))),
  NodeRuntime.runMain
)
