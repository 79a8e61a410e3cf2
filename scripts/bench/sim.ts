/**
 * What a simulation costs: a cluster forms, idles, and loses a tenth of its nodes at once.
 */
import * as Simulation from "@effect-gossip/testkit/Simulation"
import * as VirtualTime from "@effect-gossip/testkit/VirtualTime"
import { Duration, Effect } from "effect"
import { TestClock } from "effect/testing"
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"

setFlagsFromString("--expose-gc")
const gc = runInNewContext("gc") as () => void

const heap = (): number => {
  gc()
  return process.memoryUsage().heapUsed
}

const round = (value: number, digits = 2): number => Number(value.toFixed(digits))

/** Runs the cluster, and says what it cost. Wall times in milliseconds, `formed` and `known` in virtual ones. */
export const cluster = (options: { readonly nodes: number; readonly seconds: number; readonly seed: string }) => {
  const { nodes, seconds, seed } = options
  const heapBefore = heap()
  // The host's time is what is measured.
  const simulation = { nodes, seed, atMost: "10 hours", hostAccess: "allow" } as const
  return Simulation.runUnsafe(simulation, (sim) =>
    Effect.gen(function*() {
      let wall = performance.now()
      const lap = () => {
        const past = performance.now() - wall
        wall = performance.now()
        return past
      }
      const formed = yield* sim.until(sim.isAgreed, { atMost: "60 seconds", every: "500 millis" })
      const formedWallMillis = lap()
      // what was said while joining is passed on for a while
      yield* sim.advance("60 seconds")
      const bytesPerNode = (heap() - heapBefore) / nodes
      const before = sim.network.totals()
      lap()
      const cpuBefore = process.cpuUsage()
      yield* sim.advance(seconds * 1000)
      const idleWallMillis = lap()
      const idleCpu = process.cpuUsage(cpuBefore)
      const idleCpuMillis = (idleCpu.user + idleCpu.system) / 1000
      const after = sim.network.totals()
      yield* Effect.forEach(sim.nodes.filter((_, index) => index % 10 === 5), (node) => sim.crash(node.name), {
        discard: true
      })
      lap()
      const known = yield* sim.until(sim.isAgreed, { atMost: "5 minutes", every: "500 millis" })
      const knownWallMillis = lap()
      return {
        nodes,
        seed,
        formedMillis: Duration.toMillis(formed),
        formedWallMillis: round(formedWallMillis, 0),
        idleSeconds: seconds,
        idleWallMillisPerSecond: round(idleWallMillis / seconds),
        nodeSecondsPerSecond: round(nodes * seconds / (idleWallMillis / 1000), 0),
        // of the processor, whatever else the machine is doing
        nodeSecondsPerCpuSecond: round(nodes * seconds / (idleCpuMillis / 1000), 0),
        idleDatagramsPerNodeSecond: round((after.datagramsSent - before.datagramsSent) / nodes / seconds),
        idleBytesPerNodeSecond: round((after.datagramBytesSent - before.datagramBytesSent) / nodes / seconds),
        crashed: nodes - sim.running().length,
        crashKnownByAllMillis: Duration.toMillis(known),
        crashKnownByAllWallMillis: round(knownWallMillis, 0),
        bytesPerNode: round(bytesPerNode, 0),
        traceHash: sim.network.traceHash()
      }
    }))
}

// 1,000 fibers that sleep again and again, for 10 s of their time
const sleepers = Effect.forEach(
  Array.from({ length: 1000 }, (_, index) => index),
  (index) => Effect.forkScoped(Effect.forever(Effect.sleep(100 + index))),
  { discard: true }
)

/** Effect's `TestClock` and our virtual time on the same sleeping fibers, in turns; the ratio of their median times. */
export const speedup = async (runs: number) => {
  const program = Effect.scoped(Effect.andThen(sleepers, TestClock.adjust("10 seconds")))
  const median = (values: Array<number>) => values.sort((a, b) => a - b)[values.length >> 1]!
  const virtual: Array<number> = []
  const test: Array<number> = []
  for (let run = 0; run <= runs; run++) {
    let start = performance.now()
    VirtualTime.runUnsafe(program)
    const virtualMillis = performance.now() - start
    start = performance.now()
    await Effect.runPromise(Effect.provide(program, TestClock.layer()))
    const testMillis = performance.now() - start
    // the first of each warms up
    if (run === 0) continue
    virtual.push(virtualMillis)
    test.push(testMillis)
  }
  return {
    virtualTimeMillis: round(median(virtual)),
    testClockMillis: round(median(test)),
    speedupOverTestClock: round(median(test) / median(virtual))
  }
}
