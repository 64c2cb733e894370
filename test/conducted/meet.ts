import { connect } from 'node:net';

/**
 * The side of a stage: says that it is here, and resolves when the test lets it go. It goes on at once if no test listens at this
 * socket, so that a plain rerun needs none. `meeting-place.ts` is the side of the test.
 */
export function meet(socketPath: string, name: string): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect(socketPath, () => socket.write(`${name}\n`));
    // What follows an error is `close`.
    socket.on('error', () => undefined);
    socket.once('close', () => resolve());
    socket.resume();
  });
}
