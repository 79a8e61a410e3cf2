/**
 * Which strategy spreads a rumor here: the topic's own, the node's, or one of the same kind.
 */
import type { Strategy } from "../Strategy.ts"
import type { Core } from "./core.ts"
import { type Parts, Running } from "./running.ts"

export class Strategies {
  readonly #core: Core
  readonly #parts: Parts
  readonly #topics = new Map<string, Strategy>()
  readonly #running = new Map<Strategy, Running>()
  /** Those at work, in the order in which they came. */
  readonly all: Array<Running> = []
  /** Those at work that have something for datagrams that leave anyway. */
  readonly riding: Array<Running> = []

  constructor(core: Core, parts: Parts) {
    this.#core = core
    this.#parts = parts
  }

  get topics(): ReadonlyMap<string, Strategy> {
    return this.#topics
  }

  configure(topic: string, strategy: Strategy | undefined): void {
    if (strategy === undefined) this.#topics.delete(topic)
    else {
      this.#topics.set(topic, strategy)
      this.running(strategy)
    }
  }

  /** By which a topic's rumors spread that are published here. */
  ofTopic(topic: string): Strategy {
    return this.#topics.get(topic) ?? this.#core.options.strategy
  }

  /** By which a rumor of another node is passed on; undefined where its kind is unknown here. */
  ofRumor(topic: string, kind: number): Running | undefined {
    const { strategies, strategy } = this.#core.options
    const own = this.#topics.get(topic)
    if (own?.kind === kind) return this.running(own)
    if (strategy.kind === kind) return this.running(strategy)
    const other = strategies?.find((each) => each.kind === kind)
    return other === undefined ? undefined : this.running(other)
  }

  /** Ends those at work that neither the node nor a topic has as its own, and of which no rumor is held. */
  prune(held: Iterable<{ readonly running: Running | undefined }>): void {
    const used = new Set([this.#core.options.strategy, ...this.#topics.values()])
    if (this.all.every((running) => used.has(running.strategy))) return
    for (const { running } of held) if (running !== undefined) used.add(running.strategy)
    for (const running of this.all.filter((running) => !used.has(running.strategy))) {
      running.end()
      this.#running.delete(running.strategy)
      this.all.splice(this.all.indexOf(running), 1)
      if (this.riding.includes(running)) this.riding.splice(this.riding.indexOf(running), 1)
    }
  }

  running(strategy: Strategy): Running {
    let running = this.#running.get(strategy)
    if (running === undefined) {
      running = new Running(strategy, this.#core, this.#parts)
      this.#running.set(strategy, running)
      this.all.push(running)
      if (running.spreading.piggyback !== undefined) this.riding.push(running)
    }
    return running
  }
}
