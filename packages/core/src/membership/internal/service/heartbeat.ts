/** What services of `Heartbeat` have in common. */
import * as Effect from "effect/Effect"
import { InvalidOption } from "../../../Transport.ts"
import { HeartbeatMachine } from "../heartbeat/machine.ts"
import { machineOf } from "./machines.ts"

/** The present machine of a membership, when it is Heartbeat's. */
export const heartbeatOf = (
  service: string,
  membership: object
): Effect.Effect<() => HeartbeatMachine, InvalidOption> => {
  const first = machineOf(membership)
  if (!(first instanceof HeartbeatMachine)) {
    return Effect.fail(
      new InvalidOption({
        option: "protocol",
        problem: `${service} needs a node that uses Heartbeat: provide Heartbeat.layer() to Gossip.layer`
      })
    )
  }
  return Effect.succeed(() => machineOf(membership) as HeartbeatMachine)
}
