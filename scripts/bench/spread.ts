/**
 * How news about members spreads: all nodes join at once, one crashes, and one leaves.
 */
import type { Member } from "@effect-gossip/core/membership/Member"
import * as Simulation from "@effect-gossip/testkit/Simulation"
import { Duration, Effect } from "effect"
import * as vega from "vega"
import * as vegaLite from "vega-lite"

interface Point {
  readonly event: string
  readonly seconds: number
  /** Share of the nodes, 0 to 1. */
  readonly share: number
  readonly what: string
}

const step = 20

/** Virtual milliseconds until all know, and the curves on the way there. */
export const measure = ({ nodes, seed }: { readonly nodes: number; readonly seed: string }) =>
  Simulation.runUnsafe({ nodes, seed, atMost: "1 hour" }, (sim) =>
    Effect.gen(function*() {
      const curves: Array<Point> = []
      const share = (test: (members: ReadonlyArray<Member>) => boolean, except?: string) =>
        Effect.gen(function*() {
          const names = sim.running().filter((name) => name !== except)
          let knowing = 0
          for (const name of names) if (test(yield* sim.members(name))) knowing++
          return knowing / names.length
        })
      const record = Effect.fnUntraced(function*(
        event: string,
        whats: { readonly [what: string]: Effect.Effect<number, Simulation.SimulationError> },
        last: string
      ) {
        for (let millis = 0; millis <= 60_000; millis += step) {
          let done = false
          for (const [what, current] of Object.entries(whats)) {
            const value = yield* current
            curves.push({ event, seconds: millis / 1000, share: value, what })
            if (what === last && value === 1) done = true
          }
          if (done) return millis
          yield* sim.advance(step)
        }
        return yield* Effect.die(new Error(`not all knew of the ${event} within a minute`))
      })
      const sees = (id: string, ...statuses: ReadonlyArray<Member["status"]>) => (members: ReadonlyArray<Member>) =>
        members.some((member) => member.id === id && statuses.includes(member.status))

      const joinKnownByAllMillis = yield* record("join", {
        "knows every node": share((members) => members.filter((member) => member.status === "Alive").length === nodes)
      }, "knows every node")
      yield* sim.advance("30 seconds")
      const crashed = `n${nodes >> 1}`
      yield* sim.crash(crashed)
      const crashKnownByAllMillis = yield* record("crash", {
        "suspects it": share(sees(crashed, "Suspect", "Dead")),
        "holds it dead": share(sees(crashed, "Dead"))
      }, "holds it dead")
      const leaving = `n${(nodes >> 1) + 1}`
      yield* Effect.forkScoped(sim.stop(leaving))
      const leaveKnownByAllMillis = yield* record("leave", {
        "knows that it left": share(sees(leaving, "Left"), leaving)
      }, "knows that it left")
      const suspected = curves.find((point) => point.what === "suspects it" && point.share > 0)!
      return {
        nodes,
        seed,
        joinKnownByAllMillis,
        crashSuspectedMillis: Duration.toMillis(Duration.seconds(suspected.seconds)),
        crashKnownByAllMillis,
        leaveKnownByAllMillis,
        curves
      }
    }))

/** The curves as an SVG. */
export const plot = (curves: ReadonlyArray<Point>, nodes: number) =>
  Effect.promise(() => {
    const panel = (event: string, title: string): vegaLite.TopLevelSpec => ({
      title: { text: title, anchor: "start", frame: "group", fontSize: 13, offset: 10 },
      width: 230,
      height: 150,
      data: { values: curves.filter((point) => point.event === event) as Array<object> },
      mark: { type: "line", interpolate: "step-after", strokeWidth: 2.5 },
      encoding: {
        x: { field: "seconds", type: "quantitative", title: "seconds" },
        y: {
          field: "share",
          type: "quantitative",
          title: event === "join" ? "share of nodes that …" : null,
          axis: { format: ".0%" },
          scale: { domain: [0, 1] }
        },
        color: {
          field: "what",
          type: "nominal",
          title: null,
          legend: { orient: "bottom" },
          scale: {
            domain: ["knows every node", "suspects it", "holds it dead", "knows that it left"],
            range: ["#2f7d32", "#e69500", "#c62828", "#1565c0"]
          }
        }
      }
    })
    const spec = vegaLite.compile({
      background: "white",
      config: { view: { stroke: "#ddd" }, axis: { gridColor: "#eee" }, font: "sans-serif" },
      hconcat: [
        panel("join", `${nodes} nodes join through one seed`),
        panel("crash", "one crashes"),
        panel("leave", "one leaves")
      ]
    } as vegaLite.TopLevelSpec).spec
    return new vega.View(vega.parse(spec), { renderer: "none" }).toSVG()
  })
