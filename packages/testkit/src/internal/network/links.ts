/** How the links of a simulated network behave, and which settings say so. */
import type { Address } from "@effect-gossip/core/Address"
import * as Result from "effect/Result"
import * as Latency from "../../Latency.ts"
import type { Link } from "../../SimulatedNetwork.ts"
import * as Pairs from "./pairs.ts"

/** A link, ready to draw from. */
export interface CompiledLink {
  readonly latency: Latency.Sampler
  readonly loss: number
  readonly duplication: number
  readonly reordering: number
  readonly delay: Latency.Sampler
  readonly corruption: number
  /** Bytes per second, `Infinity` without a limit. */
  readonly bandwidth: number
  readonly queue: number
  readonly mtu: number
  readonly streamLoss: number
}

/** Which option is wrong, and what is wrong with it. */
export interface Wrong {
  readonly option: string
  readonly problem: string
}

/** Makes ready what is given. The options do not depend on each other, so that what is ready can be put together. */
export const compile = (options: Partial<Link>): Result.Result<Partial<CompiledLink>, Wrong> =>
  Result.gen(function*() {
    const link: Partial<CompiledLink> = {}
    for (const option of Object.keys(compilers) as Array<keyof Link>) {
      if (option in options) Object.assign(link, yield* compileOption(option, options))
    }
    return link
  })

/** Makes a whole link ready. */
export const compileAll = (options: Link): Result.Result<CompiledLink, Wrong> =>
  Result.map(compile(options), (link) => link as CompiledLink)

type Compiler<A> = (value: A, option: string) => Result.Result<Partial<CompiledLink>, Wrong>

const compileOption = <K extends keyof Link>(option: K, options: Partial<Link>) =>
  (compilers[option] as Compiler<Link[K] | undefined>)(options[option], option)

const latency = (input: Latency.Input, option: string): Result.Result<Latency.Sampler, Wrong> =>
  Result.mapError(Latency.sampler(input), (problem) => ({ option, problem }))

const probability = (value: number, option: string): Result.Result<number, Wrong> =>
  value >= 0 && value <= 1
    ? Result.succeed(value)
    : Result.fail({ option, problem: `expected a probability from 0 to 1, received ${value}` })

const compilers: { readonly [K in keyof Link]: Compiler<Link[K]> } = {
  latency: (value, option) => Result.map(latency(value, option), (latency) => ({ latency })),
  loss: (value, option) => Result.map(probability(value, option), (loss) => ({ loss })),
  duplication: (value, option) => Result.map(probability(value, option), (duplication) => ({ duplication })),
  reordering: (value, option) =>
    Result.gen(function*() {
      const delay = yield* latency(value.delay, `${option}.delay`)
      const reordering = yield* probability(value.probability, `${option}.probability`)
      return { delay, reordering }
    }),
  corruption: (value, option) => Result.map(probability(value, option), (corruption) => ({ corruption })),
  bandwidth: (value = Infinity, option) =>
    value > 0
      ? Result.succeed({ bandwidth: value })
      : Result.fail({ option, problem: `expected bytes per second, above 0, received ${value}` }),
  queue: (value, option) =>
    value >= 0
      ? Result.succeed({ queue: value })
      : Result.fail({ option, problem: `expected a number of bytes, 0 or more, received ${value}` }),
  mtu: (value = Infinity, option) =>
    value >= 1
      ? Result.succeed({ mtu: value })
      : Result.fail({ option, problem: `expected a number of bytes, 1 or more, received ${value}` }),
  streamLoss: (value, option) => Result.map(probability(value, option), (streamLoss) => ({ streamLoss }))
}

/** What some links do otherwise than they would without it. */
export interface Setting {
  readonly pairs: Pairs.Pairs
  readonly link: Partial<CompiledLink>
}

/** How each link behaves. The settings are looked through once for each pair, and again after a change. */
export class Links {
  private base: CompiledLink
  private settings: Array<Setting> = []
  /** How all links behave, while they all behave the same. */
  private common: CompiledLink | undefined
  private readonly resolved = new Map<Address, Map<Address, CompiledLink>>()
  /** One object for all links to which the same settings apply. */
  private readonly combined = new Map<string, CompiledLink>()

  constructor(base: CompiledLink) {
    this.base = base
    this.common = base
  }

  get(from: Address, to: Address): CompiledLink {
    if (this.common !== undefined) return this.common
    let links = this.resolved.get(from)
    if (links === undefined) this.resolved.set(from, links = new Map())
    const known = links.get(to)
    if (known !== undefined) return known
    const link = this.combine((setting) => Pairs.include(setting.pairs, from, to))
    // A node may send to addresses that do not exist; what is remembered of them stays bounded.
    if (links.size >= maxRememberedLinks) links.clear()
    links.set(to, link)
    return link
  }

  setBase(link: CompiledLink): void {
    this.base = link
    this.changed()
  }

  add(setting: Setting): void {
    this.settings.push(setting)
    this.changed()
  }

  has(setting: Setting): boolean {
    return this.settings.includes(setting)
  }

  remove(setting: Setting): void {
    this.settings = this.settings.filter((other) => other !== setting)
    this.changed()
  }

  reset(): void {
    this.settings = []
    this.changed()
  }

  /** For how many links of a sender it is remembered how they behave. */
  remembered(from: Address): number {
    return this.resolved.get(from)?.size ?? 0
  }

  private changed(): void {
    this.resolved.clear()
    this.combined.clear()
    this.common = this.settings.every(({ pairs }) => Pairs.isUniversal(pairs)) ? this.combine(() => true) : undefined
  }

  private combine(applies: (setting: Setting) => boolean): CompiledLink {
    const applying: Array<number> = []
    for (const [index, setting] of this.settings.entries()) if (applies(setting)) applying.push(index)
    if (applying.length === 0) return this.base
    const key = applying.join(" ")
    let link = this.combined.get(key)
    if (link === undefined) {
      link = { ...this.base }
      for (const index of applying) Object.assign(link, this.settings[index]!.link)
      this.combined.set(key, link)
    }
    return link
  }
}

/** Of one sender. */
export const maxRememberedLinks = 10_000
