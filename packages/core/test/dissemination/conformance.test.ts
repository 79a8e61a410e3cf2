import * as DirectMail from "@effect-gossip/core/dissemination/DirectMail"
import * as MedianCounter from "@effect-gossip/core/dissemination/MedianCounter"
import * as Piggyback from "@effect-gossip/core/dissemination/Piggyback"
import * as PushThenPull from "@effect-gossip/core/dissemination/PushThenPull"
import * as RumorMongering from "@effect-gossip/core/dissemination/RumorMongering"
import * as DisseminationSuite from "@effect-gossip/testkit/DisseminationSuite"

DisseminationSuite.suite("PushThenPull", { strategy: PushThenPull.layer(), bounds: { spread: "2 seconds" } })

DisseminationSuite.suite("PushThenPull that pulls always", {
  strategy: PushThenPull.layer({ pull: "always" }),
  talksWhenIdle: true
})

DisseminationSuite.suite("DirectMail", { strategy: DirectMail.layer() })

DisseminationSuite.suite("RumorMongering by push", { strategy: RumorMongering.layer() })

DisseminationSuite.suite("RumorMongering by pull", {
  strategy: RumorMongering.layer({ mode: "pull" }),
  talksWhenIdle: true
})

DisseminationSuite.suite("MedianCounter", { strategy: MedianCounter.layer(), talksWhenIdle: true })

DisseminationSuite.suite("Piggyback", { strategy: Piggyback.layer() })
