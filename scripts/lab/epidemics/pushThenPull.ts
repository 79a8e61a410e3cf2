/** `pnpm lab push-then-pull`: hardly more payloads than nodes. */
import { Effect } from "effect"
import { Command, Flag } from "effect/cli"
import { json, oneOf, plot, print, seed, several, threads, write } from "../flags.ts"
import { table } from "../table.ts"
import { show } from "./figures.ts"
import * as Flags from "./flags.ts"
import { type PushThenPull as Key, theoryOf } from "./keys.ts"
import { drawn } from "./plotting.ts"
import { printed, run } from "./runs.ts"
import * as Spread from "./spread.ts"

export const command = Command.make(
  "push-then-pull",
  {
    nodes: Flags.sizes([1000]),
    pull: several<"announced" | "always">(
      "pull",
      "Who asks whom: those who lack it one of those who told them that they have it (announced), or every node a random " +
        "one each round, as in the paper (always)",
      "of announced, always",
      oneOf(["announced", "always"]),
      ["announced", ["announced"]]
    ),
    eager: Flag.Boolean("eager").pipe(
      Flag.withDescription("Pass the rumor on as soon as it is heard, as nodes do by default, and not by rounds"),
      Flag.withDefault(false)
    ),
    medianCounter: Flag.Boolean("medianCounter").pipe(
      Flag.withDescription("Show the median-counter algorithm (Karp et al. 2000) as well"),
      Flag.withDefault(false)
    ),
    timing: Flags.timing("synchronous"),
    selection: Flags.selection,
    loss: Flags.loss,
    runs: Flags.runs(100),
    seed,
    threads,
    plot,
    json
  },
  Effect.fnUntraced(function*(
    { eager, json, loss, medianCounter, nodes: sizes, plot, pull, runs, seed, selection, threads, timing }
  ) {
    const variants: ReadonlyArray<Key["variant"]> = medianCounter ? [...pull, "median-counter"] : pull
    const cells = yield* run(
      variants.flatMap((variant) => sizes.map((nodes): Key => ({ nodes, variant }))),
      ({ nodes, variant }): Spread.Setting => ({
        ...Spread.defaults,
        nodes,
        loss,
        selection,
        timing,
        strategy: variant === "median-counter"
          ? { name: variant, options: {} }
          : { name: "push-then-pull", options: { eager, pull: variant } }
      }),
      { runs, seed, threads }
    )
    yield* write(plot, drawn(({ pushThenPull }) => pushThenPull(cells)))
    const text = table(
      ["pull", "nodes", "traffic", "redundant", "control", "t_ave", "t_last", "worst", "theory", "incomplete"],
      cells.map((cell) => [
        cell.variant,
        String(cell.nodes),
        show(cell.figures, "traffic"),
        show(cell.figures, "redundant"),
        show(cell.figures, "control"),
        show(cell.figures, "delayAverage"),
        show(cell.figures, "delayLast"),
        cell.figures.delayMax.toPrecision(3),
        `${theoryOf(cell).rounds.toFixed(1)} + O(1)`,
        `${cell.figures.incompleteRuns} of ${cell.runs.length}`
      ])
    )
    yield* print(
      `push-then-pull: ${runs} runs\n\n${text}`,
      printed({ seed, eager, timing, selection, loss }, cells, (cell) => ({ theory: theoryOf(cell) })),
      json
    )
  })
).pipe(
  Command.withDescription(`Push-then-pull: hardly more payloads are sent than there are nodes.

  Mercier, Hayez, Matos 2017. The rumor is pushed while few know it, so that
  hardly anybody is told twice; then who knows it only says so, and who lacks
  it asks. Theory says n + o(n) payloads, and O(ln n) rounds.
${Flags.legend}`),
  Command.withShortDescription("Hardly more payloads than nodes"),
  Command.withExamples([
    {
      command:
        "lab push-then-pull --nodes 100,1000,10000 --pull announced,always --medianCounter --plot push-then-pull.svg",
      description: "Over the size of the cluster"
    },
    { command: "lab push-then-pull --pull always --runs 1000 --json", description: "The paper's, for a script" },
    { command: "lab push-then-pull --eager --timing asynchronous --loss 0.05", description: "As nodes run it" }
  ])
)
