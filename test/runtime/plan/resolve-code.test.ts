import { expect, it } from 'vitest';
import { noCode, resolveCode } from '../../../src/runtime/plan/resolve-path.ts';

const place = { root: '/project', folder: '/project/in' };
const allowed = { modules: ['./in/nets.py'], isTrusted: true, programs: ['.venv/bin/python'] };

it('finds a module that package.json lists, in a trusted project, for an interpreter that the pipeline names', () => {
  expect(resolveCode(allowed, place, 'nets.py', '.venv/bin/python')).toEqual({
    path: '/project/in/nets.py',
    root: '/project',
  });
});

it.each([
  ['a module that is not listed', allowed, 'other.py', '.venv/bin/python', 'does not allow it'],
  ['a module outside of the project', allowed, '../../x.py', '.venv/bin/python', 'leaves the project'],
  [
    'a project without trust',
    { ...allowed, isTrusted: false },
    'nets.py',
    '.venv/bin/python',
    'is not trusted',
  ],
  ['an interpreter of a forged value', allowed, 'nets.py', '.ravelin/x.sh', 'this pipeline does not name'],
  ['anything by default', noCode, 'nets.py', '.venv/bin/python', 'does not allow it'],
])('refuses %s', (_, permission, module, program, message) => {
  expect(() => resolveCode(permission, place, module, program)).toThrow(message);
});
