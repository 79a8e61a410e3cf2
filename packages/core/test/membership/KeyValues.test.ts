import * as Simulation from "@effect-gossip/testkit/Simulation"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as Heartbeat from "../../src/membership/Heartbeat.ts"
import * as KeyValues from "../../src/membership/KeyValues.ts"

type Sim = Simulation.Simulation<KeyValues.KeyValues>

const run = <A, E, R>(program: (sim: Sim) => Effect.Effect<A, E, R>) =>
  Simulation.runUnsafe(
    { nodes: 4, protocol: Heartbeat.layer(), layer: () => KeyValues.layer, atMost: "1 hour" },
    program as never
  ) as A

const set = (sim: Sim, node: string, key: string, value: string) =>
  sim.on(node, KeyValues.KeyValues.use((keyValues) => keyValues.set(key, value)))

const entries = (sim: Sim, node: string, id: string) =>
  Effect.map(
    sim.on(node, KeyValues.KeyValues.use((keyValues) => keyValues.entries(id))),
    (entries) => Object.fromEntries(entries)
  )

describe("KeyValues", () => {
  it("that a node sets are known to all, the last of each key", () => {
    run((sim) =>
      Effect.gen(function*() {
        yield* sim.advance("10 seconds")
        yield* set(sim, "n1", "load", "0.1")
        yield* set(sim, "n1", "zone", "a")
        assert.deepStrictEqual(yield* entries(sim, "n1", "n1"), { load: "0.1", zone: "a" })
        yield* sim.advance("10 seconds")
        yield* set(sim, "n1", "load", "0.9")
        yield* sim.advance("10 seconds")
        for (const node of ["n0", "n2", "n3"]) {
          assert.deepStrictEqual(yield* entries(sim, node, "n1"), { load: "0.9", zone: "a" })
          const load = yield* sim.on(node, KeyValues.KeyValues.use((keyValues) => keyValues.get("n1", "load")))
          assert.deepStrictEqual(load, Option.some("0.9"))
          assert.deepStrictEqual(yield* entries(sim, node, "n2"), {})
          assert.deepStrictEqual(yield* entries(sim, node, "nobody"), {})
        }
      })
    )
  })

  it("are told as they change, wherever that is, until the node stops", () => {
    run((sim) =>
      Effect.gen(function*() {
        yield* sim.advance("10 seconds")
        const seen: Array<string> = []
        const changes = yield* sim.on("n0", KeyValues.KeyValues.useSync((keyValues) => keyValues.changes))
        const fiber = yield* Effect.forkScoped(
          Stream.runForEach(
            changes,
            ({ id, key, value }) => Effect.sync(() => void seen.push(`${id} ${key} ${value}`))
          ),
          { startImmediately: true }
        )
        yield* set(sim, "n0", "k", "1")
        yield* set(sim, "n2", "k", "2")
        // what is said already is no change
        yield* set(sim, "n0", "k", "1")
        yield* sim.advance("10 seconds")
        assert.deepStrictEqual(seen, ["n0 k 1", "n2 k 2"])
        yield* sim.stop("n0")
        yield* sim.advance("1 second")
        assert.strictEqual(fiber.pollUnsafe()?._tag, "Success")
      })
    )
  })

  it("that a node removes are gone to all, which is told as a change", () => {
    run((sim) =>
      Effect.gen(function*() {
        yield* sim.advance("10 seconds")
        yield* set(sim, "n1", "k", "v")
        yield* sim.advance("10 seconds")
        const seen: Array<string> = []
        const changes = yield* sim.on("n0", KeyValues.KeyValues.useSync((keyValues) => keyValues.changes))
        yield* Effect.forkScoped(
          Stream.runForEach(
            changes,
            ({ id, key, value }) => Effect.sync(() => void seen.push(`${id} ${key} ${value ?? "removed"}`))
          ),
          { startImmediately: true }
        )
        yield* sim.on("n1", KeyValues.KeyValues.use((keyValues) => keyValues.remove("k")))
        yield* sim.on("n1", KeyValues.KeyValues.use((keyValues) => keyValues.remove("never set")))
        assert.deepStrictEqual(yield* entries(sim, "n1", "n1"), {})
        yield* sim.advance("10 seconds")
        assert.deepStrictEqual(yield* entries(sim, "n0", "n1"), {})
        const value = yield* sim.on("n0", KeyValues.KeyValues.use((keyValues) => keyValues.get("n1", "k")))
        assert.deepStrictEqual(value, Option.none())
        assert.deepStrictEqual(seen, ["n1 k removed"])
      })
    )
  })

  it("of a former life are gone when a node was restarted", () => {
    run((sim) =>
      Effect.gen(function*() {
        yield* sim.advance("10 seconds")
        yield* set(sim, "n1", "k", "old")
        yield* sim.advance("10 seconds")
        yield* sim.crash("n1")
        yield* sim.advance("1 second")
        yield* sim.start("n1")
        yield* sim.advance("10 seconds")
        assert.deepStrictEqual(yield* entries(sim, "n0", "n1"), {})
      })
    )
  })

  const refused: ReadonlyArray<readonly [string, string, string]> = [
    ["key", "", "v"],
    ["key", "k".repeat(129), "v"],
    ["key", "\ud800", "v"],
    ["value", "k", "v".repeat(513)],
    ["value", "k", "\udc00"]
  ]
  for (const [option, key, value] of refused) {
    it(`are refused with a ${option} such as ${JSON.stringify((option === "key" ? key : value).slice(0, 9))}`, () => {
      run((sim) =>
        Effect.gen(function*() {
          const error = yield* Effect.flip(set(sim, "n1", key, value))
          assert.strictEqual((error as { readonly option?: string }).option, option)
        })
      )
    })
  }

  it("are at most 64 of a node", () => {
    run((sim) =>
      Effect.gen(function*() {
        for (let i = 0; i < 64; i++) yield* set(sim, "n1", `k${i}`, "v")
        yield* set(sim, "n1", "k0", "w")
        const error = yield* Effect.flip(set(sim, "n1", "another", "v"))
        assert.include((error as Error).message, "64 keys")
        yield* sim.advance("30 seconds")
        assert.strictEqual(Object.keys(yield* entries(sim, "n3", "n1")).length, 64)
      })
    )
  })
})
