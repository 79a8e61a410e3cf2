import { assert, describe, it } from "@effect/vitest"
import { draw, type Shape, type View } from "../../../src/internal/timeline/draw.ts"
import * as Models from "../../../src/internal/timeline/model.ts"
import { believes, everything, timeline } from "./fixture.ts"

const model = Models.make(everything)
const whole: View = {
  ...{ from: model.whole[0], to: model.whole[1], width: 1000, height: 600, laneHeight: undefined },
  ...{ scroll: 0, hidden: {}, focus: -1 }
}
const shapesOf = (view: Partial<View>, of = model): ReadonlyArray<Shape> =>
  draw(of, { ...whole, ...view }).layers.flatMap(({ shapes }) => shapes)
const textsOf = (view: Partial<View>, of = model): ReadonlyArray<string> =>
  shapesOf(view, of).flatMap((shape) => shape.k === "text" ? [shape.text] : [])

/** The arrows drawn, as which, and from where to where. */
const arrowsOf = (view: Partial<View>) => {
  const { arrows, ...drawing } = draw(model, { ...whole, ...view })
  const found = []
  for (let i = 0; i < arrows.length; i += 5) {
    const [index, x1, y1, x2, y2] = arrows.slice(i, i + 5)
    found.push({ arrow: model.arrows[index!]!, x1: x1!, y1: y1!, x2: x2!, y2: y2! })
  }
  return { found, drawing }
}

describe("timeline/draw", () => {
  it("draws arrows from the sender's line when it was sent to the receiver's when it arrived", () => {
    const { drawing, found } = arrowsOf({ from: 1000, to: 1100 })
    const lane = (index: number) => drawing.spots.find((spot) => spot.sort === "Lane" && spot.of[0] === index)!.y
    const scale = (drawing.right - drawing.left) / 100
    assert.strictEqual(found.length, 2)
    const [there, back] = found
    assert.approximately(there!.x1, drawing.left, 1e-6)
    assert.approximately(there!.x2, drawing.left + 20 * scale, 1e-6)
    assert.approximately(back!.x2, drawing.left + 45 * scale, 1e-6)
    assert.isAbove(there!.y2, lane(1))
    assert.isBelow(there!.y1, lane(1))
    assert.strictEqual(there!.y1, back!.y2)
    assert.strictEqual(there!.y2, back!.y1)
  })

  it("ends what the link lost at once in a stub, and what found nobody at its receiver", () => {
    const { drawing, found } = arrowsOf({})
    const [stub, late] = found.filter(({ arrow }) => arrow.fate === "Lost")
    assert.isAtMost(stub!.y2 - stub!.y1, 17)
    assert.isAbove(late!.y2 - late!.y1, drawing.laneHeight)
    assert.isTrue(shapesOf({}).some((shape) => shape.k === "lines" && shape.c === "violation" && shape.p.length === 16))
  })

  it("leaves out what is not in the window, and what is hidden", () => {
    assert.deepStrictEqual(arrowsOf({ from: 8000, to: 9000 }).found, [])
    assert.strictEqual(arrowsOf({ hidden: { Lost: true } }).found.length, 4)
    // an ack that holds a claim as well is still drawn for the claim
    assert.strictEqual(arrowsOf({ hidden: { Ack: true } }).found.length, 6)
    assert.strictEqual(arrowsOf({ hidden: { Ack: true, Suspect: true } }).found.length, 5)
  })

  it("draws nothing far outside of the window, however much it is enlarged", () => {
    for (const { x1, x2 } of arrowsOf({ from: 1010, to: 1010.5 }).found) {
      assert.isAbove(x1, -100)
      assert.isBelow(x2, 1100)
    }
  })

  it("says at each time what a window shows, in seconds", () => {
    assert.includeMembers([...textsOf({})], ["0 s", "2 s", "10 s"])
    assert.includeMembers([...textsOf({ from: 1000, to: 1010 })], ["1.000 s", "1.004 s"])
  })

  it("stacks the labels of faults that overlap", () => {
    const { spots } = draw(model, whole)
    const [partition, jump] = spots.filter((spot) => spot.sort === "Fault")
    assert.isAbove(Math.abs(partition!.y - jump!.y), 10)
  })

  it("keeps rows where they are while it is zoomed", () => {
    const tops = [whole, { ...whole, from: 4000, to: 4100 }, { ...whole, from: 9000, to: 9001 }]
    assert.strictEqual(new Set(tops.map((view) => draw(model, view).top)).size, 1)
  })

  it("draws marks that are too near to be told apart as one", () => {
    const crowd = Models.make(
      timeline(["b", "c", "b", "c"].map((member, i) => believes("a", member, "Joined", 5000 + i)))
    )
    const marks = (from: number, to: number) =>
      draw(crowd, { ...whole, from, to }).spots.filter((spot) => spot.sort === "Marks").map((spot) => spot.of)
    assert.deepStrictEqual(marks(0, 10_000), [[0, 1, 2, 3]])
    assert.deepStrictEqual(marks(4999, 5005), [[0], [1], [2], [3]])
    assert.include(textsOf({}, crowd), "b c")
  })

  it("shows below each line what its node believed of the node that is looked at", () => {
    const strips = (focus: number) =>
      shapesOf({ focus }).flatMap((shape) =>
        shape.k === "rect" && shape.a === 0.9 && ["alive", "suspect", "dead"].includes(shape.c) ? [shape.c] : []
      )
    assert.deepStrictEqual(strips(2), ["alive", "suspect", "dead"])
    assert.deepStrictEqual(strips(-1), [])
  })

  it("dims what does not concern the node that is looked at, but not the claims about it", () => {
    const bright = shapesOf({ focus: 2 }).filter((shape) => shape.k === "lines" && shape.a > 0.3 && shape.c !== "soft")
      .map((shape) => shape.c)
    assert.include(bright, "suspect")
    assert.notInclude(bright, "exchange")
  })

  it("scrolls lanes that do not fit", () => {
    const many = Models.make({
      ...timeline([]),
      nodes: Array.from({ length: 100 }, (_, i) => ({ name: `n${i}`, address: everything.nodes[0]!.address }))
    })
    const top = draw(many, whole)
    assert.isAbove(top.content, top.bottom - top.top)
    assert.include(textsOf({}, many), "n3")
    assert.notInclude(textsOf({ scroll: 1000 }, many), "n3")
    assert.include(textsOf({ scroll: top.content - (top.bottom - top.top) }, many), "n99")
  })

  it("refers to nothing outside of itself, since its text is embedded in the page", () => {
    // what the page does
    const alone = new Function(`"use strict"; return ${draw.toString()}`)() as typeof draw
    assert.deepStrictEqual(alone(model, { ...whole, focus: 2 }), draw(model, { ...whole, focus: 2 }))
  })
})
