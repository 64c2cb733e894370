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
    'meet.mjs': meetModule(),
    'meet-stage.mjs': meetStage,
    'p.yaml': `ravelin: 1
name: conducted
plugins: [./meet-stage.mjs]
stages:
  waits: { uses: debug/meet, with: { name: $(axes.name) }, matrix: { name: [${names.join(', ')}] } }
`,
  });
  return conducted(project);
}

/**
 * A project whose pipeline is a training of five steps an epoch, each of which waits at the meeting place: the defense that it
 * trains on leaves the images as they are, but comes there first.
 */
export function createTrainingProject(epochs: number): Project {
  return createProject({
    'package.json': JSON.stringify({ ravelin: { plugins: ['./meet-defense.mjs'] } }),
    'meet.mjs': meetModule(),
    'meet-defense.mjs': meetDefense,
    'p.yaml': `ravelin: 1
name: training
seed: 5
plugins: [./meet-defense.mjs]
stages:
  images: { uses: dataset/mnist, with: { split: test, limit: 40 } }
  network: { uses: model/cnn, with: { height: 28, width: 28, channels: 1, filters: [2], dense: [] } }
  waits: { uses: defense/meet }
  classifier:
    uses: train/sgd
    with: { epochs: ${epochs}, batchSize: 8 }
    in: { model: network, images: images, transform: waits.transform }
  predictions: { uses: predict/classify, in: { model: classifier, images: images } }
`,
  });
}

export async function conducted(project: Project): Promise<ConductedProject> {
  return { ...project, meeting: await openMeetingPlace(project.path('meeting')) };
}

const meetModule = (): string =>
  transformSync(readFileSync('test/conducted/meet.ts', 'utf8'), { loader: 'ts' }).code;

const meetDefense = `import { defenseStage } from 'ravelin';
import { fileURLToPath } from 'node:url';
import { meet } from './meet.mjs';

const socket = fileURLToPath(new URL('meeting', import.meta.url));
export const stages = [
  defenseStage({
    uses: 'defense/meet',
    version: 1,
    summary: 'Waits until the test lets it go',
    with: {},
    onTheFly: true,
    defense: {
      apply: async (pixels) => {
        await meet(socket, 'batch');
        return pixels.slice();
      },
    },
  }),
];
`;

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
