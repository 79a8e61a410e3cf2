/**
 * `pnpm lab`: experiments in simulation, with the code that runs in production.
 */
import { NodeRuntime, NodeServices } from "@effect/platform-node"
import { Effect } from "effect"
import { Command } from "effect/cli"
import * as Epidemics from "./epidemics/commands.ts"
import * as Membership from "./membership.ts"
import * as Reconcile from "./reconcile/commands.ts"

const lab = Command.make("lab").pipe(
  Command.withDescription(
    `Experiments on the protocols, in simulation, with the code that runs in production. One seed, one result.

  detection, loss, lifeguard and load simulate whole nodes, on virtual time and a network with 1 ms links: see
  docs/membership.md. reconcile has two replicas agree. The others spread one rumor by the state machines alone, among up
  to 100,000 nodes: see docs/epidemics.md.`
  ),
  Command.withSubcommands([...Membership.commands, ...Epidemics.commands, ...Reconcile.commands])
)

Command.run(lab, { version: "0.1.0" }).pipe(Effect.provide(NodeServices.layer), NodeRuntime.runMain)
