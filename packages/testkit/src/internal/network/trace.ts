/** What happens on a simulated network, as it goes into the hash and to observers. */
import type { Address } from "@effect-gossip/core/Address"
import type * as MemoryTransport from "@effect-gossip/core/MemoryTransport"
import type { DropReason, Event } from "../../SimulatedNetwork.ts"
import type { Timing } from "../timing.ts"
import { TraceHash } from "../traceHash.ts"
import type { Stations } from "./stations.ts"

/** The codes under which events enter the hash. */
export const codes: {
  readonly sent: number
  readonly duplicated: number
  readonly delivered: number
  readonly opened: number
  readonly note: number
  readonly corrupted: number
  readonly legs: Readonly<Record<MemoryTransport.Leg, number>>
  readonly drops: Readonly<Record<DropReason, number>>
  readonly outcomes: Readonly<Record<MemoryTransport.Outcome, number>>
} = {
  sent: 1,
  duplicated: 2,
  delivered: 3,
  opened: 4,
  note: 5,
  corrupted: 6,
  legs: { Request: 10, Answer: 11 },
  drops: {
    Loss: 20,
    Partition: 21,
    Crash: 22,
    BufferFull: 23,
    NotReceiving: 24,
    NoSuchAddress: 25,
    TooBig: 26,
    LinkFull: 27
  },
  outcomes: { Answered: 30, TooLarge: 31, Refused: 32, Unreachable: 33, Closed: 34, Broken: 35, Abandoned: 36 }
}

export class Trace {
  readonly hash = new TraceHash()
  private readonly observers: Array<(event: Event) => void> = []
  private readonly timing: Timing
  private readonly start: number
  private readonly stations: Stations

  constructor(timing: Timing, stations: Stations) {
    this.timing = timing
    this.start = timing.now()
    this.stations = stations
  }

  /** Milliseconds since the network was made. */
  at(): number {
    return this.timing.now() - this.start
  }

  /** Whether events need to be made at all. */
  get isObserved(): boolean {
    return this.observers.length > 0
  }

  record(code: number, id: number, from: number, to: Address): void {
    const hash = this.hash
    hash.int(code)
    hash.millis(this.at())
    hash.int(id)
    hash.int(from)
    hash.int(this.stations.hashOf(to))
  }

  emit(event: Event): void {
    for (const observer of this.observers) observer(event)
  }

  note(text: string): void {
    this.hash.int(codes.note)
    this.hash.millis(this.at())
    this.hash.text(text)
    if (this.isObserved) this.emit({ _tag: "Note", at: this.at(), text })
  }

  observe(observer: (event: Event) => void): void {
    this.observers.push(observer)
  }

  ignore(observer: (event: Event) => void): void {
    this.observers.splice(this.observers.indexOf(observer), 1)
  }
}
