import type { Graph } from '../../dsl/graph.ts';
import { exitCodes, type ExitCode } from '../exit-codes.ts';
import { print, printJson } from '../output.ts';
import { openGraph, type PipelineOptions } from '../pipeline.ts';

interface Node {
  readonly id: string;
  readonly label: string;
}
interface Edge {
  readonly from: string;
  readonly to: string;
  readonly port: string;
}

export async function dag(
  file: string,
  options: PipelineOptions & {
    readonly mermaid?: boolean;
    readonly dot?: boolean;
    readonly json?: boolean;
    readonly expand?: boolean;
  },
): Promise<ExitCode> {
  const graph = await openGraph(file, options);
  const { nodes, edges } = options.expand ? cellGraph(graph) : stageGraph(graph);
  if (options.json) printJson({ pipeline: graph.pipeline, nodes, edges });
  else if (options.dot) print(toDot(nodes, edges));
  else if (options.mermaid) print(toMermaid(nodes, edges));
  else print(toText(nodes, edges));
  return exitCodes.ok;
}

function stageGraph(graph: Graph): { nodes: Node[]; edges: Edge[] } {
  const nodes = graph.stages.map(({ id, firstCell, cellCount, axes }) => {
    const uses = new Set(graph.cells.slice(firstCell, firstCell + cellCount).map((cell) => cell.uses));
    const type = uses.size > 3 ? `${uses.size} stage types` : [...uses].join(', ');
    return { id, label: `${type}${axes.length === 0 ? '' : ` · ${axes.join(' × ')} (${cellCount})`}` };
  });
  const edges = new Map<string, Edge>();
  for (const edge of cellEdges(graph)) {
    const stageEdge = { from: stageOf(edge.from), to: stageOf(edge.to), port: edge.port };
    edges.set(JSON.stringify(stageEdge), stageEdge);
  }
  return { nodes, edges: [...edges.values()] };
}

function cellGraph(graph: Graph): { nodes: Node[]; edges: Edge[] } {
  return { nodes: graph.cells.map(({ id, uses }) => ({ id, label: uses })), edges: [...cellEdges(graph)] };
}

function* cellEdges(graph: Graph): Generator<Edge> {
  for (const cell of graph.cells) {
    for (const [port, input] of Object.entries(cell.inputs)) {
      for (const { cell: producer } of 'one' in input ? [input.one] : input.many) {
        yield { from: graph.cells[producer]!.id, to: cell.id, port };
      }
    }
  }
}

function stageOf(cell: string): string {
  const bracket = cell.indexOf('[');
  return bracket === -1 ? cell : cell.slice(0, bracket);
}

function toText(nodes: readonly Node[], edges: readonly Edge[]): string {
  return nodes
    .map(({ id, label }) => {
      const inputs = edges.filter(({ to }) => to === id).map(({ from, port }) => `    ${port} ← ${from}`);
      return [`${id}  (${label})`, ...inputs].join('\n');
    })
    .join('\n');
}

function toMermaid(nodes: readonly Node[], edges: readonly Edge[]): string {
  const names = new Map(nodes.map(({ id }, index) => [id, `n${index}`]));
  // Mermaid takes HTML in its texts, and numbers of characters for what must not be HTML.
  const text = (value: string) =>
    value.replaceAll(/["#&<>`]/g, (character) => `#${character.charCodeAt(0)};`);
  return [
    'flowchart LR',
    ...nodes.map(({ id, label }) => `  ${names.get(id)!}["${text(id)}<br/>${text(label)}"]`),
    ...edges.map(({ from, to, port }) => `  ${names.get(from)!} -- "${text(port)}" --> ${names.get(to)!}`),
  ].join('\n');
}

function toDot(nodes: readonly Node[], edges: readonly Edge[]): string {
  const text = (value: string) => JSON.stringify(value);
  return [
    'digraph pipeline {',
    '  rankdir=LR; node [shape=box];',
    ...nodes.map(({ id, label }) => `  ${text(id)} [label=${text(`${id}\n${label}`)}];`),
    ...edges.map(({ from, to, port }) => `  ${text(from)} -> ${text(to)} [label=${text(port)}];`),
    '}',
  ].join('\n');
}
