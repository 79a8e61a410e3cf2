/** Runs trials, one after another, in a thread of its own. */
import { parentPort } from "node:worker_threads"
import { observe, type Trial } from "./detection.ts"
import type { Answer } from "./pool.ts"

parentPort!.on("message", (trial: Trial) => {
  const answer: Answer = (() => {
    try {
      return { _tag: "Observed", observation: observe(trial) }
    } catch (error) {
      return { _tag: "Failed", problem: error instanceof Error ? error.message : String(error) }
    }
  })()
  // oxlint-disable-next-line require-post-message-target-origin -- a thread has no origin
  parentPort!.postMessage(answer)
})
