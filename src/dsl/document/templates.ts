import { didYouMean } from '../../values/nearest.ts';
import type { SourceRange } from '../diagnostics/diagnostic.ts';
import {
  emptyMap,
  type Located,
  type LocatedMap,
  type LocatedScalar,
  mergeMaps,
  partialMap,
  sizeOf,
  valueOf,
  withoutKeys,
} from '../text/located.ts';
import { type LoadContext, tooManyValues } from './load-context.ts';

/** The keys of a template or stage as written. */
export interface Body {
  readonly keyAt: SourceRange;
  readonly body: LocatedMap;
}

/** The most templates that extend one another in a row, because each is a step of recursion. */
const deepest = 64;

interface Whole {
  readonly body: LocatedMap;
  /** Templates in a row below this one. */
  readonly depth: number;
}

interface Step {
  readonly id: string;
  /** The place where the step before it names it. */
  readonly namedAt: SourceRange;
  /** The place where it is written. */
  readonly keyAt: SourceRange;
}

/**
 * Merges each template with all that it extends, once: n templates that extend each other twice would
 * otherwise take 2ⁿ steps.
 */
export class Templates {
  readonly #finished = new Map<string, Whole>();
  readonly #templates: ReadonlyMap<string, Body>;
  /** Whether there may be more templates, in a part of the document that was refused. */
  readonly #partial: boolean;
  readonly #context: LoadContext;

  constructor(templates: ReadonlyMap<string, Body>, partial: boolean, context: LoadContext) {
    this.#templates = templates;
    this.#partial = partial;
    this.#context = context;
  }

  /**
   * Merges a body over what it extends, without its `extends`. Reports what can't be extended. The body is
   * partial then.
   */
  under(body: LocatedMap): LocatedMap {
    return this.#under(body, []).body;
  }

  /** Reports errors in templates that no stage extends. */
  check(): void {
    for (const [id, { keyAt }] of this.#templates) this.#whole(id, keyAt, []);
  }

  #under(body: LocatedMap, trail: readonly Step[]): Whole {
    let merged = emptyMap(body.at);
    let depth = 0;
    const names = valueOf(body, 'extends');
    if (names !== undefined && itemsOf(names).some((item) => !isText(item))) merged = partialMap(body.at);
    for (const { id, at } of namesOf(names)) {
      const whole = this.#whole(id, at, trail);
      if (whole === undefined) {
        merged = { ...merged, partial: true };
        continue;
      }
      depth = Math.max(depth, whole.depth + 1);
      merged = this.#merge(merged, whole.body);
    }
    return { body: withoutKeys(this.#merge(merged, body), ['extends']), depth };
  }

  /** A template with all that it extends; undefined after an error at `at`. */
  #whole(id: string, at: SourceRange, trail: readonly Step[]): Whole | undefined {
    const { sink } = this.#context;
    const template = this.#templates.get(id);
    if (template === undefined) {
      if (this.#partial) return undefined;
      const hint = didYouMean(id, this.#templates.keys(), 'templates');
      sink.error('unknown-template', at, `there is no template '${id}'${hint}`);
      return undefined;
    }
    const first = trail.findIndex((step) => step.id === id);
    if (first !== -1) {
      this.#reportCircle(trail.slice(first), at);
      return undefined;
    }
    const steps = [...trail, { id, namedAt: at, keyAt: template.keyAt }];
    const whole =
      this.#finished.get(id) ??
      (steps.length <= deepest ? this.#under(template.body, steps) : { body: template.body, depth: deepest });
    if (whole.depth < deepest) {
      this.#finished.set(id, whole);
      return whole;
    }
    sink.error('too-deep', at, `the templates that '${id}' extends are more than ${deepest} levels deep`);
    // This is reported once: templates that extend this one count their depth from here.
    this.#finished.set(id, { ...whole, depth: 0 });
    return undefined;
  }

  /**
   * Reports a circle from the template that comes first by name, so that the error does not depend on where
   * it was entered.
   */
  #reportCircle(circle: readonly Step[], closedAt: SourceRange): void {
    const ids = circle.map(({ id }) => id);
    const least = ids.indexOf(ids.reduce((a, b) => (b < a ? b : a)));
    const turned = [...circle.slice(least), ...circle.slice(0, least)];
    const at = least === 0 ? closedAt : turned[0]!.namedAt;
    this.#context.sink.error('extends-cycle', at, `the template '${ids[least]!}' extends itself`, {
      related: turned.map(({ id, keyAt }) => ({ message: `'${id}' is defined here`, at: keyAt })),
      fix: 'remove one of the extends: lines',
    });
  }

  /**
   * Merges, and takes the size from the budget, because a template with a long list may be in thousands of
   * stages.
   */
  #merge(base: LocatedMap, patch: LocatedMap): LocatedMap {
    const { budget, sink } = this.#context;
    if (budget.values < 0) return base;
    const merged = mergeMaps(base, patch);
    budget.values -= sizeOf(merged);
    if (budget.values < 0) {
      sink.error('too-large', { ...patch.at, end: patch.at.start }, tooManyValues, {
        fix: 'extend smaller templates',
      });
    }
    return merged;
  }
}

function itemsOf(names: Located): readonly Located[] {
  return names.kind === 'sequence' ? names.items : [names];
}

function isText(item: Located): item is LocatedScalar & { readonly value: string } {
  return item.kind === 'scalar' && typeof item.value === 'string';
}

/** Each name once. If a name is there twice, the last one counts. */
function namesOf(value: Located | undefined): readonly { id: string; at: SourceRange }[] {
  const items = value === undefined ? [] : itemsOf(value);
  const names = items.filter(isText).map(({ value: id, at }) => ({ id, at }));
  const last = new Map(names.map(({ id }, index) => [id, index]));
  return names.filter(({ id }, index) => last.get(id) === index);
}
