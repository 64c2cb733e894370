import type { AxisLabel, Cell, CellInput, CellOutput, Graph, GraphStage } from '../../dsl/graph.ts';
import { canonicalJson, type Json } from '../../values/json.ts';
import type { CellParts, Part, StageRegistry } from '../stage.ts';

/**
 * The stage types that a run needs: those given, and the parts of each. A part belongs to the plugin that brought
 * its stage.
 */
export function withParts(registry: StageRegistry): StageRegistry {
  const all = new Map(registry);
  for (const stage of registry.values()) {
    for (const [name, part] of Object.entries(stage.parts?.stages ?? {})) {
      const uses = partUses(stage.uses, name);
      const { source, plugin } = stage;
      all.set(uses, {
        ...part,
        uses,
        version: stage.version,
        ...(stage.versionWith && { versionWith: stage.versionWith }),
        partOf: stage.uses,
        ...(source !== undefined && { source }),
        ...(plugin !== undefined && { plugin }),
      });
    }
  }
  return all;
}

/**
 * Divides the cells of stages with `parts`: the parts become cells of their own, in stages named after theirs
 * (`fgsm/prepare`), so that they are cached, scheduled and shown like all others. Cells that have the same part,
 * such as the strengths of one attack, share it. The graph stays in topological order.
 */
export function addParts(graph: Graph, registry: StageRegistry): Graph {
  const partsOf = (cell: Cell): CellParts | null =>
    registry.get(cell.uses)?.parts?.of(cell.params as never) ?? null;
  const isDivided = (cell: Cell): boolean => registry.get(cell.uses)?.parts !== undefined;
  if (!graph.cells.some(isDivided)) return graph;
  const stages: GraphStage[] = [];
  const cells: Cell[] = [];
  /** Index of each cell of the graph among the new ones. */
  const places = new Int32Array(graph.cells.length);
  for (const stage of graph.stages) {
    const own = graph.cells.slice(stage.firstCell, stage.firstCell + stage.cellCount);
    const moved = own.map((cell) => movedCell(cell, places));
    const division = new Division(stage, registry);
    const divided = moved.map((cell) => division.add(cell, partsOf(cell)));
    division.place(stages, cells);
    stages.push({ ...stage, firstCell: cells.length });
    moved.forEach((cell, index) => {
      places[stage.firstCell + index] = cells.length;
      cells.push(divided[index]!.complete(cell, cells.length));
    });
    division.placeFollowing(stages, cells);
  }
  return { ...graph, stages, cells };
}

function partUses(uses: string, part: string): string {
  return `${uses}/${part}`;
}

/** The same cell, whose inputs are found among the new cells. */
function movedCell(cell: Cell, places: Int32Array): Cell {
  const move = <O extends CellOutput>(output: O): O => ({ ...output, cell: places[output.cell]! });
  const inputs = Object.entries(cell.inputs).map(([port, input]): [string, CellInput] => [
    port,
    'one' in input ? { one: move(input.one) } : { many: input.many.map(move) },
  ]);
  return { ...cell, inputs: Object.fromEntries(inputs) };
}

/** A part that one or more cells of a stage have. */
interface SharedPart {
  readonly part: Part;
  /** Axes of the cells that have it. */
  readonly users: Cell['axes'][];
  /** The first of these cells, and the parts that this one reads, by port. */
  readonly cell: Cell;
  readonly reads: Readonly<Record<string, SharedPart | 'self'>>;
  /** Index among the new cells, once it is placed. */
  index: number;
  /** Index of the cell that it follows, for a part that comes after. */
  self: number;
}

interface DividedCell {
  /** The cell with what it reads of its parts, once it has an index itself. */
  readonly complete: (cell: Cell, index: number) => Cell;
}

/** The parts of the cells of one stage. */
class Division {
  readonly #stage: GraphStage;
  readonly #registry: StageRegistry;
  readonly #before = new Map<string, SharedPart>();
  readonly #after: SharedPart[] = [];

  constructor(stage: GraphStage, registry: StageRegistry) {
    this.#stage = stage;
    this.#registry = registry;
  }

  add(cell: Cell, parts: CellParts | null): DividedCell {
    if (parts === null) return { complete: (same) => same };
    const named = new Map<string, SharedPart>();
    const keys = new Map<string, string>();
    for (const part of parts.before) {
      const key = this.#keyOf(cell, part, keys);
      const shared = this.#before.get(key) ?? newPart(part, cell, named);
      shared.users.push(cell.axes);
      this.#before.set(key, shared);
      keys.set(part.name, key);
      named.set(part.name, shared);
    }
    const following = parts.after.map((part) => newPart(part, cell, named));
    for (const part of following) part.users.push(cell.axes);
    this.#after.push(...following);
    return {
      complete: (same, index) => {
        for (const part of following) part.self = index;
        const inputs = Object.entries(parts.inputs).map(([port, from]): [string, CellInput] => [
          port,
          { one: { cell: named.get(from.part)!.index, port: from.port } },
        ]);
        return {
          ...same,
          inputs: { ...same.inputs, ...Object.fromEntries(inputs) },
          ...(parts.computedBefore !== undefined && { computedBefore: parts.computedBefore }),
        };
      },
    };
  }

  /** Appends the stages of the parts that come before, and their cells. */
  place(stages: GraphStage[], cells: Cell[]): void {
    this.#placeGroups([...this.#before.values()], stages, cells);
  }

  placeFollowing(stages: GraphStage[], cells: Cell[]): void {
    this.#placeGroups(this.#after, stages, cells);
  }

  #placeGroups(parts: readonly SharedPart[], stages: GraphStage[], cells: Cell[]): void {
    const groups = new Map<string, SharedPart[]>();
    for (const shared of parts) {
      const { group } = shared.part;
      groups.set(group, [...(groups.get(group) ?? []), shared]);
    }
    for (const [group, members] of groups) {
      const id = `${this.#stage.id}/${group}`;
      const labels = labelled(members);
      const axes = Object.keys(labels[0]!);
      const { at, settings } = this.#stage;
      const [firstCell, cellCount] = [cells.length, members.length];
      stages.push({
        id,
        title: id,
        axes,
        firstCell,
        cellCount,
        at,
        settings,
        publish: [],
        partOf: this.#stage.id,
      });
      members.forEach((shared, index) => {
        shared.index = cells.length;
        cells.push(partCell(shared, id, labels[index]!));
      });
    }
  }

  /** Equal for parts that give the same result. */
  #keyOf(cell: Cell, part: Part, keys: ReadonlyMap<string, string>): string {
    const shares = Object.fromEntries(
      part.shares.flatMap((port) => (port in cell.inputs ? [[port, cell.inputs[port]!]] : [])),
    );
    const reads = Object.entries(part.inputs).map(([port, from]) => [port, keys.get(from.part)!, from.port]);
    return canonicalJson([
      cell.uses,
      part.name,
      part.stage,
      part.params,
      cell.seed ?? 0,
      this.#registry.get(cell.uses)!.version,
      shares as unknown as Json,
      reads,
      part.images ?? null,
      (cell.settings ?? this.#stage.settings) as unknown as Json,
    ]);
  }
}

function newPart(part: Part, cell: Cell, named: ReadonlyMap<string, SharedPart>): SharedPart {
  const reads = Object.entries(part.inputs).map(([port, { part: name }]): [string, SharedPart | 'self'] => [
    port,
    name === 'self' ? 'self' : named.get(name)!,
  ]);
  return { part, users: [], cell, reads: Object.fromEntries(reads), index: -1, self: -1 };
}

function partCell({ part, cell, reads, self }: SharedPart, stage: string, axes: Cell['axes']): Cell {
  const inputs: Record<string, CellInput> = {};
  for (const port of part.shares) if (port in cell.inputs) inputs[port] = cell.inputs[port]!;
  for (const [port, read] of Object.entries(reads)) {
    inputs[port] = { one: { cell: read === 'self' ? self : read.index, port: part.inputs[port]!.port } };
  }
  const text = Object.entries(axes).map(([axis, label]) => `${axis}=${label}`);
  return {
    id: text.length === 0 ? stage : `${stage}[${text.join()}]`,
    stage,
    uses: part.stage === 'self' ? cell.uses : partUses(cell.uses, part.stage),
    axes,
    params: part.params,
    ...(cell.seed !== undefined && { seed: cell.seed }),
    inputs,
    ...(cell.settings !== undefined && { settings: cell.settings }),
    ...(part.images !== undefined && { images: part.images }),
    ...(part.expectedShare !== undefined && { expectedShare: part.expectedShare }),
    ...(self >= 0 && { follows: self }),
  };
}

/**
 * Labels of the parts of a group: those that all users of a part agree on, the name of the part if the group has
 * several, and a number if that does not tell them apart.
 */
function labelled(members: readonly SharedPart[]): readonly Cell['axes'][] {
  const several = new Set(members.map(({ part }) => part.name)).size > 1;
  const common = members.map(({ users }) => {
    const [first, ...rest] = users;
    return Object.keys(first!).filter((axis) => rest.every((user) => user[axis] === first![axis]));
  });
  const kept = Object.keys(members[0]!.users[0]!).filter((axis) =>
    common.every((axes) => axes.includes(axis)),
  );
  const labels = members.map(({ users, part }): Record<string, AxisLabel> => ({
    ...Object.fromEntries(kept.map((axis) => [axis, users[0]![axis]!])),
    ...(several && { part: part.name }),
  }));
  const texts = labels.map((axes) => canonicalJson(axes));
  if (new Set(texts).size === texts.length) return labels;
  return labels.map((axes, index) => ({ ...axes, number: index + 1 }));
}
