import { assert, describe, it } from "@effect/vitest"
import { packBatch, packEntry, packRecord } from "../../../../src/replication/internal/replica/encoding.ts"
import { lifeOf, maxLives, packRows, VersionVector } from "../../../../src/replication/internal/replica/vector.ts"
import type { Message } from "../../../../src/wire/Message.ts"
import { packEntries } from "../../../../src/wire/ReconciliationMessage.ts"
import { generator } from "../../../support/generator.ts"
import { addressOf, bytesOf, Cluster, spaceName, wallClock } from "./harness.ts"

const zeros = (size: number) => new Uint8Array(size)

const opening = {
  _tag: "ReplicaOpen",
  sender: "n001",
  space: spaceName,
  count: 9,
  sum: zeros(12),
  versions: zeros(8),
  company: 0
} as const
const nowhere = { millis: 0, counter: 0 }

/** Messages of every kind with bytes that may be anything in their lists. */
const messages = (bytes: () => Uint8Array, sender = "n001"): ReadonlyArray<Message> => {
  const space = spaceName
  const basis = { sender, space, instance: 1, purges: 0 }
  const head = { versions: bytes(), instance: 1, purges: 0, refusals: 0, misses: 0, company: 9 }
  return [
    { _tag: "ReplicaSummary", sender, spaces: bytes() },
    { _tag: "ReplicaOpen", sender, space, count: 3, sum: zeros(12), versions: bytes(), company: 3 },
    { _tag: "ReplicaOpened", ...head },
    { _tag: "ReplicaAsk", ...basis, question: { _tag: "TransferEntries", entries: bytes(), wants: zeros(80) } },
    { _tag: "ReplicaAsk", ...basis, question: { _tag: "CompareRows", rows: bytes() } },
    {
      _tag: "ReplicaAsk",
      ...basis,
      question: { _tag: "AskSymbols", instance: 1, sequence: 0, from: 1, count: 2 ** 30 }
    },
    { _tag: "ReplicaTold", answer: { _tag: "RowsCompared", rows: bytes(), entries: bytes() } },
    { _tag: "ReplicaConfirm", sender, space, keys: bytes() },
    { _tag: "ReplicaConfirmed", held: bytes() },
    { _tag: "ReplicaClose", ...basis, refusals: 0, versions: bytes() },
    { _tag: "ReplicaClosed", instance: 1, purges: 0, misses: 0, refusals: 1 },
    { _tag: "ReplicaNotHeld" },
    { _tag: "ReplicaStale" },
    {
      _tag: "StabilityReport",
      sender,
      space,
      memberIncarnation: 2 ** 47,
      life: 2 ** 47,
      number: 1,
      versions: bytes(),
      clock: zeros(8),
      interested: true,
      asked: bytes(),
      dead: bytes()
    },
    { _tag: "StabilityAnswer", sender, space, life: 1, number: 1, members: zeros(8), stable: zeros(8), asked: bytes() },
    { _tag: "StabilityAsk", sender, space }
  ]
}

describe("a hostile member", () => {
  it("makes nothing break, whatever it sends", () => {
    const random = generator("hostile")
    const cluster = new Cluster(2).open()
    const [node, other] = cluster.nodes
    node!.set("a", "1")
    cluster.advance(100)
    const well = packRows([{ life: lifeOf("n001", 5), millis: wallClock, counter: 0 }])
    const bytes = () => {
      const made = random.pick([zeros(random.int(40)), random.bytes(random.int(400)), Uint8Array.from(well)])
      if (made.length > 0 && random.int(2) === 0) made[random.int(made.length)] = random.int(256)
      return made
    }
    const from = addressOf(1)
    for (let i = 0; i < 300; i++) {
      for (const message of messages(bytes)) {
        node!.step({ _tag: "Received", from, message, encoded: zeros(0) })
        node!.request(message)
        node!.step({ _tag: "Answered", exchange: 1 + random.int(40), answer: message, failure: "" })
      }
      node!.command({ _tag: "Heard", space: spaceName, batch: bytes(), origin: "n001" })
      cluster.advance(20)
    }
    assert.strictEqual(node!.get("a"), "1")
    assert.isAbove(node!.happened("Refused").length, 0)
    assert.isTrue(node!.happened("Refused").every(({ node }) => node === "n001"))
    assert.isTrue(cluster.until(() => node!.content === other!.content))
  })

  it("is not listened to when the membership does not know it", () => {
    const node = new Cluster(1).open().nodes[0]!
    for (const message of messages(() => zeros(24), "n007")) {
      node.step({ _tag: "Received", from: addressOf(7), message, encoded: zeros(0) })
      assert.isUndefined(node.request(message))
    }
    assert.deepStrictEqual(node.sent, { messages: 0, bytes: 0, exchanges: 0 })
  })

  it("cannot have a node hold more lives than a vector takes", () => {
    const cluster = new Cluster(2).open()
    const [node] = cluster.nodes
    for (let i = 0; i < maxLives + 100; i++) {
      const writes = [{ time: { millis: wallClock, counter: 1 }, key: bytesOf("k"), value: bytesOf("v") }]
      node!.command({
        _tag: "Heard",
        space: spaceName,
        batch: packBatch({ incarnation: i, previous: nowhere, writes }),
        origin: "n001"
      })
    }
    const opened = node!.request(opening)
    assert.strictEqual(opened?._tag, "ReplicaOpened")
    if (opened?._tag === "ReplicaOpened") assert.strictEqual(VersionVector.unpack(opened.versions)!.size, maxLives)
  })

  it("has the rest of a message passed over that does not hold what it has to", () => {
    const [node] = new Cluster(2).open().nodes
    node!.set("a", "1")
    const opened = node!.request(opening) as Extract<
      Message,
      { _tag: "ReplicaOpened" }
    >
    const { instance, purges } = opened
    const basis = { sender: "n001", space: spaceName, instance, purges }
    // entries, or keys, or names, of no bytes
    const nothings = zeros(100_000)
    const question = { _tag: "TransferEntries", entries: nothings } as const
    assert.isUndefined(node!.request({ _tag: "ReplicaAsk", ...basis, question }))
    assert.strictEqual(node!.happened("Refused").reduce((sum, { count }) => sum + count, 0), 1)
    assert.isUndefined(node!.request({ _tag: "ReplicaConfirm", sender: "n001", space: spaceName, keys: nothings }))
  })

  it("cannot have others forget what is yet to be written, or take it for known", () => {
    const cluster = new Cluster(3).open()
    const [first, second, third] = cluster.nodes
    first!.set("a", "1")
    second!.set("b", "1")
    cluster.advance(2000)
    // all was deleted, it says, until far in the future
    const far = { millis: wallClock + 1_000_000_000, counter: 0 }
    const space = third!.machine.legacy().spaces.get(spaceName)!
    for (const { life } of [...space.versions.known.rows()]) space.versions.known.raise(life, far)
    space.forgot(far)
    for (const held of [...space.entries.all()]) space.drop(held)
    cluster.advance(10_000)
    first!.set("c", "1")
    cluster.advance(5000)
    assert.strictEqual(first!.content, "a=1,b=1,c=1")
    assert.strictEqual(second!.content, "a=1,b=1,c=1")
    for (const node of [first!, second!]) {
      const { purged, versions } = node.machine.legacy().spaces.get(spaceName)!
      assert.isBelow(purged.millis, far.millis)
      assert.isTrue([...versions.known.rows()].every(({ millis }) => millis < far.millis))
      assert.isTrue(node.happened("Refused").some(({ node, reason }) => node === "n002" && reason === "ClockAhead"))
    }
  })

  it("cannot send what is older than what was forgotten", () => {
    const cluster = new Cluster(2).open()
    const [node, other] = cluster.nodes
    const { incarnation, timestamp } = other!.set("a", "1")
    const old = { ...timestamp, life: lifeOf("n001", incarnation), value: bytesOf("1") }
    cluster.advance(100)
    node!.set("a", undefined)
    assert.isTrue(cluster.until(() => cluster.nodes.every(({ certificates }) => certificates === 0)))
    const entries = packEntries([packEntry(bytesOf("a"), packRecord(old))])
    const { instance, purges } = node!.request(opening) as Extract<Message, { _tag: "ReplicaOpened" }>
    const question = { _tag: "TransferEntries", entries } as const
    node!.request({ _tag: "ReplicaAsk", sender: "n001", space: spaceName, instance, purges, question })
    assert.isUndefined(node!.get("a"))
  })
})
