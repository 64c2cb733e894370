/** The names of files of CPU profiles, which the workers write and commands read. */
const ending = '.cpuprofile';
const partialEnding = `.partial${ending}`;

export function isProfileName(name: string): boolean {
  return name.endsWith(ending);
}

/** Whether a profile ends before its worker did, because what it sampled last could not be written. */
export function isPartialProfile(path: string): boolean {
  return path.endsWith(partialEnding);
}

/** The name of a profile whose end could not be written. */
export function partialProfile(path: string): string {
  return path.replace(/\.cpuprofile$/, partialEnding);
}
