/**
 * A process to be killed: it opens a store, checks that it holds what its predecessors say that they wrote, and writes on,
 * saying what was acknowledged.
 *
 *     node writer.ts files|keys|sqlite DIRECTORY
 *
 * It begins once it is told to, by a line on standard input, so that it can be started ahead of time.
 */
import * as ReplicaStore from "@effect-gossip/core/replication/ReplicaStore"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as NodePath from "@effect/platform-node/NodePath"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as KeyValueStore from "effect/persistence/KeyValueStore"
import { MinimumLogLevel } from "effect/References"
import * as fs from "node:fs"
import * as Sqlite from "./sqlite.ts"

const [, , medium, directory = ""] = process.argv

const keys = 40
const valueOf = (number: number) => `${number} ${"x".repeat(number * 37 % 3000)}`
const bytes = (text: string) => new TextEncoder().encode(text)
const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes)
const say = (line: string) => fs.writeSync(1, `${line}\n`)

const program = Effect.gen(function*() {
  const store = yield* (yield* ReplicaStore.ReplicaStore)!.open("space")
  const { entries, losses, meta } = yield* store.load
  let last = meta === undefined ? 0 : Number(text(meta))
  const found = new Map(Array.from(entries, ([key, record]) => [text(key), text(record)]))
  // each commit puts one key, and removes another
  const expected = new Map<string, string>()
  for (let number = Math.max(1, last - 10 * keys); number <= last; number++) {
    expected.set(`${number % keys}`, valueOf(number))
    expected.delete(`${(number + 7) % keys}`)
  }
  const isRight = found.size === expected.size && [...found].every(([key, value]) => expected.get(key) === value)
  say(`opened ${last} ${isRight ? "right" : "wrong"} ${JSON.stringify(losses)}`)
  while (true) {
    last++
    yield* store.commit({
      puts: [[bytes(`${last % keys}`), bytes(valueOf(last))]],
      removes: [bytes(`${(last + 7) % keys}`)],
      meta: bytes(`${last}`)
    })
    say(`${last}`)
  }
})

const node = Layer.merge(NodeFileSystem.layer, NodePath.layer)
const keyValues = medium === "keys"
  ? KeyValueStore.layerFileSystem(directory)
  : KeyValueStore.layerSql().pipe(Layer.provide(Sqlite.layer(`${directory}/replicas.sqlite`)))
const layer = medium === "files"
  ? ReplicaStore.layerFileSystem({ directory })
  : ReplicaStore.layerKeyValueStore().pipe(Layer.provide(keyValues))

fs.readSync(0, new Uint8Array(1))
Effect.runFork(
  Effect.scoped(program).pipe(
    Effect.provide(layer.pipe(Layer.provide(node))),
    Effect.provideService(MinimumLogLevel, "None"),
    Effect.catch((error) => Effect.sync(() => say(`failed ${error.message}`)))
  )
)
