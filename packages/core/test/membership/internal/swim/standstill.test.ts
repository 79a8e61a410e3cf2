import { assert, describe, it } from "@effect/vitest"
import { Lab, peer } from "./harness.ts"

describe("a node that stood still, and fires its timers before it reads what came", () => {
  const statuses = (lab: Lab) => lab.machine.members().map((member) => member.status)

  it("suspects nobody, reads the acks that came, and says so", () => {
    const lab = new Lab({ peers: 5 })
    const { message, to } = lab.untilPing()
    lab.standStill(30_000)
    assert.deepStrictEqual(lab.eventTags, [])
    assert.strictEqual(lab.count("probes failed"), 0)
    assert.strictEqual(lab.machine.localHealth, 7)
    assert.match(lab.logs[0]!, /^Warn: this node stood still for (29|30)\.\d s/)
    lab.receive({ _tag: "Ack", nonce: message.nonce }, to)
    lab.live(20_000)
    assert.deepStrictEqual(lab.eventTags, [])
    assert.strictEqual(lab.count("probes failed"), 0)
    assert.strictEqual(lab.machine.localHealth, 0)
    // once is enough, if it goes on like this
    lab.standStill(30_000)
    assert.strictEqual(lab.logs.filter((line) => line.includes("stood still")).length, 1)
  })

  it("gives the probe that was under way its time again, asks others when that is over, and judges then", () => {
    const lab = new Lab({ peers: 5 })
    const { message } = lab.untilPing()
    lab.clear()
    lab.standStill(30_000)
    assert.deepStrictEqual(lab.messages("PingRequest"), [])
    lab.advance(600)
    assert.strictEqual(lab.messages("PingRequest").length, 3)
    lab.advance(3000)
    assert.strictEqual(lab.statusOf(Number(message.target.slice(1))), "Suspect")
  })

  it("gives all whom it held for suspects their whole time again", () => {
    for (const read of ["nothing", "confirmations"] as const) {
      const lab = new Lab({ peers: 99 })
      lab.receive({ ...peer(1).suspect, from: "n50" })
      if (read === "nothing") { for (const from of ["n51", "n52"]) lab.receive({ ...peer(1).suspect, from }) }
      lab.live(7000)
      lab.standStill(30_000)
      if (read === "confirmations") { for (const from of ["n51", "n52"]) lab.receive({ ...peer(1).suspect, from }) }
      assert.strictEqual(lab.statusOf(1), "Suspect")
      lab.live(7000)
      assert.strictEqual(lab.statusOf(1), "Suspect")
      lab.live(2000)
      assert.strictEqual(lab.statusOf(1), "Dead")
    }
  })

  it("gives suspects the time again that it lost, when that was short", () => {
    const lab = new Lab({ peers: 99 })
    for (const from of ["n50", "n51", "n52"]) lab.receive({ ...peer(1).suspect, from })
    lab.live(4000)
    lab.standStill(3000)
    lab.live(3000)
    assert.strictEqual(lab.statusOf(1), "Suspect")
    lab.live(1100)
    assert.strictEqual(lab.statusOf(1), "Dead")
  })

  it("notices it by what it reads as well, if it happens to read first", () => {
    const lab = new Lab({ peers: 99 })
    lab.receive({ ...peer(1).suspect, from: "n50" })
    lab.live(1000)
    lab.now += 60_000
    lab.receive({ ...peer(1).suspect, from: "n51" })
    lab.receive({ ...peer(1).suspect, from: "n52" })
    lab.advance(0)
    assert.notInclude(statuses(lab), "Dead")
    assert.strictEqual(lab.machine.localHealth, 7)
  })

  it("thinks nothing of delays that any process has", () => {
    const lab = new Lab({ peers: 5 })
    for (let i = 0; i < 50; i++) {
      lab.live(100)
      lab.standStill(90)
    }
    assert.strictEqual(lab.machine.localHealth, 0)
  })

  it("comes to a verdict all the same when it stands still again and again", () => {
    const lab = new Lab({ peers: 3 })
    for (let i = 0; i < 100; i++) {
      lab.advance(200)
      lab.standStill(200)
    }
    // 40 s, of which half was lost: suspected in the worst health after 9 s at most each
    assert.isAtLeast(lab.count("suspicions started"), 2)
    for (let i = 0; i < 200; i++) {
      lab.advance(200)
      lab.standStill(200)
    }
    assert.deepStrictEqual(statuses(lab).sort(), ["Alive", "Dead", "Dead", "Dead"])
  })

  it("judges at once with localHealthMax 1", () => {
    const lab = new Lab({ peers: 5, config: { localHealthMax: 1, suspicionMaxMultiplier: 1 } })
    lab.receive(peer(1).suspect)
    lab.untilPing()
    lab.standStill(30_000)
    assert.strictEqual(lab.statusOf(1), "Dead")
    assert.isAtLeast(lab.count("probes failed"), 1)
  })

  it("that has left, or is alone, minds nothing", () => {
    const lab = new Lab({ peers: 3 })
    lab.command({ _tag: "Leave" })
    lab.live(5000)
    lab.clear()
    lab.standStill(60_000)
    lab.standStill(60_000)
    assert.deepStrictEqual([lab.machine.localHealth, lab.logs], [0, []])
    const alone = new Lab()
    alone.live(5000)
    assert.strictEqual(alone.machine.localHealth, 0)
  })
})
