/**
 * The demo: a cluster of operating-system processes that forms, notices a killed process, and heals.
 *
 *     npx --yes pnpm@12.21.0 demo --help
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Command, Flag, TerminalCapabilities } from "effect/cli"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Schema from "effect/Schema"
import * as Cluster from "./cluster.ts"
import * as Display from "./display.ts"
import { now, Progress } from "./progress.ts"
import * as Protocols from "./protocols.ts"
import { cast, nothing, Result, run, titles } from "./scenario.ts"
import { seconds } from "./text.ts"

const limits = { minimum: 3, maximum: 50 }

const flags = {
  nodes: Flag.Int("nodes").pipe(
    Flag.withAlias("n"),
    Flag.filter(
      (nodes) => nodes >= limits.minimum && nodes <= limits.maximum,
      () => `a whole number from ${limits.minimum} to ${limits.maximum}`
    ),
    Flag.withDescription(`How many processes to start: ${limits.minimum} to ${limits.maximum}, 5 by default`),
    Flag.withDefault(5)
  ),
  protocol: Flag.Literals("protocol", Protocols.names).pipe(
    Flag.withAlias("p"),
    Flag.withDescription(
      `How they know who is alive: ${
        Protocols.names.map((name) => `${name} (${Protocols.get(name).about})`).join("; ")
      }. ` +
        `By default ${Protocols.names[0]}`
    ),
    Flag.withDefault(Protocols.names[0])
  ),
  json: Flag.Boolean("json").pipe(
    Flag.withDescription("Print one JSON object on the last line of stdout, and all else on stderr"),
    Flag.withDefault(false)
  )
}

const demo = Effect.fnUntraced(function*({ json, nodes, protocol }: {
  readonly json: boolean
  readonly nodes: number
  readonly protocol: Protocols.Name
}) {
  const { canAnimate, canColor } = yield* TerminalCapabilities.TerminalCapabilities
  const live = canAnimate && canColor && !json
  const print = json ? Console.error : Console.log
  const startedAt = yield* now
  let result = nothing(nodes, protocol)
  const scenario = run({
    nodes,
    protocol,
    rest: live ? "1500 millis" : 0,
    learn: (learned) => {
      result = { ...result, ...learned }
    }
  })
  yield* (live ? Display.live(scenario) : Display.plain(print, scenario)).pipe(
    Effect.provide([Cluster.layer(protocol), Progress.layer({ names: cast(nodes).names, titles })]),
    Effect.tapError(() => json ? printJson(result) : Effect.void),
    Effect.onInterrupt(() => Console.error("Interrupted; all processes have been ended."))
  )
  yield* print(`\nAll steps done in ${seconds((yield* now) - startedAt)} s; no process is left behind.`)
  if (json) yield* printJson(result)
})

const printJson = (result: Result) =>
  Effect.flatMap(Effect.orDie(Schema.encodeEffect(Schema.fromJsonString(Result))(result)), (line) => Console.log(line))

const command = Command.make("demo", flags, demo).pipe(
  Command.withDescription(`A cluster that forms, notices a killed process, and heals.

  Starts processes on this machine, each a node on UDP, and shows who sees whom:
    form      each gets to know all others, through the first one
    crash     one is killed (SIGKILL) until all others have it dead
    pause     one is stopped (SIGSTOP) until it is suspected, and refutes that; with
              heartbeat, which knows no suspicion, until it is dead to someone
    restart   the killed one starts again, and is alive for all
    leave     the first one leaves (SIGTERM)

  Ends by itself within a minute, and not with exit status 0 when something did
  not happen in time. Ctrl-C ends it and all its processes at any moment.
  Without a terminal, or with NO_COLOR, it prints lines instead of a picture.`),
  Command.withExamples([
    { command: "demo", description: "Five processes, redrawn in the terminal" },
    { command: "demo --nodes 20", description: "Twenty of them" },
    { command: "demo --protocol cluster-bus --nodes 4", description: "A majority decides; two of four are none" },
    { command: "demo --json 2> demo.log | jq .crashKnownByAllMs", description: "A number for a script" }
  ])
)

const Services = Layer.mergeAll(
  NodeServices.layer,
  TerminalCapabilities.layer.pipe(Layer.provide(NodeServices.layer)),
  Layer.succeed(Logger.LogToStderr, true)
)

command.pipe(Command.run({ version: "0.1.0" }), Effect.provide(Services), NodeRuntime.runMain)
