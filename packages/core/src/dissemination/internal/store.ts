/**
 * The rumors that a node has heard: the payloads that it holds, what it knows of late, and which it would know again.
 */
import type { Rumor } from "../Strategy.ts"
import type { Config } from "./config.ts"
import { Dedup } from "./dedup.ts"

/** A rumor of late, whether or not its payload is still held. */
export interface Known {
  readonly id: number
  /** When it was published, on this node's clock. */
  readonly bornAt: number
}

/** A rumor with its payload, and who spreads it here. */
export interface Held<R> {
  readonly rumor: Rumor
  /** The strategy at work; undefined where its kind is unknown here. */
  readonly running: R | undefined
}

/** Names that are kept for each payload that may be held: they are small, and spare peers from sending it again. */
const knownPerHeld = 4

/** How much longer than the retention what is known is kept, so that no clock's margin makes two nodes differ. */
const slack = 2000

export class Store<R> {
  readonly #config: Config
  readonly #keep: number
  readonly #dedup: Dedup
  // both in the order in which they came
  readonly #held = new Map<number, Held<R>>()
  readonly #known = new Map<number, Known>()
  #bytes = 0

  constructor(config: Config, now: number) {
    this.#config = config
    this.#keep = config.retention + slack
    this.#dedup = new Dedup(config.dedupWindow, config.maxSeen, now)
  }

  /** Rumors held. */
  get size(): number {
    return this.#held.size
  }

  /** Bytes of the payloads held. */
  get bytes(): number {
    return this.#bytes
  }

  get isEmpty(): boolean {
    return this.#known.size === 0
  }

  /** Whether a rumor was heard, as far as is remembered. */
  has(id: number): boolean {
    return this.#known.has(id) || this.#dedup.has(id)
  }

  get(id: number): Held<R> | undefined {
    return this.#held.get(id)
  }

  /** Whether a rumor is so old that it cannot be told whether it was heard. */
  isTooOld(bornAt: number, now: number): boolean {
    return this.#dedup.isTooOld(bornAt, now)
  }

  /** What is known of late, in the order in which it came. */
  known(): Iterable<Known> {
    return this.#known.values()
  }

  held(): Iterable<Held<R>> {
    return this.#held.values()
  }

  /** Takes in a rumor that is new. Returns those that had to make room for it. */
  add(held: Held<R>, now: number): ReadonlyArray<Held<R>> {
    const { bornAt, id, payload } = held.rumor
    this.#dedup.add(id, now)
    this.#know(id, bornAt)
    const room = this.#config.maxBytes - payload.length
    let dropped: Array<Held<R>> | undefined
    while (this.#held.size > 0 && (this.#held.size >= this.#config.maxRumors || this.#bytes > room)) {
      const oldest = this.#held.get(first(this.#held)!)!
      this.#release(oldest)
      if (dropped === undefined) dropped = [oldest]
      else dropped.push(oldest)
    }
    this.#held.set(id, held)
    this.#bytes += payload.length
    return dropped ?? none
  }

  /** A rumor has come again: whoever sent it may take it for lacking here, unless it counts as one of late. */
  recall(id: number, bornAt: number, now: number): void {
    if (!this.#known.has(id) && now - bornAt < this.#config.retention) this.#know(id, bornAt)
  }

  #know(id: number, bornAt: number): void {
    this.#known.set(id, { id, bornAt })
    if (this.#known.size > knownPerHeld * this.#config.maxRumors) this.#known.delete(first(this.#known)!)
  }

  /** A rumor was refused, and need not come again. */
  refuse(id: number, now: number): void {
    this.#dedup.add(id, now)
  }

  /** Forgets what is older than the retention. Returns the rumors that were still held. */
  sweep(now: number): ReadonlyArray<Held<R>> {
    for (const { bornAt, id } of this.#known.values()) if (now - bornAt >= this.#keep) this.#known.delete(id)
    const gone: Array<Held<R>> = []
    for (const held of this.#held.values()) if (now - held.rumor.bornAt >= this.#keep) gone.push(held)
    for (const held of gone) this.#release(held)
    return gone
  }

  #release({ rumor }: Held<R>): void {
    this.#held.delete(rumor.id)
    this.#bytes -= rumor.payload.length
  }

  /** Takes over what another knows; its payloads are left to who calls. */
  inherit(other: Store<unknown>): void {
    this.#dedup.inherit(other.#dedup)
    for (const known of other.#known.values()) this.#known.set(known.id, known)
  }

  /** Takes back a rumor that was held before, and is known. */
  restore(held: Held<R>): void {
    if (this.#held.has(held.rumor.id)) return
    this.#held.set(held.rumor.id, held)
    this.#bytes += held.rumor.payload.length
  }
}

const none: ReadonlyArray<never> = []

const first = <A>(map: Map<A, unknown>): A | undefined => {
  for (const key of map.keys()) return key
  return undefined
}
