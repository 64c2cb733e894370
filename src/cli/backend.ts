import { backendNames } from '../tensors/backend.ts';
import { UsageError } from './exit-codes.ts';

/** The backend to compute on: the named one, or the best that is part of this version. */
export function resolveBackend(name: string): string {
  const known = backendNames();
  if (name === 'auto') return known[0]!;
  if (!known.includes(name)) {
    throw new UsageError(
      `the ${name} backend is not part of this version of ravelin`,
      `use ${known.join(' or ')}`,
    );
  }
  return name;
}
