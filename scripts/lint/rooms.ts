/**
 * Who may import whom, as an oxlint plugin: `rooms/direction` and `rooms/pure-state-machines`.
 *
 * A file belongs to the first room below whose pattern its path matches, and may import what its room lists; whatever
 * is not listed is reported. Relative imports are resolved, so that no spelling of a path gets around a rule; `import()`,
 * `export ... from` and `import type` count like any import.
 */
import * as fs from "node:fs"
import * as path from "node:path"

interface Room {
  readonly name: string
  /** Of the file, relative to the repository. */
  readonly files: RegExp
  /** Names of the rooms it may import from. A room may always import from itself. */
  readonly rooms: ReadonlyArray<string>
  /** The packages it may import. */
  readonly packages: RegExp
  readonly why: string
}

const effect = /^effect(\/|$)/
const effectAndCore = /^(effect|@effect-gossip\/core)(\/|$)/

/**
 * What applications hold, above the protocols: these modules of `core/src`, the services of `membership/`, and what is
 * internal to a service of a protocol's room. Whatever else is directly in `core/src` is the edge, as `Transport` is.
 */
const application = new RegExp(
  "^packages/core/src/(" + [
    "(index|Gossip|Topic|ReplicatedMap|ReplicatedCrdt)\\.ts$",
    "membership/(index|Membership|MembershipError|Metadata|KeyValues|PhiDetector|Quorum)\\.ts$",
    "dissemination/(index|Dissemination|DisseminationError)\\.ts$",
    "replication/(index|ReplicaStore|Replica|ReplicaError)\\.ts$",
    "(membership|dissemination|replication)/internal/service/"
  ].join("|") + ")"
)

const edge = ["core/edge", "core/wire", "core/transport"]

const protocolNames = ["membership", "dissemination", "replication"]

const protocols: ReadonlyArray<Room> = protocolNames.map((name) => ({
  name: `core/${name}`,
  files: new RegExp(`^packages/core/src/${name}/`),
  rooms: [...edge, "core/node/Protocol"],
  packages: effect,
  why: "a protocol: it knows the edge and node/Protocol.ts, and other protocols not at all"
}))

export const rooms: ReadonlyArray<Room> = [
  {
    name: "core/application",
    files: application,
    rooms: [...edge, "core/node/Protocol", ...protocols.map((room) => room.name), "core/node"],
    packages: effect,
    why: "core depends on effect alone"
  },
  {
    name: "core/wire",
    files: /^packages\/core\/src\/wire\//,
    rooms: ["core/edge"],
    packages: effect,
    why: "the edge: it knows messages, not who sends them"
  },
  ...protocols,
  {
    name: "core/node/Protocol",
    files: /^packages\/core\/src\/node\/Protocol\.ts$/,
    rooms: ["core/edge", "core/wire"],
    packages: effect,
    why: "what a protocol is to the node: it knows neither"
  },
  {
    name: "core/node",
    files: /^packages\/core\/src\/node\//,
    rooms: [...edge, "core/node/Protocol"],
    packages: effect,
    why: "the node: it runs whatever is a Protocol, and knows none of them by name"
  },
  {
    name: "core/transport",
    files: /^packages\/core\/src\/Transport\.ts$/,
    rooms: ["core/edge", "core/wire"],
    packages: effect,
    why: "the edge: it knows bytes, not who sends them"
  },
  {
    name: "core/edge",
    files: /^packages\/core\/src\//,
    rooms: ["core/wire", "core/transport"],
    packages: effect,
    why: "the edge, as all directly in core/src that scripts/lint/rooms.ts does not list as application"
  },
  {
    name: "testkit's edge to vitest",
    files: /^packages\/testkit\/src\/Vitest\.ts$/,
    rooms: ["testkit"],
    packages: /^(effect|@effect-gossip\/core|@effect\/vitest|vitest|@effect\/platform-node)(\/|$)/,
    why: "the edge to vitest: besides core and effect it knows vitest, and writes files where it can"
  },
  {
    name: "testkit's conformance suites",
    files: /^packages\/testkit\/src\/(?:\w+Suite\.ts|internal\/\w+Suite\/)/,
    rooms: ["testkit"],
    packages: /^(effect|@effect-gossip\/core|@effect\/vitest)(\/|$)/,
    why: "a conformance suite registers tests: besides core and effect it knows @effect/vitest"
  },
  {
    name: "testkit",
    files: /^packages\/testkit\/src\//,
    rooms: [],
    packages: effectAndCore,
    why: "testkit depends on core's public modules and effect"
  },
  {
    name: "transport-udp",
    files: /^packages\/transport-udp\/src\//,
    rooms: [],
    packages: /^(effect|@effect-gossip\/core|@effect\/platform-node)(\/|$)|^node:/,
    why: "transport-udp depends on core's public modules, effect and @effect/platform-node"
  },
  {
    name: "core's tests",
    files: /^packages\/core\/test\//,
    rooms: [...edge, "core/node", "core/node/Protocol", "core/application", ...protocols.map((room) => room.name)],
    packages: /^(effect|@effect-gossip\/(core|testkit)|@effect\/vitest|vitest)(\/|$)/,
    why: "core's tests run wherever core runs"
  },
  {
    name: "testkit's tests",
    files: /^packages\/testkit\/test\//,
    rooms: ["testkit", "testkit's conformance suites", "testkit's edge to vitest"],
    packages: /^(effect|@effect-gossip\/(core|testkit)|@effect\/vitest|vitest)(\/|$)/,
    why: "testkit's tests run wherever core runs"
  }
]

const roomOf = (file: string): Room | undefined => rooms.find((room) => room.files.test(file))

const resolve = (file: string, specifier: string): string => path.posix.join(path.posix.dirname(file), specifier)

/** Why `file` may not import `specifier`, or `undefined` when it may. Paths are relative to the repository. */
export const objection = (file: string, specifier: string): string | undefined => {
  const from = roomOf(file)
  if (from === undefined) return undefined
  if (!specifier.startsWith(".")) {
    if (from.packages.test(specifier)) {
      return specifier === "effect" && file.includes("/src/")
        ? `Import the module itself, as in: import * as Effect from "effect/Effect"`
        : undefined
    }
    return `"${specifier}" may not be imported here (${from.why})`
  }
  const room = roomOf(resolve(file, specifier))
  if (room === undefined) return `"${specifier}" is outside of this package (${from.why})`
  if (room.name === from.name || from.rooms.includes(room.name)) return undefined
  return `${room.name} may not be imported from ${from.name} (${from.why})`
}

/** The state machines: they and all they import at run time, however indirectly, are pure. */
const stateMachines = new RegExp(`^packages/core/src/(${protocolNames.join("|")})/internal/(?!service/)`)

/**
 * Effect's modules of plain values. A state machine may reach no others, so that it has no way to run an effect, tell the
 * time, draw a random number or wait: what it needs of these comes in as an argument.
 */
const plainValues = new Set([
  "Array BigDecimal BigInt Boolean Brand Bytes ByteSize Chunk Combiner Data Duration Equal Equivalence Filter",
  "Formatter Function Graph Hash HashMap HashRing HashSet Inspectable Iterable Match MutableHashMap MutableHashSet",
  "MutableList MutableRef Newtype NonEmptyIterable Number Optic Option Order Ordering Pipeable Predicate PrimaryKey",
  "Record Reducer RegExp Result Schema SchemaGetter SchemaIssue SchemaTransformation String Struct Symbol Trie Tuple",
  "Types UndefinedOr Unify Utils encoding/SchemaBinary net/Host net/NetAddress"
].flatMap((names) => names.split(" ").map((name) => `effect/${name}`)))

const valueImport = /^(?:import|export)\s(?!\s*type\s)(?:[^"';]*?\sfrom\s)?\s*"([^"]+)"/gm

/** How `specifier`, imported by `file`, leads to a module that is not of plain values, or `undefined` if it does not. */
const impurity = (cwd: string, file: string, specifier: string, seen: Set<string>): string | undefined => {
  if (!specifier.startsWith(".")) return plainValues.has(specifier) ? undefined : specifier
  const to = resolve(file, specifier)
  if (seen.has(to) || !fs.existsSync(path.join(cwd, to))) return undefined
  seen.add(to)
  if (stateMachines.test(to)) return undefined // is checked itself
  for (const [, next = ""] of fs.readFileSync(path.join(cwd, to), "utf8").matchAll(valueImport)) {
    const found = impurity(cwd, to, next, seen)
    if (found !== undefined) return `${path.posix.relative("packages/core/src", to)} → ${found}`
  }
  return undefined
}

interface Node {
  readonly source?: { readonly type: string; readonly value?: unknown } | null
  readonly importKind?: "type" | "value"
  readonly exportKind?: "type" | "value"
  readonly type: string
}

interface Context {
  readonly filename: string
  readonly cwd: string
  report(options: { readonly node: unknown; readonly message: string }): void
}

type Check = (file: string, specifier: string, node: Node, cwd: string) => string | undefined

const rule = (check: Check) => ({
  create: (context: Context) => {
    const file = path.relative(context.cwd, context.filename).split(path.sep).join("/")
    const visit = (node: Node): void => {
      if (typeof node.source?.value !== "string") return
      const message = check(file, node.source.value, node, context.cwd)
      if (message !== undefined) context.report({ node, message })
    }
    return {
      ImportDeclaration: visit,
      ImportExpression: visit,
      ExportNamedDeclaration: visit,
      ExportAllDeclaration: visit,
      TSImportType: visit
    }
  }
})

const plugin = {
  meta: { name: "rooms" },
  rules: {
    direction: rule(objection),
    "pure-state-machines": rule((file, specifier, node, cwd) => {
      if (!stateMachines.test(file)) return undefined
      if (node.importKind === "type" || node.exportKind === "type" || node.type === "TSImportType") return undefined
      const found = impurity(cwd, file, specifier, new Set())
      return found === undefined
        ? undefined
        : `A state machine may import plain values only: time and chance come in as arguments (imports ${found})`
    })
  }
}

export default plugin
