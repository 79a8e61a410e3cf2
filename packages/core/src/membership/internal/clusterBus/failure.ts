/**
 * When PFAIL becomes FAIL: Redis's failure reports and `markNodeAsFailingIfNeeded`.
 */
import * as Claims from "../../Claim.ts"
import type { Entry } from "../table.ts"
import { reportValidity } from "./config.ts"
import type { Core } from "./core.ts"

interface Report {
  /** What the reporter does not reach. */
  readonly incarnation: number
  readonly at: number
}

/** Reports that are kept at a time, for each member that there may be: a partition in halves has n/4 for each. */
const reportsPerMember = 64

export class Failure {
  readonly #core: Core
  readonly #isPfail: (entry: Entry) => boolean
  /** By who is reported, and by whom. */
  readonly #reports = new Map<Entry, Map<Entry, Report>>()
  #count = 0
  #sweptAt: number

  constructor(core: Core, isPfail: (entry: Entry) => boolean) {
    this.#core = core
    this.#isPfail = isPfail
    this.#sweptAt = core.now
  }

  /** Someone says that it does not reach a member. */
  report(subject: Entry, by: Entry, incarnation: number): void {
    if (!votes(by) || subject === by) return
    let reports = this.#reports.get(subject)
    if (reports === undefined) this.#reports.set(subject, reports = new Map())
    if (!reports.delete(by)) {
      if (this.#count >= reportsPerMember * this.#core.config.maxMembers) {
        return this.#core.count("drops", "ReportsFull")
      }
      this.#count++
    }
    reports.set(by, { incarnation, at: this.#core.now })
    this.judge(subject)
  }

  /** Someone says that it reaches a member. */
  withdraw(subject: Entry, by: Entry): void {
    const reports = this.#reports.get(subject)
    if (reports?.delete(by) !== true) return
    this.#count--
    if (reports.size === 0) this.#reports.delete(subject)
  }

  /** Forgets what was said of a member. */
  clear(subject: Entry): void {
    this.#count -= this.#reports.get(subject)?.size ?? 0
    this.#reports.delete(subject)
  }

  /** Whether anyone does not reach a member, lately. */
  isReported(subject: Entry): boolean {
    return this.#reports.has(subject)
  }

  /** Declares a member FAIL when this node does not reach it, and a majority says the same. */
  judge(subject: Entry): void {
    const core = this.#core
    if (!this.#isPfail(subject) || subject.isGone || core.phase !== "running") return
    const { address, id } = subject.state
    let { incarnation } = subject.state
    // names vote, as in the electorate: who was restarted at another address is still one
    const failing = new Set(core.votes ? [core.birth.id] : [])
    for (const [by, report] of this.#reports.get(subject) ?? []) {
      // who speaks of a former life does not mean this one; who knows a later one has not reached that
      if (!this.#isValid(report) || by.isGone || !votes(by) || report.incarnation < subject.state.incarnation) continue
      failing.add(by.state.id)
      incarnation = Math.max(incarnation, report.incarnation)
    }
    const { majority } = core
    if (failing.size < majority) return
    const claim = { _tag: "Dead", id, address, incarnation, from: core.birth.id } as const
    core.hear(claim, "gossip")
    if (!subject.isGone) return
    core.count("suspicions", "confirmed")
    core.log("Info", `${id} is FAIL: ${failing.size} voters do not reach it, and ${majority} are a majority`)
    core.broadcast({ _tag: "Fail", claim })
    // so that one who is there hears of it, and refutes
    core.send(address, { _tag: "Fail", claim })
  }

  #isValid({ at }: Report): boolean {
    return this.#core.now - at <= reportValidity(this.#core.config)
  }

  /** Forgets, every so often, the reports that count no more. */
  sweep(): void {
    if (this.#core.now - this.#sweptAt < this.#core.config.nodeTimeout) return
    this.#sweptAt = this.#core.now
    for (const [subject, reports] of this.#reports) {
      for (const [by, report] of reports) if (by.isGone || !this.#isValid(report)) this.withdraw(subject, by)
    }
  }
}

const votes = ({ state }: Entry): boolean => Claims.votes(state)
