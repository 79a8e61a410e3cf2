/**
 * SWIM's failure detector: probe one member a period, directly and then through others (SWIM §3.1), in a shuffled
 * round-robin order (§4.3), and suspect one who did not answer (§4.2). With what goes wrong this node judges itself as
 * well (Lifeguard §IV-A), and a node that does badly waits longer before it judges others.
 */
import type { Address } from "../../../Address.ts"
import type { Ack, Message, Nack } from "../../../wire/Message.ts"
import type { Entry } from "../table.ts"
import type { Core } from "./core.ts"
import { ping, type Shown } from "./relaying.ts"

/** Probes over streams that may be open at a time: to who is gone they hang until they time out. */
const maxStreams = 8

interface Probe {
  readonly nonce: number
  readonly target: Entry
  /** The target's incarnation when the probe began: what is suspected if it fails. */
  readonly incarnation: number
  /** When others are asked to probe. */
  askAt: number
  /** When it has failed. */
  deadline: number
  /** Those asked to probe, who owe an ack or a nack; none before `askAt`. */
  asked: number
  /** Who sent a nack. */
  readonly nacks: Set<Address>
  acked: boolean
  /** Whether it was acked over a stream. */
  streamed: boolean
}

export class Probing {
  readonly #core: Core
  readonly #shown: Shown
  #order: Array<Entry> = []
  #next = 0
  #current: Probe | undefined
  /** When the period ends. */
  #periodAt = Infinity
  /** The exchanges under way that are probes. */
  readonly #streams = new Map<number, Probe>()

  constructor(core: Core, shown: Shown) {
    this.#core = core
    this.#shown = shown
  }

  start(): void {
    // members started together must not probe in step
    this.#wakeAfter(this.#core.random.nextDoubleUnsafe() * this.#core.config.probeInterval)
  }

  /** A new member is put at a random place of the round, so that it is probed after n/2 periods on average. */
  add(entry: Entry): void {
    // one who came back before its old place was cleared away
    if (this.#order.includes(entry, this.#next)) return
    // those who came and went since the last round do not pile up
    if (this.#order.length > 2 * this.#core.clusterSize + 64) this.#clear()
    const left = this.#order.length - this.#next
    const place = this.#next + this.#core.draw(left + 1)
    const displaced = this.#order[place]
    this.#order[place] = entry
    if (displaced !== undefined) this.#order.push(displaced)
  }

  /**
   * The period is over: judge the probe of the last one, and start the next. As in memberlist, a node that does badly
   * gives a probe several periods, but does not wait for the next when it is acked; and `probeTimeout` stays as it is,
   * since waiting longer for a datagram seldom helps. (In the paper it grows as well, and fewer probes are made.)
   */
  period(epoch: number): void {
    const core = this.#core
    if (epoch !== core.epoch) return
    const { probeInterval, probeTimeout } = core.config
    const left = this.#current === undefined || this.#current.acked ? 0 : this.#current.deadline - core.now
    if (left > 0 && core.phase === "running") return this.#wakeAfter(Math.min(left, probeInterval))
    this.#judge()
    if (core.phase !== "running") return core.standstill.expect(Infinity)
    this.#wakeAfter(probeInterval)
    const target = this.#nextTarget()
    if (target === undefined) return
    const probe: Probe = {
      nonce: core.nonce(),
      target,
      incarnation: target.state.incarnation,
      askAt: core.now + probeTimeout,
      deadline: core.now + core.health.scale(probeInterval),
      asked: 0,
      nacks: new Set(),
      acked: false,
      streamed: false
    }
    this.#current = probe
    ping(core, target, probe.nonce)
    core.wake(probeTimeout, { _tag: "ProbeTimeout", nonce: probe.nonce })
    this.#expectWake()
  }

  /** No direct ack came in time: ask others to probe, and meanwhile try a stream. */
  timeout(nonce: number): void {
    const core = this.#core
    const probe = this.#current
    if (probe === undefined || probe.nonce !== nonce) return
    const left = probe.askAt - core.now
    this.#expectWake()
    if (left > 0) return core.wake(left, { _tag: "ProbeTimeout", nonce })
    if (probe.acked || probe.target.isGone) return
    const { address, id } = probe.target.state
    // of a suspect no help is to be expected
    const peers = core.choosePeers(
      core.config.indirectProbes,
      (peer) => peer !== probe.target && peer.state.status === "Alive"
    )
    for (const peer of peers) core.send(peer.state.address, { _tag: "PingRequest", nonce, target: id, address })
    probe.asked = peers.length
    this.#stream(probe)
  }

  /** Whether it is the ack of a probe. */
  onAck({ nonce, table }: typeof Ack.Type): boolean {
    const core = this.#core
    const probe = this.#current
    if (probe?.nonce !== nonce) return false
    if (probe.acked) return true
    probe.acked = true
    core.health.improve()
    core.count("probes", probe.asked > 0 ? "indirect" : "direct")
    if (table !== undefined) this.#shown.onAck(probe.target, table)
    return true
  }

  /** One who was asked has no ack either. */
  onNack(from: Address, { nonce }: typeof Nack.Type): void {
    const probe = this.#current
    if (probe?.nonce !== nonce) return this.#core.count("drops", "LateAck")
    // a datagram may come twice, and anyone may send it
    if (probe.nacks.size < probe.asked) probe.nacks.add(from)
  }

  /** This node stood still, and has not read whatever came: the probe under way has that time again. */
  extend(stood: number): void {
    const { config: { probeInterval, probeTimeout }, now } = this.#core
    const probe = this.#current
    if (probe === undefined || probe.acked) return
    probe.askAt = Math.max(probe.askAt, now) + Math.min(stood, probeTimeout)
    probe.deadline = Math.max(probe.deadline, now) + Math.min(stood, probeInterval)
  }

  // ---------------------------------------------------------------------------
  // streams
  // ---------------------------------------------------------------------------

  #stream(probe: Probe): void {
    const core = this.#core
    if (!core.config.streamProbe || this.#streams.size >= maxStreams) return
    const exchange = core.nextExchange()
    this.#streams.set(exchange, probe)
    const { nonce, target: { state: { address, id } } } = probe
    core.out({
      _tag: "Exchange",
      exchange,
      to: address,
      message: { _tag: "Ping", nonce, target: id, table: core.table.hash }
    })
  }

  /** Whether it is the answer to a probe over a stream. */
  onAnswer(exchange: number, answer: Message | undefined): boolean {
    const probe = this.#streams.get(exchange)
    if (probe === undefined) return false
    this.#streams.delete(exchange)
    if (answer?._tag !== "Ack" || answer.nonce !== probe.nonce) return true
    probe.streamed = true
    if (answer.table !== undefined && probe === this.#current) this.#shown.onAck(probe.target, answer.table)
    return true
  }

  // ---------------------------------------------------------------------------
  // verdicts
  // ---------------------------------------------------------------------------

  #judge(): void {
    const core = this.#core
    const probe = this.#current
    this.#current = undefined
    if (probe === undefined || probe.acked || core.phase !== "running") return
    const { address, id, incarnation, status } = probe.target.state
    if (probe.streamed) {
      core.health.improve()
      core.count("probes", "stream")
      return core.warn(
        "stream",
        `${id} at ${address} answers over a stream, but no datagram gets there and back: is the network misconfigured?`
      )
    }
    core.count("probes", "failed")
    if (probe.target.isGone) return
    this.#judgeSelf(probe)
    // what was learned of it meanwhile is newer than the probe
    if (status !== "Alive" && status !== "Suspect" || incarnation !== probe.incarnation) return
    core.adopt({ _tag: "Suspect", id, address, incarnation, from: core.birth.id }, 0)
  }

  // Whoever was asked is probably well. If they are heard of, it is the target that is not; if they are not, it may be
  // this node that hears nothing.
  #judgeSelf({ asked, nacks }: Probe): void {
    const { config, health } = this.#core
    health.worsen(config.nacks && asked > 0 ? asked - nacks.size : 1)
  }

  // ---------------------------------------------------------------------------
  // periods
  // ---------------------------------------------------------------------------

  #wakeAfter(delay: number): void {
    const core = this.#core
    this.#periodAt = core.now + delay
    this.#expectWake()
    core.wake(delay, { _tag: "Probe", epoch: core.epoch })
  }

  #expectWake(): void {
    const { now, standstill } = this.#core
    const askAt = this.#current?.askAt ?? 0
    standstill.expect(askAt > now ? Math.min(askAt, this.#periodAt) : this.#periodAt)
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

  #clear(): void {
    this.#order = this.#order.slice(this.#next).filter((entry) => !entry.isGone)
    this.#next = 0
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
}
