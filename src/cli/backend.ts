import { backendNames, bestBackend, probeBackend } from '../tensors/backend.ts';
import { UsageError } from './exit-codes.ts';

/** The backend to compute on: the named one, or the best that is ready here. Throws `UsageError` for one that is not. */
export function resolveBackend(name: string): string {
  const known = backendNames();
  if (name === 'auto') return bestBackend();
  if (!known.includes(name)) {
    throw new UsageError(
      `the ${name} backend is not part of this version of ravelin`,
      `use ${known.join(' or ')}`,
    );
  }
  const probe = probeBackend(name);
  if (!probe.ready) {
    const [why = '', fix] = (probe.why ?? '').split('; ');
    throw new UsageError(`the ${name} backend is not ready here: ${why}`, fix);
  }
  return name;
}
