/** Of node `n0`, for what is tried without a machine around it. */
import type { MembershipMachine } from "../../../src/membership/MembershipMachine.ts"
import type { Birth } from "../../../src/node/Protocol.ts"
import { addressOf, bornAt, wallClock } from "./swim/harness.ts"

export const birth: Birth<MembershipMachine> = {
  id: "n0",
  address: addressOf(0),
  wallClock,
  now: bornAt,
  maxDatagramSize: 1394,
  maxExchangeSize: 4 * 1024 * 1024,
  previous: undefined,
  restarts: 0
}
