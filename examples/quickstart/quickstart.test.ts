import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Path from "node:path"
import { start } from "../processes.ts"

const main = Path.join(import.meta.dirname, "main.ts")

const node = (name: string, ...seeds: ReadonlyArray<string>) =>
  start(main, [], {
    GOSSIP_NAME: name,
    GOSSIP_PORT: "0", // any that is free
    ...(seeds.length > 0 && { GOSSIP_SEEDS: seeds.join(",") })
  })

describe.concurrent("the quickstart", () => {
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    it.live(`two processes find each other, and one sees the other leave on ${signal}`, () =>
      Effect.gen(function*() {
        const a = yield* node("a")
        const [, address] = yield* a.wrote(/a listens at (\S+)/)
        const b = yield* node("b", address!)
        yield* a.wrote(/Joined: b/)
        yield* b.wrote(/Joined: a/)

        yield* b.signal(signal)
        assert.strictEqual(yield* b.ended, 130)
        yield* a.wrote(/Left: b/)
        assert.notMatch(yield* a.stdout, /Suspected|Died/)

        yield* a.signal(signal)
        assert.strictEqual(yield* a.ended, 130)
      }).pipe(Effect.timeout("50 seconds"), Effect.provide(NodeServices.layer)))
  }
})
