/**
 * What goes into a datagram: the messages for one peer, in as few datagrams as they fit, each filled up with what
 * there is to pass on.
 */

/**
 * Packs messages, none of which is larger than `room`.
 *
 * @param room bytes of messages that fit a datagram
 * @param fill gives further messages of at most so many bytes together
 */
export const pack = (
  messages: ReadonlyArray<Uint8Array>,
  room: number,
  fill: (room: number) => ReadonlyArray<Uint8Array>
): Array<Array<Uint8Array>> => {
  let size = 0
  for (const message of messages) size += message.length
  // nearly always
  if (size <= room) {
    const datagram = [...messages, ...fill(room - size)]
    return datagram.length === 0 ? [] : [datagram]
  }
  const datagrams: Array<Array<Uint8Array>> = []
  let current: Array<Uint8Array> = []
  let left = room
  const close = () => {
    for (const message of fill(left)) current.push(message)
    if (current.length > 0) datagrams.push(current)
    current = []
    left = room
  }
  for (const message of messages) {
    if (message.length > left) close()
    current.push(message)
    left -= message.length
  }
  close()
  return datagrams
}
