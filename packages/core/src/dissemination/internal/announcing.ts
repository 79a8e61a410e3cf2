/**
 * Announcements to several peers. The first leaves at once; those that follow shortly after wait for each other, and go
 * together to the same peers.
 */
import type { Peer } from "../PeerSelection.ts"
import type { Rumor } from "../Strategy.ts"
import type { Core } from "./core.ts"
import type { Running } from "./running.ts"
import type { Speaking } from "./speaking.ts"
import { Successor } from "./successor.ts"

/** Rumors that wait for each other at most: when there are more they go at once. */
const maxWaiting = 1024

interface Batch {
  readonly rumors: Array<Rumor>
  count: number
}

export class Announcing {
  readonly #core: Core
  readonly #speaking: Speaking
  readonly #successor: Successor
  #batches = new Map<Running, Batch>()
  #notBefore = -Infinity
  #isArmed = false
  #waiting = 0

  constructor(core: Core, speaking: Speaking) {
    this.#core = core
    this.#speaking = speaking
    this.#successor = new Successor(core.birth.id, core.options.peers)
  }

  add(running: Running, rumor: Rumor, count: number): void {
    this.#waiting++
    const batch = this.#batches.get(running)
    if (batch === undefined) this.#batches.set(running, { rumors: [rumor], count })
    else {
      batch.rumors.push(rumor)
      batch.count = Math.max(batch.count, count)
    }
  }

  due(): void {
    this.#isArmed = false
  }

  /** Ends a step: says what may be said now. */
  flush(): void {
    if (this.#batches.size === 0) return
    const { config, now } = this.#core
    if (now < this.#notBefore && this.#waiting < maxWaiting) {
      if (this.#isArmed) return
      this.#isArmed = true
      return this.#core.wake(this.#notBefore, { _tag: "Announce" })
    }
    this.#notBefore = now + config.announceInterval
    const batches = this.#batches
    this.#batches = new Map()
    this.#waiting = 0
    for (const [running, { count, rumors }] of batches) {
      this.#speaking.announce(this.#choose(running, count).map(({ address }) => address), rumors, running.counts)
    }
  }

  // One of them is the next in the order of names. As long as each tells its successor nobody is left out, which chance
  // alone would do to one in e^count.
  #choose(running: Running, count: number): ReadonlyArray<Peer> {
    const successor = this.#successor.get()
    const chosen = running.selector.next(count)
    if (successor === undefined || chosen.length === 0 || chosen.some(({ id }) => id === successor.id)) return chosen
    return [successor, ...chosen.slice(1)]
  }
}
