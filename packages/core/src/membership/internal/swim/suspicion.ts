/**
 * SWIM's suspicion (§4.2): a suspected member has a time to refute, and is dead after it.
 */
import type { Entry } from "../table.ts"
import type { Core } from "./core.ts"

/** `multiplier · max(1, log10 n) · probeInterval`: memberlist's `suspicionTimeout`, in the unit of the interval. */
export const suspicionTimeout = (multiplier: number, clusterSize: number, probeInterval: number): number =>
  multiplier * Math.max(1, Math.log10(clusterSize)) * probeInterval

export class Suspicions {
  readonly #core: Core
  #tokens = 0

  constructor(core: Core) {
    this.#core = core
  }

  start(entry: Entry): void {
    const { config } = this.#core
    const timeout = suspicionTimeout(config.suspicionMultiplier, this.#core.clusterSize, config.probeInterval)
    // one count for all: an entry that was forgotten and came back must not take up the timer of its former self
    const token = ++this.#tokens
    entry.suspicionToken = token
    this.#core.count("suspicions", "started")
    this.#core.wake(timeout, { _tag: "Suspicion", key: entry.key, token })
  }

  expire(key: string, token: number): void {
    const core = this.#core
    const entry = core.table.get(key)
    if (entry === undefined || entry.suspicionToken !== token || entry.state.status !== "Suspect") return
    if (core.phase !== "running") return
    core.count("suspicions", "confirmed")
    const { address, id, incarnation } = entry.state
    core.adopt({ _tag: "Dead", id, address, incarnation, from: core.birth.id }, 0)
  }
}
