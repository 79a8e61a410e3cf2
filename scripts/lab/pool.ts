/**
 * Runs trials side by side, each in a thread. What comes out is in the order of the trials, so that it is the same with
 * however many threads.
 */
import { Clock, Console, Effect, Queue, Schema } from "effect"
import { CliError } from "effect/cli"
import * as os from "node:os"
import { Worker } from "node:worker_threads"
import type { Observation, Trial } from "./detection.ts"

/** What a worker says of a trial. */
export type Answer =
  | { readonly _tag: "Observed"; readonly observation: Observation }
  | { readonly _tag: "Failed"; readonly problem: string }

/** A trial could not be run. */
export class TrialFailed extends Schema.TaggedError<TrialFailed>()("TrialFailed", {
  trial: Schema.String,
  problem: Schema.String
}) {
  override get [CliError.userMessage]() {
    return this.message
  }
  override get message() {
    return `${this.problem} (in the trial ${this.trial})`
  }
}

export const defaultThreads = os.availableParallelism()

const start = Effect.acquireRelease(
  Effect.sync(() => new Worker(new URL("worker.ts", import.meta.url))),
  (worker) => Effect.promise(() => worker.terminate())
)

const ask = (worker: Worker, trial: Trial) =>
  Effect.callback<Observation, TrialFailed>((resume) => {
    const fail = (problem: string) => resume(Effect.fail(new TrialFailed({ trial: JSON.stringify(trial), problem })))
    const onMessage = (answer: Answer) => {
      worker.off("error", onError)
      if (answer._tag === "Observed") resume(Effect.succeed(answer.observation))
      else fail(answer.problem)
    }
    const onError = (error: Error) => fail(error.message)
    worker.once("message", onMessage)
    worker.once("error", onError)
    // oxlint-disable-next-line require-post-message-target-origin -- a thread has no origin
    worker.postMessage(trial)
  })

/** Runs all trials, and says on standard error how far it is. */
export const observeAll = Effect.fnUntraced(function*(trials: ReadonlyArray<Trial>, threads: number = defaultThreads) {
  const startedAt = yield* Clock.currentTimeMillis
  const idle = yield* Queue.unbounded<Worker>()
  for (let count = 0; count < Math.min(threads, trials.length); count++) yield* Queue.offer(idle, yield* start)
  let done = 0
  let saidAt = startedAt
  const say = Effect.gen(function*() {
    done++
    const now = yield* Clock.currentTimeMillis
    if (now - saidAt < 2000 && (done < trials.length || saidAt === startedAt)) return
    saidAt = now
    yield* Console.error(`${done} of ${trials.length} trials, ${Math.round((now - startedAt) / 1000)} s`)
  })
  return yield* Effect.forEach(
    trials,
    (trial) =>
      Effect.acquireUseRelease(
        Queue.take(idle),
        (worker) => Effect.tap(ask(worker, trial), () => say),
        (worker) => Queue.offer(idle, worker)
      ),
    { concurrency: threads }
  )
}, Effect.scoped)
