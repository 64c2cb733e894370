import { exactNumber } from '../../values/readable-number.ts';
import { describeSchema, unitOf } from '../schema/describe-schema.ts';
import { branchesOf, itemSchema, type JsonSchema } from '../schema/json-schema-types.ts';
import type { InputPort, SignatureRegistry, StageSignature } from '../signature.ts';

/** A pipeline in YAML that uses a stage type. */
export type ExampleOf = (signature: StageSignature) => string;

/** `docs/stages.md`: every stage type with its parameters, ports and an example, generated from the declarations. */
export function stagesMarkdown(registry: SignatureRegistry, exampleOf?: ExampleOf): string {
  const signatures = sorted(registry);
  const folders = [...new Set(signatures.map(folderOf))];
  const contents = folders.map((folder) => {
    const links = signatures
      .filter((signature) => folderOf(signature) === folder)
      .map(({ uses }) => `[${uses}](#${anchorOf(uses)})`);
    return `- **${folder}**: ${links.join(', ')}`;
  });
  return [
    '# Stage types',
    '',
    '<!-- Generated from the declarations in src/stages by `npm run generate`. -->',
    '',
    'Every stage type with its parameters, inputs and outputs, and a whole pipeline that uses it. `ravelin stages NAME` shows the same on a terminal.',
    '',
    'A parameter such as `schedule.kind` is a key inside the map `schedule`. These units need a word:',
    '',
    '- **pixel value**: one channel of a pixel, in [0, 1]. `8/255` is eight grey levels. In L2, L1 and L0 it is the norm over all values of an image.',
    '- **share**, **probability**: a number from 0 to 1. **factor**, **weight**: a number without a unit.',
    '- **steps**, **images**, **queries**, …: a count of these. A **pass** is one forward or one backward pass of an image through the model.',
    '',
    'The stage types:',
    '',
    ...contents,
    '',
    ...signatures.flatMap((signature) => [
      ...stageSection(signature),
      ...(exampleOf === undefined ? [] : ['```yaml', exampleOf(signature).trimEnd(), '```', '']),
    ]),
  ].join('\n');
}

function sorted(registry: SignatureRegistry): readonly StageSignature[] {
  return [...registry.values()].sort((a, b) => (a.uses < b.uses ? -1 : 1));
}

function folderOf({ uses }: StageSignature): string {
  return uses.split('/')[0]!;
}

/** The anchor that GitHub makes of a heading. */
function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replaceAll(/[^\w -]/g, '')
    .replaceAll(' ', '-');
}

interface Parameter {
  readonly name: string;
  readonly takes: string;
  readonly unit: string;
  readonly fallback: string;
  readonly description: string;
}

/** The parameters of a stage type, each followed by the fields of its map: `schedule`, `schedule.kind`. */
function parametersOf(signature: StageSignature): readonly Parameter[] {
  return fieldsOf(signature.with as JsonSchema, '');
}

function fieldsOf({ properties = {}, required = [] }: JsonSchema, prefix: string): readonly Parameter[] {
  return Object.entries(properties).flatMap(([key, schema]) => {
    const name = `${prefix}${key}`;
    const own: Parameter = {
      name,
      takes: describeSchema(schema),
      unit: unitOf(schema),
      fallback:
        schema.default !== undefined
          ? typeof schema.default === 'number'
            ? exactNumber(schema.default)
            : JSON.stringify(schema.default)
          : required.includes(key)
            ? 'required'
            : 'absent',
      description: schema.description ?? '',
    };
    return [own, ...branchesOf(schema).flatMap((branch) => fieldsInside(branch, name))];
  });
}

/** The fields of a map, or of the maps in a list. */
function fieldsInside(schema: JsonSchema, name: string): readonly Parameter[] {
  if (schema.type === 'object') return fieldsOf(schema, `${name}.`);
  const items = schema.type === 'array' ? itemSchema(schema, 0) : undefined;
  return items === undefined ? [] : branchesOf(items).flatMap((branch) => fieldsInside(branch, `${name}[]`));
}

function stageSection(signature: StageSignature): string[] {
  const { uses, summary } = signature;
  const parameters = parametersOf(signature);
  const inputs = Object.entries(signature.in);
  const rows = parameters.map(
    ({ name, takes, unit, fallback, description }) =>
      `| \`${name}\` | ${cell(takes.replaceAll(/ \((?:px|ms)\)/g, ''))} | ${cell(unit)} | ${/^(required|absent)$/.test(fallback) ? fallback : `\`${cell(fallback)}\``} | ${cell(description)} |`,
  );
  return [
    `## ${uses}`,
    '',
    `${summary}.`,
    '',
    ...(rows.length === 0
      ? []
      : ['| parameter | takes | unit | default | meaning |', '| --- | --- | --- | --- | --- |', ...rows, '']),
    ...(inputs.length === 0
      ? ['No inputs.', '']
      : ['| input | kind | meaning |', '| --- | --- | --- |', ...inputs.map(inputRow), '']),
    '| output | kind | meaning |',
    '| --- | --- | --- |',
    ...Object.entries(signature.out).map(([port, { kind, description }]) => {
      const named = port === signature.defaultOutput ? `\`${port}\` (default)` : `\`${port}\``;
      return `| ${named} | ${kind} | ${cell(description)} |`;
    }),
    '',
  ];
}

function inputRow([port, input]: [string, InputPort]): string {
  return `| \`${port}\` | ${kindOf(input)} | ${cell(input.description)} |`;
}

function kindOf({ kind, list, optional, unless }: InputPort): string {
  const need = unless === undefined ? (optional ? ', optional' : '') : `, or ${unless}`;
  return `${list ? 'list of ' : ''}${kind}${need}`;
}

function cell(text: string): string {
  return text.replaceAll('|', String.raw`\|`).replaceAll('\n', ' ');
}

/** One stage type for the terminal, with an example if there is one. */
export function stageText(signature: StageSignature, exampleOf?: ExampleOf): string {
  const parameters = parametersOf(signature);
  const lines = [signature.uses, `  ${signature.summary}`];
  if (parameters.length > 0) {
    lines.push('', 'with:');
    for (const { name, takes, unit, fallback, description } of parameters) {
      const otherwise =
        fallback === 'required' ? 'required' : fallback === 'absent' ? 'optional' : `default ${fallback}`;
      lines.push(
        `  ${name}: ${takes} (${otherwise})`,
        ...(unit === '' ? [] : [`      unit: ${unit}`]),
        ...(description === '' ? [] : [`      ${description}`]),
      );
    }
  }
  if (Object.keys(signature.in).length > 0) {
    lines.push('', 'in:');
    for (const [port, input] of Object.entries(signature.in)) {
      const about = input.description === '' ? '' : `, ${input.description}`;
      lines.push(`  ${port}: ${kindOf(input)}${about}`);
    }
  }
  lines.push('', 'out:');
  for (const [port, { kind, description }] of Object.entries(signature.out)) {
    const named =
      port === signature.defaultOutput && Object.keys(signature.out).length > 1 ? ' (default)' : '';
    lines.push(`  ${port}: ${kind}${named}${description === '' ? '' : `, ${description}`}`);
  }
  if (exampleOf !== undefined) lines.push('', 'example:', indented(exampleOf(signature)));
  return `${lines.join('\n')}\n`;
}

function indented(text: string): string {
  return text.trimEnd().replaceAll(/^/gm, '  ');
}

/** One line for each type, for `ravelin stages`. */
export function stageList(registry: SignatureRegistry): string {
  const signatures = sorted(registry);
  const longest = Math.max(0, ...signatures.map(({ uses }) => uses.length));
  return signatures.map(({ uses, summary }) => `${uses.padEnd(longest)}  ${summary}\n`).join('');
}
