/**
 * How soon all nodes have what one publishes, and how often it is sent: nodes on real UDP, in this process.
 */
import { Gossip, Topic } from "@effect-gossip/core"
import {
  DirectMail,
  Dissemination,
  MedianCounter,
  Piggyback,
  PushThenPull,
  RumorMongering,
  SpreadReport
} from "@effect-gossip/core/dissemination"
import { Membership } from "@effect-gossip/core/membership"
import { UdpTransport } from "@effect-gossip/transport-udp"
import { Context, Duration, Effect, Exit, Layer, References, Schedule, Schema, Scope, Stream } from "effect"

class Broadcast extends Topic.Service<Broadcast>()("bench/Broadcast", {
  payload: Schema.Struct({ n: Schema.Int, body: Schema.Uint8Array })
}) {}

export const strategies = {
  "push-then-pull": PushThenPull.layer(),
  "direct-mail": DirectMail.layer(),
  "rumor-mongering": RumorMongering.layer(),
  "median-counter": MedianCounter.layer(),
  piggyback: Piggyback.layer()
}

export type Strategy = keyof typeof strategies

export interface Options {
  readonly nodes: number
  readonly publishes: number
  /** Bytes of a payload. */
  readonly size: number
  readonly strategy: Strategy
  /** Time between two publishes, from when the last has arrived everywhere, or is given up. */
  readonly pause: Duration.Input
}

/** How long what was published may take before it is given up. */
const patience = Duration.seconds(10)

/** Of what is encoded besides the body. */
const overhead = 16

const quantile = (sorted: ReadonlyArray<number>, share: number): number =>
  sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)]!

const median = (values: Array<number>): number => quantile(values.sort((a, b) => a - b), 0.5)

const round = (value: number, digits = 2): number => Number(value.toFixed(digits))

/** Starts a node in a scope of its own, so that all can leave at a time; the first is the seed of all. */
const start = Effect.fnUntraced(function*(
  scope: Scope.Scope,
  name: string,
  seed: string | undefined,
  strategy: Strategy
) {
  const node = Broadcast.layer.pipe(
    Layer.provideMerge(Gossip.layer({ name, ...(seed !== undefined && { seeds: [seed] }) })),
    Layer.provide(strategies[strategy]),
    Layer.provide(UdpTransport.layer({ host: "127.0.0.1", port: 0 }))
  )
  return yield* Layer.buildWithScope(node, yield* Scope.fork(scope, "sequential"))
})

type Node = Effect.Success<ReturnType<typeof start>>

const reportOf = Effect.fnUntraced(function*(nodes: ReadonlyArray<Node>) {
  const reports = yield* Effect.forEach(nodes, (node) => Context.get(node, Dissemination.Dissemination).reports)
  return SpreadReport.combine(reports.flatMap((report) => [...report.values()]))
})

const areAgreed = (nodes: ReadonlyArray<Node>) =>
  Effect.map(
    Effect.forEach(nodes, (node) => Context.get(node, Membership.Membership).members),
    (views) => views.every((view) => view.filter(({ status }) => status === "Alive").length === nodes.length)
  )

/** What each node is told, with the times at which it is. */
const listen = Effect.fnUntraced(function*(nodes: ReadonlyArray<Node>) {
  let current = -1
  let times: Array<number> = []
  let copies = 0
  let done: () => void = () => {}
  for (const node of nodes) {
    yield* Context.get(node, Broadcast).messages.pipe(
      Stream.runForEach(({ payload }) =>
        Effect.sync(() => {
          copies++
          if (payload.n !== current) return
          times.push(performance.now())
          if (times.length === nodes.length) done()
        })
      ),
      Effect.forkScoped({ startImmediately: true })
    )
  }
  return {
    copies: () => copies,
    /** The times at which nodes have it that is published by an effect, counted from then, in order. */
    timesOf: <E>(n: number, publish: Effect.Effect<void, E>) =>
      Effect.gen(function*() {
        current = n
        times = []
        const all = Effect.callback<void>((resume) => {
          done = () => resume(Effect.void)
          if (times.length === nodes.length) done()
        })
        const began = performance.now()
        yield* publish
        yield* Effect.timeoutOption(all, patience)
        return times.map((time) => time - began)
      })
  }
})

const cpuMillis = (): number => {
  const { system, user } = process.cpuUsage()
  return (system + user) / 1000
}

export const measure = Effect.fnUntraced(
  function*(options: Options) {
    const { publishes, size, strategy } = options
    const scope = yield* Effect.acquireRelease(Scope.make("parallel"), (scope) => Scope.close(scope, Exit.void))
    const first = yield* start(scope, "n0", undefined, strategy)
    const seed = (yield* Context.get(first, Membership.Membership).self).address
    const nodes = [first]
    for (let index = 1; index < options.nodes; index++) nodes.push(yield* start(scope, `n${index}`, seed, strategy))
    yield* areAgreed(nodes).pipe(
      Effect.repeat({ until: (isAgreed) => isAgreed, schedule: Schedule.spaced("100 millis") }),
      Effect.timeout("1 minute")
    )
    // joining is over
    yield* Effect.sleep("3 seconds")
    const heard = yield* listen(nodes)
    const body = new Uint8Array(Math.max(0, size - overhead))
    const quantiles = { t50: [] as Array<number>, t99: [] as Array<number>, t100: [] as Array<number> }
    const cpu: Array<number> = []
    let complete = 0
    const before = yield* reportOf(nodes)
    for (let n = 0; n < publishes; n++) {
      const publisher = Context.get(nodes[n % nodes.length]!, Broadcast)
      const cpuBefore = cpuMillis()
      const times = yield* heard.timesOf(n, Effect.orDie(publisher.publish({ n, body })))
      cpu.push(cpuMillis() - cpuBefore)
      if (times.length === nodes.length) complete++
      // a node that was never told makes it infinite
      while (times.length < nodes.length) times.push(Infinity)
      quantiles.t50.push(quantile(times, 0.5))
      quantiles.t99.push(quantile(times, 0.99))
      quantiles.t100.push(quantile(times, 1))
      yield* Effect.sleep(options.pause)
    }
    // what is still under way belongs to it
    yield* Effect.sleep("3 seconds")
    const after = yield* reportOf(nodes)
    const each = publishes * nodes.length
    return {
      nodes: nodes.length,
      publishes,
      complete,
      t50Ms: round(median(quantiles.t50)),
      t99Ms: round(median(quantiles.t99)),
      t100Ms: round(median(quantiles.t100)),
      t100WorstMs: round(Math.max(...quantiles.t100)),
      // of the processor, whatever else the machine is doing
      cpuMsPerPublish: round(median(cpu)),
      payloadPerNode: round((after.payloadMessages - before.payloadMessages) / each, 4),
      redundantPerNode: round((after.redundant - before.redundant) / each, 4),
      controlMessagesPerNode: round((after.controlMessages - before.controlMessages) / each, 2),
      controlBytesPerNode: round((after.controlBytes - before.controlBytes) / each, 1),
      delivered: heard.copies(),
      strategy
    }
  },
  Effect.scoped,
  Effect.provideService(References.MinimumLogLevel, "Warn")
)
