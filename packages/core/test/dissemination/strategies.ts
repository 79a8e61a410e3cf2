/** The strategies that conformance is tested of, at their defaults and where they work in another way. */
import * as DirectMail from "@effect-gossip/core/dissemination/DirectMail"
import * as MedianCounter from "@effect-gossip/core/dissemination/MedianCounter"
import * as Piggyback from "@effect-gossip/core/dissemination/Piggyback"
import * as PushThenPull from "@effect-gossip/core/dissemination/PushThenPull"
import * as RumorMongering from "@effect-gossip/core/dissemination/RumorMongering"
import type * as DisseminationSuite from "@effect-gossip/testkit/DisseminationSuite"

export const strategies: { readonly [name: string]: DisseminationSuite.Options } = {
  PushThenPull: { strategy: PushThenPull.layer(), bounds: { spread: "2 seconds" } },
  DirectMail: { strategy: DirectMail.layer() },
  RumorMongering: { strategy: RumorMongering.layer() },
  MedianCounter: { strategy: MedianCounter.layer(), talksWhenIdle: true },
  Piggyback: { strategy: Piggyback.layer() }
}

export const variants: { readonly [name: string]: DisseminationSuite.Options } = {
  // a few nodes are otherwise told directly
  "PushThenPull that announces": { strategy: PushThenPull.layer({ direct: 0, originFanOut: 1, fanOut: 1, extra: 0 }) },
  "PushThenPull that pulls always": { strategy: PushThenPull.layer({ pull: "always" }), talksWhenIdle: true },
  "RumorMongering by pull": { strategy: RumorMongering.layer({ mode: "pull" }), talksWhenIdle: true }
}
