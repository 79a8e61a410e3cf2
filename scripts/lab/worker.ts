/** Does jobs, one after another, in a thread of its own. */
import { parentPort } from "node:worker_threads"
import type { Answer, Job, Results } from "./pool.ts"

// loaded when it is needed: a whole simulation takes a second
const run = async (job: Job): Promise<Results[Job["_tag"]]> => {
  switch (job._tag) {
    case "Detection": {
      const { observe } = await import("./detection.ts")
      return observe(job.trial)
    }
    case "Spread": {
      const { observe } = await import("./epidemics/spread.ts")
      return job.seeds.map((seed) => observe(job.setting, seed))
    }
  }
}

parentPort!.on("message", async (job: Job) => {
  let answer: Answer
  try {
    answer = { _tag: "Done", result: await run(job) }
  } catch (error) {
    answer = { _tag: "Failed", problem: error instanceof Error ? error.message : String(error) }
  }
  // oxlint-disable-next-line require-post-message-target-origin -- a thread has no origin
  parentPort!.postMessage(answer)
})
