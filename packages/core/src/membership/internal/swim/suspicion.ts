/**
 * SWIM's suspicion (§4.2): a suspected member has a time to refute, and is dead after it. Lifeguard's (§IV-B) is long at
 * first, and the shorter the more others suspect the member on their own: a suspicion that nobody shares is probably the
 * accuser's fault.
 */
import { ln, log10 } from "../../../internal/math.ts"
import type { Entry } from "../table.ts"
import type { Core } from "./core.ts"

/** `multiplier · max(1, log10 n) · probeInterval`: memberlist's `suspicionTimeout`, in the unit of the interval. */
export const suspicionTimeout = (multiplier: number, clusterSize: number, probeInterval: number): number =>
  multiplier * Math.max(1, log10(Math.max(1, clusterSize))) * probeInterval

/**
 * The accusers besides the first with whom a suspicion takes its shortest time: memberlist's `SuspicionMult - 2`, and none
 * where the cluster, without this node and the suspect, does not have as many.
 */
export const expectedConfirmations = (multiplier: number, clusterSize: number): number => {
  const expected = Math.max(0, multiplier - 2)
  return clusterSize - 2 < expected ? 0 : expected
}

/** What is left of `max` with so many of the expected confirmations: `max - (max - min) · log(c + 1) / log(k + 1)`. */
export const confirmedTimeout = (confirmations: number, expected: number, min: number, max: number): number =>
  confirmations >= expected
    ? min
    : Math.max(min, Math.floor(max - ln(confirmations + 1) / ln(expected + 1) * (max - min)))

interface Suspicion {
  readonly min: number
  readonly max: number
  readonly expected: number
  /** Who accuses: the first, and at most as many more as are expected. */
  readonly accusers: Set<string>
  /** From when its time counts. */
  since: number
  /** When it ends. */
  deadline: number
  /** Tells the timer that counts from those that were set before. */
  token: number
}

export class Suspicions {
  readonly #core: Core
  readonly #held = new Map<Entry, Suspicion>()
  // one count for all: an entry that was forgotten and came back must not take up the timer of its former self
  #tokens = 0

  constructor(core: Core) {
    this.#core = core
  }

  start(entry: Entry): void {
    const { clusterSize, config, now } = this.#core
    const min = suspicionTimeout(config.suspicionMultiplier, clusterSize, config.probeInterval)
    const suspicion: Suspicion = {
      min,
      max: min * config.suspicionMaxMultiplier,
      // what would shorten nothing need not be told
      expected: config.suspicionMaxMultiplier === 1
        ? 0
        : expectedConfirmations(config.suspicionMultiplier, clusterSize),
      accusers: new Set([entry.accuser ?? this.#core.birth.id]),
      since: now,
      deadline: 0,
      token: 0
    }
    suspicion.deadline = now + timeoutOf(suspicion)
    this.#held.set(entry, suspicion)
    this.#core.count("suspicions", "started")
    this.#arm(entry, suspicion)
  }

  /**
   * Another accuses who is suspected. Returns whether that shortens the suspicion, and others are to know.
   *
   * Beyond memberlist, it does not end at once at a node that does badly: a refutation that the accusation brings about
   * has the time to come there. Several slow nodes that hear of each other at last would else make each other declare the
   * living dead.
   */
  confirm(entry: Entry, from: string): boolean {
    const suspicion = this.#held.get(entry)
    if (suspicion === undefined || suspicion.accusers.has(from)) return false
    if (suspicion.accusers.size > suspicion.expected) return false
    suspicion.accusers.add(from)
    const { health, now, spreadTime } = this.#core
    const earliest = now + health.score * spreadTime
    suspicion.deadline = Math.min(
      suspicion.deadline,
      Math.max(earliest, suspicion.since + timeoutOf(suspicion))
    )
    this.#arm(entry, suspicion)
    return true
  }

  /** This node stood still, and has not heard what was said: suspects have that time again, if need be all of it. */
  extend(stood: number): void {
    const { now } = this.#core
    for (const suspicion of this.#held.values()) {
      const since = stood < suspicion.min ? suspicion.since + stood : now
      suspicion.deadline += since - suspicion.since
      suspicion.since = since
    }
  }

  expire(key: string, token: number): void {
    const core = this.#core
    const entry = core.table.get(key)
    if (entry === undefined) return
    const suspicion = this.#held.get(entry)
    if (suspicion?.token !== token) return
    if (entry.state.status !== "Suspect" || core.phase !== "running") {
      this.#held.delete(entry)
      return
    }
    if (core.now < suspicion.deadline) return this.#arm(entry, suspicion)
    this.#held.delete(entry)
    core.count("suspicions", "confirmed")
    const { address, id, incarnation } = entry.state
    core.adopt({ _tag: "Dead", id, address, incarnation, from: core.birth.id }, 0)
  }

  /** A member is no longer suspected, or no longer remembered. */
  end(entry: Entry): void {
    this.#held.delete(entry)
  }

  #arm(entry: Entry, suspicion: Suspicion): void {
    suspicion.token = ++this.#tokens
    this.#core.wake(suspicion.deadline - this.#core.now, { _tag: "Suspicion", key: entry.key, token: suspicion.token })
  }
}

const timeoutOf = ({ accusers, expected, max, min }: Suspicion): number =>
  confirmedTimeout(accusers.size - 1, expected, min, max)
