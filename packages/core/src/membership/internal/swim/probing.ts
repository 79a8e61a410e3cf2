/**
 * SWIM's failure detector: probe one member a period, directly and then through others (SWIM §3.1), in a shuffled
 * round-robin order (§4.3), and suspect one who did not answer (§4.2).
 */
import type { Address } from "../../../Address.ts"
import type { Ack, Ping, PingRequest } from "../../../wire/Message.ts"
import { type Entry, keyOf } from "../table.ts"
import type { Core } from "./core.ts"

/** Pings sent for others that are remembered at a time; a request beyond it is dropped. */
const maxRelayed = 1024

interface Probe {
  readonly nonce: number
  readonly target: Entry
  /** The target's incarnation when the probe began: what is suspected if it fails. */
  readonly incarnation: number
  acked: boolean
  indirect: boolean
}

interface Relayed {
  readonly to: Address
  readonly nonce: number
  readonly target: Entry
  readonly expires: number
}

export class Probing {
  readonly #core: Core
  /** Called when someone shows the hash of its table: a probed member, or whoever probes. */
  readonly #shown: {
    readonly onAck: (peer: Entry, table: number) => void
    readonly onPing: (from: Address, table: number) => void
  }
  #order: Array<Entry> = []
  #next = 0
  #current: Probe | undefined
  readonly #relayed = new Map<number, Relayed>()

  constructor(
    core: Core,
    shown: {
      readonly onAck: (peer: Entry, table: number) => void
      readonly onPing: (from: Address, table: number) => void
    }
  ) {
    this.#core = core
    this.#shown = shown
  }

  start(): void {
    // members started together must not probe in step
    const { config, epoch, random } = this.#core
    this.#core.wake(random.nextDoubleUnsafe() * config.probeInterval, { _tag: "Probe", epoch })
  }

  /** A new member is put at a random place of the round, so that it is probed after n/2 periods on average. */
  add(entry: Entry): void {
    // one who came back before its old place was cleared away
    if (this.#order.includes(entry, this.#next)) return
    const left = this.#order.length - this.#next
    const place = this.#next + this.#core.draw(left + 1)
    const displaced = this.#order[place]
    this.#order[place] = entry
    if (displaced !== undefined) this.#order.push(displaced)
  }

  /** The period is over: judge the probe of the last one, and start the next. */
  period(epoch: number): void {
    const core = this.#core
    if (epoch !== core.epoch) return
    this.#judge()
    this.#forgetRelayed()
    if (core.phase !== "running") return
    core.wake(core.config.probeInterval, { _tag: "Probe", epoch: core.epoch })
    const target = this.#nextTarget()
    if (target === undefined) return
    const probe: Probe = {
      nonce: core.nonce(),
      target,
      incarnation: target.state.incarnation,
      acked: false,
      indirect: false
    }
    this.#current = probe
    core.send(target.state.address, {
      _tag: "Ping",
      nonce: probe.nonce,
      target: target.state.id,
      table: core.table.hash
    })
    core.wake(core.config.probeTimeout, { _tag: "ProbeTimeout", nonce: probe.nonce })
  }

  /** No direct ack came in time: ask others to probe. */
  timeout(nonce: number): void {
    const core = this.#core
    const probe = this.#current
    if (probe === undefined || probe.nonce !== nonce || probe.acked || probe.target.isGone) return
    const { address, id } = probe.target.state
    probe.indirect = true
    for (const peer of core.choosePeers(core.config.indirectProbes, probe.target)) {
      core.send(peer.state.address, { _tag: "PingRequest", nonce, target: id, address })
    }
  }

  onPing(from: Address, { nonce, table, target }: typeof Ping.Type): void {
    const core = this.#core
    // the sender means one who had this address before
    if (target !== core.birth.id) return core.count("drops", "Misdirected")
    core.send(from, { _tag: "Ack", nonce, table: core.table.hash })
    this.#shown.onPing(from, table)
  }

  onPingRequest(from: Address, { address, nonce, target }: typeof PingRequest.Type): void {
    const core = this.#core
    // only members are pinged for others, or anyone could have this node send to anywhere
    const entry = core.table.get(keyOf({ id: target, address }))
    if (entry === undefined || entry === core.self) return core.count("drops", "Misdirected")
    if (this.#relayed.size >= maxRelayed) return core.count("drops", "RelaysFull")
    const own = core.nonce()
    this.#relayed.set(own, { to: from, nonce, target: entry, expires: core.now + core.config.probeInterval })
    core.send(address, { _tag: "Ping", nonce: own, target, table: core.table.hash })
  }

  onAck({ nonce, table }: typeof Ack.Type): void {
    const core = this.#core
    const probe = this.#current
    if (probe !== undefined && probe.nonce === nonce) {
      if (probe.acked) return
      probe.acked = true
      core.count("probes", probe.indirect ? "indirect" : "direct")
      if (table !== undefined) this.#shown.onAck(probe.target, table)
      return
    }
    const relayed = this.#relayed.get(nonce)
    // an ack that comes after its period has been judged already
    if (relayed === undefined) return core.count("drops", "LateAck")
    this.#relayed.delete(nonce)
    core.send(relayed.to, { _tag: "Ack", nonce: relayed.nonce })
    if (table !== undefined) this.#shown.onAck(relayed.target, table)
  }

  #judge(): void {
    const core = this.#core
    const probe = this.#current
    this.#current = undefined
    if (probe === undefined || probe.acked || core.phase !== "running") return
    core.count("probes", "failed")
    const { address, id, incarnation, status } = probe.target.state
    // what was learned of it meanwhile is newer than the probe
    if (status !== "Alive" || incarnation !== probe.incarnation) return
    core.adopt({ _tag: "Suspect", id, address, incarnation, from: core.birth.id }, 0)
  }

  #nextTarget(): Entry | undefined {
    // at most once around, and once more after shuffling
    for (let round = 0; round < 2; round++) {
      while (this.#next < this.#order.length) {
        const entry = this.#order[this.#next++]!
        if (!entry.isGone) return entry
      }
      this.#shuffle()
    }
    return undefined
  }

  #shuffle(): void {
    this.#order = this.#core.table.live.filter((entry) => entry !== this.#core.self)
    this.#next = 0
    for (let i = this.#order.length - 1; i > 0; i--) {
      const j = this.#core.draw(i + 1)
      const swapped = this.#order[i]!
      this.#order[i] = this.#order[j]!
      this.#order[j] = swapped
    }
  }

  // those that expired are at the front: a map keeps the order of insertion
  #forgetRelayed(): void {
    for (const [nonce, relayed] of this.#relayed) {
      if (relayed.expires > this.#core.now) return
      this.#relayed.delete(nonce)
    }
  }
}
