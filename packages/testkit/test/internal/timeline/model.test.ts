import { assert, describe, it } from "@effect/vitest"
import * as Models from "../../../src/internal/timeline/model.ts"
import type { SimulationEvent } from "../../../src/SimulationEvent.ts"
import { ack, address, datagram, everything, frame, ping, started, suspect, timeline } from "./fixture.ts"

const arrowsOf = (events: ReadonlyArray<SimulationEvent>) => {
  const model = Models.make(timeline(events))
  return model.arrows.map((arrow) => ({
    ...arrow,
    kinds: model.contents[arrow.content]!.map(([kind]) => model.kinds[kind]!.name),
    texts: model.contents[arrow.content]!.map(([, text]) => model.texts[text]!),
    remark: model.texts[arrow.remark]
  }))
}

describe("timeline/model", () => {
  it("connects what was sent with where and when it was delivered", () => {
    const [arrow, ...others] = arrowsOf(datagram(5, [0, 2], [1000, 1023.4567], frame(ping(9, "c"), suspect("b", "a"))))
    assert.deepStrictEqual(others, [])
    assert.deepInclude(arrow, { from: 0, to: 2, sent: 1000, end: 1023.457, fate: "Arrived", sort: "Datagram" })
    assert.deepStrictEqual(arrow!.kinds, ["Ping", "Suspect"])
    assert.deepStrictEqual(arrow!.texts, ["c", "b · incarnation 7 · says a"])
  })

  it("says why a datagram was lost, also for a reason it does not know", () => {
    const [lost] = arrowsOf(datagram(0, [0, 1], [5, 5], frame(ping(1, "b")), "Loss"))
    assert.deepInclude(lost, { fate: "Lost", remark: "Loss: lost by the link" })
    const [other] = arrowsOf(datagram(0, [0, 1], [5, 5], frame(ping(1, "b")), "SolarFlare" as "Loss"))
    assert.deepInclude(other, { fate: "Lost", remark: "SolarFlare: solar flare" })
  })

  it("draws the second arrival of a duplicated datagram as a copy", () => {
    const [sent, delivered] = datagram(0, [0, 1], [5, 8], frame(ping(1, "b")))
    const ends = { id: 0, from: address(0), to: address(1) }
    const arrows = arrowsOf([
      sent!,
      { _tag: "DatagramDuplicated", at: 5, ...ends },
      delivered!,
      { _tag: "DatagramDelivered", at: 30, ...ends }
    ])
    assert.deepStrictEqual(arrows.map(({ end, sort }) => [sort, end]), [["Datagram", 8], ["Copy", 30]])
  })

  it("says what a corrupted datagram arrived as", () => {
    const [sent, delivered] = datagram(0, [0, 1], [5, 8], frame(ping(1, "b")))
    const corrupted = { _tag: "DatagramCorrupted", at: 5, id: 0, from: address(0), to: address(1) } as const
    const [arrow] = arrowsOf([sent!, { ...corrupted, payload: Uint8Array.of(1, 2) }, delivered!])
    assert.isTrue(arrow!.isCorrupted)
    assert.strictEqual(arrow!.remark, "corrupted on the way: what arrives is nothing that can be decoded")
  })

  it("keeps what is under way when the run ends", () => {
    const [sent] = datagram(0, [0, 1], [9990, 0], frame(ping(1, "b")))
    assert.deepInclude(arrowsOf([sent!])[0], { fate: "UnderWay", end: 10_000 })
  })

  it("puts the messages of a probe together by their nonce", () => {
    const arrows = arrowsOf([
      ...datagram(0, [0, 1], [1, 2], frame(ping(7, "b"))),
      ...datagram(1, [1, 0], [2, 3], frame(ack(7))),
      ...datagram(2, [0, 1], [4, 5], frame(ping(8, "b")))
    ])
    assert.deepStrictEqual(arrows.map(({ probe }) => probe), [0, 0, 1])
  })

  it("shows a datagram that does not decode as such", () => {
    assert.deepStrictEqual(arrowsOf(datagram(0, [0, 1], [1, 2], Uint8Array.of(1, 2, 3)))[0]!.kinds, ["Undecodable"])
    const foreign = Models.make({ ...timeline(datagram(0, [0, 1], [1, 2], frame(ping(1, "b")))), cluster: "other" })
    assert.deepStrictEqual(foreign.kinds.map(({ name }) => name), ["Undecodable"])
  })

  it("draws an exchange there and back, and says how one failed", () => {
    const ends = { id: 0, from: address(0), to: address(1) }
    const opened: ReadonlyArray<SimulationEvent> = [
      { _tag: "StreamOpened", at: 1, ...ends },
      { _tag: "StreamLeg", at: 1, leg: "Request", bytes: 10, ...ends }
    ]
    const answered = arrowsOf([
      ...opened,
      { _tag: "StreamLeg", at: 4, leg: "Answer", bytes: 20, ...ends },
      { _tag: "StreamClosed", at: 9, outcome: "Answered", ...ends }
    ])
    assert.deepStrictEqual(answered.map(({ end, fate, from, sent, sort, to }) => [sort, from, to, sent, end, fate]), [
      ["Request", 0, 1, 1, 4, "Arrived"],
      ["Answer", 1, 0, 4, 9, "Arrived"]
    ])
    const broken = arrowsOf([...opened, { _tag: "StreamClosed", at: 3, outcome: "Broken", ...ends }])
    assert.deepStrictEqual(broken.map(({ fate, remark, sort }) => [sort, fate, remark]), [
      ["Request", "Lost", "Broken: the stream broke"]
    ])
    const refused = arrowsOf([
      ...opened,
      { _tag: "StreamLeg", at: 4, leg: "Answer", bytes: 0, ...ends },
      { _tag: "StreamClosed", at: 9, outcome: "Refused", ...ends }
    ])
    assert.deepStrictEqual(refused.map(({ fate, remark }) => [fate, remark]), [
      ["Arrived", undefined],
      ["Arrived", "Refused: refused by the peer"]
    ])
  })

  it("gives an address of no node a line of its own, as long as they are few", () => {
    const events = Array.from({ length: 9 }, (_, i) => datagram(i, [0, 100 + i], [i, i], frame(ping(1, "x")), "Loss"))
    const model = Models.make(timeline(events.flat()))
    assert.deepStrictEqual(model.lanes.slice(3, 5).map(({ isStranger, name }) => [name, isStranger]), [
      [address(100), true],
      [address(101), true]
    ])
    assert.strictEqual(model.lanes.length, 9)
    assert.strictEqual(model.missing.undrawn, 3)
  })

  it("tells the lives, crashes and pauses of nodes", () => {
    const { lanes } = Models.make(everything)
    assert.deepStrictEqual(lanes[2]!.lives, [
      { from: 0, to: 4000, leaves: 4000 },
      { from: 6000, to: 10_000, leaves: 10_000 }
    ])
    assert.deepStrictEqual(lanes[1]!.pauses, [[7000, 8000]])
    assert.deepInclude(lanes[0]!.lives[0], { leaves: 9500 })
  })

  it("draws a node whose start is not known as if it ran all the time", () => {
    assert.deepStrictEqual(Models.make(timeline([])).lanes[0]!.lives, [{ from: 0, to: 10_000, leaves: 10_000 }])
    assert.deepStrictEqual(Models.make(timeline([started(0, 500)])).lanes[0]!.lives, [
      { from: 500, to: 10_000, leaves: 10_000 }
    ])
  })

  it("knows which nodes a fault concerns, and when it ended", () => {
    const [partition, jump] = Models.make(everything).faults
    assert.deepInclude(partition, {
      ...{ kind: "Partition", at: 4000, end: 7000, lanes: [1, 2] },
      words: "b, c are cut off from everyone else for 3 s"
    })
    assert.deepInclude(jump, { kind: "ClockJump", at: 5000, end: 5000, lanes: [0] })
  })

  it("says in words who believes what, and calls addresses by their names", () => {
    const model = Models.make(everything)
    const texts = model.marks.map((mark) => model.texts[mark.text]!)
    assert.includeMembers(texts, ["b thinks c is dead (incarnation 7)", "c starts again: its life 2", "c crashes"])
    assert.deepStrictEqual(model.notes, [{ at: 4000, text: "cut b off" }])
  })

  it("takes the end of the run from its last event if that is later", () => {
    assert.strictEqual(Models.make(timeline([{ _tag: "Note", at: 12_000, text: "late" }])).end, 12_000)
    assert.strictEqual(Models.make(timeline([], { end: 0 })).end, 1)
  })

  it("leaves out how nodes are closed after the run", () => {
    const model = Models.make(timeline([
      started(0, 0),
      { _tag: "RunEnded", at: 10_000 },
      { _tag: "NodeStopped", at: 10_001, node: "a" }
    ]))
    assert.strictEqual(model.end, 10_000)
    assert.strictEqual(model.marks.length, 1)
  })

  it("draws the latest arrows of too many, and says how many are missing", () => {
    const events: Array<SimulationEvent> = []
    const payload = frame(ping(1, "b"))
    for (let i = 0; i < Models.maxArrows + 5; i++) events.push(...datagram(i, [0, 1], [i / 10, i / 10], payload))
    const { arrows, missing } = Models.make(timeline(events))
    assert.strictEqual(arrows.length, Models.maxArrows)
    assert.deepStrictEqual(missing, { events: 5, until: 0.5, undrawn: 0 })
  })
})
