/**
 * Three processes that hold the same feature flags: what is changed at one is changed at all, and there again after a kill.
 *
 *     npx --yes pnpm@12.21.0 example:feature-flags --help
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Cause from "effect/Cause"
import { Command } from "effect/cli"
import * as Clock from "effect/Clock"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import { FetchHttpClient, HttpClient, HttpClientRequest } from "effect/http"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Runtime from "effect/Runtime"
import * as Schedule from "effect/Schedule"
import * as NodePath from "node:path"
import { spawned } from "../spawned.ts"
import * as Node from "./node.ts"

// -----------------------------------------------------------------------------
// processes
// -----------------------------------------------------------------------------

interface Process {
  readonly name: string
  /** Of its node, and of its HTTP API. */
  readonly address: string
  readonly url: string
  readonly kill: Effect.Effect<void>
}

/** Starts a process, at a port that it had before, or any. */
const start = Effect.fnUntraced(function*(
  name: string,
  directory: string,
  { port = "0", seeds }: { readonly port?: string | undefined; readonly seeds: ReadonlyArray<string> }
) {
  const { kill, says } = yield* spawned(name, [
    import.meta.filename,
    "node",
    ...[
      "--name",
      name,
      "--directory",
      NodePath.join(directory, name),
      "--port",
      port,
      "--attended",
      "--log-level",
      "warn"
    ],
    ...seeds.flatMap((seed) => ["--seed", seed])
  ])
  const [, address, url] = yield* says(/gossips at (\S+), and listens at (\S+)/)
  return { name, address: address!, url: url!, kill: Effect.orDie(kill) } satisfies Process
})

/** Starts one anew that was killed. */
const restart = (process: Process, directory: string, seeds: ReadonlyArray<Process>) =>
  start(process.name, directory, {
    port: process.address.split(":").at(-1),
    seeds: seeds.map(({ address }) => address)
  })

// -----------------------------------------------------------------------------
// requests
// -----------------------------------------------------------------------------

const ask = Effect.fnUntraced(function*(request: HttpClientRequest.HttpClientRequest) {
  const client = yield* HttpClient.HttpClient
  const response = yield* client.execute(request)
  return { status: response.status, body: yield* response.text }
})

/** Asks a process, and shows what a person would write to do so, and the answer. */
const show = Effect.fnUntraced(function*(process: Process, method: "GET" | "PUT" | "DELETE", path: string, body = "") {
  const startedAt = yield* Clock.currentTimeMillis
  const request = HttpClientRequest.make(method)(`${process.url}${path}`)
  const answer = yield* ask(body === "" ? request : HttpClientRequest.bodyText(request, body, "application/json"))
  const took = (yield* Clock.currentTimeMillis) - startedAt
  yield* Console.log(
    `${process.name}: ${method} ${path}${
      body === "" ? "" : ` ${body}`
    }\n   ${answer.status} ${answer.body} (${took} ms)`
  )
})

/** Waits until a process answers so. */
const until = Effect.fnUntraced(function*(process: Process, path: string, body: string) {
  yield* ask(HttpClientRequest.get(`${process.url}${path}`)).pipe(
    Effect.repeat({ until: (answer) => answer.body === body, schedule: Schedule.spaced("50 millis") }),
    Effect.timeoutOrElse({
      duration: "20 seconds",
      orElse: () => Effect.fail(new Error(`${process.name} does not answer GET ${path} by ${body}`))
    })
  )
})

/** Waits until a process answers so, and shows that it does. */
const showOnce = (process: Process, path: string, body: string) =>
  Effect.andThen(until(process, path, body), show(process, "GET", path))

// -----------------------------------------------------------------------------
// demo
// -----------------------------------------------------------------------------

const demo = Effect.gen(function*() {
  const fs = yield* FileSystem.FileSystem
  const directory = yield* fs.makeTempDirectoryScoped({ prefix: "effect-gossip-flags-" })
  const say = (text: string) => Console.log(`\n${text}`)

  yield* Console.log("three processes start, each with a directory of its own")
  const a = yield* start("a", directory, { seeds: [] })
  const [b, c] = yield* Effect.all([
    start("b", directory, { seeds: [a.address] }),
    start("c", directory, { seeds: [a.address] })
  ], { concurrency: "unbounded" })
  for (const process of [a, b, c]) yield* until(process, "/members", `{"a":"Alive","b":"Alive","c":"Alive"}`)
  yield* Console.log("all know each other")

  yield* say("a flag is set at a, which waits until all have it")
  yield* show(a, "PUT", "/flags/dark-mode?stable=10s", `{"on":true,"share":0.25}`)
  for (const process of [b, c]) yield* show(process, "GET", "/flags/dark-mode")

  yield* say("another at b; what is no flag is refused")
  yield* show(b, "PUT", "/flags/checkout-v2", `{"on":true}`)
  yield* show(b, "PUT", "/flags/checkout-v2", `{"on":"yes"}`)
  yield* show(b, "PUT", "/flags/Checkout", `{"on":true}`)
  for (const process of [a, c]) {
    yield* showOnce(process, "/flags", `{"checkout-v2":{"on":true},"dark-mode":{"on":true,"share":0.25}}`)
  }

  yield* say(
    "c is killed, and meanwhile one flag is deleted and one set: nobody knows yet that c is dead, and so c lacks it"
  )
  yield* c.kill
  yield* show(a, "DELETE", "/flags/dark-mode")
  yield* show(b, "PUT", "/flags/new-search?stable=1s", `{"on":false}`)

  yield* say("c is started again: it has what it had stored, and is told what it has missed")
  const c2 = yield* restart(c, directory, [a, b])
  yield* showOnce(c2, "/flags", `{"checkout-v2":{"on":true},"new-search":{"on":false}}`)

  yield* show(a, "PUT", "/flags/beta?stable=10s", `{"on":true}`)

  yield* say("all are killed, and b is started alone: it has all of it, by its own store")
  for (const process of [a, b, c2]) yield* process.kill
  const b2 = yield* restart(b, directory, [])
  yield* show(b2, "GET", "/flags")
})

const Services = Layer.mergeAll(
  NodeServices.layer,
  FetchHttpClient.layer,
  Layer.succeed(Logger.LogToStderr, true)
)

const complain = (cause: Cause.Cause<unknown>) => {
  const error = Cause.squash(cause)
  // the command line has told of its own
  if (Cause.hasInterruptsOnly(cause) || !Runtime.getErrorReported(error)) return Effect.void
  if (Cause.hasDies(cause)) return Console.error(Cause.pretty(cause))
  const why = error instanceof Error && error.message === "" && error.cause instanceof Error ? error.cause.message : ""
  return Console.error(`${String(error)}${why === "" ? "" : `: ${why}`}`)
}

Command.make("feature-flags", {}, () =>
  demo.pipe(
    Effect.scoped,
    Effect.andThen(Console.log("\nno process is left behind")),
    Effect.onInterrupt(() => Console.error("\nInterrupted; all processes have been ended."))
  )).pipe(
    Command.withDescription(`Feature flags that three processes hold, each with an HTTP API.

  Without a subcommand it starts three processes on this machine, sets and deletes
  flags, kills processes and starts them again, and shows who answers what.
  Ctrl-C ends it and all its processes at any moment. node runs one by hand.`),
    Command.withSubcommands([Node.command]),
    Command.run({ version: "0.1.0" }),
    Effect.tapCause(complain),
    Effect.provide(Services),
    NodeRuntime.runMain({ disableErrorReporting: true })
  )
