/**
 * The lint rules report what they are there to report, and nothing of what they must let pass: each fixture an
 * import or an expression in a file put where a package would have it, linted with this repository's configuration.
 */
import { spawnSync } from "node:child_process"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import { assert, describe, it } from "vitest"

const root = path.dirname(import.meta.dirname)

const globals = [
  ...["Date", "performance", "setTimeout", "setInterval", "setImmediate", "clearTimeout", "clearInterval"],
  ...["clearImmediate", "queueMicrotask", "requestAnimationFrame", "crypto", "process", "Buffer", "console", "fetch"],
  ...["WebSocket", "WeakRef", "FinalizationRegistry", "Bun", "Deno", "window", "navigator", "require", "global"]
]

interface Fixture {
  readonly file: string
  /** Each `$` becomes a number of its own, so that the fixtures of one file do not collide. */
  readonly code: string
  /** The rule that must report it, or `undefined` when nothing may be reported. */
  readonly rule: string | undefined
}

const forbidden = (rule: string, files: ReadonlyArray<string>, codes: ReadonlyArray<string>): ReadonlyArray<Fixture> =>
  files.flatMap((file) => codes.map((code) => ({ file, code, rule })))

const deterministic = [
  "packages/core/src/Gossip.ts",
  "packages/core/src/membership/internal/swim.ts",
  "packages/core/test/Gossip.test.ts",
  "packages/testkit/src/VirtualTime.ts",
  "packages/testkit/test/VirtualTime.test.ts"
]

const runsInVirtualTime = ["packages/core/src/Membership.ts", "packages/testkit/src/internal/engine.ts"]

const imports = (file: string, ...specifiers: ReadonlyArray<string>): ReadonlyArray<Fixture> =>
  specifiers.map((specifier) => ({
    file,
    code: `import * as X$ from "${specifier}"\nX$.f()`,
    rule: "rooms(direction)"
  }))

const mayImport = (file: string, ...specifiers: ReadonlyArray<string>): ReadonlyArray<Fixture> =>
  specifiers.map((specifier) => ({ file, code: `import * as X$ from "${specifier}"\nX$.f()`, rule: undefined }))

const impure = (file: string, ...specifiers: ReadonlyArray<string>): ReadonlyArray<Fixture> =>
  imports(file, ...specifiers).map((fixture) => ({ ...fixture, rule: "rooms(pure-state-machines)" }))

const stateMachine = "packages/core/src/membership/internal/swim.ts"

const fixtures: ReadonlyArray<Fixture> = [
  // Time, chance and I/O
  ...forbidden("eslint(no-restricted-globals)", deterministic, globals.map((name) => `export const x$ = ${name}`)),
  ...forbidden("eslint(no-restricted-globals)", deterministic.slice(0, 1), [
    "export const x$ = new Date()",
    "export const x$ = Date.now()",
    "export const x$ = globalThis.Date.now()",
    "export const x$ = globalThis[\"performance\"].now()",
    "export const x$ = typeof process"
  ]),
  ...forbidden("eslint(no-restricted-properties)", deterministic, [
    "export const x$ = Math.random()",
    "export const x$ = Math[\"random\"]()",
    "export const { random: x$ } = Math"
  ]),
  ...deterministic.flatMap((file) => imports(file, "node:fs", "node:timers/promises", "fs", "@effect/platform-node")),

  // What a run of a seed must not depend on
  ...forbidden("determinism(same-every-run)", runsInVirtualTime, [
    "export const x$ = new Promise<void>(() => {})",
    "export const x$ = Promise.resolve(1)",
    "export const x$ = globalThis.Promise.resolve(1)",
    "export const x$ = { f: async () => {} }",
    "export async function x$() {}",
    "export const x$ = (p: PromiseLike<void>) => p.then(() => {})",
    "export const x$ = await 1",
    "for await (const x of []) void x",
    "export const x$ = () => import(\"./x.ts\")",
    "export const x$ = new Intl.Collator()",
    "export const x$ = (0).toLocaleString()",
    "export const x$ = \"a\".localeCompare(\"b\")",
    "export const x$ = \"i\".toLocaleUpperCase()",
    "export const x$ = \"a\"[\"localeCompare\"](\"b\")",
    "export const x$ = AbortSignal.timeout(1)",
    "export const x$ = new SharedArrayBuffer(1)",
    "export const x$ = Reflect.get(globalThis, \"x\")",
    "export const x$ = (name: \"Date\") => globalThis[name]",
    "export const x$ = eval",
    "import { promise as x$ } from \"effect/Effect\"\nexport const y$ = x$",
    ...["promise", "tryPromise", "runPromise", "runPromiseExit", "runFork", "runCallback", "fiberId"].map((name) =>
      `import * as Effect$ from "effect/Effect"\nexport const x$ = Effect$.${name}`
    ),
    "import * as DateTime$ from \"effect/DateTime\"\nexport const x$ = DateTime$.nowUnsafe()",
    "import * as Hash$ from \"effect/Hash\"\nexport const x$ = Hash$.random({})",
    ...["HashMap", "HashSet", "TxHashMap", "crypto/SecureRandom"].map((name) =>
      `import * as X$ from "effect/${name}"\nexport const x$ = X$`
    ),
    "export * from \"effect/HashMap\""
  ]),
  ...forbidden("determinism(exact-math)", runsInVirtualTime, [
    ...["log", "log10", "log2", "exp", "pow", "sin", "cos", "tanh", "atan2", "cbrt", "hypot"].map((name) =>
      `export const x$ = Math.${name}`
    ),
    "export const x$ = Math[\"log\"](1)",
    "export const { log: x$ } = Math",
    "export const x$ = (n: number) => 2 ** n",
    "export const x$ = 2 ** 0.5"
  ]),

  // core depends on effect alone
  ...imports("packages/core/src/Gossip.ts", "@effect-gossip/testkit", "@effect-gossip/testkit/VirtualTime"),
  ...imports("packages/core/src/Gossip.ts", "@effect-gossip/transport-udp", "../../testkit/src/index.ts", "vitest"),
  ...imports("packages/core/test/Gossip.test.ts", "@effect-gossip/transport-udp"),
  ...imports("packages/testkit/src/VirtualTime.ts", "@effect-gossip/transport-udp", "@effect/platform-node/NodeSocket"),
  ...imports("packages/testkit/src/VirtualTime.ts", "../../core/src/internal/x.ts", "vitest", "@effect/vitest"),
  ...imports("packages/testkit/src/TransportSuite.ts", "@effect-gossip/transport-udp", "node:net"),
  ...imports("packages/transport-udp/src/UdpTransport.ts", "@effect-gossip/testkit", "../../core/src/Transport.ts"),

  // Rooms: dependencies point down, protocols do not know each other
  ...["wire/Message", "Transport"].flatMap((file) =>
    imports(
      `packages/core/src/${file}.ts`,
      ...["node/index", "membership/Swim", "dissemination/x", "replication/internal/x", "Gossip", "index"].map((to) =>
        file === "Transport" ? `./${to}.ts` : `../${to}.ts`
      )
    )
  ),
  ...imports("packages/core/src/membership/Swim.ts", "../node/index.ts", "../dissemination/index.ts"),
  ...imports("packages/core/src/membership/Swim.ts", "../replication/Store.ts", "../Gossip.ts", "../index.ts"),
  ...imports("packages/core/src/dissemination/DirectMail.ts", "../node/index.ts", "../membership/internal/x.ts"),
  ...imports("packages/core/src/replication/Store.ts", "../node/index.ts", "../membership/index.ts"),
  ...imports("packages/core/src/replication/Store.ts", "./../wire/../dissemination/index.ts"),
  ...imports("packages/core/src/membership/Swim.ts", "../node/Node.ts", "./Membership.ts", "./internal/service/x.ts"),
  ...imports("packages/core/src/node/Node.ts", "../Gossip.ts", "../index.ts", "../membership/Swim.ts"),
  ...imports("packages/core/src/node/Protocol.ts", "./internal/none.ts", "../membership/None.ts"),
  ...imports("packages/core/src/Address.ts", "./Gossip.ts", "./node/index.ts"),
  {
    file: "packages/core/src/wire/Message.ts",
    code: "export type { X as X$ } from \"../node/index.ts\"",
    rule: "rooms(direction)"
  },
  {
    file: "packages/core/src/wire/Message.ts",
    code: "export * from \"../node/index.ts\"",
    rule: "rooms(direction)"
  },
  {
    file: "packages/core/src/wire/Message.ts",
    code: "export const x$ = () => import(\"../node/index.ts\")",
    rule: "rooms(direction)"
  },
  {
    file: "packages/core/src/wire/Message.ts",
    code: "import type { X as X$ } from \"../node/index.ts\"\nexport type Y$ = X$",
    rule: "rooms(direction)"
  },
  {
    file: "packages/core/src/wire/Message.ts",
    code: "export type Y$ = import(\"../node/index.ts\").X",
    rule: "rooms(direction)"
  },

  // State machines are pure, and what they import is
  ...impure(stateMachine, ...["Effect", "Clock", "Random", "Queue", "Ref", "Fiber", "Layer"].map((x) => `effect/${x}`)),
  ...impure(stateMachine, "effect", "../Swim.ts", "../../Transport.ts"),
  ...impure("packages/core/src/dissemination/internal/rumor.ts", "effect/Effect"),
  ...impure("packages/core/src/replication/internal/clock/hlc.ts", "effect/Clock", "../../../internal/x.ts"),
  { file: "packages/core/src/internal/x.ts", code: "import { y$ } from \"./y.ts\"\nexport { y$ }", rule: undefined },
  {
    file: "packages/core/src/internal/y.ts",
    code: "import {\n  void as y$\n} from \"effect/Effect\"\nexport { y$ }",
    rule: undefined
  },
  {
    file: stateMachine,
    code: "export const x$ = () => import(\"effect/Effect\")",
    rule: "rooms(pure-state-machines)"
  },
  { file: stateMachine, code: "export * from \"effect/Effect\"", rule: "rooms(pure-state-machines)" },
  {
    file: stateMachine,
    code: "import type * as Effect$ from \"effect/Effect\"\nexport type X$ = Effect$.Effect<void>",
    rule: undefined
  },
  ...imports(stateMachine, "../../node/x.ts"),

  // Style that has a reason
  ...imports("packages/core/src/Gossip.ts", "effect"),
  {
    file: "packages/core/src/Gossip.ts",
    code: "import * as Effect$ from \"effect/Effect\"\nexport type X$ = Effect$.Effect<void>",
    rule: "typescript(consistent-type-imports)"
  },
  { file: "packages/core/src/Gossip.ts", code: "export const x$: any = 1", rule: "typescript(no-explicit-any)" },
  { file: "packages/core/src/Gossip.ts", code: "const x$ = 1", rule: "eslint(no-unused-vars)" },
  { file: "packages/transport-udp/src/Udp.ts", code: "console.log(1)", rule: "eslint(no-console)" },

  // What must pass
  ...runsInVirtualTime.flatMap((file) =>
    [
      "export const x$ = (p: Promise<void>) => p",
      "export const x$ = 2 ** 31 - 1",
      "export const x$ = Math.sqrt(2) + Math.LN2 + Math.ceil(1.5) + Math.imul(1, 2) + Math.clz32(1)",
      "export const x$ = [\"b\", \"a\"].sort()",
      "export const x$ = Object.keys({ 2: 0, 1: 0 })",
      "export const x$ = Array.from(new Map([[{}, 1]]))",
      "export const x$ = new WeakMap<object, number>()",
      "export const x$ = \"I\".toLowerCase()",
      "export const x$ = globalThis.Object",
      "import type * as HashMap$ from \"effect/HashMap\"\nexport type X$ = HashMap$.HashMap<string, number>",
      "import * as Map$ from \"effect/MutableHashMap\"\nexport const x$ = Map$.empty<string, number>()",
      ...["sync", "callback", "runSync", "runForkWith"].map((name) =>
        `import * as Effect$ from "effect/Effect"\nexport const x$ = Effect$.${name}`
      )
    ].map((code) => ({ file, code, rule: undefined }))
  ),
  { file: "packages/core/test/x.test.ts", code: "export const x$ = async () => Math.log(2)", rule: undefined },
  { file: "packages/testkit/src/Vitest.ts", code: "export const x$ = async () => {}", rule: undefined },
  ...mayImport(stateMachine, "effect/Option", "effect/Schema", "effect/Duration", "./x.ts", "../../wire/index.ts"),
  ...mayImport(
    stateMachine,
    "../../internal/z.ts",
    "../Member.ts",
    "../../node/Protocol.ts",
    "effect/encoding/SchemaBinary"
  ),
  ...mayImport("packages/core/src/membership/Swim.ts", "./internal/swim.ts", "../wire/index.ts", "../Transport.ts"),
  ...mayImport(
    "packages/core/src/node/Node.ts",
    "./Protocol.ts",
    "../wire/index.ts",
    "../Transport.ts",
    "effect/Queue"
  ),
  ...mayImport("packages/core/src/membership/Membership.ts", "../node/Node.ts", "./internal/service/x.ts", "./Swim.ts"),
  ...mayImport("packages/core/src/membership/internal/service/x.ts", "effect/Stream", "../../MembershipError.ts"),
  ...mayImport("packages/core/src/Gossip.ts", "./node/index.ts", "./membership/Swim.ts", "effect/encoding"),
  ...mayImport("packages/core/test/membership/Swim.test.ts", "../../src/membership/internal/x.ts", "effect", "vitest"),
  ...mayImport(
    "packages/core/test/membership/Swim.test.ts",
    "@effect/vitest",
    "@effect-gossip/testkit",
    "effect/testing"
  ),
  ...mayImport("packages/testkit/src/VirtualTime.ts", "@effect-gossip/core/Transport", "effect/Scheduler"),
  ...mayImport("packages/testkit/src/TransportSuite.ts", "@effect/vitest", "@effect-gossip/core/Transport"),
  ...mayImport("packages/transport-udp/src/Udp.ts", "node:dgram", "@effect/platform-node/NodeDatagramSocket"),
  ...mayImport("examples/cluster/main.ts", "node:child_process", "effect", "@effect-gossip/core"),
  { file: "examples/cluster/main.ts", code: "console.log(Date.now(), Math.random(), process.pid)", rule: undefined },
  { file: "packages/transport-udp/src/Udp.ts", code: "export const x$ = Buffer.alloc(1)", rule: undefined },
  { file: "packages/core/src/Gossip.ts", code: "export const x$ = Math.floor(1)", rule: undefined },
  {
    file: "packages/core/test/bench.test.ts",
    code:
      "// oxlint-disable-next-line no-restricted-globals -- measures wall time\nexport const x$ = performance.now()",
    rule: undefined
  }
]

/** The rules reported for each fixture, in the order of the fixtures. */
const lint = (): ReadonlyArray<ReadonlyArray<string>> => {
  const files = new Map<string, { readonly lines: Array<string>; readonly owners: Array<number> }>()
  for (const [index, fixture] of fixtures.entries()) {
    const file = files.get(fixture.file) ?? { lines: [], owners: [] }
    files.set(fixture.file, file)
    for (const line of fixture.code.replaceAll("$", String(index)).split("\n")) {
      file.lines.push(line)
      file.owners.push(index)
    }
  }
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), "effect-gossip-lint-"))
  try {
    for (const file of [".oxlintrc.json", "scripts/lint/rooms.ts", "scripts/lint/determinism.ts"]) {
      fs.cpSync(path.join(root, file), path.join(directory, file))
    }
    for (const [name, file] of files) {
      fs.mkdirSync(path.dirname(path.join(directory, name)), { recursive: true })
      fs.writeFileSync(path.join(directory, name), file.lines.join("\n"))
    }
    const oxlint = spawnSync(path.join(root, "node_modules/.bin/oxlint"), ["--format=json", "packages", "examples"], {
      cwd: directory,
      encoding: "utf8"
    })
    const { diagnostics }: { diagnostics: ReadonlyArray<Diagnostic> } = JSON.parse(oxlint.stdout)
    const reported: Array<Array<string>> = fixtures.map(() => [])
    for (const { code, filename, labels } of diagnostics) {
      if (code.startsWith("import(")) continue // about the files that fixtures import, not about these rules
      const owner = files.get(filename)?.owners[(labels[0]?.span.line ?? 0) - 1]
      if (owner === undefined) throw new Error(`${code} in ${filename} belongs to no fixture`)
      reported[owner]?.push(code)
    }
    return reported
  } finally {
    fs.rmSync(directory, { recursive: true, force: true })
  }
}

interface Diagnostic {
  readonly code: string
  readonly filename: string
  readonly labels: ReadonlyArray<{ readonly span: { readonly line: number } }>
}

describe("lint", () => {
  const reported = lint()
  for (const [index, { code, file, rule }] of fixtures.entries()) {
    it(`${rule === undefined ? "lets pass" : `${rule} reports`} ${code.replaceAll("\n", "; ")} in ${file}`, () => {
      if (rule === undefined) assert.deepStrictEqual(reported[index], [])
      else assert.include(reported[index] ?? [], rule)
    })
  }
})
