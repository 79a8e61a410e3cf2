/** What happened in a simulation, as a hash and for those who look on. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { SimulatedNetwork } from "../../SimulatedNetwork.ts"
import type { Happening, SimulationEvent } from "../../SimulationEvent.ts"
import type { VirtualTime } from "../../VirtualTime.ts"
import { TraceHash } from "../traceHash.ts"

type Observer = (event: SimulationEvent) => void

export class Trace {
  private readonly observers: Array<Observer> = []
  private readonly own = new TraceHash()
  private readonly network: SimulatedNetwork["Service"]
  private readonly virtualTime: VirtualTime["Service"] | undefined
  private readonly now: () => number
  /** Above 0 while the network's notes say what is recorded here already. */
  muted = 0
  private readonly onDefect: (defect: unknown) => void

  constructor(
    network: SimulatedNetwork["Service"],
    virtualTime: VirtualTime["Service"] | undefined,
    now: () => number,
    onDefect: (defect: unknown) => void
  ) {
    this.network = network
    this.virtualTime = virtualTime
    this.now = now
    this.onDefect = onDefect
  }

  record(happening: Happening): void {
    const at = this.now()
    this.own.millis(at)
    this.own.text(JSON.stringify(happening))
    for (const observer of this.observers) observer({ at, ...happening })
  }

  observe(observing: Observer): Effect.Effect<void, never, Scope.Scope> {
    // whatever emits the event must go on; the run ends with the defect
    const observer: Observer = (event) => {
      try {
        observing(event)
      } catch (defect) {
        this.onDefect(defect)
      }
    }
    const own = Effect.acquireRelease(
      Effect.sync(() => void this.observers.push(observer)),
      () => Effect.sync(() => void this.observers.splice(this.observers.indexOf(observer), 1))
    )
    const ofNetwork = this.network.observe((event) => {
      if (event._tag !== "Note" || this.muted === 0) observer(event)
    })
    return Effect.andThen(own, ofNetwork)
  }

  /** Sixteen hexadecimal digits. */
  hash(): string {
    const all = new TraceHash()
    all.text(this.own.toString())
    all.text(this.network.traceHash())
    all.text(this.virtualTime?.traceHash() ?? "")
    return all.toString()
  }
}
