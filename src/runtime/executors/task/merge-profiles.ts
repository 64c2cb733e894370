/** CPU profiles of V8, in the format of `.cpuprofile` files. */
import type { Profiler } from 'node:inspector';

type Node = Profiler.ProfileNode;

/**
 * Joins profiles of one process that were made one after the other into one. Equal paths of calls are one path, and
 * the time between two profiles counts as that of the first sample after it.
 */
export class MergedProfile {
  readonly #nodes: (Node & { children: number[] })[] = [];
  /** Nodes by that of their caller and their place. */
  readonly #known = new Map<string, Node & { children: number[] }>();
  readonly #samples: number[] = [];
  readonly #timeDeltas: number[] = [];
  #startTime: number | null = null;
  #endTime = 0;

  add({ nodes, startTime, endTime, samples = [], timeDeltas = [] }: Profiler.Profile): void {
    const callers = new Map<number, number>();
    for (const { id, children = [] } of nodes) for (const child of children) callers.set(child, id);
    const places = new Map<number, number>();
    // The format has every node after its caller.
    for (const node of nodes) {
      const caller = callers.get(node.id);
      places.set(node.id, this.#place(node, caller === undefined ? null : places.get(caller)!));
    }
    const gap = this.#startTime === null ? 0 : startTime - this.#endTime;
    for (const [index, sample] of samples.entries()) {
      this.#samples.push(places.get(sample)!);
      this.#timeDeltas.push((timeDeltas[index] ?? 0) + (index === 0 ? gap : 0));
    }
    this.#startTime ??= startTime;
    this.#endTime = endTime;
  }

  /** The text of a `.cpuprofile` file. */
  text(): string {
    return JSON.stringify({
      nodes: this.#nodes,
      startTime: this.#startTime ?? 0,
      endTime: this.#endTime,
      samples: this.#samples,
      timeDeltas: this.#timeDeltas,
    });
  }

  /** Returns the number of the merged node, whose hits are counted up. */
  #place({ callFrame, hitCount = 0 }: Node, caller: number | null): number {
    const { functionName, scriptId, lineNumber, columnNumber } = callFrame;
    const key = `${caller} ${scriptId} ${lineNumber} ${columnNumber} ${functionName}`;
    const known = this.#known.get(key);
    if (known !== undefined) {
      known.hitCount = known.hitCount! + hitCount;
      return known.id;
    }
    const id = this.#nodes.length + 1;
    const node = { id, callFrame, hitCount, children: [] };
    this.#nodes.push(node);
    this.#known.set(key, node);
    if (caller !== null) this.#nodes[caller - 1]!.children.push(id);
    return id;
  }
}
