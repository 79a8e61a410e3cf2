import { fromStringUnsafe } from "@effect-gossip/core/Address"
import { assert, describe, it } from "@effect/vitest"
import { Option } from "effect"
import type { Process, Processes } from "./cluster.ts"
import { frame } from "./frame.ts"
import type { Snapshot } from "./progress.ts"
import type { Belief } from "./report.ts"
import { cast, titles } from "./scenario.ts"

// eslint-disable-next-line no-control-regex -- the colours
const plain = (line: string) => line.replace(/\x1b\[\d+m/g, "")

/** A cluster whose second process was killed, and is suspected by all others. */
const crashed = (
  nodes: number
): { readonly processes: Processes; readonly progress: Snapshot; readonly now: number } => {
  const { names, victim } = cast(nodes)
  const view = new Map(names.map((id): [string, Belief] => [
    id,
    { id, incarnation: 1, status: id === victim ? "Suspect" : "Alive" }
  ]))
  const processes = new Map(names.map((name, index): [string, Process] => [name, {
    name,
    pid: 100_000 + index,
    condition: name === victim ? "killed" : "running",
    address: Option.some(fromStringUnsafe("127.0.0.1:7946")),
    view,
    complaints: []
  }]))
  const formed = { did: "all started", done: nodes, of: nodes }
  const waiting = { did: `${victim} got SIGKILL`, until: "all others have it dead", done: 1, of: nodes - 1 }
  const progress: Snapshot = {
    startedAt: 0,
    names,
    titles,
    steps: [
      { title: "form", startedAt: 0, waiting: formed, outcome: { text: "formed", endedAt: 2000, failed: false } },
      { title: "crash", startedAt: 2000, waiting }
    ]
  }
  return { processes, progress, now: 5400 }
}

describe("the picture", () => {
  it("fits its terminal, however many processes there are", () => {
    for (const size of [{ columns: 80, rows: 24 }, { columns: 120, rows: 40 }, { columns: 40, rows: 10 }]) {
      for (let nodes = 3; nodes <= 50; nodes++) {
        const lines = frame({ ...crashed(nodes), size }).map(plain)
        assert.isBelow(lines.length, size.rows)
        for (const line of lines) assert.isAtMost(line.length, size.columns, line)
      }
    }
  })

  it("says what is waited for, and for how long", () => {
    const lines = frame({ ...crashed(5), size: { columns: 80, rows: 24 } }).map(plain)
    const heading = lines.find((line) => line.includes("Step 2"))
    assert.match(heading!, /^▶ Step 2 of 5: n2 got SIGKILL, until all others have it dead \(1 of 4\) +3\.4 s$/)
    assert.isTrue(lines.some((line) => /^✓ form +formed +2\.0 s$/.test(line)))
  })

  it("shows each view in words, in letters, or as counts, as there is room", () => {
    const row = (nodes: number, name: string) =>
      frame({ ...crashed(nodes), size: { columns: 80, rows: 24 } }).map(plain).find((line) => line.startsWith(name))
    assert.match(row(5, "n3")!, /^n3 pid 100002 +running +● alive +◐ suspect +● alive +● alive +● alive *$/)
    assert.match(row(5, "n2")!, /^n2 pid 100001 +killed *$/)
    assert.match(row(10, "n3")!, /^n3 +pid 100002 +running +A +S( +A){8} *$/)
    assert.match(row(50, "n6")!, /^n6 +49A 1S +n7 +49A 1S/)
    assert.match(row(50, "n1 ")!, /^n1 +49A 1S +n2 +killed +n3 +49A 1S/)
  })
})
