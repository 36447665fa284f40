// Gather writes: requests that are sent in one turn leave in one system call.
// Flow: connections.ts applies it to each socket. A commit sends its requests in pairs; a system call costs about as much
//       as everything else that a small request does.
// Invariant: bytes leave in the order in which they were written, before the event loop turns.

/** What is used of a socket. */
export interface GatheringSocket {
  write(bytes: Uint8Array, ...rest: unknown[]): boolean;
  cork(): void;
  uncork(): void;
}

export function gatherWrites(socket: GatheringSocket): void {
  const write = socket.write.bind(socket);
  let corked = false;
  const release = () => {
    corked = false;
    socket.uncork();
  };
  socket.write = (bytes, ...rest) => {
    if (!corked) {
      corked = true;
      socket.cork();
      // Behind all promises that are settled by now: their requests go along.
      process.nextTick(release);
    }
    return write(bytes, ...rest);
  };
}
