import { assert, describe, it } from "@effect/vitest"
import { encodeMessage } from "../../../../src/wire/Frame.ts"
import type { Claim } from "../../../../src/wire/Message.ts"
import { addressOf, Lab, peer, run, wallClock } from "./harness.ts"

const comparison = (lab: Lab) =>
  ({ _tag: "SyncRequest", id: lab.id, address: lab.address, table: lab.machine.tableHash }) as const

/** Lets time pass until a sync of its own begins. */
const untilSync = (lab: Lab) => {
  lab.advance(31_000, { gossips: true })
  const [exchange] = lab.exchanges
  if (exchange?.message._tag !== "SyncRequest") throw new Error("no sync began")
  return { ...exchange, message: exchange.message }
}

/** One that probes nobody, so that all it knows stays as it is. */
const quiet = { probeInterval: 3_600_000, probeTimeout: 1000, reconnectInterval: 3_600_000 }

describe("a periodic sync", () => {
  it("begins within the interval, with one live member, and carries hashes only", () => {
    const lab = new Lab({ peers: 5, config: quiet })
    lab.advance(30_000)
    assert.strictEqual(lab.exchanges.length, 1)
    const { message, to } = lab.exchanges[0]!
    assert.include([1, 2, 3, 4, 5].map(addressOf), to)
    assert(message._tag === "SyncRequest")
    assert.isUndefined(message.claims)
    assert.strictEqual(message.buckets?.length, 256)
    assert.strictEqual(message.table, lab.machine.tableHash)
    lab.advance(30_000)
    assert.strictEqual(lab.exchanges.length, 2)
    assert.strictEqual(lab.count("syncs periodic"), 2)
  })

  it("between equal tables exchanges no claims", () => {
    const [a, b] = [new Lab({ index: 1, peers: 0 }), new Lab({ index: 2, peers: 0 })]
    for (const lab of [a, b]) for (const index of [1, 2, 3]) lab.receive(peer(index).alive)
    assert.strictEqual(a.machine.tableHash, b.machine.tableHash)
    const answer = b.request({ ...comparison(a), buckets: new Uint8Array(256) })
    assert(answer?._tag === "SyncResponse")
    assert.isUndefined(answer.claims)
    assert.isUndefined(answer.buckets)
  })

  it("is answered with the claims of the buckets that differ, and then pushes its own", () => {
    const [a, b] = [new Lab({ index: 1, config: quiet }), new Lab({ index: 2, config: quiet })]
    for (const lab of [a, b]) for (let index = 1; index <= 300; index++) lab.receive(peer(index).alive)
    a.receive(peer(7, wallClock + 1).alive)
    b.receive(peer(8, wallClock + 1).alive)
    a.clear()
    // 300 members are synced with at four times the interval
    a.advance(160_000)
    const [exchange] = a.exchanges.splice(0)
    assert(exchange?.message._tag === "SyncRequest")
    const answer = b.request(exchange.message)
    assert(answer?._tag === "SyncResponse")
    const told = answer.claims!.map((claim) => claim.id)
    assert.includeMembers(told, ["n7", "n8"])
    assert.isBelow(told.length, 40)
    a.answer(exchange.exchange, answer)
    assert.strictEqual(a.incarnationOf(8), wallClock + 1)
    const [push] = a.exchanges
    assert(push?.message._tag === "SyncRequest")
    assert.strictEqual(a.count("syncs push"), 1)
    const pushed = push.message.claims!.map((claim) => claim.id)
    assert.include(pushed, "n7")
    assert.isBelow(pushed.length, 40)
    a.answer(push.exchange, b.request(push.message))
    assert.strictEqual(a.exchanges.length, 1)
    assert.strictEqual(b.incarnationOf(7), wallClock + 1)
    assert.strictEqual(a.machine.tableHash, b.machine.tableHash)
  })

  it("needs no push when the answer had all that differed", () => {
    const [a, b] = [new Lab({ index: 1 }), new Lab({ index: 2 })]
    for (const lab of [a, b]) for (const index of [1, 2, 3]) lab.receive(peer(index).alive)
    b.receive(peer(4).alive)
    a.answer(untilExchange(a), b.request({ ...comparison(a), buckets: new Uint8Array(256) }))
    assert.strictEqual(a.count("syncs push"), 0)
    assert.strictEqual(a.statusOf(4), "Alive")
  })

  it("that fails, or is answered with something else, is counted and changes nothing", () => {
    const lab = new Lab({ peers: 3, config: quiet })
    const { exchange } = untilSync(lab)
    lab.answer(exchange, undefined, "it timed out")
    lab.answer(exchange, undefined, "it timed out")
    lab.answer(999, undefined, "nobody asked")
    assert.strictEqual(lab.count("syncs failed"), 1)
    assert.match(lab.logs[0]!, /^Debug: no periodic sync with 10\.0\.0\.\d:7946: it timed out$/)
    lab.exchanges = []
    lab.answer(untilSync(lab).exchange, peer(9).alive)
    assert.strictEqual(lab.count("syncs failed"), 2)
    assert.isUndefined(lab.statusOf(9))
  })

  it("comes less often in a larger cluster, as memberlist's", () => {
    const interval = (peers: number) => {
      const lab = new Lab({ peers, config: { ...quiet, maxMembers: 10_000 } })
      lab.advance(1_000_000)
      return 1_000_000 / lab.exchanges.length
    }
    assert.closeTo(interval(31), 30_000, 2000)
    assert.closeTo(interval(32), 60_000, 5000)
    assert.closeTo(interval(127), 90_000, 8000)
  })
})

const untilExchange = (lab: Lab) => {
  lab.exchanges = []
  lab.live(31_000)
  return lab.exchanges[0]!.exchange
}

describe("a claim learned by sync", () => {
  const told = (lab: Lab, ...claims: ReadonlyArray<Claim>) =>
    lab.request({ _tag: "SyncRequest", id: "n9", address: addressOf(9), table: 0, claims })

  it("that one held alive is dead puts it under suspicion only", () => {
    const lab = new Lab({ peers: 3 })
    told(lab, peer(1).dead)
    assert.strictEqual(lab.statusOf(1), "Suspect")
    assert.deepStrictEqual(lab.eventTags, ["Suspected n1"])
    assert.strictEqual(lab.count("suspicions started"), 1)
  })

  it("that one is dead in an incarnation of before changes nothing", () => {
    const lab = new Lab({ peers: 3 })
    told(lab, peer(1, wallClock - 1).dead)
    assert.strictEqual(lab.statusOf(1), "Alive")
  })

  it("that one has left is taken as it is", () => {
    const lab = new Lab({ peers: 3 })
    told(lab, peer(1).left)
    assert.strictEqual(lab.statusOf(1), "Left")
  })

  it("that this node is dead is refuted", () => {
    const lab = new Lab({ peers: 3 })
    told(lab, peer(0).dead)
    assert.strictEqual(lab.incarnationOf(0), wallClock + 1)
  })

  it("is passed on", () => {
    const lab = new Lab({ peers: 3 })
    lab.advance(5000)
    told(lab, peer(9).alive)
    assert.isAbove(lab.machine.piggyback(1394, addressOf(1)).length, 0)
  })
})

describe("a table that is too large for a sync", () => {
  it("is cut to what fits, and starts anywhere, so that all get their turn", () => {
    const maxExchangeSize = 8000
    const lab = new Lab({ maxExchangeSize, peers: 400 })
    const seen = new Set<string>()
    for (let i = 0; i < 200; i++) {
      const claims = lab.claims
      assert.isBelow(claims.length, 200)
      assert.isAbove(claims.length, 20)
      const message = {
        _tag: "SyncResponse",
        id: lab.id,
        address: lab.address,
        table: 0,
        buckets: new Uint8Array(256),
        claims
      } as const
      assert.isAtMost(encodeMessage(message).length, maxExchangeSize)
      for (const claim of claims) seen.add(claim.id)
    }
    assert.strictEqual(seen.size, 401)
  })

  it("is cut before it has more claims than a message may", () => {
    const lab = new Lab({ maxExchangeSize: 64 * 1024 * 1024, config: { maxMembers: 100_000 } })
    for (let i = 1; i <= 66_000; i++) {
      lab.step({ _tag: "Received", from: addressOf(1), message: peer(i).alive, encoded: new Uint8Array(8) })
      lab.clear()
    }
    assert.strictEqual(lab.claims.length, 65_536)
  })
})

describe("tables that stay different", () => {
  it("are synced once the difference outlives the spreading of a claim, and only so often", () => {
    const lab = new Lab({ peers: 3, config: { ...quiet, syncInterval: 600_000 } })
    const began = lab.exchanges.length
    const syncs = () => lab.count("syncs divergence")
    lab.receive({ _tag: "Ping", nonce: 1, target: "n0", table: lab.machine.tableHash }, addressOf(1))
    showAnother(lab)
    assert.strictEqual(syncs(), 0)
    lab.advance(300)
    showAnother(lab)
    assert.strictEqual(syncs(), 0)
    lab.advance(200)
    showAnother(lab)
    assert.strictEqual(syncs(), 1)
    assert.strictEqual(lab.exchanges[began]!.to, addressOf(1))
    const differ = (seconds: number) => {
      const before = syncs()
      for (let i = 0; i < seconds; i++) {
        lab.advance(1000)
        showAnother(lab)
      }
      return syncs() - before
    }
    // a few at first, and then six in an interval
    assert.isAtMost(differ(90), 6)
    assert.strictEqual(differ(600), 6)
  })

  it("are synced with nobody who is not a member, whatever strangers show", () => {
    const lab = new Lab({ peers: 5 })
    lab.live(60_000)
    lab.clear()
    for (let i = 0; i < 300; i++) {
      lab.receive({ _tag: "Ping", nonce: 1, target: "n0", table: 12_345 }, addressOf(77))
      lab.advance(100)
    }
    assert.strictEqual(lab.count("syncs divergence"), 0)
    assert.isFalse(lab.exchanges.some(({ to }) => to === addressOf(77)))
    assert.isAtLeast(lab.messages("Ack").length, 300)
  })

  it("of members with other metadata in one incarnation are, until the member hears of it and outbids it", () => {
    const labs = [0, 1, 2].map((index) => new Lab({ index, seeds: index === 0 ? [] : [addressOf(0)] }))
    const [one, other] = labs as [Lab, Lab]
    run(labs, 30_000)
    const { incarnation } = other.machine.self
    one.receive({ ...peer(1).alive, incarnation, metadata: Uint8Array.of(1, 2, 3) })
    assert.strictEqual(one.machine.member("n1")!.metadata.length, 3)
    run(labs, 60_000)
    for (const lab of labs) {
      assert.strictEqual(lab.machine.member("n1")!.metadata.length, 0)
      assert.strictEqual(lab.machine.member("n1")!.incarnation, incarnation + 1)
      assert.strictEqual(lab.machine.tableHash, one.machine.tableHash)
    }
  })

  it("are not synced when they agree in between, nor for the sake of a stranger", () => {
    const lab = new Lab({ peers: 3, config: { ...quiet, syncInterval: 600_000 } })
    for (let i = 0; i < 50; i++) {
      showAnother(lab)
      lab.advance(300)
      lab.receive({ _tag: "Ping", nonce: 1, target: "n0", table: lab.machine.tableHash }, addressOf(1))
      lab.advance(300)
      lab.receive({ _tag: "Ping", nonce: 1, target: "n0", table: 0 }, addressOf(77))
      lab.receive({ _tag: "Ping", nonce: 1, target: "n0", table: lab.machine.tableHash }, addressOf(1))
    }
    assert.strictEqual(lab.count("syncs divergence"), 0)
  })
})

const showAnother = (lab: Lab) =>
  lab.receive({ _tag: "Ping", nonce: 1, target: "n0", table: (lab.machine.tableHash ^ 1) >>> 0 }, addressOf(1))

describe("a message of a sync", () => {
  it("that comes in a datagram is dropped", () => {
    const lab = new Lab()
    lab.receive({ _tag: "SyncRequest", id: "n9", address: addressOf(9), table: 0, claims: [peer(1).alive] })
    lab.receive({ _tag: "SyncResponse", id: "n9", address: addressOf(9), table: 0, claims: [peer(1).alive] })
    assert.strictEqual(lab.count("drops Unexpected"), 2)
    assert.isUndefined(lab.statusOf(1))
  })

  it("that is no request is refused on a stream", () => {
    const lab = new Lab()
    assert.isUndefined(lab.request(peer(1).alive))
    assert.isUndefined(lab.request({ _tag: "SyncResponse", id: "n9", address: addressOf(9), table: 0 }))
    assert.isUndefined(lab.statusOf(1))
  })
})
