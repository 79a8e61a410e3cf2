import { assert, describe, it } from "@effect/vitest"
import { addressOf, Lab, peer } from "./harness.ts"

const target = (lab: Lab) => {
  const ping = lab.untilPing()
  return { ...ping, index: Number(ping.message.target.slice(1)) }
}

describe("a probe", () => {
  it("that is acked in time suspects nobody", () => {
    const lab = new Lab({ peers: 5 })
    for (let i = 0; i < 20; i++) {
      const { message, to } = target(lab)
      lab.receive({ _tag: "Ack", nonce: message.nonce, table: lab.machine.tableHash }, to)
    }
    lab.advance(1000)
    assert.strictEqual(lab.count("probes direct"), 20)
    assert.strictEqual(lab.count("probes failed"), 0)
    assert.strictEqual(lab.count("suspicions started"), 0)
    assert.deepStrictEqual(lab.messages("PingRequest"), [])
    assert.deepStrictEqual(lab.eventTags, [])
  })

  it("goes out once a period, names whom it means and shows the hash of the table", () => {
    const lab = new Lab({ peers: 5 })
    lab.live(5000)
    const pings = lab.messages("Ping")
    assert.strictEqual(pings.length, 5)
    for (const { message, to } of pings) assert.strictEqual(to, addressOf(Number(message.target.slice(1))))
    const fresh = new Lab({ peers: 5 })
    assert.strictEqual(target(fresh).message.table, fresh.machine.tableHash)
  })

  it("goes to each member once a round, in an order that is shuffled each round", () => {
    const lab = new Lab({ peers: 8 })
    const rounds: Array<Array<string>> = []
    for (let round = 0; round < 6; round++) {
      const names: Array<string> = []
      for (let i = 0; i < 8; i++) {
        const { message, to } = target(lab)
        names.push(message.target)
        lab.receive({ _tag: "Ack", nonce: message.nonce }, to)
      }
      rounds.push(names)
    }
    for (const names of rounds) assert.strictEqual(new Set(names).size, 8)
    assert.isAbove(new Set(rounds.map(String)).size, 1)
  })

  it("without an ack in time has three others probe, none of them the target or this node", () => {
    for (let run = 0; run < 20; run++) {
      const lab = new Lab({ index: 0, peers: run % 2 === 0 ? 6 : 40 })
      for (let skip = 0; skip < run; skip++) {
        const { message, to } = target(lab)
        lab.receive({ _tag: "Ack", nonce: message.nonce }, to)
      }
      const { message, to } = target(lab)
      lab.clear()
      lab.advance(500)
      const requests = lab.messages("PingRequest")
      assert.strictEqual(requests.length, 3)
      assert.strictEqual(new Set(requests.map((request) => request.to)).size, 3)
      for (const request of requests) {
        assert.notInclude([lab.address, to], request.to)
        assert.deepStrictEqual(request.message, {
          _tag: "PingRequest",
          nonce: message.nonce,
          target: message.target,
          address: to
        })
      }
    }
  })

  it("asks as many others as there are", () => {
    const lab = new Lab({ peers: 2 })
    target(lab)
    lab.advance(500)
    assert.strictEqual(lab.messages("PingRequest").length, 1)
    const alone = new Lab({ peers: 1 })
    target(alone)
    alone.advance(500)
    assert.strictEqual(alone.messages("PingRequest").length, 0)
  })

  it("that is acked by way of another suspects nobody", () => {
    const lab = new Lab({ peers: 5 })
    const { message } = target(lab)
    lab.advance(500)
    const relay = lab.messages("PingRequest")[0]!.to
    lab.receive({ _tag: "Ack", nonce: message.nonce }, relay)
    lab.advance(600)
    assert.strictEqual(lab.count("probes indirect"), 1)
    assert.strictEqual(lab.count("probes failed"), 0)
    assert.strictEqual(lab.count("suspicions started"), 0)
  })

  it("that nobody acks by the end of the period suspects its target, in the incarnation it was probed in", () => {
    const lab = new Lab({ peers: 5 })
    const { index } = target(lab)
    lab.advance(900)
    assert.strictEqual(lab.statusOf(index), "Alive")
    lab.advance(200)
    assert.strictEqual(lab.statusOf(index), "Suspect")
    assert.strictEqual(lab.count("probes failed"), 1)
    assert.strictEqual(lab.count("suspicions started"), 1)
    assert.include(lab.eventTags, `Suspected n${index}`)
    const { address, id, incarnation } = peer(index)
    assert.deepInclude(lab.claims, { _tag: "Suspect", id, address, incarnation, from: "n0" })
  })

  it("judges nobody of whom there was news meanwhile", () => {
    const lab = new Lab({ peers: 5 })
    const { index } = target(lab)
    lab.receive(peer(index, peer(index).incarnation + 1).alive)
    lab.advance(1000)
    assert.strictEqual(lab.statusOf(index), "Alive")
    assert.strictEqual(lab.count("probes failed"), 1)
    assert.strictEqual(lab.count("suspicions started"), 0)
  })

  it("of one who is gone meanwhile asks nobody and judges nobody", () => {
    const lab = new Lab({ peers: 5 })
    const { index } = target(lab)
    lab.receive(peer(index).left)
    lab.clear()
    lab.advance(1000)
    assert.deepStrictEqual(lab.messages("PingRequest"), [])
    assert.strictEqual(lab.statusOf(index), "Left")
  })

  it("passes over those who are gone", () => {
    const lab = new Lab({ peers: 4 })
    lab.receive(peer(1).left)
    lab.receive(peer(2).dead)
    lab.advance(20_000)
    const probed = new Set(lab.messages("Ping").map(({ message }) => message.target))
    assert.deepStrictEqual([...probed].sort(), ["n3", "n4"])
  })

  it("reaches a new member within the round that it came in", () => {
    const lab = new Lab({ peers: 10 })
    lab.live(3000)
    lab.receive(peer(11).alive)
    lab.clear()
    lab.live(11_000)
    assert.include(lab.messages("Ping").map(({ message }) => message.target), "n11")
  })

  it("is sent to nobody by a node that is alone", () => {
    const lab = new Lab()
    lab.advance(60_000)
    assert.deepStrictEqual(lab.sent, [])
  })
})

describe("an ack", () => {
  it("that comes a second time, or late, is harmless", () => {
    const lab = new Lab({ peers: 3 })
    const { index, message, to } = target(lab)
    lab.receive({ _tag: "Ack", nonce: message.nonce }, to)
    lab.receive({ _tag: "Ack", nonce: message.nonce }, to)
    assert.strictEqual(lab.count("probes direct"), 1)
    lab.advance(1000)
    lab.receive({ _tag: "Ack", nonce: message.nonce }, to)
    assert.strictEqual(lab.count("drops LateAck"), 1)
    assert.strictEqual(lab.statusOf(index), "Alive")
  })

  it("that comes after the suspicion does not end it: only the suspect can", () => {
    const lab = new Lab({ peers: 3 })
    const { index, message, to } = target(lab)
    lab.advance(1000)
    assert.strictEqual(lab.statusOf(index), "Suspect")
    lab.receive({ _tag: "Ack", nonce: message.nonce }, to)
    assert.strictEqual(lab.statusOf(index), "Suspect")
  })

  it("with a nonce that nobody gave is dropped", () => {
    const lab = new Lab({ peers: 3 })
    const { message } = target(lab)
    lab.clear()
    lab.receive({ _tag: "Ack", nonce: (message.nonce ^ 1) >>> 0, table: 1 })
    assert.strictEqual(lab.count("drops LateAck"), 1)
    assert.strictEqual(lab.count("probes direct"), 0)
    assert.deepStrictEqual(lab.sent, [])
  })
})

describe("a ping", () => {
  it("is acked where it came from, with the hash of the table", () => {
    const lab = new Lab({ peers: 3 })
    lab.receive({ _tag: "Ping", nonce: 7, target: "n0", table: 0 }, addressOf(2))
    assert.deepStrictEqual(
      lab.sent,
      [{
        _tag: "Send",
        to: addressOf(2),
        message: { _tag: "Ack", nonce: 7, table: lab.machine.tableHash }
      }] as unknown as typeof lab.sent
    )
  })

  it("from a stranger is acked as well", () => {
    const lab = new Lab()
    lab.receive({ _tag: "Ping", nonce: 7, target: "n0", table: 0 }, addressOf(50))
    assert.strictEqual(lab.messages("Ack").length, 1)
  })

  it("that means another is not acked", () => {
    const lab = new Lab({ peers: 3 })
    lab.receive({ _tag: "Ping", nonce: 7, target: "n1", table: 0 }, addressOf(2))
    assert.deepStrictEqual(lab.sent, [])
    assert.strictEqual(lab.count("drops Misdirected"), 1)
  })
})

describe("a ping request", () => {
  const request = (nonce: number, index: number) =>
    ({ _tag: "PingRequest", nonce, target: `n${index}`, address: addressOf(index) }) as const

  it("has the target pinged, and its ack passed on under the nonce of who asked", () => {
    const lab = new Lab({ peers: 3 })
    lab.receive(request(7, 2), addressOf(1))
    const [ping] = lab.messages("Ping")
    assert.strictEqual(ping!.to, addressOf(2))
    assert.strictEqual(ping!.message.target, "n2")
    lab.receive({ _tag: "Ack", nonce: ping!.message.nonce, table: 1 }, addressOf(2))
    assert.deepStrictEqual(lab.messages("Ack").map(({ message, to }) => ({ message, to })), [
      { to: addressOf(1), message: { _tag: "Ack", nonce: 7 } }
    ])
    lab.receive({ _tag: "Ack", nonce: ping!.message.nonce, table: 1 }, addressOf(2))
    assert.strictEqual(lab.messages("Ack").length, 1)
  })

  it("for one who is no member is dropped, since anyone could have this node send to anywhere", () => {
    const lab = new Lab({ peers: 3 })
    lab.receive(request(7, 9), addressOf(1))
    lab.receive({ ...request(7, 2), address: addressOf(9) }, addressOf(1))
    lab.receive(request(7, 0), addressOf(1))
    assert.deepStrictEqual(lab.sent, [])
    assert.strictEqual(lab.count("drops Misdirected"), 3)
  })

  it("beyond a bound of those under way is dropped, until they have expired", () => {
    const lab = new Lab({ peers: 3 })
    for (let nonce = 0; nonce < 2000; nonce++) lab.receive(request(nonce, 2), addressOf(1))
    assert.strictEqual(lab.messages("Ping").length, 1024)
    assert.strictEqual(lab.count("drops RelaysFull"), 2000 - 1024)
    lab.advance(2000)
    lab.clear()
    lab.receive(request(1, 2), addressOf(1))
    assert.strictEqual(lab.messages("Ping").length, 1)
  })
})

describe("a nack", () => {
  const request = (nonce: number, index: number) =>
    ({ _tag: "PingRequest", nonce, target: `n${index}`, address: addressOf(index) }) as const

  it("goes to who asked when the target has not acked in time, early enough to be there before the verdict", () => {
    const lab = new Lab({ peers: 3 })
    lab.receive(request(7, 2), addressOf(1))
    lab.advance(390)
    assert.deepStrictEqual(lab.messages("Nack"), [])
    lab.advance(20)
    assert.deepStrictEqual(lab.messages("Nack").map(({ message, to }) => ({ message, to })), [
      { to: addressOf(1), message: { _tag: "Nack", nonce: 7 } }
    ])
    // an ack that is late is passed on all the same
    const ping = lab.messages("Ping").find(({ to }) => to === addressOf(2))!
    lab.receive({ _tag: "Ack", nonce: ping.message.nonce }, addressOf(2))
    assert.strictEqual(lab.messages("Ack").length, 1)
  })

  it("is not sent when the target has acked, nor by nodes that are not to", () => {
    const lab = new Lab({ peers: 3 })
    lab.receive(request(7, 2), addressOf(1))
    lab.receive({ _tag: "Ack", nonce: lab.messages("Ping")[0]!.message.nonce }, addressOf(2))
    lab.advance(1000)
    assert.deepStrictEqual(lab.messages("Nack"), [])
    const silent = new Lab({ peers: 3, config: { nacks: false } })
    silent.receive(request(7, 2), addressOf(1))
    silent.advance(1000)
    assert.deepStrictEqual(silent.messages("Nack"), [])
  })

  it("is not to be had of one who is suspected: others are asked, if there are any", () => {
    for (const peers of [6, 40]) {
      const lab = new Lab({ peers })
      for (let i = 3; i <= peers; i++) lab.receive(peer(i).suspect)
      const { message } = target(lab)
      lab.clear()
      lab.advance(500)
      const alive = [1, 2].filter((index) => `n${index}` !== message.target)
      assert.deepStrictEqual(lab.messages("PingRequest").map(({ to }) => to).sort(), alive.map(addressOf))
    }
  })
})

describe("a suspect", () => {
  it("is told so with each probe of it, by the accusation that is known, and others are not", () => {
    const lab = new Lab({ peers: 4 })
    lab.receive({ ...peer(1).suspect, from: "n3" })
    lab.live(4000)
    assert.deepStrictEqual(lab.messages("Suspect").map(({ message, to }) => ({ message, to })), [
      { to: addressOf(1), message: { ...peer(1).suspect, from: "n3" } }
    ])
    // in one datagram
    const ping = lab.sent.findIndex(({ message, to }) => message._tag === "Ping" && to === addressOf(1))
    assert.strictEqual(lab.sent[ping + 1]!.message._tag, "Suspect")
  })

  it("is told so by whoever probes it for another", () => {
    const lab = new Lab({ peers: 3 })
    lab.receive(peer(2).suspect)
    lab.receive({ _tag: "PingRequest", nonce: 7, target: "n2", address: addressOf(2) }, addressOf(1))
    assert.deepStrictEqual(lab.messages("Suspect").map(({ to }) => to), [addressOf(2)])
  })

  it("is not told so without the buddy system", () => {
    const lab = new Lab({ peers: 4, config: { buddySystem: false } })
    lab.receive(peer(1).suspect)
    lab.live(4000)
    assert.deepStrictEqual(lab.messages("Suspect"), [])
  })
})

describe("a probe over a stream", () => {
  it("is made while others probe, and keeps from suspicion who answers to it alone, with a warning", () => {
    const lab = new Lab({ peers: 5 })
    const { index, message, to } = target(lab)
    lab.advance(350)
    assert.deepStrictEqual(lab.streams, [])
    lab.advance(200)
    const [stream] = lab.streams
    assert.strictEqual(stream!.to, to)
    assert.deepStrictEqual(stream!.message, message)
    lab.answer(stream!.exchange, { _tag: "Ack", nonce: message.nonce, table: lab.machine.tableHash })
    lab.advance(500)
    assert.strictEqual(lab.statusOf(index), "Alive")
    assert.deepStrictEqual([lab.count("probes stream"), lab.count("probes failed")], [1, 0])
    assert.deepStrictEqual(lab.logs, [
      `Warn: n${index} at ${to} answers over a stream, but no datagram gets there and back: is the network misconfigured?`
    ])
    assert.strictEqual(lab.machine.localHealth, 0)
  })

  it("counts for nothing when a datagram comes through after all", () => {
    const lab = new Lab({ peers: 5 })
    const { message, to } = target(lab)
    lab.advance(500)
    lab.answer(lab.streams[0]!.exchange, { _tag: "Ack", nonce: message.nonce })
    lab.receive({ _tag: "Ack", nonce: message.nonce }, to)
    lab.advance(500)
    assert.deepStrictEqual([lab.count("probes stream"), lab.count("probes indirect")], [0, 1])
    assert.deepStrictEqual(lab.logs, [])
  })

  it("warns once a minute, however many answer over streams alone", () => {
    const lab = new Lab({ peers: 20 })
    for (let second = 0; second < 125; second++) {
      lab.advance(1000)
      for (const { exchange, message } of lab.streams.splice(0)) {
        if (message._tag === "Ping") lab.answer(exchange, { _tag: "Ack", nonce: message.nonce })
      }
    }
    assert.isAtLeast(lab.count("probes stream"), 100)
    assert.strictEqual(lab.count("suspicions started"), 0)
    assert.strictEqual(lab.logs.filter((line) => line.startsWith("Warn")).length, 3)
  })

  it("that fails, or is answered with something else, helps nobody", () => {
    for (const answer of [undefined, { _tag: "Ack", nonce: 1 }, peer(1).alive] as const) {
      const lab = new Lab({ peers: 5 })
      const { index } = target(lab)
      lab.advance(500)
      lab.answer(lab.streams[0]!.exchange, answer, "unreachable")
      lab.advance(500)
      assert.strictEqual(lab.statusOf(index), "Suspect")
    }
  })

  it("that is answered after the verdict is harmless", () => {
    const lab = new Lab({ peers: 5 })
    const { index, message } = target(lab)
    lab.advance(1000)
    const [stream] = lab.streams
    lab.answer(stream!.exchange, { _tag: "Ack", nonce: message.nonce, table: 1 })
    lab.answer(stream!.exchange, { _tag: "Ack", nonce: message.nonce, table: 1 })
    assert.strictEqual(lab.statusOf(index), "Suspect")
    assert.strictEqual(lab.count("probes stream") + lab.count("syncs failed"), 0)
  })

  it("is not made when it is switched off, nor while eight hang", () => {
    const off = new Lab({ peers: 5, config: { streamProbe: false } })
    off.advance(20_000)
    assert.deepStrictEqual(off.streams, [])
    const lab = new Lab({ peers: 20, config: { localHealthMax: 1 } })
    lab.advance(15_000)
    assert.strictEqual(lab.streams.length, 8)
    for (const { exchange } of lab.streams.splice(0)) lab.answer(exchange, undefined, "it timed out")
    lab.advance(2000)
    assert.strictEqual(lab.streams.length, 2)
  })

  it("is acked over the stream by whom it means, and refused by others", () => {
    const lab = new Lab({ peers: 3 })
    const ping = { _tag: "Ping", nonce: 7, target: "n0", table: 0 } as const
    assert.deepStrictEqual(lab.request(ping), { _tag: "Ack", nonce: 7, table: lab.machine.tableHash })
    assert.isUndefined(lab.request({ ...ping, target: "n1" }))
    assert.strictEqual(lab.count("drops Misdirected"), 1)
    assert.isUndefined(lab.request({ _tag: "Ack", nonce: 7 }))
    assert.deepStrictEqual(lab.sent, [])
  })
})
