/**
 * One supervised fiber that runs protocols.
 *
 * @since 0.1.0
 */
export * as Node from "./Node.ts"
export * as NodeError from "./NodeError.ts"
export * as Protocol from "./Protocol.ts"
