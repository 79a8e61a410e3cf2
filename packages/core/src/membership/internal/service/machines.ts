/**
 * The machine that a membership runs, for services that offer what one protocol has beyond `Membership`, such as
 * `ClusterBus`'s quorum: each tells by the machine whether its protocol is the one that runs.
 */
import type { MembershipMachine } from "../../MembershipMachine.ts"

const machines = new WeakMap<object, () => MembershipMachine>()

/** To be called by whoever makes a membership; `machine` gives the present one, after restarts as well. */
export const setMachine = (membership: object, machine: () => MembershipMachine): void => {
  machines.set(membership, machine)
}

/** Gives the present machine of a membership, unless the membership is somebody else's work. */
export const machineOf = (membership: object): MembershipMachine | undefined => machines.get(membership)?.()
