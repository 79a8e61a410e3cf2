/**
 * Nodes that are not known yet: they ping, or others speak of them. Redis has them in handshake. Each is pinged until it
 * answers, and so says itself who it is: a name or an address that was mistaken for another never does. Of one that does
 * not answer, those who spoke of it are told: they may be the last to remember it, and can declare it FAIL only when a
 * majority says that it does not answer.
 */
import type { Address } from "../../../Address.ts"
import type { BusPong, Section } from "../../../wire/ClusterBusMessage.ts"
import { type Entry, keyOf } from "../table.ts"
import { reportValidity, retriesPerTimeout } from "./config.ts"
import type { Core } from "./core.ts"

interface Stranger {
  readonly id: string
  readonly address: Address
  readonly incarnation: number
  readonly nonce: number
  since: number
  sentAt: number
  readonly by: Set<Entry>
}

/** Strangers that are pinged at a time; further ones wait until they are spoken of again. */
const maxStrangers = 1024

/** Those who have spoken of a stranger, at most, that are told that it does not answer. */
const maxWitnesses = 64

export class Strangers {
  readonly #core: Core
  readonly #ping: (to: Address, nonce: number) => void
  readonly #strangers = new Map<string, Stranger>()

  constructor(core: Core, ping: (to: Address, nonce: number) => void) {
    this.#core = core
    this.#ping = ping
  }

  /** A member speaks of one who is not known, or thought to be gone; or that one speaks for itself. */
  meet({ address, id, incarnation }: Pick<Section, "id" | "address" | "incarnation">, by?: Entry): void {
    const { birth, now } = this.#core
    // another name at this node's own address is one who had it before
    if (address === birth.address) return
    const key = keyOf({ id, address })
    const known = this.#strangers.get(key)
    if (known !== undefined) {
      if (by !== undefined && known.by.size < maxWitnesses) known.by.add(by)
      return
    }
    if (this.#strangers.size >= maxStrangers) return this.#core.count("drops", "StrangersFull")
    const nonce = this.#core.nonce()
    const witnesses = new Set(by === undefined ? [] : [by])
    this.#strangers.set(key, { id, address, incarnation, nonce, since: now, sentAt: now, by: witnesses })
    this.#ping(address, nonce)
  }

  /** Whether this is the answer of one who was asked. */
  isAnswer({ nonce, self }: typeof BusPong.Type): boolean {
    return this.#strangers.get(keyOf(self))?.nonce === nonce
  }

  /** This node stood still, and has not read their answers. */
  excuse(stood: number): void {
    for (const stranger of this.#strangers.values()) stranger.since += stood
  }

  /** Pings those again that have not answered; forgets those that have, and those that never do. */
  tick(): void {
    const { config, now, table } = this.#core
    const { nodeTimeout } = config
    for (const [key, stranger] of this.#strangers) {
      const entry = table.get(key)
      const silence = now - stranger.since
      if (entry !== undefined && !entry.isGone || silence > nodeTimeout + reportValidity(config)) {
        this.#strangers.delete(key)
      } else if (silence <= nodeTimeout && now - stranger.sentAt >= nodeTimeout / retriesPerTimeout) {
        stranger.sentAt = now
        this.#ping(stranger.address, stranger.nonce)
      }
    }
  }

  /** Those that do not answer, for one who has spoken of them. To tell others as well would keep them talked about. */
  *silent(to: Entry): Iterable<Section> {
    const { config: { nodeTimeout }, now, table } = this.#core
    for (const [key, { address, by, id, incarnation, since }] of this.#strangers) {
      if (now - since > nodeTimeout && by.has(to) && !table.get(key)) yield { id, address, incarnation }
    }
  }
}
