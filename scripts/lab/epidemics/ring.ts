/** `pnpm lab ring`: each tells its successor. */
import { Effect } from "effect"
import { Command } from "effect/cli"
import { json, oneOf, plot, print, seed, several, threads, write } from "../flags.ts"
import { table } from "../table.ts"
import { show } from "./figures.ts"
import * as Flags from "./flags.ts"
import { type Ring as Key, ringBound } from "./keys.ts"
import { drawn } from "./plotting.ts"
import { printed, run } from "./runs.ts"
import * as Spread from "./spread.ts"

const modes = ["mail", "push", "pull", "pushPull"] as const

export const command = Command.make(
  "ring",
  {
    nodes: Flags.sizes([100]),
    mode: several<Key["mode"]>("mode", "How it goes round", `of ${modes.join(", ")}`, oneOf(modes), [
      "mail",
      ["mail"]
    ]),
    timing: Flags.timing("synchronous"),
    loss: Flags.loss,
    runs: Flags.runs(10),
    seed,
    threads,
    plot,
    json
  },
  Effect.fnUntraced(function*({ json, loss, mode, nodes: sizes, plot, runs, seed, threads, timing }) {
    const cells = yield* run(
      mode.flatMap((mode) => sizes.map((nodes): Key => ({ nodes, mode }))),
      ({ mode, nodes }): Spread.Setting => ({
        ...Spread.defaults,
        nodes,
        loss,
        timing,
        selection: "ring",
        atMost: 20 * nodes,
        ...(mode === "mail"
          ? {
            strategy: {
              name: "rumor-mongering",
              options: { mode: "push", interest: "blind", stop: { counter: 1 }, eager: false }
            }
          }
          : { strategy: { name: "none" }, antiEntropy: { mode, settling: 0 }, untilAllKnow: true })
      }),
      { runs, seed, threads }
    )
    yield* write(plot, drawn(({ ring }) => ring(cells)))
    const text = table(
      ["mode", "nodes", "rounds until all know", "bound", "traffic", "control", "residue", "incomplete"],
      cells.map((cell) => [
        cell.mode,
        String(cell.nodes),
        show(cell.figures, "delayLast"),
        String(ringBound(cell.nodes)),
        show(cell.figures, "traffic"),
        show(cell.figures, "control"),
        show(cell.figures, "residue"),
        `${cell.figures.incompleteRuns} of ${cell.runs.length}`
      ])
    )
    yield* print(
      `a ring: ${runs} runs\n\n${text}`,
      printed({ seed, timing, loss }, cells, (cell) => ({ bound: ringBound(cell.nodes) })),
      json
    )
  })
).pipe(
  Command.withDescription(`A ring: every node tells its successor in the order of names.

  No chance takes part: after n - 1 rounds all know it, and not earlier. One
  message that is lost, or one node that is down, ends it; unless nodes compare
  with their successors again and again.

    mail             each who hears it tells its successor, once
    push, pull,      anti-entropy: each compares with its successor each round
    pushPull
${Flags.legend}`),
  Command.withShortDescription("Each tells its successor: a bound that is known in advance"),
  Command.withExamples([
    { command: "lab ring --nodes 10,100,1000 --mode mail,push,pull,pushPull", description: "The bound" },
    { command: "lab ring --loss 0.05 --mode mail,pushPull --runs 100", description: "One loss, and it is over" }
  ])
)
