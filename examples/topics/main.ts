/**
 * Three processes that cache what is in a database: one changes it, and all forget what they had.
 *
 *     npx --yes pnpm@12.21.0 example:topics
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as NodePath from "node:path"
import { spawned } from "../spawned.ts"

const entry = NodePath.join(import.meta.dirname, "node.ts")

const start = (name: string, directory: string, seeds: ReadonlyArray<string>) =>
  Effect.map(spawned(name, [entry, name, directory, ...seeds]), (process) => ({ ...process, name }))

const program = Effect.gen(function*() {
  const fs = yield* FileSystem.FileSystem
  const directory = yield* fs.makeTempDirectoryScoped({ prefix: "effect-gossip-topics-" })
  yield* fs.writeFileString(NodePath.join(directory, "7"), "Ada")

  const a = yield* start("a", directory, [])
  const [, address] = yield* a.says(/listens at (\S+)/)
  const others = yield* Effect.forEach(["b", "c"], (name) => start(name, directory, [address!]), {
    concurrency: "unbounded"
  })
  const nodes = [a, ...others]
  for (const node of nodes) for (const { name } of nodes) yield* node.says(new RegExp(`knows ${name}`))

  yield* Console.log("\nall read user 7, twice: once from the database, and then from their caches")
  for (let i = 0; i < 2; i++) for (const node of nodes) yield* node.tell("get 7", /^7 is Ada$/m)

  yield* Console.log("\nc renames user 7: all are told to forget it")
  yield* nodes[2]!.tell("rename 7 Grace", /renamed 7/)
  for (const node of nodes) yield* node.says(/forgot 7: c has changed it/)

  yield* Console.log("\nall read user 7 again")
  for (const node of nodes) yield* node.tell("get 7", /^7 is Grace$/m)
  yield* Console.log("\nno node has shown what was old")
})

program.pipe(Effect.scoped, Effect.provide(NodeServices.layer), NodeRuntime.runMain)
