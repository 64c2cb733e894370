import { mkdirSync, readdirSync, unlinkSync, writeFileSync } from 'node:fs';
import { relative } from 'node:path';
import { toUserError } from '../files/file-error.ts';
import { isPartialProfile, isProfileName } from '../runtime/executors/task/profile-names.ts';

/** Folder of the CPU profiles in that of a run. */
export function profilesFolder(folder: string): string {
  return `${folder}/profiles`;
}

/** Paths of the CPU profiles of a run; none if it made none. */
export function profilePaths(folder: string): string[] {
  try {
    return readdirSync(profilesFolder(folder))
      .filter(isProfileName)
      .sort()
      .map((name) => `${profilesFolder(folder)}/${name}`);
  } catch {
    return [];
  }
}

/** Says at the end of a run where its profiles are, and why some are missing or end early. */
export function describeProfiles(
  { run, folder }: { readonly run: string; readonly folder: string },
  hasComputed: boolean,
): string {
  const paths = profilePaths(folder);
  const count = paths.length;
  if (count === 0 && !hasComputed) return 'no CPU profile was written, because no worker was started';
  if (count === 0) return `warning: no CPU profile could be written: ${whyUnwritten(folder)}`;
  const where = relative(process.cwd(), profilesFolder(folder));
  const files = count === 1 ? 'one CPU profile is' : `${count} CPU profiles are`;
  const sentence = `${files} in ${where}, for Chrome DevTools or speedscope; summed up by: ravelin runs show ${run} --time`;
  const partial = paths.filter(isPartialProfile).length;
  if (partial === 0) return sentence;
  const which = count === 1 ? 'it ends' : partial === 1 ? 'one of them ends' : `${partial} of them end`;
  return `${sentence}\nwarning: ${which} early, because the rest could not be written: ${whyUnwritten(folder)}`;
}

/** Bytes of a small profile. */
const probeBytes = 65_536;

/** Tries to write where the profiles are, and says what is in the way. */
function whyUnwritten(folder: string): string {
  const path = `${profilesFolder(folder)}/probe`;
  try {
    mkdirSync(profilesFolder(folder), { recursive: true });
    writeFileSync(path, new Uint8Array(probeBytes));
    return `there was no space or no permission in ${profilesFolder(folder)} while the workers ran`;
  } catch (error) {
    const problem = toUserError(error, path);
    if (problem === null) throw error;
    return problem.message.replace(path, profilesFolder(folder));
  } finally {
    try {
      unlinkSync(path);
    } catch {
      // It was not made.
    }
  }
}
