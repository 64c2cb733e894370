import { describe, expect, it } from 'vitest';
import { hasTerminals, openTerminal, type Terminal } from '../terminal/terminal.ts';
import { createProject } from './ravelin.ts';

const text = 'ravelin: 1\nstages:\n  digits: { uses: dataset/mnist, with: { limit: 1 } }\n';

it('--confirm without a terminal is an error', async () => {
  const project = createProject({ 'p.ravelin.yaml': text });
  const { code, stderr } = await project.run('run', '--confirm');
  expect(code).toBe(2);
  expect(stderr).toContain('--confirm asks on a terminal, and there is none');
});

describe.runIf(hasTerminals)('a run that is confirmed on a terminal', () => {
  const open = (project: ReturnType<typeof createProject>): Terminal =>
    openTerminal(`exec "${process.execPath}" "$OLDPWD/dist/cli.js" run --confirm --ui plain`, {
      cwd: project.path('.'),
      env: { OLDPWD: process.cwd(), RAVELIN_HOME: project.path('home'), NO_COLOR: '1' },
    });

  it('shows the plan, computes nothing unless y is typed, and asks no more when nothing is left', async () => {
    const project = createProject({ 'p.ravelin.yaml': text });
    const refused = open(project);
    await refused.shows(/1 cell, 1 shard: 0 reused, 1 to run/);
    await refused.shows(/Compute this shard\?/);
    refused.type('n\n');
    expect(await refused.ended).toBe(10);
    expect(refused.lines().join('\n')).toContain('Nothing was computed.');
    const accepted = open(project);
    await accepted.shows(/Compute this shard\?/);
    accepted.type('y\n');
    expect(await accepted.ended).toBe(0);
    const again = open(project);
    expect(await again.ended).toBe(0);
    expect(again.lines().join('\n')).not.toContain('Compute');
  });
});
