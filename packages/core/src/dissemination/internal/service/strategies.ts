/** The strategies of this library with their defaults: by them a node passes on rumors of kinds that it does not use itself. */
import * as Effect from "effect/Effect"
import * as DirectMail from "../../DirectMail.ts"
import * as MedianCounter from "../../MedianCounter.ts"
import * as Piggyback from "../../Piggyback.ts"
import * as PushThenPull from "../../PushThenPull.ts"
import * as RumorMongering from "../../RumorMongering.ts"

/** What a node uses where no layer says otherwise comes first. */
export const builtIn = Effect.orDie(
  Effect.all([
    PushThenPull.make(),
    DirectMail.make(),
    RumorMongering.make(),
    Piggyback.make(),
    MedianCounter.make()
  ])
)
