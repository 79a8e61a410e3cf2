/**
 * Runs an example as a process, for its test.
 */
import { Effect, Fiber, FileSystem, Option, type PlatformError, type Scope, Stream, SubscriptionRef } from "effect"
import { ChildProcess, type ChildProcessSpawner } from "effect/process"
import * as NodeCrypto from "node:crypto"
import * as NodeFS from "node:fs"

export interface Example {
  /** Sends a signal, and does not wait for what comes of it. */
  readonly signal: (signal: NodeJS.Signals) => Effect.Effect<void>
  /** Waits until it has ended, and gives its exit status, or the message that names the signal that ended it. */
  readonly ended: Effect.Effect<number | string>
  /** What it has written so far. */
  readonly stdout: Effect.Effect<string>
  readonly stderr: Effect.Effect<string>
  /** Waits until it has written something that matches, on either stream. */
  readonly wrote: (pattern: RegExp) => Effect.Effect<RegExpExecArray>
  /** Processes it has started that live, and itself, on a system that has `/proc`. */
  readonly living: Effect.Effect<ReadonlyArray<string>>
}

const marker = "EFFECT_GOSSIP_EXAMPLE"

/** Whether {@link Example.living} works here. */
export const canFindProcesses = NodeFS.existsSync("/proc/self/environ")

/** Starts an example. When the scope closes it is killed, but not what it has started. */
export const start = Effect.fnUntraced(function*(
  main: string,
  args: ReadonlyArray<string> = [],
  env: Record<string, string> = {}
): Effect.fn.Return<
  Example,
  PlatformError.PlatformError,
  ChildProcessSpawner.ChildProcessSpawner | FileSystem.FileSystem | Scope.Scope
> {
  const fs = yield* FileSystem.FileSystem
  const mark = NodeCrypto.randomUUID()
  // what an example that is killed leaves behind goes with the test
  const temporary = yield* fs.makeTempDirectoryScoped()
  const handle = yield* ChildProcess.make(process.execPath, [main, ...args], {
    env: { ...env, [marker]: mark, NO_COLOR: "1", TMPDIR: temporary },
    extendEnv: true,
    killSignal: "SIGKILL"
  })
  const stdout = yield* SubscriptionRef.make("")
  const stderr = yield* SubscriptionRef.make("")
  const collect = (stream: typeof handle.stdout, into: typeof stdout) =>
    Stream.runForEach(Stream.decodeText(stream), (text) => SubscriptionRef.update(into, (before) => before + text))
      .pipe(
        Effect.ignore,
        Effect.forkScoped
      )
  const out = yield* collect(handle.stdout, stdout)
  const err = yield* collect(handle.stderr, stderr)

  const isMine = (pid: string) =>
    fs.readFileString(`/proc/${pid}/environ`).pipe(
      Effect.map((text) => text.split("\0").includes(`${marker}=${mark}`)),
      // it has ended meanwhile, or belongs to someone else
      Effect.orElseSucceed(() => false)
    )

  return {
    signal: (signal) => Effect.sync(() => process.kill(handle.pid, signal)),
    ended: Fiber.awaitAll([out, err]).pipe(
      Effect.andThen(Effect.catch(handle.exitCode, ({ message }) => Effect.succeed(message)))
    ),
    stdout: SubscriptionRef.get(stdout),
    stderr: SubscriptionRef.get(stderr),
    wrote: (pattern) =>
      Stream.merge(SubscriptionRef.changes(stdout), SubscriptionRef.changes(stderr)).pipe(
        Stream.map((text) => pattern.exec(text)),
        Stream.filter((match) => match !== null),
        Stream.runHead,
        Effect.map(Option.getOrThrow)
      ),
    living: Effect.flatMap(
      Effect.orDie(fs.readDirectory("/proc")),
      (entries) => Effect.filter(entries.filter((entry) => /^\d+$/.test(entry)), isMine)
    )
  }
})
