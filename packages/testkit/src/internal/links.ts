/** How the links of a simulated network behave, and which settings say so. */
import type { Address } from "@effect-gossip/core/Address"
import * as Result from "effect/Result"
import * as Latency from "../Latency.ts"
import type { Link } from "../SimulatedNetwork.ts"

/** A link, ready to draw from. */
export interface CompiledLink {
  readonly options: Link
  readonly latency: Latency.Sampler
  readonly loss: number
  readonly duplication: number
  readonly reordering: number
  readonly delay: Latency.Sampler
  readonly streamLoss: number
}

/** Makes a link ready, or says which option is wrong, and what is wrong with it. */
export const compile = (
  options: Link
): Result.Result<CompiledLink, { readonly option: string; readonly problem: string }> => {
  const latency = Latency.sampler(options.latency)
  if (Result.isFailure(latency)) return Result.fail({ option: "latency", problem: latency.failure })
  const delay = Latency.sampler(options.reordering.delay)
  if (Result.isFailure(delay)) return Result.fail({ option: "reordering.delay", problem: delay.failure })
  const probabilities = {
    loss: options.loss,
    duplication: options.duplication,
    "reordering.probability": options.reordering.probability,
    streamLoss: options.streamLoss
  }
  for (const [option, value] of Object.entries(probabilities)) {
    if (!(value >= 0 && value <= 1)) {
      return Result.fail({ option, problem: `expected a probability from 0 to 1, received ${value}` })
    }
  }
  return Result.succeed({
    options,
    latency: latency.success,
    loss: options.loss,
    duplication: options.duplication,
    reordering: options.reordering.probability,
    delay: delay.success,
    streamLoss: options.streamLoss
  })
}

interface Setting {
  readonly from: ReadonlySet<Address>
  readonly to: ReadonlySet<Address>
  readonly link: CompiledLink
}

/** How each link behaves. The settings are looked through once for each pair, and again after a change. */
export class Links {
  private readonly settings: Array<Setting> = []
  private readonly resolved = new Map<Address, Map<Address, CompiledLink>>()
  private base: CompiledLink

  constructor(base: CompiledLink) {
    this.base = base
  }

  get baseOptions(): Link {
    return this.base.options
  }

  get(from: Address, to: Address): CompiledLink {
    if (this.settings.length === 0) return this.base
    let links = this.resolved.get(from)
    if (links === undefined) this.resolved.set(from, links = new Map())
    const known = links.get(to)
    if (known !== undefined) return known
    const link = this.resolve(from, to)
    // A node may send to addresses that do not exist; what is remembered of them stays bounded.
    if (links.size >= maxRememberedLinks) links.clear()
    links.set(to, link)
    return link
  }

  setBase(link: CompiledLink): void {
    this.base = link
    this.resolved.clear()
  }

  set(setting: Setting): void {
    this.settings.push(setting)
    this.resolved.clear()
  }

  reset(): void {
    this.settings.length = 0
    this.resolved.clear()
  }

  /** For how many links of a sender it is remembered how they behave. */
  remembered(from: Address): number {
    return this.resolved.get(from)?.size ?? 0
  }

  private resolve(from: Address, to: Address): CompiledLink {
    for (let i = this.settings.length - 1; i >= 0; i--) {
      const setting = this.settings[i]!
      if (setting.from.has(from) && setting.to.has(to)) return setting.link
    }
    return this.base
  }
}

/** Of one sender. */
export const maxRememberedLinks = 10_000
