import { createServer } from 'node:net';
import type { Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { onTestFinished } from 'vitest';

/** A stage that has come to the meeting place and waits there, in a process of its own. */
export interface Guest {
  readonly name: string;
  readonly letGo: () => void;
  /** Resolves when it has gone on, or when its process has ended. */
  readonly gone: Promise<void>;
}

/**
 * Where stages that call `meet` wait until the test lets them go. With it a test decides how long a stage takes, and knows when its
 * process has ended; no stage has to be slow enough for something else to happen meanwhile.
 */
export interface MeetingPlace {
  /** Resolves to the next stage that comes: each is given once, in the order of their coming. */
  readonly next: () => Promise<Guest>;
  /** Lets go all that wait, and all that come later. */
  readonly letAllGo: () => void;
}

/** Opens a meeting place for the current test. */
export async function openMeetingPlace(socketPath: string): Promise<MeetingPlace> {
  const arrived: Guest[] = [];
  const expected: ((guest: Guest) => void)[] = [];
  const sockets = new Set<Socket>();
  let open = false;

  const welcome = (guest: Guest): void => {
    const first = expected.shift();
    if (first === undefined) arrived.push(guest);
    else first(guest);
    if (open) guest.letGo();
  };
  const server = createServer((socket) => {
    sockets.add(socket);
    const gone = new Promise<void>((resolve) => socket.once('close', () => resolve()));
    void gone.then(() => sockets.delete(socket));
    // The process of a stage may be killed while it writes.
    socket.on('error', () => undefined);
    createInterface({ input: socket }).once('line', (name) =>
      welcome({ name, letGo: () => socket.end(), gone }),
    );
  });
  await new Promise<void>((resolve) => server.listen(socketPath, resolve));
  onTestFinished(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return {
    next: () =>
      new Promise((resolve) => {
        const guest = arrived.shift();
        if (guest === undefined) expected.push(resolve);
        else resolve(guest);
      }),
    letAllGo() {
      open = true;
      for (const socket of sockets) socket.end();
    },
  };
}
