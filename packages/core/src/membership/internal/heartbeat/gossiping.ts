/**
 * Cassandra's rounds: each second a node's heart beats, and it gossips with one live member, at times with one that is dead
 * to it and with a seed, so that whoever is cut off is found again.
 */
import type { Address } from "../../../Address.ts"
import type { Core } from "./core.ts"
import type { Reconciliation } from "./reconciliation.ts"

/** Members that are told of a leave directly; digests tell the rest. */
const maxTold = 256

/** How often a leave is told, since datagrams are lost, and how long between, in milliseconds. */
const leaves = 3
const leaveInterval = 200

export class Gossiping {
  readonly #core: Core
  readonly #reconciliation: Reconciliation
  readonly #seeds: () => Iterable<Address>
  #leavesLeft = 0

  /** @param seeds where seeds were reached */
  constructor(core: Core, reconciliation: Reconciliation, seeds: () => Iterable<Address>) {
    this.#core = core
    this.#reconciliation = reconciliation
    this.#seeds = seeds
  }

  start(): void {
    const core = this.#core
    core.startListening()
    // members started together must not gossip in step, nor name each other in the same order
    core.ring.seek(core.selfPeer.fingerprint)
    this.#wake(core.random.nextDoubleUnsafe() * core.config.gossipInterval)
  }

  #wake(delay: number): void {
    const core = this.#core
    core.standstill.expect(core.now + delay)
    core.wake(delay, { _tag: "Round", epoch: core.epoch })
  }

  // ---------------------------------------------------------------------------
  // rounds
  // ---------------------------------------------------------------------------

  round(epoch: number): void {
    const core = this.#core
    if (epoch !== core.epoch) return
    if (core.phase !== "running") return core.standstill.expect(Infinity)
    core.beat()
    core.convict()
    this.#gossip()
    this.#wake(core.config.gossipInterval)
  }

  // The chances are those of Cassandra's `Gossiper`.
  #gossip(): void {
    const core = this.#core
    const [live] = core.choosePeers(1)
    if (live !== undefined) this.#reconciliation.sendSyn(live.state.address, undefined)
    const others = core.clusterSize - 1
    const dead = [...core.table.gone].filter((entry) => entry.state.status === "Dead")
    if (dead.length > 0 && core.random.nextDoubleUnsafe() < dead.length / (others + 1)) {
      const chosen = dead[core.draw(dead.length)]!
      this.#reconciliation.sendSyn(chosen.state.address, core.peerOf(chosen))
    }
    const seeds = [...this.#seeds()].filter((seed) => seed !== core.birth.address)
    if (seeds.length === 0) return
    // who knows of fewer than there are seeds asks one more often: they may be of several parts
    if (others >= seeds.length && live !== undefined && seeds.includes(live.state.address)) return
    if (others > 0 && core.random.nextDoubleUnsafe() >= seeds.length / (others + dead.length)) return
    const seed = seeds[core.draw(seeds.length)]!
    this.#reconciliation.sendSyn(seed, core.peerAt(seed))
  }

  // ---------------------------------------------------------------------------
  // leaving
  // ---------------------------------------------------------------------------

  /** Whether the leave has been told as often as it is going to be. */
  get isLeaveTold(): boolean {
    return this.#leavesLeft === 0
  }

  /** Tells those who are there, as Cassandra's `GOSSIP_SHUTDOWN`: it must not depend on who gossips with whom. */
  tellLeave(): void {
    this.#leavesLeft = leaves
    this.#tell()
  }

  /** It is time to tell the leave again. */
  tellAgain(epoch: number): void {
    if (this.#core.phase === "leaving" && epoch === this.#core.epoch && this.#leavesLeft > 0) this.#tell()
  }

  #tell(): void {
    const core = this.#core
    const { state } = core.self
    const { address, id, incarnation } = state
    const { generation } = core.handle.own
    const delta = {
      id,
      address,
      incarnation,
      heartbeat: core.selfPeer.heartbeat,
      // without it its key-values would seem to begin anew, and those of before not be taken in when it is back
      ...(generation === incarnation ? undefined : { generation }),
      left: true
    }
    for (const peer of core.choosePeers(maxTold)) this.#reconciliation.tell(peer.state.address, [delta])
    if (--this.#leavesLeft > 0) core.wake(leaveInterval, { _tag: "Leave", epoch: core.epoch })
  }
}
