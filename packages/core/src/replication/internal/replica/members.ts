/** The members of a cluster, kept up to date as they come and go. */
import type { Address } from "../../../Address.ts"
import type { Member, Members } from "../../ReplicaMachine.ts"

/** Each change takes constant time. */
export class MemberList implements Members {
  readonly #members = new Map<string, Member>()
  readonly #byAddress = new Map<Address, Member>()
  #incarnation: number
  version = 0

  constructor(incarnation: number) {
    this.#incarnation = incarnation
  }

  get incarnation(): number {
    return this.#incarnation
  }

  set incarnation(incarnation: number) {
    if (incarnation === this.#incarnation) return
    this.#incarnation = incarnation
    this.version++
  }

  get all(): Iterable<Member> {
    return this.#members.values()
  }

  get(id: string): Member | undefined {
    return this.#members.get(id)
  }

  at(address: Address): Member | undefined {
    return this.#byAddress.get(address)
  }

  set(member: Member): void {
    this.#forget(member.id)
    this.#members.set(member.id, member)
    if (member.deadSince === undefined) this.#byAddress.set(member.address, member)
    this.version++
  }

  /** It has left, or was forgotten. */
  delete(id: string): void {
    this.#forget(id)
    if (this.#members.delete(id)) this.version++
  }

  #forget(id: string): void {
    const former = this.#members.get(id)
    if (former !== undefined && this.#byAddress.get(former.address) === former) this.#byAddress.delete(former.address)
  }
}
