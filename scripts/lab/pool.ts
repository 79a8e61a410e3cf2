/**
 * Runs jobs side by side, each in a thread. What comes out is in the order of the jobs, so that it is the same with
 * however many threads.
 */
import { Clock, Console, Effect, Queue, Schema } from "effect"
import { CliError } from "effect/cli"
import * as os from "node:os"
import { Worker } from "node:worker_threads"
import type { Observation, Trial } from "./detection.ts"
import type { Run, Setting } from "./epidemics/spread.ts"

/** What a worker can do. */
export type Job =
  /** One simulated cluster. */
  | { readonly _tag: "Detection"; readonly trial: Trial }
  /** One setting of an epidemic, run once for each seed. */
  | { readonly _tag: "Spread"; readonly setting: Setting; readonly seeds: ReadonlyArray<string> }

/** What comes of a job. */
export interface Results {
  readonly Detection: Observation
  readonly Spread: ReadonlyArray<Run>
}

/** What a worker says of a job. */
export type Answer =
  | { readonly _tag: "Done"; readonly result: Results[Job["_tag"]] }
  | { readonly _tag: "Failed"; readonly problem: string }

/** A job could not be done. */
export class JobFailed extends Schema.TaggedError<JobFailed>()("JobFailed", {
  job: Schema.String,
  problem: Schema.String
}) {
  override get [CliError.userMessage]() {
    return this.message
  }
  override get message() {
    return `${this.problem} (in ${this.job})`
  }
}

export const defaultThreads = os.availableParallelism()

const start = Effect.acquireRelease(
  Effect.sync(() => new Worker(new URL("worker.ts", import.meta.url))),
  (worker) => Effect.promise(() => worker.terminate())
)

const ask = <Tag extends Job["_tag"]>(worker: Worker, job: Extract<Job, { readonly _tag: Tag }>) =>
  Effect.callback<Results[Tag], JobFailed>((resume) => {
    const fail = (problem: string) => resume(Effect.fail(new JobFailed({ job: JSON.stringify(job), problem })))
    const onMessage = (answer: Answer) => {
      worker.off("error", onError)
      if (answer._tag === "Done") resume(Effect.succeed(answer.result as Results[Tag]))
      else fail(answer.problem)
    }
    const onError = (error: Error) => {
      worker.off("message", onMessage)
      fail(error.message)
    }
    worker.once("message", onMessage)
    worker.once("error", onError)
    // oxlint-disable-next-line require-post-message-target-origin -- a thread has no origin
    worker.postMessage(job)
  })

const sizeOf = (job: Job): number => job._tag === "Spread" ? job.seeds.length : 1

/** Does all jobs, and says on standard error how far it is. */
export const runAll = Effect.fnUntraced(function*<Tag extends Job["_tag"]>(
  jobs: ReadonlyArray<Extract<Job, { readonly _tag: Tag }>>,
  { threads = defaultThreads, unit }: {
    readonly threads?: number | undefined
    /** What is counted, in the plural. */
    readonly unit: string
  }
) {
  const startedAt = yield* Clock.currentTimeMillis
  const idle = yield* Queue.unbounded<Worker>()
  for (let count = 0; count < Math.min(threads, jobs.length); count++) yield* Queue.offer(idle, yield* start)
  const total = jobs.reduce((sum, job) => sum + sizeOf(job), 0)
  let done = 0
  let saidAt = startedAt
  const say = Effect.fnUntraced(function*(job: Job) {
    done += sizeOf(job)
    const now = yield* Clock.currentTimeMillis
    if (now - saidAt < 2000 && done < total) return
    saidAt = now
    yield* Console.error(`${done} of ${total} ${unit}, ${Math.round((now - startedAt) / 1000)} s`)
  })
  return yield* Effect.forEach(
    jobs,
    (job) =>
      Effect.acquireUseRelease(
        Queue.take(idle),
        (worker) => Effect.tap(ask<Tag>(worker, job), () => say(job)),
        (worker) => Queue.offer(idle, worker)
      ),
    { concurrency: threads }
  )
}, Effect.scoped)
