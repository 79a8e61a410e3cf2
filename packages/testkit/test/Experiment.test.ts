import type { Input, Machine, Output } from "@effect-gossip/core/node/Protocol"
import type { Message } from "@effect-gossip/core/wire/Message"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Experiment from "../src/Experiment.ts"
import { Agenda } from "../src/internal/experiment/agenda.ts"
import * as Latency from "../src/Latency.ts"

type Command = { readonly _tag: "Tell" } | { readonly _tag: "Fetch"; readonly from: number }
type Happened = { readonly _tag: "Heard"; readonly from: string } | {
  readonly _tag: "Fetched"
  readonly answer: string
}

const nack = (nonce: number): Message => ({ _tag: "Nack", nonce })

/** Tells `fanout` random peers when it hears for the first time, a round later. */
class Toy implements Machine<Command, Happened, string> {
  readonly #place: Experiment.Place
  readonly #fanout: number
  heard = false

  constructor(place: Experiment.Place, fanout: number) {
    this.#place = place
    this.#fanout = fanout
  }

  step(
    input: Input<Command>,
    now: number,
    random: { readonly nextDoubleUnsafe: () => number }
  ): ReadonlyArray<Output<Happened, string>> {
    const { peers } = this.#place
    switch (input._tag) {
      case "Started":
      case "ClockSet":
        return []
      case "Commanded":
        if (input.command._tag === "Fetch") {
          return [
            { _tag: "Exchange", exchange: 7, to: peers.at(input.command.from).address, message: nack(1) }
          ]
        }
        return [
          { _tag: "Completed", completion: input.completion, result: "told" },
          ...this.#hear(now, this.#place.address)
        ]
      case "Received":
        return this.#hear(now, input.from)
      case "Due":
        return Array.from({ length: this.#fanout }, () => ({
          _tag: "Send",
          to: peers.at(Math.floor(random.nextDoubleUnsafe() * peers.size)).address,
          message: nack(2)
        }))
      case "Requested":
        return [{ _tag: "Reply", reply: input.reply, message: this.heard ? nack(3) : undefined }]
      case "Answered":
        return [{ _tag: "Happened", event: { _tag: "Fetched", answer: input.answer?._tag ?? input.failure } }]
    }
  }

  #hear(now: number, from: string): ReadonlyArray<Output<Happened, string>> {
    if (this.heard) return []
    this.heard = true
    return [
      { _tag: "Happened", event: { _tag: "Heard", from } },
      { _tag: "Wake", at: 100 * Math.floor(now / 100 + 1), timer: undefined }
    ]
  }

  piggyback(): ReadonlyArray<Uint8Array> {
    return []
  }

  farewell(): ReadonlyArray<Output<Happened, string>> {
    return []
  }
}

const make = (options: Partial<Experiment.Options<Toy>> = {}, fanout = 2) =>
  Experiment.makeUnsafe({ nodes: 100, seed: "test", machine: (_, place) => new Toy(place, fanout), ...options })

describe("an experiment", () => {
  it("spreads in rounds, and is the same for the same seed", () => {
    const run = (seed: string) => {
      const experiment = make({ seed })
      const times: Array<string> = []
      experiment.onEvent((index, _, now) => times.push(`${index} ${now}`))
      assert.strictEqual(experiment.command(0, { _tag: "Tell" }), "told")
      experiment.run({ until: 10_000 })
      assert.strictEqual(experiment.now, 10_000)
      assert.strictEqual(experiment.counters.messages, 2 * times.length)
      return times
    }
    const times = run("a")
    assert.isAbove(times.length, 60)
    for (const line of times.slice(1)) assert.strictEqual(Number(line.split(" ")[1]) % 100, Experiment.wave)
    assert.deepStrictEqual(run("a"), times)
    assert.notDeepEqual(run("b"), times)
  })

  it("gives each node all others as peers, in the order of names", () => {
    const { places } = make({ nodes: 11 })
    assert.strictEqual(new Set(places.map(({ address }) => address)).size, 11)
    for (const { id, index, peers } of places) {
      const others = Array.from({ length: peers.size }, (_, at) => peers.at(at).id)
      assert.deepStrictEqual(others, places.map((place) => place.id).toSpliced(index, 1))
      assert.deepStrictEqual([...others, id].sort(), places.map((place) => place.id))
      // who comes next in the order of names, and the first after the last
      for (const from of ["", "n04x", ...places.map((place) => place.id)]) {
        assert.strictEqual(peers.after!(from)!.id, others.find((other) => other > from) ?? others[0])
      }
    }
  })

  it("loses datagrams, and those to whom nothing reaches", () => {
    const lossy = make({ loss: 0.5, nodes: 1000 }, 4)
    lossy.command(0, { _tag: "Tell" })
    lossy.run({ until: 10_000 })
    assert.closeTo(lossy.counters.lost / lossy.counters.datagrams, 0.5, 0.05)
    const cut = make({ reaches: (from, to) => (from < 50) === (to < 50) }, 4)
    cut.command(0, { _tag: "Tell" })
    cut.run({ until: 10_000 })
    assert.isAbove(cut.machines.filter(({ heard }) => heard).length, 30)
    assert(cut.machines.slice(50).every(({ heard }) => !heard))
  })

  it("takes as long as its latency says", () => {
    const experiment = make({ latency: Latency.uniform(10, 30) }, 8)
    const late: Array<number> = []
    experiment.onEvent((_, __, now) => {
      if (now > 0) late.push(now % 100)
    })
    experiment.command(0, { _tag: "Tell" })
    experiment.run({ until: 10_000 })
    assert.isAbove(late.length, 50)
    assert(late.every((time) => time >= 10 && time < 30))
    assert.isAbove(new Set(late).size, 50)
  })

  it("stops where it is told to", () => {
    const experiment = make()
    let heard = 0
    experiment.onEvent(() => heard++)
    experiment.command(0, { _tag: "Tell" })
    experiment.run({ until: 150 })
    assert.strictEqual(experiment.now, 150)
    const before = heard
    experiment.run({ until: Infinity, while: () => heard === before })
    assert.isAbove(heard, before)
    assert.isBelow(experiment.now, 1000)
    experiment.run({ until: Infinity })
    assert.isFinite(experiment.now)
  })

  it("carries requests and answers, and says when there is none", () => {
    const experiment = make()
    const fetched: Array<string> = []
    experiment.onEvent((_, event) => {
      if (event._tag === "Fetched") fetched.push(`${event.answer} ${experiment.now}`)
    })
    experiment.command(0, { _tag: "Tell" })
    experiment.command(5, { _tag: "Fetch", from: 0 })
    experiment.run({ until: 10 })
    experiment.command(6, { _tag: "Fetch", from: 1 })
    experiment.run({ until: 20 })
    experiment.crash(1)
    experiment.command(6, { _tag: "Fetch", from: 1 })
    experiment.run({ until: 30 })
    assert.deepStrictEqual(fetched, ["Nack 2", "there is no answer 12", "there is no answer 22"])
    assert.strictEqual(experiment.counters.exchanges, 3)
  })

  it("puts what a step has for one peer into a datagram", () => {
    const experiment = make({ nodes: 2 }, 5)
    const datagrams: Array<number> = []
    experiment.onDatagram((from, to, messages, isLost) => {
      assert.deepStrictEqual([from, to, isLost], [0, 1, false])
      datagrams.push(messages.length)
    })
    experiment.command(0, { _tag: "Tell" })
    experiment.run({ until: 150 })
    assert.deepStrictEqual(datagrams, [5])
  })

  it.effect("has its options checked", () =>
    Effect.gen(function*() {
      for (
        const [option, wrong] of [["nodes", { nodes: 0 }], ["loss", { loss: 2 }], ["latency", { latency: -1 }]] as const
      ) {
        const error = yield* Effect.flip(
          Experiment.make({ nodes: 2, seed: 0, machine: (_, place) => new Toy(place, 1), ...wrong })
        )
        assert.strictEqual(error.option, option)
      }
      assert.throws(() => make({ nodes: 1.5 }), "not a whole number")
    }))
})

describe("the agenda", () => {
  it("gives out moments in order, with all that belongs to each", () => {
    const agenda = new Agenda<number>()
    const times = Array.from({ length: 500 }, (_, index) => (index * 7919) % 101)
    for (const time of times) agenda.at(time).shuffled.push(time)
    const seen: Array<number> = []
    while (agenda.next !== Infinity) {
      const { next } = agenda
      const bucket = agenda.take().shuffled
      assert(bucket.every((time) => time === next))
      seen.push(...bucket)
    }
    assert.deepStrictEqual(seen, times.toSorted((a, b) => a - b))
  })
})
