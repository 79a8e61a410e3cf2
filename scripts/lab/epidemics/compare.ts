/** `pnpm lab compare`: strategies side by side. */
import { Effect } from "effect"
import { Command, Flag } from "effect/cli"
import { json, oneOf, plot, print, seed, several, threads, write } from "../flags.ts"
import { table } from "../table.ts"
import { get, type Name, names, roundMillis } from "./contenders.ts"
import { show } from "./figures.ts"
import * as Flags from "./flags.ts"
import type { Compare } from "./keys.ts"
import { drawn } from "./plotting.ts"
import { printed, run } from "./runs.ts"
import * as Spread from "./spread.ts"

type Key = Compare<Name>

export const command = Command.make(
  "compare",
  {
    strategies: several("strategies", "Which to compare", `of ${names.join(", ")}`, oneOf(names), ["all", names]),
    nodes: Flags.sizes([1000]),
    loss: Flags.losses([0]),
    antiEntropy: Flag.Boolean("antiEntropy").pipe(
      Flag.withDescription(
        "Whether nodes compare what they have heard, as they do by default; off shows the strategy alone"
      ),
      Flag.withDefault(false)
    ),
    eager: Flag.Boolean("eager").pipe(
      Flag.withDescription("Whether rumors are passed on as they are heard, where a strategy can; on by default"),
      Flag.withDefault(true)
    ),
    timing: Flags.timing("asynchronous"),
    selection: Flags.selection,
    runs: Flags.runs(20),
    seed,
    threads,
    plot,
    json
  },
  Effect.fnUntraced(function*(
    { antiEntropy, eager, json, loss: losses, nodes: sizes, plot, runs, seed, selection, strategies, threads, timing }
  ) {
    const cells = yield* run(
      strategies.flatMap((strategy) =>
        sizes.flatMap((nodes) => losses.map((loss): Key => ({ nodes, strategy, loss })))
      ),
      ({ loss, nodes, strategy }) => ({
        ...Spread.defaults,
        nodes,
        loss,
        selection,
        timing,
        strategy: get(strategy).setting(eager),
        antiEntropy: antiEntropy ? { mode: "pushPull", settling: 5 } : undefined
      }),
      { runs, seed, threads }
    )
    yield* write(plot, drawn(({ compare }) => compare(cells)))
    const text = table(
      [
        ...["strategy", "nodes", "loss", "traffic", "control", "bytes a node", "busiest"],
        ...["t_ave", "t_last", `ms of ${roundMillis} ms rounds`, "residue", "incomplete"]
      ],
      cells.map((cell) => [
        cell.strategy,
        String(cell.nodes),
        String(cell.loss),
        show(cell.figures, "traffic"),
        show(cell.figures, "control"),
        (cell.figures.payloadBytes + cell.figures.controlBytes).toFixed(0),
        cell.figures.busiest.toFixed(0),
        show(cell.figures, "delayAverage"),
        show(cell.figures, "delayLast"),
        (cell.figures.delayLast * roundMillis).toFixed(0),
        show(cell.figures, "residue"),
        `${cell.figures.incompleteRuns} of ${cell.runs.length}`
      ])
    )
    yield* print(
      `strategies, with a payload of 100 bytes; ${runs} runs${antiEntropy ? ", anti-entropy behind" : ""}\n\n${text}`,
      printed({ seed, antiEntropy, eager, timing, selection }, cells),
      json
    )
  })
).pipe(
  Command.withDescription(`Strategies side by side, each with its defaults: what they cost, and whom they miss.

${names.map((name) => `    ${name.padEnd(16)}${get(name).about}`).join("\n")}
${Flags.legend}`),
  Command.withShortDescription("All strategies side by side"),
  Command.withExamples([
    { command: "lab compare", description: "What nodes do by default, on a network of 1000" },
    { command: "lab compare --loss 0,0.01,0.05,0.1,0.2,0.3 --plot compare.svg", description: "Over how much is lost" },
    {
      command: "lab compare --strategies push-then-pull,median-counter --timing synchronous --nodes 100,1000,10000",
      description: "As the papers count"
    }
  ])
)
