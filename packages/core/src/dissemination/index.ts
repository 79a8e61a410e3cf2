/**
 * How news spreads.
 *
 * @since 0.1.0
 */
export * as DirectMail from "./DirectMail.ts"
export * as Dissemination from "./Dissemination.ts"
export * as DisseminationError from "./DisseminationError.ts"
export * as DisseminationMachine from "./DisseminationMachine.ts"
export * as DisseminationOptions from "./DisseminationOptions.ts"
export * as MedianCounter from "./MedianCounter.ts"
export * as PeerSelection from "./PeerSelection.ts"
export * as Piggyback from "./Piggyback.ts"
export * as PushThenPull from "./PushThenPull.ts"
export * as RumorMongering from "./RumorMongering.ts"
export * as SpreadReport from "./SpreadReport.ts"
export * as Strategy from "./Strategy.ts"
