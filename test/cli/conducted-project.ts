import { readFileSync } from 'node:fs';
import { transformSync } from 'esbuild';
import { conduct, type ConductedChild } from '../conducted/child.ts';
import { openMeetingPlace, type MeetingPlace } from '../conducted/meeting-place.ts';
import { commandLine, createProject, type Project } from './ravelin.ts';

export interface ConductedProject extends Project {
  /** Where its stages wait for the test. */
  readonly meeting: MeetingPlace;
}

/** Starts the command line in a project, its stdout being events. */
export function start(project: Project, ...parameters: readonly string[]): ConductedChild {
  const command = parameters.length > 0 ? parameters : ['run', 'p.yaml', '--ui', 'json'];
  return conduct([commandLine(), ...command], { cwd: project.folder, env: projectEnvironment(project) });
}

/** Starts a command that prints for people. */
export function startPlain(project: Project, ...parameters: readonly string[]): ConductedChild {
  return conduct([commandLine(), ...parameters], {
    cwd: project.folder,
    env: projectEnvironment(project),
    stdout: 'ignored',
  });
}

function projectEnvironment(project: Project): NodeJS.ProcessEnv {
  return { NO_COLOR: '1', RAVELIN_CACHE: '', RAVELIN_HOME: project.path('home'), RAVELIN_TRUST: '1' };
}

/** A project whose pipeline is a stage of so many cells that take as long as the test wants: each waits at the meeting place. */
export async function createConductedProject(cells: number): Promise<ConductedProject> {
  const names = Array.from({ length: cells }, (_, index) => `cell-${index}`);
  const project = createProject({
    'package.json': JSON.stringify({ ravelin: { plugins: ['./meet-stage.mjs'] } }),
    'meet.mjs': transformSync(readFileSync('test/conducted/meet.ts', 'utf8'), { loader: 'ts' }).code,
    'meet-stage.mjs': meetStage,
    'p.yaml': `ravelin: 1
name: conducted
plugins: [./meet-stage.mjs]
stages:
  waits: { uses: debug/meet, with: { name: $(axes.name) }, matrix: { name: [${names.join(', ')}] } }
`,
  });
  return { ...project, meeting: await openMeetingPlace(project.path('meeting')) };
}

const meetStage = `import { defineStage, port, Type } from 'ravelin';
import { meet } from './meet.mjs';

export const stages = [
  defineStage({
    uses: 'debug/meet',
    version: 1,
    summary: 'Waits until the test lets it go',
    with: Type.Object({ name: Type.String({ description: 'what it says when it comes' }) }),
    in: {},
    out: { metrics: port('metrics', { description: 'one row' }) },
    run: async ({ params, resolve }) => {
      await meet(resolve('meeting'), params.name);
      return { metrics: { kind: 'metrics', rows: [{ axes: {}, values: { met: 1 } }], warnings: [] } };
    },
  }),
];
`;
