import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import type { SimulationEvent } from "../src/SimulationEvent.ts"
import * as Timeline from "../src/Timeline.ts"
import { address, believes, datagram, everything, frame, ping, started, timeline } from "./internal/timeline/fixture.ts"

// -----------------------------------------------------------------------------
// helpers
// -----------------------------------------------------------------------------

/** Fails for what is not well-formed XML, as far as a picture may go; returns the names of its elements. */
const elementsOf = (xml: string): ReadonlyArray<string> => {
  const token = /<(\/?)([a-zA-Z][\w-]*)((?:\s+[\w:-]+="[^"<]*")*)\s*(\/?)>|([^<]+)/gy
  const open: Array<string> = []
  const names: Array<string> = []
  let position = 0
  while (position < xml.length) {
    token.lastIndex = position
    const found = token.exec(xml)
    if (found === null) assert.fail(`not well-formed: ${xml.slice(position, position + 80)}`)
    const [all, end, name, attributes = "", isEmpty, text = ""] = found
    assert.notMatch(attributes + text, /&(?!(?:amp|lt|gt|quot|#39);)/)
    assert.notMatch(all, /(?![\t\n\r])\p{Control}|\p{Surrogate}|[\ufffe\uffff]/u)
    if (name !== undefined) {
      if (end === "/") assert.strictEqual(open.pop(), name)
      else {
        const keys = Array.from(attributes.matchAll(/([\w:-]+)="/g), ([, key]) => key)
        assert.strictEqual(new Set(keys).size, keys.length, all)
        names.push(name)
        if (isEmpty !== "/") open.push(name)
      }
    }
    position = token.lastIndex
  }
  assert.deepStrictEqual(open, [])
  return names
}

const hostile = `</script><img src=x onerror="alert(1)">'"&<!--]]>\u0000\u202e\ud800${"`${alert(1)}`"}`

/** Everything a run can say is hostile. */
const attack: Timeline.Timeline = timeline([
  { ...started(0, 0), node: hostile } as SimulationEvent,
  ...datagram(0, [0, 1], [1000, 1020], frame(ping(1, "<script>alert(1)</script>"))),
  ...datagram(1, [0, 1], [1000, 1020], frame(ping(1, "b")), hostile as "Loss"),
  believes(hostile, hostile, "Died", 2000),
  { ...believes(hostile, "b", "Died", 2500), change: hostile as "Died" } as SimulationEvent,
  { _tag: "FaultBegan", at: 3000, id: 0, fault: { _tag: "Pause", at: 3000, for: 100, node: hostile } },
  { _tag: "Note", at: 4000, text: hostile },
  { _tag: "Violated", at: 5000, invariant: hostile, problem: hostile }
], {
  ...{ title: hostile, seed: hostile, replay: hostile },
  nodes: [{ name: hostile, address: address(0) }, { name: "b", address: address(1) }]
})

/** The data and the scripts of a page. */
const scriptsOf = (page: string) =>
  Array.from(page.matchAll(/<script([^>]*)>([^]*?)<\/script>/g), ([, attributes, text]) => ({
    attributes: attributes!,
    text: text!
  }))

// -----------------------------------------------------------------------------
// tests
// -----------------------------------------------------------------------------

describe("Timeline.svg", () => {
  it("is well-formed XML", () => {
    const names = elementsOf(Timeline.svg(everything))
    assert.strictEqual(names[0], "svg")
    assert.include(names, "path")
    assert.notInclude(names, "script")
  })

  it("says what the run was, and what went wrong", () => {
    const svg = Timeline.svg(everything)
    for (const text of ["a run", "seed 1", "1 exchange<", "9 s  all agree: a and b do not", ">Suspect 1<"]) {
      assert.include(svg, text)
    }
  })

  it("shows a window, and a node that stands out", () => {
    const svg = Timeline.svg(everything, { window: [1000, 1100], focus: "b", width: 800 })
    elementsOf(svg)
    assert.include(svg, "shown from 1 s to 1.1 s")
    assert.include(svg, `viewBox="0 0 800 `)
    assert.notStrictEqual(svg, Timeline.svg(everything, { window: [1000, 1100], width: 800 }))
  })

  it("shows all of the run for a window that is none", () => {
    assert.strictEqual(Timeline.svg(everything, { window: [5, 5] }), Timeline.svg(everything))
  })

  it("is well-formed whatever the run says", () => {
    const names = elementsOf(Timeline.svg(attack))
    assert.notInclude(names, "script")
    assert.notInclude(names, "img")
  })

  it("can be drawn of a run in which nothing happened", () => {
    elementsOf(Timeline.svg(timeline([])))
    elementsOf(Timeline.svg(timeline([], { nodes: [], end: 0 })))
  })
})

describe("Timeline.html", () => {
  it("holds the run as data beside one script, and nothing from elsewhere", () => {
    const page = Timeline.html(everything)
    const [data, code, ...others] = scriptsOf(page)
    assert.deepStrictEqual(others, [])
    assert.strictEqual(data!.attributes, ` type="application/json" id="data"`)
    const { arrows, model } = JSON.parse(data!.text)
    assert.strictEqual(arrows.length, 6)
    assert.deepStrictEqual(model.lanes.map((lane: { readonly name: string }) => lane.name), ["a", "b", "c"])
    assert.notMatch(page, /\b(?:src|href)="(?!#)/)
    assert.notMatch(page, /https?:/)
    // only to see that it is JavaScript
    assert.doesNotThrow(() => new Function(code!.text))
  })

  it("links to the moments of faults and violations", () => {
    const page = Timeline.html(everything)
    assert.include(page, `href="#t=3.55-7.45"`)
    assert.include(page, `href="#t=5-10"`)
    assert.include(page, "b, c are cut off from everyone else for 3 s")
  })

  it("lets nothing out of its place, whatever the run says", () => {
    const page = Timeline.html(attack)
    assert.strictEqual(scriptsOf(page).length, 2)
    assert.strictEqual(page.match(/<\/script/gi)!.length, 2)
    assert.notMatch(page, /<img|<!--|\p{Surrogate}/u)
    assert.notInclude(page, "<script>alert")
    const { model } = JSON.parse(scriptsOf(page)[0]!.text)
    assert.include(model.title, `</script><img src=x onerror="alert(1)">`)
    // texts become elements as text alone
    assert.notMatch(scriptsOf(page)[1]!.text, /innerHTML|outerHTML|insertAdjacent|document\.write/)
  })

  it("is the same for the same run, to the byte", () => {
    assert.strictEqual(Timeline.html(structuredClone(everything)), Timeline.html(everything))
    assert.strictEqual(Timeline.svg(structuredClone(everything)), Timeline.svg(everything))
  })

  it("says how many events are missing", () => {
    assert.include(Timeline.html({ ...everything, truncated: 1234 }), "1,234 events not kept")
    assert.notInclude(Timeline.html(everything), "not kept:")
  })

  it("stays small for the longest run that is kept", () => {
    const recorder = Timeline.recorder()
    const payload = frame(ping(1, "b"))
    for (let i = 0; i < 40_000; i++) datagram(i, [0, 1], [i, i + 20.123], payload).forEach(recorder.record)
    const page = Timeline.html(recorder.timeline(timeline([], { end: 40_020 })))
    assert.isBelow(page.length, 3_000_000)
  })
})

describe("Timeline.writeFile", () => {
  it.effect("writes a picture or a page, by the name of the file", () =>
    Effect.gen(function*() {
      const written = new Map<string, string>()
      const files = FileSystem.layerNoop({
        writeFileString: (path, data) => Effect.sync(() => void written.set(path, data))
      })
      yield* Timeline.writeFile(everything, "run.svg").pipe(Effect.provide(files))
      yield* Timeline.writeFile(everything, "run.html").pipe(Effect.provide(files))
      assert.strictEqual(written.get("run.svg"), Timeline.svg(everything))
      assert.strictEqual(written.get("run.html"), Timeline.html(everything))
    }))
})

describe("Timeline.recorder", () => {
  const run = { title: "a run", seed: 1, nodes: everything.nodes, end: 10_000 }

  it("keeps all events in their order while there is room", () => {
    const recorder = Timeline.recorder()
    everything.events.forEach(recorder.record)
    const kept = recorder.timeline(run)
    assert.deepStrictEqual(kept.events, everything.events)
    assert.strictEqual(kept.truncated, 0)
  })

  it("drops the oldest of what travelled first, and says how many", () => {
    const recorder = Timeline.recorder({ capacity: 10 })
    recorder.record(started(0, 0))
    for (let i = 0; i < 10; i++) datagram(i, [0, 1], [i + 1, i + 1.5], frame(ping(i, "b"))).forEach(recorder.record)
    const { events, truncated } = recorder.timeline(run)
    assert.strictEqual(events.length, 10)
    assert.strictEqual(truncated, 11)
    assert.strictEqual(recorder.dropped(), 11)
    assert.deepStrictEqual(events[0], started(0, 0))
    assert.deepStrictEqual(events.slice(1).map(({ at }) => at), [6.5, 7, 7.5, 8, 8.5, 9, 9.5, 10, 10.5])
  })

  it("drops what happened to nodes when there is nothing else", () => {
    const recorder = Timeline.recorder({ capacity: 2 })
    for (let life = 1; life <= 5; life++) recorder.record(started(0, life, life))
    assert.deepStrictEqual(recorder.timeline(run).events.map(({ at }) => at), [4, 5])
  })

  it("bounds the bytes of datagrams", () => {
    const recorder = Timeline.recorder({ maxBytes: 1000 })
    for (let i = 0; i < 20; i++) datagram(i, [0, 1], [i, i], new Uint8Array(300)).forEach(recorder.record)
    const sent = recorder.timeline(run).events.filter((event) => event._tag === "DatagramSent")
    assert.deepStrictEqual(sent.map(({ id }) => id), [17, 18, 19])
    recorder.record(datagram(20, [0, 1], [20, 20], new Uint8Array(2000))[0]!)
    assert.deepStrictEqual(recorder.timeline(run).events, [])
  })

  it("copies payloads, which are their receiver's", () => {
    const recorder = Timeline.recorder()
    const payload = frame(ping(1, "b"))
    recorder.record(datagram(0, [0, 1], [1, 2], payload)[0]!)
    payload.fill(0)
    const [event] = recorder.timeline(run).events
    assert.deepStrictEqual(event?._tag === "DatagramSent" ? event.payload : undefined, frame(ping(1, "b")))
  })
})
