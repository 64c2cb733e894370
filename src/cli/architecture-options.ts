import { zoo } from '../models/architectures/zoo.ts';
import type { ArchitectureName } from '../models/architectures/zoo.ts';
import { NetworkError } from '../models/network.ts';
import { publishedDefaults } from '../stages/model/published.ts';
import type { Network } from '../values/model.ts';
import { nearest } from '../values/nearest.ts';
import { UsageError } from './exit-codes.ts';

/** The published architecture of `--architecture NAME`. Throws `UsageError`. */
export function architectureNamed(name: string): ArchitectureName {
  if (Object.hasOwn(zoo, name)) return name as ArchitectureName;
  const near = nearest(name, Object.keys(zoo));
  throw new UsageError(
    `unknown architecture '${name}'${near === undefined ? '' : `; did you mean '${near}'?`}`,
    `use one of ${Object.keys(zoo).join(', ')}`,
  );
}

/** The network of an architecture, for the classes and the size of its stage type unless others are given. Throws `UsageError`. */
export function buildArchitecture(
  name: ArchitectureName,
  options: { readonly classes?: number | undefined; readonly size?: number | undefined },
): Network {
  const usual = publishedDefaults(name);
  const { classes = usual.classes, size = usual.size } = options;
  try {
    return zoo[name].build({ classes, size });
  } catch (error) {
    if (error instanceof NetworkError) throw new UsageError(error.message, 'give another --size');
    throw error;
  }
}
