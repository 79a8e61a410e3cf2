import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Stream } from "effect"
import { FetchHttpClient, HttpClient, HttpClientRequest } from "effect/http"
import * as OS from "node:os"
import * as Path from "node:path"
import { canFindProcesses, start } from "../processes.ts"

const main = Path.join(import.meta.dirname, "main.ts")
// all that is started compiles it once
const env = { NODE_COMPILE_CACHE: Path.join(OS.tmpdir(), "node-compile-cache") }
const Services = Layer.mergeAll(NodeServices.layer, FetchHttpClient.layer)

const execute = (request: HttpClientRequest.HttpClientRequest) =>
  Effect.flatMap(HttpClient.HttpClient, (client) => client.execute(request))

/** One process, run by hand, and what asks it. */
const one = Effect.fnUntraced(function*(...args: ReadonlyArray<string>) {
  const process = yield* start(main, ["node", "--name", "a", ...args], env)
  const [, url] = yield* process.wrote(/listens at (\S+)/)
  const ask = Effect.fnUntraced(function*(method: "GET" | "PUT" | "DELETE", path: string, body?: string) {
    const request = HttpClientRequest.make(method)(`${url}${path}`)
    const response = yield* execute(
      body === undefined ? request : HttpClientRequest.bodyText(request, body, "application/json")
    )
    return [response.status, yield* response.json] as const
  })
  return { ...process, ask, url: url! }
})

describe.concurrent("the example of feature flags", () => {
  it.live("shows what is changed at one to all, and has it all again after kills", () =>
    Effect.gen(function*() {
      const example = yield* start(main, [], env)
      assert.strictEqual(yield* example.ended, 0, yield* example.stderr)
      // what asks, and the answer under it, without times
      const lines = (yield* example.stdout).replaceAll(/ \(\d+ ms\)$/gm, "").split("\n   ").join(" -> ").split("\n")
      const both = `200 {"checkout-v2":{"on":true},"dark-mode":{"on":true,"share":0.25}}`
      assert.deepStrictEqual(lines.filter((line) => line.includes(" -> ") && !line.includes(" 400 ")), [
        `a: PUT /flags/dark-mode?stable=10s {"on":true,"share":0.25} -> 200 {"written":true,"stable":true}`,
        `b: GET /flags/dark-mode -> 200 {"on":true,"share":0.25}`,
        `c: GET /flags/dark-mode -> 200 {"on":true,"share":0.25}`,
        `b: PUT /flags/checkout-v2 {"on":true} -> 200 {"written":true}`,
        `a: GET /flags -> ${both}`,
        `c: GET /flags -> ${both}`,
        `a: DELETE /flags/dark-mode -> 200 {"written":true}`,
        lines.find((line) => line.startsWith("b: PUT /flags/new-search?stable=1s")),
        `c: GET /flags -> 200 {"checkout-v2":{"on":true},"new-search":{"on":false}}`,
        `a: PUT /flags/beta?stable=10s {"on":true} -> 200 {"written":true,"stable":true}`,
        `b: GET /flags -> 200 {"beta":{"on":true},"checkout-v2":{"on":true},"new-search":{"on":false}}`
      ])
      assert.match(lines.join("\n"), /-> 202 .*"lacking":\[\{"node":"c","why":"Behind"\}\]/)
      if (canFindProcesses) assert.deepStrictEqual(yield* example.living, [])
    }).pipe(Effect.timeout("50 seconds"), Effect.provide(Services)))

  it.live("ends all its processes when it is interrupted", () =>
    Effect.gen(function*() {
      const example = yield* start(main, [], env)
      yield* example.wrote(/all know each other/)
      yield* example.signal("SIGINT")
      assert.strictEqual(yield* example.ended, 130)
      if (canFindProcesses) assert.deepStrictEqual(yield* example.living, [])
    }).pipe(Effect.timeout("50 seconds"), Effect.provide(Services)))

  it.live("runs by hand, and answers what is wrong with why", () =>
    Effect.gen(function*() {
      const { ask, ended, signal, url } = yield* one()
      const refused = Effect.fnUntraced(function*(status: number, why: RegExp, ...request: Parameters<typeof ask>) {
        const [answered, body] = yield* ask(...request)
        assert.strictEqual(answered, status)
        assert.match((body as { readonly error: string }).error, why)
      })
      yield* refused(400, /Expected boolean\n {2}at \["on"\]/, "PUT", "/flags/x", `{"on":1}`)
      yield* refused(400, /share/, "PUT", "/flags/x", `{"on":true,"share":2}`)
      yield* refused(400, /colour/, "PUT", "/flags/x", `{"on":true,"colour":"red"}`)
      yield* refused(400, /is not JSON/, "PUT", "/flags/x", `{"on"`)
      yield* refused(400, /larger than 16 KiB/, "PUT", "/flags/x", `{"on":${" ".repeat(20_000)}true}`)
      yield* refused(400, /small letters/, "PUT", "/flags/X", `{"on":true}`)
      yield* refused(400, /small letters/, "GET", "/flags/%20")
      yield* refused(400, /a time such as/, "PUT", "/flags/x?stable=soon", `{"on":true}`)
      yield* refused(400, /a time such as/, "PUT", "/flags/x?stable=99999m", `{"on":true}`)
      yield* refused(404, /there is no flag x/, "GET", "/flags/x")
      // nobody else is there to have it
      assert.deepStrictEqual(yield* ask("PUT", "/flags/x?stable=5s", `{"on":true}`), [200, {
        written: true,
        stable: true
      }])
      assert.deepStrictEqual(yield* ask("GET", "/flags/x"), [200, { on: true }])
      assert.deepStrictEqual(yield* ask("DELETE", "/flags/x"), [200, { written: true }])
      assert.deepStrictEqual(yield* ask("GET", "/flags"), [200, {}])

      // changes are streamed, and it ends though somebody listens
      yield* ask("PUT", "/flags/x", `{"on":true}`)
      const response = yield* execute(HttpClientRequest.get(`${url}/events`))
      const events = yield* response.stream.pipe(
        Stream.decodeText(),
        Stream.splitLines,
        Stream.filter((line) => line !== ""),
        Stream.toPull
      )
      const seen: Array<string> = []
      const sees = Effect.fnUntraced(function*(count: number) {
        while (seen.length < count) seen.push(...yield* events)
      })
      yield* sees(2)
      yield* ask("DELETE", "/flags/x")
      yield* sees(4)
      assert.deepStrictEqual(seen, [
        "event: set",
        `data: {"name":"x","flag":{"on":true}}`,
        "event: deleted",
        `data: {"name":"x"}`
      ])
      yield* signal("SIGINT")
      assert.strictEqual(yield* ended, 130)
    }).pipe(Effect.scoped, Effect.timeout("50 seconds"), Effect.provide(Services)))

  it.live("says what is wrong with its arguments", () =>
    Effect.gen(function*() {
      const process = yield* start(main, ["node", "--name", "a", "--seed", "nowhere"], env)
      assert.strictEqual(yield* process.ended, 1)
      assert.match(yield* process.stderr, /^GossipError: option seeds: "nowhere" is not an address.*\n$/)
      assert.strictEqual(yield* process.stdout, "")
    }).pipe(Effect.timeout("50 seconds"), Effect.provide(Services)))
})
