import { delimiter, resolve } from 'node:path';

/** The variable with the paths outside of a project that its pipelines may read in this command (allowed-paths.ts). */
export const allowedVariable = 'RAVELIN_ALLOW_PATH';

/** Allows paths for the rest of this process and for those that it starts. */
export function allowHere(paths: readonly string[]): void {
  const given = process.env[allowedVariable];
  process.env[allowedVariable] = [...paths.map((path) => resolve(path)), ...(given ? [given] : [])].join(
    delimiter,
  );
}
