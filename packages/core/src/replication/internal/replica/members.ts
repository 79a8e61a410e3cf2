/** The members of a cluster, kept up to date as they come and go. */
import type { Member, Members } from "../../ReplicaMachine.ts"

/** Each change takes constant time. */
export class MemberList implements Members {
  readonly #members = new Map<string, Member>()
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

  set(member: Member): void {
    this.#members.set(member.id, member)
    this.version++
  }

  /** It has left, or was forgotten. */
  delete(id: string): void {
    if (this.#members.delete(id)) this.version++
  }
}
