import type { Profiler } from 'node:inspector';
import { readJsonFile } from '../files/read-json.ts';

/**
 * `backend`: native code of TensorFlow, and the WebAssembly of its wasm backend; `kernels`: our WebAssembly; `loading`:
 * reading and compiling modules; `system`: other native code of Node, such as fsync; `waiting`: nothing to do.
 */
export const profileGroups = [
  'backend',
  'kernels',
  'javascript',
  'garbage collection',
  'loading',
  'system',
  'waiting',
] as const;

export type ProfileGroup = (typeof profileGroups)[number];

export interface ProfiledFunction {
  readonly group: ProfileGroup;
  readonly name: string;
  /** The last parts of the address of its source, and the line; empty for native code. */
  readonly place: string;
  /** Seconds in the function itself, without those that it called. */
  readonly seconds: number;
}

export interface ProfileSum {
  readonly files: readonly string[];
  /** The seconds of all workers together. The groups add up to them. */
  readonly seconds: number;
  readonly groups: Readonly<Record<ProfileGroup, number>>;
  /** By seconds, the most first, without `waiting`. */
  readonly functions: readonly ProfiledFunction[];
}

/** The function of `timing/phases.ts` through which TensorFlow's native code is called. */
const timedCall = 'timedCall';

type Frame = Profiler.ProfileNode['callFrame'];

/**
 * Adds up the self times of all functions in these `.cpuprofile` files. Those that are not whole, as on a full disk, are
 * left out and given to `broken`.
 */
export function sumProfiles(
  paths: readonly string[],
  broken: (path: string, reason: string) => void,
): ProfileSum {
  const functions = new Map<string, ProfiledFunction>();
  const groups = Object.fromEntries(profileGroups.map((group) => [group, 0])) as Record<ProfileGroup, number>;
  const files: string[] = [];
  let total = 0;
  for (const path of paths) {
    const profile = readProfile(path, broken);
    if (profile === null) continue;
    files.push(path);
    const described = describeNodes(profile);
    for (const [index, sample] of profile.samples.entries()) {
      const seconds = Math.max(0, profile.timeDeltas[index] ?? 0) / 1e6;
      const { group, name, place } = described.get(sample)!;
      groups[group] += seconds;
      total += seconds;
      if (group === 'waiting') continue;
      const key = `${group} ${name} ${place}`;
      const before = functions.get(key)?.seconds ?? 0;
      functions.set(key, { group, name, place, seconds: before + seconds });
    }
  }
  const sorted = [...functions.values()].sort((a, b) => b.seconds - a.seconds);
  return { files, seconds: total, groups, functions: sorted };
}

/** The parts of a profile that are read. */
interface ReadProfile {
  readonly nodes: readonly Pick<Profiler.ProfileNode, 'id' | 'callFrame' | 'children'>[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

function readProfile(path: string, broken: (path: string, reason: string) => void): ReadProfile | null {
  let profile: unknown;
  try {
    profile = readJsonFile(path);
  } catch (error) {
    broken(path, error instanceof Error ? error.message : String(error));
    return null;
  }
  if (isProfile(profile)) return profile;
  broken(path, `${path} is not a CPU profile`);
  return null;
}

/** Whether a value is a profile as V8 writes them: each node after its caller, and each sample of a node. */
function isProfile(value: unknown): value is ReadProfile {
  const { nodes, samples, timeDeltas } = (value ?? {}) as Partial<Record<keyof ReadProfile, unknown>>;
  const isNumbers = (list: unknown): list is readonly number[] =>
    Array.isArray(list) && list.every((number) => typeof number === 'number');
  if (!Array.isArray(nodes) || !isNumbers(samples) || !isNumbers(timeDeltas)) return false;
  const seen = new Set<unknown>();
  for (const node of nodes as readonly unknown[]) {
    const { id, callFrame, children = [] } = (node ?? {}) as Partial<Record<string, unknown>>;
    const { functionName, url, lineNumber } = (callFrame ?? {}) as Partial<Record<string, unknown>>;
    if (typeof functionName !== 'string' || typeof url !== 'string' || typeof lineNumber !== 'number')
      return false;
    seen.add(id);
    if (!isNumbers(children) || children.some((child) => seen.has(child))) return false;
  }
  return samples.every((sample) => seen.has(sample));
}

/** Says of every node of a profile what it is. The format has every node after its caller. */
function describeNodes({ nodes }: ReadProfile): Map<number, Omit<ProfiledFunction, 'seconds'>> {
  const callers = new Map<number, number>();
  for (const { id, children = [] } of nodes) for (const child of children) callers.set(child, id);
  const frames = new Map(nodes.map(({ id, callFrame }) => [id, callFrame]));
  const described = new Map<number, Omit<ProfiledFunction, 'seconds'>>();
  for (const { id, callFrame } of nodes) {
    const above: Frame[] = [];
    for (let at = callers.get(id); at !== undefined; at = callers.get(at)) above.push(frames.get(at)!);
    described.set(id, describeFrame(callFrame, above));
  }
  return described;
}

/** `above` are the callers, the nearest first. */
function describeFrame(frame: Frame, above: readonly Frame[]): Omit<ProfiledFunction, 'seconds'> {
  const { functionName: name, url, lineNumber } = frame;
  if (name === '(idle)') return { group: 'waiting', name, place: '' };
  if (name === '(garbage collector)') return { group: 'garbage collection', name, place: '' };
  // Our modules have the names of their functions, and that of TensorFlow.js has none.
  if (url.startsWith('wasm:'))
    return { group: name.startsWith('wasm-function[') ? 'backend' : 'kernels', name, place: '' };
  const isLoading = [frame, ...above].some(
    (one) =>
      one.url.startsWith('node:internal/modules') ||
      one.url.startsWith('node:internal/deps/cjs-module-lexer') ||
      one.functionName === 'dlopen',
  );
  if (isLoading && (url === '' || url.startsWith('node:'))) return { group: 'loading', name, place: url };
  if (name === 'dispatch' && above[0]?.url === 'node:inspector')
    return { group: 'system', name: 'the profiler itself', place: '' };
  // All native functions of add-ons have one name to V8, or none, so their callers show what they are.
  if (name === timedCall || (url === '' && (name === '' || above[0]?.functionName === timedCall))) {
    const caller = above.find((one) => one.functionName !== '' && one.functionName !== timedCall);
    return { group: 'backend', name: `native code for ${caller?.functionName ?? 'ravelin'}`, place: '' };
  }
  if (url === '') return { group: 'system', name, place: '' };
  return { group: 'javascript', name: name || '(anonymous)', place: `${lastParts(url)}:${lineNumber + 1}` };
}

function lastParts(url: string): string {
  return url.split('/').slice(-2).join('/');
}
