import { existsSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { createProject } from './ravelin.ts';

const pipeline = (value: number): string => `ravelin: 1
name: p
stages:
  score: { uses: debug/constant, with: { value: ${value} }, publish: out/score.json }
`;

it('a run that is killed at any moment of publishing leaves files that a changed run may replace', async () => {
  let isPublished = false;
  for (let at = 1; ; at++) {
    const environment: Record<string, string> = { RAVELIN_FAULT: `driver/renamed:${at}` };
    const project = createProject({ 'p.yaml': pipeline(1) }, environment);
    const killed = await project.run('run', 'p.yaml', '--ui', 'plain');
    environment['RAVELIN_FAULT'] = '';
    isPublished ||= existsSync(project.path('out/score.json'));
    project.write('p.yaml', pipeline(2));
    const { code, stderr } = await project.run('run', 'p.yaml', '--ui', 'plain');
    expect({ at, code, stderr }).toMatchObject({ code: 0 });
    expect(readFileSync(project.path('out/score.json'), 'utf8')).toContain('"value":2');
    if (killed.code === 0) break;
  }
  expect(isPublished).toBe(true);
});
