/**
 * What replicated maps carry: many keys, a node that joins, and writes for a while, by nodes on real UDP in this process.
 */
import { Address, Gossip, MemoryTransport, ReplicatedMap, type Transport } from "@effect-gossip/core"
import { Membership } from "@effect-gossip/core/membership"
import { UdpTransport } from "@effect-gossip/transport-udp"
import { Context, Effect, Exit, Layer, Option, References, Schedule, Schema, Scope } from "effect"
import { strategies, type Strategy } from "./broadcast.ts"

class Entries extends ReplicatedMap.Service<Entries>()("bench/Entries", {
  key: Schema.String,
  value: Schema.Uint8Array
}) {}

export interface Options {
  readonly nodes: number
  readonly keys: number
  /** Bytes of a value. */
  readonly size: number
  /** Of all nodes together. */
  readonly writesPerSecond: number
  readonly seconds: number
  /** Over UDP and TCP, or within the process, which shows what the maps cost without the network. */
  readonly transport: keyof typeof transports
  readonly strategy: Strategy
}

/** How long it may take until all agree. */
const patience = "2 minutes"

const round = (value: number, digits = 1): number => Number(value.toFixed(digits))

const cpuMillis = (): number => {
  const { system, user } = process.cpuUsage()
  return (system + user) / 1000
}

const rss = (): number => round(process.memoryUsage.rss() / 1e6, 0)

const quantile = (values: ReadonlyArray<number>, share: number): number =>
  values.toSorted((a, b) => a - b)[Math.max(0, Math.ceil(share * values.length) - 1)] ?? 0

/** The transport of each node, by a number. */
const transports = {
  udp: () => UdpTransport.layer({ host: "127.0.0.1", port: 0 }),
  memory: () => {
    const network = Layer.succeed(MemoryTransport.MemoryNetwork, MemoryTransport.makeNetwork())
    let port = 7000
    return Layer.unwrap(
      Effect.sync(() => MemoryTransport.layer({ address: Address.fromStringUnsafe(`127.0.0.1:${port++}`) }))
    ).pipe(
      Layer.provide(network),
      Layer.fresh
    )
  }
}

/** Starts a node in a scope of its own. */
const start = Effect.fnUntraced(function*(
  scope: Scope.Scope,
  name: string,
  seed: string | undefined,
  transport: Layer.Layer<Transport.Transport, Transport.TransportError>,
  strategy: Strategy
) {
  const node = Entries.layer.pipe(
    Layer.provide(strategies[strategy]),
    Layer.provideMerge(Gossip.layer({ name, ...(seed !== undefined && { seeds: [seed] }) })),
    Layer.provide(transport)
  )
  return yield* Layer.buildWithScope(node, yield* Scope.fork(scope, "sequential"))
})

type Node = Effect.Success<ReturnType<typeof start>>

const mapOf = (node: Node) => Context.get(node, Entries)

const until = <E>(condition: Effect.Effect<boolean, E>) =>
  condition.pipe(
    Effect.repeat({ until: (holds) => holds, schedule: Schedule.spaced("20 millis") }),
    Effect.timeout(patience)
  )

/** Whether all hold the same, as far as a number of keys show. */
const areAlike = (nodes: ReadonlyArray<Node>, { keys }: Options) =>
  Effect.gen(function*() {
    const sizes = yield* Effect.forEach(nodes, (node) => mapOf(node).size)
    if (sizes.some((size) => size !== sizes[0])) return false
    for (let i = 0; i < 300; i++) {
      const key = `key ${i * 7919 % keys}`
      const values = yield* Effect.forEach(nodes, (node) => mapOf(node).get(key))
      const [first, ...others] = values.map((value) => Option.match(value, { onNone: () => -1, onSome: numberOf }))
      if (others.some((other) => other !== first)) return false
    }
    return true
  })

const valueOf = (size: number, number: number): Uint8Array => {
  const value = new Uint8Array(size)
  new DataView(value.buffer).setFloat64(0, number)
  return value
}

const numberOf = (value: Uint8Array): number => new DataView(value.buffer, value.byteOffset).getFloat64(0)

/** Writes each key at one node, and waits until all have all. */
const fill = Effect.fnUntraced(function*(nodes: ReadonlyArray<Node>, { keys, size }: Options) {
  const began = performance.now()
  const batch = 500
  for (let from = 0; from < keys; from += batch) {
    const entries = Array.from(
      { length: Math.min(batch, keys - from) },
      (_, i) => [`key ${from + i}`, valueOf(size, from + i)] as const
    )
    yield* mapOf(nodes[from / batch % nodes.length]!).setAll(entries)
    // others are to be handled meanwhile
    yield* Effect.sleep("1 millis")
  }
  const written = performance.now()
  yield* until(Effect.map(
    Effect.forEach(nodes, (node) => mapOf(node).size),
    (sizes) => sizes.every((held) => held === keys)
  ))
  return { fillMs: round(written - began), fillConvergedMs: round(performance.now() - began) }
})

/** Writes at a pace, and remembers what was written last under each key, and how long writes took. */
const write = Effect.fnUntraced(function*(
  nodes: ReadonlyArray<Node>,
  options: Options,
  seconds: number,
  latencies: Array<number>
) {
  const { keys, size, writesPerSecond } = options
  const last = new Map<string, number>()
  let written = 0
  const began = performance.now()
  // each key is written by one node, so that the last write is known
  const writer = Effect.fnUntraced(function*(index: number) {
    const map = mapOf(nodes[index]!)
    const perSecond = writesPerSecond / nodes.length
    const total = Math.floor(perSecond * seconds)
    let done = 0
    while (true) {
      const elapsed = Math.min(performance.now() - began, seconds * 1000)
      // as by clients that do not wait for each other
      const due = Math.floor(elapsed / 1000 * perSecond)
      yield* Effect.forEach(
        Array.from({ length: Math.min(due - done, 1000) }, (_, i) => done + i),
        Effect.fnUntraced(function*(n) {
          const number = written++
          const key = `key ${(n * 7919 % Math.floor(keys / nodes.length)) * nodes.length + index}`
          const at = performance.now()
          last.set(key, 1e9 + number)
          yield* map.set(key, valueOf(size, 1e9 + number))
          latencies.push(performance.now() - at)
        }),
        { concurrency: "unbounded", discard: true }
      )
      done = Math.min(due, done + 1000)
      if (done >= total) return
      yield* Effect.sleep("2 millis")
    }
  })
  yield* Effect.forEach(nodes, (_, index) => writer(index), { concurrency: "unbounded" })
  return { last, written, elapsed: performance.now() - began }
})

export const measure = Effect.fnUntraced(
  function*(options: Options) {
    const scope = yield* Effect.acquireRelease(Scope.make("parallel"), (scope) => Scope.close(scope, Exit.void))
    const transport = transports[options.transport]()
    const first = yield* start(scope, "n0", undefined, transport, options.strategy)
    const seed = (yield* Context.get(first, Membership.Membership).self).address
    const nodes = [first]
    for (let index = 1; index < options.nodes; index++) {
      nodes.push(yield* start(scope, `n${index}`, seed, transport, options.strategy))
    }
    yield* until(Effect.map(
      Effect.forEach(nodes, (node) => Context.get(node, Membership.Membership).members),
      (views) => views.every((view) => view.filter(({ status }) => status === "Alive").length === nodes.length)
    ))

    const filled = yield* fill(nodes, options)
    const held = { rssMb: rss() }

    // one that joins gets all there is, while the others keep serving
    const during: Array<number> = []
    const cpuBeforeJoin = cpuMillis()
    const joining = performance.now()
    const joinerScope = yield* Scope.fork(scope, "sequential")
    const joiner = yield* start(joinerScope, `n${options.nodes}`, seed, transport, options.strategy)
    const serving = yield* Effect.forkChild(Effect.forever(Effect.gen(function*() {
      const at = performance.now()
      yield* mapOf(nodes[0]!).set("key 0", valueOf(options.size, 0))
      during.push(performance.now() - at)
      yield* Effect.sleep("5 millis")
    })))
    yield* until(Effect.map(mapOf(joiner).size, (size) => size === options.keys))
    const joinMs = performance.now() - joining
    const joinCpuMs = cpuMillis() - cpuBeforeJoin
    yield* Effect.sync(() => serving.interruptUnsafe())
    yield* until(areAlike([...nodes, joiner], options))

    // what follows is of as many nodes as are asked for
    yield* Scope.close(joinerScope, Exit.void)

    // writes for a while
    const latencies: Array<number> = []
    const cpuBeforeWrites = cpuMillis()
    const { elapsed, last, written } = yield* write(nodes, options, options.seconds, latencies)
    const cpuOfWrites = cpuMillis() - cpuBeforeWrites
    const ended = performance.now()
    /** How many of the last writes are not what a node has. */
    const count = Effect.gen(function*() {
      let missing = 0
      for (const node of nodes) {
        const found = new Map(yield* mapOf(node).entries)
        for (const [key, number] of last) {
          const value = found.get(key)
          if (value === undefined || numberOf(value) !== number) missing++
        }
      }
      return missing
    })
    yield* Effect.ignore(until(areAlike(nodes, options)))
    // of all keys, and not only of some
    let lost = yield* count
    while (lost > 0 && performance.now() - ended < 120_000) lost = yield* count
    const converged = performance.now()
    const version = yield* mapOf(first).set("one more", valueOf(options.size, 1))
    const stable = performance.now()
    const isStable = yield* Effect.result(mapOf(first).awaitStable(version, { timeout: "10 seconds" }))
    return {
      nodes: options.nodes,
      keys: options.keys,
      size: options.size,
      ...filled,
      ...held,
      joinMs: round(joinMs),
      joinCpuMs: round(joinCpuMs),
      writesWhileJoining: during.length,
      writeWhileJoiningP50Ms: round(quantile(during, 0.5), 2),
      writeWhileJoiningWorstMs: round(quantile(during, 1), 2),
      seconds: round(elapsed / 1000),
      written,
      writesPerSecond: round(written / elapsed * 1000, 0),
      writeP50Ms: round(quantile(latencies, 0.5), 2),
      writeP99Ms: round(quantile(latencies, 0.99), 2),
      convergedMs: round(converged - ended),
      lost,
      cpuMsPerWrite: round(cpuOfWrites / written, 3),
      stableMs: isStable._tag === "Success" ? round(performance.now() - stable) : Infinity,
      rssAfterMb: rss()
    }
  },
  Effect.scoped,
  Effect.provideService(References.MinimumLogLevel, "Warn")
)
