/** Moments at which a crash leaves something half done. */
export type FaultPoint = 'write' | 'fsync' | 'rename' | 'renamed' | 'event';

/**
 * Crashes on purpose, for the tests of crash safety: with RAVELIN_FAULT=rename:17 a process kills itself by
 * SIGKILL at its 17th rename; with RAVELIN_FAULT=driver/rename:17 (or worker/…) only such a process does.
 */
export function faultPoint(point: FaultPoint): void {
  if (point === armed?.point && ++armed.seen === armed.at) process.kill(process.pid, 'SIGKILL');
}

/** Whether this process is to crash at such a point: what is usually one step is then done in two. */
export function isArmed(point: FaultPoint): boolean {
  return armed?.point === point;
}

const armed = parseFault(process.env['RAVELIN_FAULT']);

function parseFault(
  text: string | undefined,
): { readonly point: string; readonly at: number; seen: number } | null {
  const match = /^(?:(driver|worker)\/)?([a-z]+):(\d+)$/.exec(text ?? '');
  if (match === null) return null;
  const role = process.send === undefined ? 'driver' : 'worker';
  if (match[1] !== undefined && match[1] !== role) return null;
  return { point: match[2]!, at: Number(match[3]), seen: 0 };
}
