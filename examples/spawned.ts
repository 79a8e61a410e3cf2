/**
 * A process of an example, as its main program holds it: it shows what the process says.
 */
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { ChildProcess } from "effect/process"
import * as Queue from "effect/Queue"
import * as Stream from "effect/Stream"
import * as SubscriptionRef from "effect/SubscriptionRef"
import * as NodeOS from "node:os"
import * as NodePath from "node:path"

// compiling what a node is made of takes longer than all the rest of its start: the first one does it for all
const compiled = process.env["NODE_COMPILE_CACHE"] ?? NodePath.join(NodeOS.tmpdir(), "node-compile-cache")

/** Starts a process of Node.js, which ends with the scope. */
export const spawned = Effect.fnUntraced(function*(name: string, args: ReadonlyArray<string>) {
  const said = yield* SubscriptionRef.make("")
  const commands = yield* Queue.unbounded<string>()
  const handle = yield* ChildProcess.make(process.execPath, args, {
    env: { NODE_COMPILE_CACHE: compiled },
    extendEnv: true,
    stdin: Stream.fromQueue(commands).pipe(Stream.map((line) => `${line}\n`), Stream.encodeText),
    stderr: "inherit",
    forceKillAfter: "10 seconds"
  })
  yield* handle.stdout.pipe(
    Stream.decodeText(),
    Stream.splitLines,
    Stream.runForEach((line) =>
      Effect.andThen(Console.log(`${name}: ${line}`), SubscriptionRef.update(said, (before) => `${before}${line}\n`))
    ),
    Effect.ignore,
    Effect.forkScoped
  )
  const says = (pattern: RegExp, from = 0) =>
    SubscriptionRef.changes(said).pipe(
      Stream.map((text) => pattern.exec(text.slice(from))),
      Stream.filter((match) => match !== null),
      Stream.runHead,
      Effect.map(Option.getOrThrow),
      Effect.timeout("20 seconds")
    )
  return {
    /** Waits until it has said something, and gives what matched. */
    says: (pattern: RegExp) => says(pattern),
    /** Has it do something, by a line on its standard input, and waits for what it says to that. */
    tell: Effect.fnUntraced(function*(command: string, answer: RegExp) {
      const from = (yield* SubscriptionRef.get(said)).length
      yield* Queue.offer(commands, command)
      return yield* says(answer, from)
    }),
    /** Ends it with SIGKILL. */
    kill: handle.kill({ killSignal: "SIGKILL" })
  }
})
