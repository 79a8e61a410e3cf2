/**
 * How the lab's plots are drawn: vega-lite's specifications, as SVG.
 */
import { Effect } from "effect"
import * as vega from "vega"
import * as vegaLite from "vega-lite"

/** Between plots side by side, in pixels. */
export const spacing = 80

/** Draws a specification. */
export const render = (spec: object) =>
  Effect.promise(() => {
    const compiled = vegaLite.compile({
      background: "white",
      // plots side by side begin at the same height, whatever their axes take
      bounds: "flush",
      spacing,
      config: {
        view: { stroke: "#ddd" },
        axis: { gridColor: "#eee" },
        title: { anchor: "start", frame: "group", fontSize: 13, offset: 10 },
        font: "sans-serif"
      },
      ...spec
    } as vegaLite.TopLevelSpec)
    return new vega.View(vega.parse(compiled.spec), { renderer: "none" }).toSVG()
  })

export const colors = ["#1565c0", "#e69500", "#2f7d32", "#c62828", "#6a1b9a", "#455a64"]

/** What has a colour, in the order of the table it is in. */
export const colored = (field: string, titles: ReadonlyArray<string>, columns = titles.length) => ({
  field,
  type: "nominal",
  title: null,
  legend: {
    orient: "bottom",
    columns,
    labelLimit: 0,
    symbolType: "stroke",
    symbolOpacity: 1,
    symbolStrokeWidth: 3,
    symbolSize: 100
  },
  scale: { domain: titles, range: colors.slice(0, titles.length) }
})

/** Draws plots of one size side by side, without the empty space that vega leaves to the right of them. */
export const renderRow = (
  plots: ReadonlyArray<{ readonly width: number; readonly [part: string]: unknown }>,
  spec: object = {}
): Effect.Effect<string> =>
  Effect.map(render({ ...spec, hconcat: plots }), (svg) => {
    const [, left = "0"] = /<g [^>]*transform="translate\(([\d.]+),/.exec(svg) ?? []
    const width = plots.reduce((sum, plot) => sum + plot.width, spacing * (plots.length - 1))
    const right = Math.ceil(Number(left) + width + 20)
    return svg.replace(/^(<svg[^>]*? width=")(\d+)("[^>]*? viewBox="0 0 )(\d+)/, (all, a, before, b) =>
      right < Number(before) ? `${a}${right}${b}${right}` : all)
  })
