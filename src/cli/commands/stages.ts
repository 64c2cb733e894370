import { stagesMarkdown, stageText } from '../../dsl/reference/stages-page.ts';
import { typeFor } from '../../dsl/schema/other-names.ts';
import { exitCodes, type ExitCode, UsageError } from '../exit-codes.ts';
import { formatColumns, print, printJson } from '../output.ts';
import { stagesOfProject } from '../project.ts';
import { examplePipeline } from '../stage-examples.ts';

/** Lists or describes the stage types: the built-in ones and those of the project's plugins. */
export async function stages(
  name: string | undefined,
  options: { readonly json?: boolean; readonly markdown?: boolean },
): Promise<ExitCode> {
  const { registry } = await stagesOfProject();
  if (options.markdown) {
    print(stagesMarkdown(registry, examplePipeline));
    return exitCodes.ok;
  }
  if (name === undefined) {
    const all = [...registry.values()];
    if (options.json) printJson(all.map(({ uses, summary, version }) => ({ uses, summary, version })));
    else print(formatColumns(all.map(({ uses, summary }) => [uses, summary])));
    return exitCodes.ok;
  }
  const stage = registry.get(name);
  if (stage === undefined) {
    const near = typeFor(name, [...registry.keys()]);
    throw new UsageError(
      `unknown stage type '${name}'${near === undefined ? '' : `; did you mean '${near}'?`}`,
      "'ravelin stages' lists them",
    );
  }
  if (options.json) {
    const { uses, version, summary, with: schema, in: inputs, out } = stage;
    printJson({ uses, version, summary, with: schema, in: inputs, out, example: examplePipeline(stage) });
  } else {
    print(stageText(stage, examplePipeline));
  }
  return exitCodes.ok;
}
