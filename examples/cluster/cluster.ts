/**
 * The processes of the demo, and what each of them sees.
 */
import type { Address } from "@effect-gossip/core/Address"
import * as AddressModule from "@effect-gossip/core/Address"
import { CliError } from "effect/cli"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Ndjson from "effect/encoding/Ndjson"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { ChildProcess } from "effect/process"
import { ChildProcessSpawner } from "effect/process/ChildProcessSpawner"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as SubscriptionRef from "effect/SubscriptionRef"
import * as NodePath from "node:path"
import type { Name } from "./protocols.ts"
import { type Belief, Report } from "./report.ts"

// -----------------------------------------------------------------------------
// model
// -----------------------------------------------------------------------------

/** What became of a process. Only a running one can be asked what it sees. */
export type Condition = "starting" | "running" | "paused" | "leaving" | "killed" | "left" | "failed"

/** A process, as the demo knows it. */
export interface Process {
  readonly name: string
  readonly pid: number
  readonly condition: Condition
  /** Where its node is reached, once it is up. */
  readonly address: Option.Option<Address>
  /** What it believes of each member, by name. */
  readonly view: ReadonlyMap<string, Belief>
  /** The last lines it wrote on standard error. */
  readonly complaints: ReadonlyArray<string>
}

/** All processes, by name, in the order of their start. */
export type Processes = ReadonlyMap<string, Process>

export const running = (processes: Processes): ReadonlyArray<Process> =>
  [...processes.values()].filter((process) => process.condition === "running")

/** What a process is sent. */
export type Signal = "SIGKILL" | "SIGSTOP" | "SIGCONT" | "SIGTERM"

// what a process is thought to be once it has the signal
const conditionAfter = { SIGKILL: "killed", SIGSTOP: "paused", SIGCONT: "running", SIGTERM: "leaving" } as const

// -----------------------------------------------------------------------------
// service
// -----------------------------------------------------------------------------

/** Starts processes, sends them signals, and listens to what they see. */
export class Cluster extends Context.Service<Cluster, {
  readonly processes: SubscriptionRef.SubscriptionRef<Processes>

  /** Starts a process, and returns when its node is up. Starting one again that was killed gives it its old port. */
  readonly start: (name: string, seeds: ReadonlyArray<string>) => Effect.Effect<void, ProcessFailed>

  readonly signal: (name: string, signal: Signal) => Effect.Effect<void, ProcessFailed>

  /**
   * Stops a process with SIGSTOP while an effect runs, and then continues it with SIGCONT, whatever became of the effect
   * and even of the demo.
   */
  readonly whilePaused: <A, E, R>(name: string, use: Effect.Effect<A, E, R>) => Effect.Effect<A, E | ProcessFailed, R>
}>()("examples/cluster/Cluster") {}

// -----------------------------------------------------------------------------
// layer
// -----------------------------------------------------------------------------

const entry = NodePath.join(import.meta.dirname, "node.ts")
const maxComplaints = 20

/** Processes whose nodes use a protocol. */
export const layer = (protocol: Name) =>
  Layer.effect(
    Cluster,
    Effect.gen(function*() {
      const spawner = yield* ChildProcessSpawner
      const fs = yield* FileSystem.FileSystem
      const processes = yield* SubscriptionRef.make<Processes>(new Map())
      // Compiling what a node is made of takes longer than all the rest of its start: the first one does it for all.
      const compiled = yield* fs.makeTempDirectoryScoped({ prefix: "effect-gossip-demo-" })
      // when the demo ends, however it does, all processes go at once
      const scope = yield* Effect.acquireRelease(Scope.make("parallel"), Scope.close)

      const update = (name: string, pid: number, change: (process: Process) => Partial<Process>) =>
        SubscriptionRef.update(processes, (all) => {
          const process = all.get(name)
          // of an earlier life of the name
          if (process?.pid !== pid) return all
          return new Map(all).set(name, { ...process, ...change(process) })
        })

      const get = (name: string) =>
        Effect.flatMap(SubscriptionRef.get(processes), (all) => {
          const process = all.get(name)
          return process === undefined
            ? new ProcessFailed({ name, problem: "was never started" })
            : Effect.succeed(process)
        })

      const hear = (name: string, pid: number) => (report: Report) =>
        update(name, pid, (process) => {
          switch (report._tag) {
            case "Ready":
              return { address: Option.some(report.address), condition: "running" }
            case "Saw":
              return {
                view: new Map([...process.view, ...report.beliefs.map((belief) => [belief.id, belief] as const)])
              }
          }
        })

      const start = Effect.fnUntraced(function*(name: string, seeds: ReadonlyArray<string>) {
        const former = (yield* SubscriptionRef.get(processes)).get(name)
        const port = Option.match(former?.address ?? Option.none<Address>(), {
          onNone: () => 0,
          onSome: (address) => AddressModule.parts(address).port
        })
        const handle = yield* spawner.spawn(
          ChildProcess.make(process.execPath, [entry, name, String(port), protocol, ...seeds], {
            env: { NODE_COMPILE_CACHE: compiled },
            extendEnv: true,
            stdin: "pipe", // it stays open for as long as the demo lives, and is how the child notices that it does not
            killSignal: "SIGKILL" // the only one that a stopped process obeys
          })
        )
        const pid = handle.pid
        yield* SubscriptionRef.update(processes, (all) =>
          new Map(all).set(name, {
            name,
            pid,
            condition: "starting",
            address: former?.address ?? Option.none(),
            view: new Map(),
            complaints: []
          }))

        const complain = (line: string) =>
          update(name, pid, ({ complaints }) => ({ complaints: [...complaints, line].slice(-maxComplaints) }))
        const listen = handle.stdout.pipe(
          Stream.pipeThroughChannel(Ndjson.decodeSchema(Report)()),
          Stream.runForEach(hear(name, pid)),
          Effect.catch((error) => complain(`the demo does not understand it: ${error.message}`))
        )
        const listenToComplaints = handle.stderr.pipe(
          Stream.decodeText(),
          Stream.splitLines,
          Stream.runForEach(complain),
          Effect.ignore
        )
        const awaitEnd = Effect.flatMap(
          Effect.result(handle.exitCode),
          (end) =>
            update(name, pid, ({ complaints, condition }) => {
              if (condition === "killed") return {}
              if (condition === "leaving" && Result.isSuccess(end) && end.success === 0) return { condition: "left" }
              const how = Result.isSuccess(end) ? `exit status ${end.success}` : end.failure.message
              return { condition: "failed", complaints: [...complaints, how] }
            })
        )
        yield* Effect.all([listen, listenToComplaints], { concurrency: "unbounded" }).pipe(
          Effect.andThen(awaitEnd),
          Effect.forkIn(scope)
        )

        const settled = yield* SubscriptionRef.changes(processes).pipe(
          Stream.map((all) => all.get(name)),
          Stream.filter((process) => process?.pid === pid && process.condition !== "starting"),
          Stream.runHead
        )
        if (Option.isNone(settled) || settled.value?.condition === "failed") {
          return yield* failureOf(yield* get(name))
        }
      }, (effect, name) =>
        effect.pipe(
          Scope.provide(scope),
          Effect.catchTag(
            "PlatformError",
            ({ message }) => new ProcessFailed({ name, problem: `cannot start: ${message}` })
          )
        ))

      // `ChildProcessHandle.kill` waits until the process has ended, which one that is stopped does not.
      const send = (name: string, pid: number, signal: Signal) =>
        Effect.try({
          try: () => process.kill(pid, signal),
          catch: (cause) => new ProcessFailed({ name, problem: `cannot be sent ${signal}: ${cause}` })
        })

      const signal = Effect.fnUntraced(function*(name: string, signal: Signal) {
        const { pid } = yield* get(name)
        // known before it happens, so that its end is no surprise
        yield* update(name, pid, () => ({ condition: conditionAfter[signal] }))
        yield* send(name, pid, signal)
      })

      // A stopped process does not notice that the demo is gone. This one does, and wakes it so that it can.
      const guard = (pid: number) =>
        spawner.spawn(
          ChildProcess.make("sh", ["-c", "read -r line; kill -s CONT \"$0\"", String(pid)], { stdin: "pipe" })
        )

      const whilePaused = Effect.fnUntraced(function*<A, E, R>(name: string, use: Effect.Effect<A, E, R>) {
        const { pid } = yield* get(name)
        yield* Effect.catchTag(
          guard(pid),
          "PlatformError",
          ({ message }) => new ProcessFailed({ name, problem: `cannot be guarded: ${message}` })
        )
        return yield* Effect.acquireUseRelease(
          signal(name, "SIGSTOP"),
          () => use,
          () => Effect.orDie(signal(name, "SIGCONT"))
        )
      }, Effect.scoped)

      return Cluster.of({ processes, start, signal, whilePaused })
    })
  )

// -----------------------------------------------------------------------------
// errors
// -----------------------------------------------------------------------------

/** A process did something that the demo has not asked of it. */
export class ProcessFailed extends Schema.TaggedError<ProcessFailed>()("ProcessFailed", {
  name: Schema.String,
  problem: Schema.String
}) {
  override get [CliError.userMessage]() {
    return this.message
  }
  override get message() {
    return `process ${this.name} ${this.problem}`
  }
}

/** Says how a process that ended by itself ended. */
export const failureOf = ({ complaints, name, pid }: Process): ProcessFailed =>
  new ProcessFailed({
    name,
    problem: [`(pid ${pid}) ended by itself`, ...complaints.map((line) => `  ${line}`)].join("\n")
  })
