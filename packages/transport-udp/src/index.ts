/**
 * @since 0.1.0
 */
export * as UdpTransport from "./UdpTransport.ts"
