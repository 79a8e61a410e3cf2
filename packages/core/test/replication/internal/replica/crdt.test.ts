import { assert, describe, it } from "@effect/vitest"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as PNCounter from "../../../../src/replication/PNCounter.ts"
import type { SpaceKind } from "../../../../src/replication/ReplicaMachine.ts"
import { Cluster, type ClusterOptions, type Node, spaceName } from "./harness.ts"

const { definition } = PNCounter
type State = typeof definition.empty

const decodeOption = Schema.decodeUnknownOption(definition.schema)
const encodeOption = Schema.encodeOption(definition.schema)

const kind: SpaceKind = {
  _tag: "crdt",
  states: {
    decode: (bytes) => Option.getOrUndefined(decodeOption(bytes)),
    encode: (state: State) => Option.getOrUndefined(encodeOption(state)),
    merge: definition.merge
  }
}

const key = new Uint8Array(0)

const add = (node: Node, by: number) =>
  node.command({
    _tag: "Update",
    space: spaceName,
    key,
    mutate: (state, replica) => definition.increment((state as State | undefined) ?? definition.empty, replica, by)
  })

const valueOf = (node: Node) => {
  const entry = node.machine.read(spaceName, key)
  return entry === undefined ? 0 : definition.value(entry.state as State)
}

const open = (nodes: number, options: ClusterOptions = {}) =>
  new Cluster(nodes, { kind, isEncoded: true, ...options }).open()

describe("a replica of a CRDT", () => {
  it("counts what all add at the same time", () => {
    const cluster = open(4)
    for (let i = 0; i < 40; i++) add(cluster.nodes[i % 4]!, i)
    cluster.advance(200)
    assert.deepStrictEqual(cluster.nodes.map(valueOf), [780, 780, 780, 780])
  })

  it("counts nothing twice, though rumors are lost, and come late", () => {
    const cluster = open(3, { antiEntropy: { interval: 200, mode: "pushPull", strategy: "rateless" } })
    cluster.loses = () => cluster.random.int(3) === 0
    cluster.rumorLatency = () => cluster.random.int(800)
    let sum = 0
    for (let i = 1; i <= 100; i++) {
      add(cluster.nodes[i % 3]!, i)
      sum += i
      cluster.advance(10)
    }
    assert.isTrue(cluster.until(() => cluster.nodes.every((node) => valueOf(node) === sum)))
  })

  it("says when an update is stable", () => {
    const cluster = open(3)
    const written = add(cluster.nodes[1]!, 5)
    assert.strictEqual(written?._tag, "Written")
    if (written?._tag !== "Written") return
    cluster.nodes[1]!.command({ _tag: "Watch", space: spaceName, watch: 1, version: written.version! })
    assert.isTrue(cluster.until(() => cluster.nodes[1]!.stability(1)?.isStable === true, 3000))
    assert.deepStrictEqual(cluster.nodes.map(valueOf), [5, 5, 5])
  })

  it("goes on as another replica after a restart from the store", () => {
    const cluster = open(1, { isDurable: true })
    add(cluster.nodes[0]!, 3)
    cluster.advance(50)
    const after = cluster.restart(0, true)
    after.open()
    add(after, 4)
    assert.strictEqual(valueOf(after), 7)
  })

  it("fails an update that throws, and writes nothing", () => {
    const node = open(1).nodes[0]!
    const mutate = () => {
      throw new Error("no")
    }
    const result = node.command({ _tag: "Update", space: spaceName, key, mutate })
    assert.strictEqual(result?._tag, "Failed")
    assert.strictEqual(node.machine.size(spaceName)!.keys, 0)
  })

  it("refuses the writes of maps", () => {
    assert.strictEqual(open(1).nodes[0]!.write("a", "1")?._tag, "Refused")
  })
})
