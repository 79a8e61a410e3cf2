/**
 * How a node comes among the others, whichever protocol it speaks: it asks its seeds, at its start and when it is told
 * to, and again for as long as it knows nobody; and it goes on to try the seeds and the dead for as long as they are
 * remembered, so that a partition of any length heals. How a seed is asked is the protocol's.
 */
import type { Address } from "../../Address.ts"
import { isLive } from "../Member.ts"
import type { View } from "./view.ts"

/** The timers of joining, to be given back to {@link Joining.retry} and {@link Joining.reconnect}. */
export type JoiningTimer =
  | { readonly _tag: "Join"; readonly token: number }
  | { readonly _tag: "Reconnect"; readonly epoch: number }

/** Several seeds asked at once. */
export interface JoinAttempt {
  /** The command that waits, or undefined for the node's own joining. */
  readonly completion: number | undefined
  waiting: number
  joined: boolean
  readonly failures: Array<{ readonly seed: Address; readonly problem: string }>
}

/** A node without any peer tries its seeds again after 1 s, then 2 s, 4 s, … 30 s. */
const firstRetry = 1000
const lastRetry = 30_000

/** Peers of an earlier life that a restarted machine turns to besides its seeds. */
const maxFormerPeers = 8

export class Joining {
  readonly #view: View<JoiningTimer>
  readonly #seeds: ReadonlyArray<Address>
  /** Peers of an earlier life, tried once. */
  readonly #former: ReadonlyArray<Address>
  readonly #reconnectInterval: number
  readonly #ask: (to: Address, attempt: JoinAttempt | undefined) => void
  #token = 0
  #retry = firstRetry
  #met = false
  /** The address by which a seed's name was last reached, this node's own included. */
  readonly #reached = new Map<Address, Address>()

  constructor(view: View<JoiningTimer>, options: {
    readonly seeds: ReadonlyArray<Address>
    readonly reconnectInterval: number
    /**
     * Exchanges what both know with whoever is at an address. Of each it is told once what became of it, by `answered`,
     * `answeredByItself` or `failed`, with the attempt that it belongs to: none when it is one who is missing.
     */
    readonly ask: (to: Address, attempt: JoinAttempt | undefined) => void
  }) {
    const { address, id, previous } = view.birth
    this.#view = view
    this.#seeds = options.seeds.filter((seed) => seed !== address)
    const peers = previous?.members().filter((member) => isLive(member) && member.id !== id) ?? []
    this.#former = peers.slice(0, maxFormerPeers).map((peer) => peer.address)
      .filter((address) => !this.#seeds.includes(address))
    this.#reconnectInterval = options.reconnectInterval
    this.#ask = options.ask
  }

  /** Whether there are seeds besides this node itself, and nobody who was asked has answered yet. */
  get isUnmet(): boolean {
    if (this.#met) return false
    return this.#seeds.some((seed) => this.#reached.get(seed) !== this.#view.birth.address)
  }

  start(): void {
    const { epoch, random } = this.#view
    this.#view.wake((0.5 + random.nextDoubleUnsafe()) * this.#reconnectInterval, { _tag: "Reconnect", epoch })
    this.join([...this.#seeds, ...this.#former], undefined)
  }

  join(seeds: ReadonlyArray<Address>, completion: number | undefined): void {
    const others = seeds.filter((seed) => seed !== this.#view.birth.address)
    const attempt: JoinAttempt = { completion, waiting: others.length, joined: false, failures: [] }
    if (others.length === 0 && completion !== undefined) return this.#view.complete(completion)
    for (const seed of others) this.#ask(seed, attempt)
  }

  /** A node that has no peer tries its seeds again. */
  retry(token: number): void {
    if (token !== this.#token || this.#view.phase !== "running" || this.#view.clusterSize > 1) return
    this.join(this.#seeds, undefined)
  }

  /**
   * Tries a dead member or a seed that is not among the live. Each node does it with the chance of one missing in so
   * many live, so that the cluster as a whole tries each missing one about once in an interval (as serf's
   * `reconnect`).
   */
  reconnect(epoch: number): void {
    const view = this.#view
    if (view.phase !== "running" || epoch !== view.epoch) return
    view.wake(this.#reconnectInterval, { _tag: "Reconnect", epoch })
    const missing = new Set<Address>()
    for (const seed of this.#seeds) {
      if (view.table.liveAt(this.#reached.get(seed) ?? seed) === undefined) missing.add(seed)
    }
    for (const entry of view.table.gone) {
      if (entry.state.status === "Dead" && view.table.liveAt(entry.state.address) === undefined) {
        missing.add(entry.state.address)
      }
    }
    if (missing.size === 0 || view.random.nextDoubleUnsafe() >= missing.size / Math.max(1, view.clusterSize - 1)) return
    const chosen = [...missing][view.draw(missing.size)]!
    this.#ask(chosen, undefined)
  }

  // ---------------------------------------------------------------------------
  // what becomes of it
  // ---------------------------------------------------------------------------

  /**
   * Whoever was asked at `to` has answered, and what it said has been heard. To be told of other exchanges as well: a
   * seed that is known to be there by another address need not be tried.
   *
   * @param address the one it gives itself
   */
  answered(to: Address, address: Address, attempt: JoinAttempt | undefined): void {
    this.#met = true
    if (this.#seeds.includes(to)) this.#reached.set(to, address)
    if (attempt !== undefined) this.#joined(attempt, to)
  }

  /** Whoever was asked at `to` is this node itself. */
  answeredByItself(to: Address, attempt: JoinAttempt | undefined): void {
    this.#reached.set(to, this.#view.birth.address)
    if (attempt !== undefined) this.#passOver(attempt)
  }

  /** Nobody has answered at `to`, or not as it should be. */
  failed(to: Address, problem: string, attempt: JoinAttempt | undefined): void {
    if (attempt === undefined) return
    attempt.failures.push({ seed: to, problem })
    this.#passOver(attempt)
  }

  #joined(attempt: JoinAttempt, to: Address): void {
    attempt.waiting--
    if (attempt.joined) return
    attempt.joined = true
    this.#retry = firstRetry
    this.#view.log("Info", `joined the cluster through ${to}: ${this.#view.clusterSize} live members`)
    if (attempt.completion !== undefined) this.#view.complete(attempt.completion)
  }

  // a seed that is this node itself neither joins it nor fails
  #passOver(attempt: JoinAttempt): void {
    attempt.waiting--
    if (attempt.waiting > 0 || attempt.joined) return
    const { completion, failures } = attempt
    if (completion !== undefined) {
      return this.#view.complete(
        completion,
        failures.length === 0 ? { _tag: "Done" } : { _tag: "NoSeedAnswered", failures }
      )
    }
    if (failures.length === 0) return
    if (this.#view.clusterSize > 1) return
    const delay = this.#retry * (0.5 + this.#view.random.nextDoubleUnsafe())
    this.#retry = Math.min(lastRetry, this.#retry * 2)
    const problems = failures.map(({ problem, seed }) => `${seed} (${problem})`).join(", ")
    this.#view.log("Warn", `no seed answered, trying again in ${(delay / 1000).toFixed(1)} s: ${problems}`)
    this.#view.wake(delay, { _tag: "Join", token: ++this.#token })
  }
}
