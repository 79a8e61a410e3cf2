/** What a simulated network keeps of each address. */
import type { Address } from "@effect-gossip/core/Address"
import type * as Random from "effect/Random"
import type { Counters } from "../../SimulatedNetwork.ts"
import * as SplitRandom from "../splitRandom.ts"
import { type Line, Lines } from "./lines.ts"

export class MutableCounters implements Counters {
  datagramsSent = 0
  datagramBytesSent = 0
  datagramsReceived = 0
  datagramBytesReceived = 0
  exchanges = 0
  exchangeBytesSent = 0
}

/** The counters of an address, and a random stream for each of its decisions, so that one that is added (a loss, say)
 * leaves the others as they were. */
export class Station {
  readonly counters = new MutableCounters()
  readonly hash: number
  readonly latency: Random.Random
  readonly loss: Random.Random
  readonly duplication: Random.Random
  readonly reordering: Random.Random
  readonly streams: Random.Random
  private readonly seed: string
  // Made when they are needed, which most are not.
  private corruptionRandom: Random.Random | undefined
  private lines: Lines | undefined

  constructor(seed: string, address: Address) {
    this.seed = `${seed}/${address}`
    this.hash = SplitRandom.hashString(address, 0)
    this.latency = this.random("latency")
    this.loss = this.random("loss")
    this.duplication = this.random("duplication")
    this.reordering = this.random("reordering")
    this.streams = this.random("streams")
  }

  get corruption(): Random.Random {
    return this.corruptionRandom ??= this.random("corruption")
  }

  lineTo(address: Address, now: number): Line {
    return (this.lines ??= new Lines()).to(address, now)
  }

  private random(decision: string): Random.Random {
    return SplitRandom.make(`${this.seed}/${decision}`)
  }
}

export class Stations {
  private readonly stations = new Map<Address, Station>()
  private readonly seed: string

  constructor(seed: string) {
    this.seed = seed
  }

  get(address: Address): Station | undefined {
    return this.stations.get(address)
  }

  getOrMake(address: Address): Station {
    let station = this.stations.get(address)
    if (station === undefined) this.stations.set(address, station = new Station(this.seed, address))
    return station
  }

  /** By which the trace knows an address; nothing is kept for it. */
  hashOf(address: Address): number {
    return this.stations.get(address)?.hash ?? SplitRandom.hashString(address, 0)
  }
}
