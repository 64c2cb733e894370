import { canonicalJson, type JsonObject } from '../values/json.ts';
import { readableJson } from '../values/readable-number.ts';

/** Characters of the params that a ledger keeps: the first line of a ledger must stay short to be read quickly. */
const mostCharacters = 4000;
const mostOfOne = 500;

/** The params of a pipeline for the ledger of a run: those that are short, as long as all are. */
export function shortParams(params: JsonObject): JsonObject {
  let left = mostCharacters;
  const kept = Object.entries(params).filter(([name, value]) => {
    const length = name.length + canonicalJson(value).length;
    if (length > mostOfOne || length > left) return false;
    left -= length;
    return true;
  });
  return Object.fromEntries(kept);
}

/** How params differ from those of an earlier run: `images 500 → 200`; empty if they do not, or if either is not known. */
export function changedParams(
  before: JsonObject | undefined,
  after: JsonObject | undefined,
): readonly string[] {
  if (before === undefined || after === undefined) return [];
  const show = (params: JsonObject, name: string): string => {
    const value = params[name];
    return value === undefined ? 'unset' : shown(value);
  };
  return [...new Set([...Object.keys(before), ...Object.keys(after)])].flatMap((name) => {
    const [old, current] = [show(before, name), show(after, name)];
    return old === current ? [] : [`${name} ${old} → ${current}`];
  });
}

/** A value in one short line. */
export function shown(value: JsonObject[string]): string {
  const text = typeof value === 'string' ? value : readableJson(value);
  return text.length <= 60 ? text : `${text.slice(0, 57)}…`;
}
