import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Fault from "../src/Fault.ts"

const nodes = ["n0", "n1", "n2", "n3"]

const json = Schema.fromJsonString(Fault.Schedule)

describe("Fault", () => {
  it("says in words what each fault does", () => {
    const said = (fault: Fault.Fault) => Fault.words(fault)
    assert.strictEqual(said(Fault.crash("n1")), "n1 crashes and stays away")
    assert.strictEqual(
      said(Fault.crash("n1", { for: "5 seconds", disk: "lost" })),
      "n1 crashes and is back after 5 s, its disk lost"
    )
    assert.strictEqual(said(Fault.pause("n1", { for: 1500 })), "n1 stalls for 1.5 s")
    assert.strictEqual(said(Fault.clockJump("n1", "-5 minutes")), "the clock of n1 jumps 300 s back")
    assert.strictEqual(
      said(Fault.clockDrift("n1", 1.1)),
      "the clocks of n1 run at 1.1 times their rate to the end"
    )
    assert.strictEqual(said(Fault.partition(["n1"])), "n1 is cut off from everyone else to the end")
    assert.strictEqual(
      said(Fault.partition(["n1", "n2"], ["n3"], { for: "1 minute" })),
      "n1, n2 are cut off from n3 for 60 s"
    )
    assert.strictEqual(
      said(Fault.oneWayPartition(["n1"], { for: "1 second" })),
      "nothing passes from n1 to everyone else for 1 s"
    )
    assert.strictEqual(
      said(Fault.link(["n1"], { loss: 0.125, latency: { _tag: "LogNormal", median: 1, p99: 9 } }, { to: ["n2"] })),
      "links between n1 and n2: 1 ms, 1% above 9 ms, 12.5% lost, to the end"
    )
    assert.strictEqual(
      said(Fault.link(["n1"], { mtu: 500 }, { oneWay: true, for: "2 seconds" })),
      "links from n1 to everyone else: nothing above 500 bytes, for 2 s"
    )
    assert.strictEqual(said(Fault.breakStreams(["n1"], { from: ["n2"] })), "streams between n1 and n2 break")
    assert.strictEqual(said(Fault.disk("n1")), "the disk of n1 fails 100% of its writes to the end")
    assert.strictEqual(
      said(Fault.disk("n1", { writes: 0.5, reads: 0.1, for: "3 seconds" })),
      "the disk of n1 fails 50% of its writes and 10% of its reads for 3 s"
    )
  })

  it("describes a schedule in the order of time", () => {
    assert.strictEqual(
      Fault.describe([Fault.pause("n1", { at: "12 seconds" }), Fault.crash("n2", { at: "500 millis" })]),
      "at 0.5 s  n2 crashes and stays away\nat  12 s  n1 stalls to the end"
    )
  })

  it("knows when a schedule is over", () => {
    assert.strictEqual(Fault.ends([]), 0)
    assert.strictEqual(
      Fault.ends([Fault.pause("n1", { at: "2 seconds", for: "3 seconds" }), Fault.crash("n2", { at: "4 seconds" })]),
      5000
    )
  })

  it.effect("that was generated keeps to its bounds, and comes back from JSON as it was", () =>
    Effect.gen(function*() {
      const result = yield* Arbitrary.checkEffect(
        Fault.arbitrary(nodes, { spare: ["n0"], minFaults: 2, maxFaults: 4, from: 100, within: 5000, longest: 900 }),
        (schedule) => {
          assert.isAtLeast(schedule.length, 2)
          assert.isAtMost(schedule.length, 4)
          for (const fault of schedule) {
            assert.isTrue(fault.at >= 100 && fault.at <= 5000)
            if ("for" in fault) assert.isTrue(fault.for === undefined || fault.for > 0 && fault.for <= 900)
            assert.notInclude(Fault.nodes(fault), "n0")
            assert.isNotEmpty(Fault.words(fault))
          }
          assert.deepStrictEqual(Schema.decodeSync(json)(Schema.encodeSync(json)(schedule)), schedule)
          return true
        },
        { runs: 300, seed: 1, size: 50 }
      )
      assert.strictEqual(result._tag, "Passed")
    }))

  it.effect("is generated of each kind that is asked for, and of no other", () =>
    Effect.gen(function*() {
      const kindsOf = (bounds?: Fault.Bounds) =>
        Effect.map(
          Arbitrary.sampleEffect(Fault.arbitrary(nodes, bounds), { count: 200, seed: 1, size: 50 }),
          (schedules) => new Set(schedules.flat().map((fault) => fault._tag))
        )
      assert.sameMembers([...yield* kindsOf()], [...Fault.kinds])
      assert.sameMembers([...yield* kindsOf({ kinds: ["Pause", "Link"] })], ["Pause", "Link"])
    }))

  it("cannot be generated for nobody", () => {
    assert.throws(() => Fault.arbitrary(["n0"], { spare: ["n0"] }), /no node is left/)
  })
})
