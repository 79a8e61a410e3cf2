import { assert, describe, it } from "@effect/vitest"
import { bornAt, Lab, news, Recorder } from "./harness.ts"

const rounds = (strategy: Recorder) => strategy.calls.filter(([what]) => what === "round").map(([, round]) => round)

describe("the rounds of a strategy", () => {
  it("begin when they are asked for, and go on for as long as there is something to do", () => {
    const strategy = new Recorder(3)
    const lab = new Lab({ strategy, pacing: { phase: 0 } })
    lab.advance(1000)
    assert.deepStrictEqual(rounds(strategy), [])
    let left = 3
    strategy.onRound = () => --left > 0
    strategy.onHeard = (_, host) => {
      host.requestRounds()
      host.requestRounds()
    }
    lab.receive(news(1))
    lab.advance(2000)
    assert.deepStrictEqual(rounds(strategy), [6, 7, 8])
    lab.receive(news(2))
    lab.advance(200)
    assert.deepStrictEqual(rounds(strategy), [6, 7, 8, 16])
  })

  it("begin at a time that each node draws for itself, or all at once where it is told so", () => {
    const begins = (index: number, phase: number | undefined) => {
      const strategy = new Recorder(3)
      const lab = new Lab({ index, strategy, pacing: { phase }, antiEntropy: undefined })
      strategy.host.requestRounds()
      lab.step({ _tag: "Answered", exchange: 0, answer: undefined, failure: "" })
      return lab.next
    }
    const drawn = [1, 2, 3, 4].map((index) => begins(index, undefined))
    assert.strictEqual(new Set(drawn).size, 4)
    for (const at of drawn) assert.isTrue(at > bornAt && at <= bornAt + 200)
    assert.deepStrictEqual([1, 2].map((index) => begins(index, 0)), [5200, 5200])
    assert.deepStrictEqual([1, 2].map((index) => begins(index, 0.5)), [5100, 5100])
  })

  it("are counted by the time, not by whether anybody asked for them", () => {
    const strategy = new Recorder(3)
    const lab = new Lab({ strategy, pacing: { phase: 0 } })
    const at = (millis: number) => {
      lab.now = bornAt + millis
      lab.receive(news(millis + 1))
      return strategy.host.round
    }
    assert.deepStrictEqual([0, 199, 200, 399, 400, 1000].map(at), [0, 0, 1, 1, 2, 5])
  })

  it("never repeat themselves, whatever fractions a phase has", () => {
    // what is added and subtracted again may come out a little less
    const isInexact = (phase: number) => {
      const offset = phase * 200
      return Array.from({ length: 50 }, (_, index) => index + 26).some((round) =>
        Math.floor((offset + round * 200 - offset) / 200) < round
      )
    }
    const phases = Array.from({ length: 3000 }, (_, index) => index / 3001).filter(isInexact)
    assert.isAbove(phases.length, 10)
    for (const phase of phases) {
      const strategy = new Recorder(3)
      const lab = new Lab({ strategy, pacing: { phase }, antiEntropy: undefined })
      strategy.onRound = () => true
      strategy.onHeard = (_, host) => host.requestRounds()
      lab.receive(news(1))
      lab.advance(10_000)
      const all = rounds(strategy) as Array<number>
      assert.isAtLeast(all.length, 49)
      for (let k = 1; k < all.length; k++) assert.strictEqual(all[k], all[k - 1]! + 1)
    }
  })

  it("are left out when a node stood still, and not made up for", () => {
    const strategy = new Recorder(3)
    const lab = new Lab({ strategy, pacing: { phase: 0 } })
    strategy.onRound = () => true
    strategy.host.requestRounds()
    lab.receive(news(1))
    lab.now += 2050
    lab.advance(150)
    assert.deepStrictEqual(rounds(strategy), [10, 11])
  })

  it("may be late by chance", () => {
    const strategy = new Recorder(3)
    const lab = new Lab({ strategy, pacing: { phase: 0, jitter: 0.5 }, antiEntropy: undefined })
    const times: Array<number> = []
    strategy.onRound = () => {
      times.push(lab.now)
      return true
    }
    strategy.host.requestRounds()
    lab.receive(news(1))
    lab.advance(10_000)
    const late = times.map((at) => at % 200)
    assert.isTrue(late.every((millis) => millis <= 100))
    assert.isAbove(Math.max(...late), 60)
    assert.isAbove(times.length, 45)
  })
})
