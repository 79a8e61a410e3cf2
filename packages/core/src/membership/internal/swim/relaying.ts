/**
 * The other side of probing: a node acks the pings of others, and pings for those who ask (SWIM §3.1); when that fails
 * as well it says so, which tells who asked that the fault is not its own (Lifeguard's nack, §IV-A).
 */
import type { Address } from "../../../Address.ts"
import type { Ack, Ping, PingRequest } from "../../../wire/Message.ts"
import { type Entry, keyOf } from "../table.ts"
import { nackTimeout } from "./config.ts"
import type { Core } from "./core.ts"

/** Pings sent for others that are remembered at a time; a request beyond it is dropped. */
const maxRelayed = 1024

/** Called when someone shows the hash of its table: a probed member, or whoever probes. */
export interface Shown {
  readonly onAck: (peer: Entry, table: number) => void
  readonly onPing: (from: Address, table: number) => void
}

interface Relayed {
  readonly to: Address
  readonly nonce: number
  readonly target: Entry
  readonly expires: number
}

/**
 * Pings a member. With a suspected one goes the suspicion, in the same datagram, so that it can refute at once
 * (Lifeguard's buddy system, §IV-C).
 */
export const ping = (core: Core, entry: Entry, nonce: number): void => {
  const { accuser = core.birth.id, state: { address, id, incarnation, status } } = entry
  core.send(address, { _tag: "Ping", nonce, target: id, table: core.table.hash })
  if (status !== "Suspect" || !core.config.buddySystem) return
  core.send(address, { _tag: "Suspect", id, address, incarnation, from: accuser })
}

export class Relaying {
  readonly #core: Core
  readonly #shown: Shown
  readonly #relayed = new Map<number, Relayed>()

  constructor(core: Core, shown: Shown) {
    this.#core = core
    this.#shown = shown
  }

  onPing(from: Address, ping: typeof Ping.Type): void {
    const ack = this.#ackOf(ping)
    if (ack === undefined) return
    this.#core.send(from, ack)
    this.#shown.onPing(from, ping.table)
  }

  /** A ping came over a stream. Where that comes from is no address to be sent to. */
  onRequest(reply: number, ping: typeof Ping.Type): void {
    this.#core.out({ _tag: "Reply", reply, message: this.#ackOf(ping) })
  }

  #ackOf({ nonce, target }: typeof Ping.Type): typeof Ack.Type | undefined {
    const core = this.#core
    if (target === core.birth.id) return { _tag: "Ack", nonce, table: core.table.hash }
    // the sender means one who had this address before
    core.count("drops", "Misdirected")
    return undefined
  }

  onPingRequest(from: Address, { address, nonce, target }: typeof PingRequest.Type): void {
    const core = this.#core
    // only members are pinged for others, or anyone could have this node send to anywhere
    const entry = core.table.get(keyOf({ id: target, address }))
    if (entry === undefined || entry === core.self) return core.count("drops", "Misdirected")
    if (this.#relayed.size >= maxRelayed) return core.count("drops", "RelaysFull")
    const own = core.nonce()
    this.#relayed.set(own, { to: from, nonce, target: entry, expires: core.now + core.config.probeInterval })
    ping(core, entry, own)
    if (core.config.nacks) core.wake(nackTimeout(core.config), { _tag: "Nack", nonce: own })
  }

  /** The target has not answered in time. Should it do so yet, its ack is passed on all the same. */
  timeout(nonce: number): void {
    const relayed = this.#relayed.get(nonce)
    if (relayed !== undefined) this.#core.send(relayed.to, { _tag: "Nack", nonce: relayed.nonce })
  }

  /** Whether it is the ack of a ping that was sent for another. */
  onAck({ nonce, table }: typeof Ack.Type): boolean {
    const relayed = this.#relayed.get(nonce)
    if (relayed === undefined) return false
    this.#relayed.delete(nonce)
    this.#core.send(relayed.to, { _tag: "Ack", nonce: relayed.nonce })
    if (table !== undefined) this.#shown.onAck(relayed.target, table)
    return true
  }

  /** Forgets the pings whose acks nobody waits for any more. */
  forgetExpired(): void {
    // they are at the front: a map keeps the order of insertion
    for (const [nonce, relayed] of this.#relayed) {
      if (relayed.expires > this.#core.now) return
      this.#relayed.delete(nonce)
    }
  }
}
