import { readdirSync } from 'node:fs';
import { relative } from 'node:path';

/** Folder of the CPU profiles in that of a run. */
export function profilesFolder(folder: string): string {
  return `${folder}/profiles`;
}

/** Paths of the CPU profiles of a run; none if it made none. */
export function profilePaths(folder: string): string[] {
  try {
    return readdirSync(profilesFolder(folder))
      .filter((name) => name.endsWith('.cpuprofile'))
      .sort()
      .map((name) => `${profilesFolder(folder)}/${name}`);
  } catch {
    return [];
  }
}

/** Says at the end of a run where its profiles are. */
export function describeProfiles({ run, folder }: { readonly run: string; readonly folder: string }): string {
  const count = profilePaths(folder).length;
  if (count === 0) return 'no CPU profile was written, because no worker was started';
  const where = relative(process.cwd(), profilesFolder(folder));
  const files = count === 1 ? 'one CPU profile is' : `${count} CPU profiles are`;
  return `${files} in ${where}, for Chrome DevTools or speedscope; summed up by: ravelin runs show ${run} --time`;
}
