/**
 * The strategies that the lab compares, by the names that its flags have for them.
 */
import * as DirectMail from "@effect-gossip/core/dissemination/DirectMail"
import * as MedianCounter from "@effect-gossip/core/dissemination/MedianCounter"
import * as Piggyback from "@effect-gossip/core/dissemination/Piggyback"
import * as PushThenPull from "@effect-gossip/core/dissemination/PushThenPull"
import * as RumorMongering from "@effect-gossip/core/dissemination/RumorMongering"
import type { Strategy } from "@effect-gossip/core/dissemination/Strategy"
import { Effect } from "effect"

/** A strategy and its options, as they go to a thread. */
export type StrategySetting =
  | { readonly name: "rumor-mongering"; readonly options: Partial<RumorMongering.Options> }
  | { readonly name: "push-then-pull"; readonly options: Partial<PushThenPull.Options> }
  | { readonly name: "direct-mail"; readonly options: Partial<DirectMail.Options> }
  | { readonly name: "median-counter"; readonly options: Partial<MedianCounter.Options> }
  | { readonly name: "piggyback"; readonly options: Partial<Piggyback.Options> }
  /** Nobody tells anybody: what is left is anti-entropy. */
  | { readonly name: "none" }

export type Name = StrategySetting["name"]

const none: Strategy = {
  kind: 255,
  name: "none",
  roundInterval: 1000,
  make: () => ({
    heard: () => {},
    heardAgain: () => {},
    received: () => {},
    round: () => false,
    forget: () => {}
  })
}

/** Milliseconds of a round in the lab: room for hundreds of waves of messages. */
export const roundMillis = 1000

/** A strategy at the lab's pace. Throws `InvalidOption`. */
export const make = (setting: StrategySetting): Strategy => {
  switch (setting.name) {
    case "rumor-mongering":
      return Effect.runSync(RumorMongering.make({ ...setting.options, roundInterval: roundMillis }))
    case "push-then-pull":
      return Effect.runSync(PushThenPull.make({ ...setting.options, roundInterval: roundMillis }))
    case "direct-mail":
      return Effect.runSync(DirectMail.make({ burst: 100_000, ...setting.options, roundInterval: roundMillis }))
    case "median-counter":
      return Effect.runSync(MedianCounter.make({ ...setting.options, roundInterval: roundMillis }))
    case "piggyback":
      return Effect.runSync(Piggyback.make({ ...setting.options, gossipInterval: roundMillis }))
    case "none":
      return none
  }
}

/** Whether nodes talk each round although there is no news: then silence does not tell when all is over. */
export const polls = (setting: StrategySetting): boolean =>
  setting.name === "median-counter" ||
  (setting.name === "rumor-mongering" && setting.options.mode !== undefined && setting.options.mode !== "push") ||
  (setting.name === "push-then-pull" && setting.options.pull === "always")
