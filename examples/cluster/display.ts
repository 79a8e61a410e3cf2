/**
 * Shows the demo while it runs: as a picture that is redrawn, or as lines.
 */
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import * as SubscriptionRef from "effect/SubscriptionRef"
import * as Terminal from "effect/Terminal"
import { Cluster } from "./cluster.ts"
import { frame } from "./frame.ts"
import { describe, now, Progress } from "./progress.ts"
import { seconds } from "./text.ts"

const hideCursor = "\x1b[?25l"
const showCursor = "\x1b[?25h"
// what is drawn between these two appears at once, where the terminal knows them
const beginUpdate = "\x1b[?2026h"
const endUpdate = "\x1b[?2026l"
const clearToEndOfLine = "\x1b[K"
const clearBelow = "\x1b[J"
const up = (lines: number) => lines > 0 ? `\r\x1b[${lines}A` : "\r"

/** Draws in place while an effect runs, and leaves the last picture standing. */
export const live = Effect.fnUntraced(function*<A, E, R>(use: Effect.Effect<A, E, R>) {
  const terminal = yield* Terminal.Terminal
  const { processes } = yield* Cluster
  const progress = yield* Progress
  const display = (text: string) => Effect.ignore(terminal.display(text))
  let drawn = 0

  const draw = Effect.gen(function*() {
    const size = { columns: (yield* terminal.columns) || 80, rows: (yield* terminal.rows) || 24 }
    const lines = frame({
      processes: yield* SubscriptionRef.get(processes),
      progress: yield* SubscriptionRef.get(progress),
      now: yield* now,
      size
    })
    // a terminal that has become lower has scrolled what it had no room for away
    const back = up(Math.min(drawn, size.rows - 1))
    drawn = lines.length
    const text = lines.map((line) => `${line}${clearToEndOfLine}\n`).join("")
    yield* display(`${beginUpdate}${back}${text}${clearBelow}${endUpdate}`)
  })

  yield* Effect.acquireRelease(
    display(hideCursor),
    () => Effect.andThen(draw, display(showCursor))
  )
  yield* Effect.forkScoped(Effect.repeat(draw, Schedule.spaced("100 millis")))
  return yield* use
}, Effect.scoped)

/** Prints a line when a step begins, for each thing it waits for, and when it has ended. */
export const plain = Effect.fnUntraced(function*<A, E, R>(
  print: (line: string) => Effect.Effect<void>,
  use: Effect.Effect<A, E, R>
) {
  const progress = yield* Progress
  let printed = ""
  let ended = 0
  const tell = Effect.gen(function*() {
    const { startedAt, steps } = yield* SubscriptionRef.get(progress)
    const time = `${seconds((yield* now) - startedAt).padStart(5)} s `
    for (const { outcome, startedAt, title, waiting } of steps.slice(ended)) {
      const line = `${title}: ${describe(waiting)}`
      if (waiting.of > 0 && line !== printed) {
        printed = line
        yield* print(`${time} ${line}`)
      }
      if (outcome === undefined) continue
      ended++
      const how = outcome.failed ? "FAILED after" : "done in"
      yield* print(`${time} ${title}: ${how} ${seconds(outcome.endedAt - startedAt)} s: ${outcome.text}`)
    }
  })
  yield* Effect.addFinalizer(() => tell)
  yield* Effect.forkScoped(Stream.runForEach(SubscriptionRef.changes(progress), () => tell))
  return yield* use
}, Effect.scoped)
