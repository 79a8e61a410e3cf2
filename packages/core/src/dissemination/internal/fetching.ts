/**
 * Rumors that do not fit a datagram: fetched over streams, from one peer by one exchange at a time.
 */
import type { Address } from "../../Address.ts"
import { maxFetched, packIds } from "../../wire/DisseminationMessage.ts"
import type { Core, Counts } from "./core.ts"
import type { Want } from "./wanting.ts"

/** Exchanges at a time, with all peers together. */
const maxExchanges = 8

/** Most rumors that one peer may be asked for by exchanges. */
const maxOfOne = 1024

interface Queue {
  readonly from: Address
  /** By id, those that are to be fetched from there. */
  readonly wants: Map<number, Want>
  /** Whether an exchange is open. */
  isBusy: boolean
}

export class Fetching {
  readonly #core: Core
  readonly #counts: Counts
  readonly #wants = new Map<number, Queue>()
  readonly #queues = new Map<Address, Queue>()
  readonly #open = new Map<number, { readonly queue: Queue; readonly ids: ReadonlyArray<number> }>()

  constructor(core: Core, counts: Counts) {
    this.#core = core
    this.#counts = counts
  }

  get size(): number {
    return this.#wants.size
  }

  get(id: number): Want | undefined {
    return this.#wants.get(id)?.wants.get(id)
  }

  /** Says whether there was room. */
  add(want: Want): boolean {
    let queue = this.#queues.get(want.from)
    if (queue === undefined) this.#queues.set(want.from, queue = { from: want.from, wants: new Map(), isBusy: false })
    if (queue.wants.size >= maxOfOne) return false
    queue.wants.set(want.id, want)
    this.#wants.set(want.id, queue)
    return true
  }

  remove(id: number): Want | undefined {
    const queue = this.#wants.get(id)
    if (queue === undefined) return undefined
    const want = queue.wants.get(id)
    queue.wants.delete(id)
    this.#wants.delete(id)
    if (queue.wants.size === 0 && !queue.isBusy) this.#queues.delete(queue.from)
    return want
  }

  /** Begins as many exchanges as may be open. */
  begin(): void {
    for (const queue of this.#queues.values()) {
      if (this.#open.size >= maxExchanges) return
      if (queue.isBusy) continue
      const ids = [...queue.wants.keys()].slice(0, maxFetched)
      queue.isBusy = true
      const exchange = this.#core.nextExchange()
      this.#open.set(exchange, { queue, ids })
      this.#core.exchange(exchange, queue.from, { _tag: "Fetch", ids: packIds(ids) }, this.#counts)
    }
  }

  /** With whom an exchange of these is open. */
  peerOf(exchange: number): Address | undefined {
    return this.#open.get(exchange)?.queue.from
  }

  /**
   * An exchange has ended, and what came by it was taken in.
   *
   * @param more whether the peer has more of what was asked for, and was able to send some
   */
  ended(exchange: number, more: boolean): void {
    const { ids, queue } = this.#open.get(exchange)!
    this.#open.delete(exchange)
    queue.isBusy = false
    const open = ids.filter((id) => queue.wants.has(id))
    // who sends nothing of what it has is not asked again
    if (!more || open.length === ids.length) { for (const id of open) this.#pass(id) }
    // whoever waits has its turn before who has just had it
    this.#queues.delete(queue.from)
    if (queue.wants.size > 0) this.#queues.set(queue.from, queue)
    this.begin()
  }

  #pass(id: number): void {
    const want = this.remove(id)!
    const next = want.others.shift()
    if (next === undefined) return this.#core.drop("NoAnswer")
    want.from = next
    if (!this.add(want)) this.#core.drop("WantsFull")
  }
}
