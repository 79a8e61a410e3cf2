/**
 * The protocols that the lab compares, by the names that its flags have for them.
 */
import * as ClusterBus from "@effect-gossip/core/membership/ClusterBus"
import * as Heartbeat from "@effect-gossip/core/membership/Heartbeat"
import * as Swim from "@effect-gossip/core/membership/Swim"
import type { InvalidOption } from "@effect-gossip/core/Transport"
import type * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import { parseMillis } from "./durations.ts"

/** Options of a protocol as a flag or JSON has them. */
export type Settings = { readonly [option: string]: string | number | boolean }

export interface Protocol {
  /** What plots call it. */
  readonly title: string
  /** What it is, to follow its name in a list. */
  readonly about: string
  /** Its options, and what they are when nobody says otherwise. */
  readonly defaults: object
  /** Milliseconds after which an idle cluster of any size sends what it always will. */
  readonly settle: number
  readonly layer: (settings: Settings) => Layer.Layer<never, InvalidOption>
}

/** The table. A further protocol is one more entry. */
export const protocols = {
  swim: {
    title: "Swim",
    about: "probes and gossip, with all of Lifeguard",
    defaults: Swim.defaults,
    settle: 60_000,
    layer: Swim.layer
  },
  heartbeat: {
    title: "Heartbeat",
    about: "heartbeats by gossip, and a φ accrual detector at each node",
    defaults: Heartbeat.defaults,
    settle: 30_000,
    layer: Heartbeat.layer
  },
  "cluster-bus": {
    title: "ClusterBus",
    about: "pings of all, and a majority that decides",
    defaults: ClusterBus.defaults,
    settle: 15_000,
    layer: ClusterBus.layer
  }
} satisfies { readonly [name: string]: Protocol }

export type Name = keyof typeof protocols

export const names = Object.keys(protocols) as [Name, ...Array<Name>]

export const get = (name: Name): Protocol => protocols[name]

const plain = { localHealthMax: 1, nacks: false, suspicionMaxMultiplier: 1, buddySystem: false }

/** Swim with some parts of Lifeguard, as options of it. */
export const variants = {
  plain: { title: "SWIM", settings: plain },
  health: {
    title: "+ local health",
    settings: { ...plain, localHealthMax: Swim.defaults.localHealthMax, nacks: Swim.defaults.nacks }
  },
  suspicion: {
    title: "+ dynamic suspicion",
    settings: { ...plain, suspicionMaxMultiplier: Swim.defaults.suspicionMaxMultiplier }
  },
  buddy: { title: "+ buddy system", settings: { ...plain, buddySystem: Swim.defaults.buddySystem } },
  lifeguard: { title: "all of Lifeguard", settings: {} }
} satisfies { readonly [name: string]: { readonly title: string; readonly settings: Settings } }

export type Variant = keyof typeof variants

export const variantNames = Object.keys(variants) as [Variant, ...Array<Variant>]

/**
 * Reads settings given as text: numbers, durations such as `2s`, true and false. Fails with what is wrong with one of
 * them: the protocol has no such option, or it means nothing.
 */
export const parseSettings = (
  name: Name,
  texts: { readonly [option: string]: string }
): Result.Result<Settings, string> => {
  const { defaults } = get(name)
  const settings: { [option: string]: string | number | boolean } = {}
  for (const [option, text] of Object.entries(texts)) {
    if (!(option in defaults)) {
      return Result.fail(`${name} has no option ${option}; it has ${Object.keys(defaults).join(", ")}`)
    }
    const value = text === "true" ? true : text === "false" ? false : parseMillis(text) ?? Number(text)
    if (typeof value === "number" && Number.isNaN(value)) {
      return Result.fail(`${option}=${text} is neither a number, nor a duration such as 2s, nor true or false`)
    }
    settings[option] = value
  }
  return Result.succeed(settings)
}
