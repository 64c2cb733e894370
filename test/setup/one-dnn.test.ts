import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { readMeasurement, usesOneDnn, writeMeasurement } from '../../src/setup/one-dnn.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'ravelin-one-dnn-'));
  vi.stubEnv('TF_ENABLE_ONEDNN_OPTS', undefined);
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true });
});

describe('oneDNN', () => {
  it('is used if nothing was measured', () => {
    expect(usesOneDnn(folder)).toBe(true);
    expect(usesOneDnn(null)).toBe(true);
  });

  it('is used if it was not slower when the set-up measured it', () => {
    writeMeasurement(folder, { processor: 'one', with: 1, without: 2 });
    expect(readMeasurement(folder)).toEqual({ processor: 'one', with: 1, without: 2 });
    expect(usesOneDnn(folder)).toBe(true);
    writeMeasurement(folder, { processor: 'one', with: 2.1, without: 2 });
    expect(usesOneDnn(folder)).toBe(false);
  });

  it.each([
    ['0', false],
    ['false', false],
    ['1', true],
  ])('obeys a user who sets TF_ENABLE_ONEDNN_OPTS=%s', (value, uses) => {
    writeMeasurement(folder, { processor: 'one', with: uses ? 2 : 1, without: uses ? 1 : 2 });
    vi.stubEnv('TF_ENABLE_ONEDNN_OPTS', value);
    expect(usesOneDnn(folder)).toBe(uses);
  });

  it.each([
    '',
    '{',
    'null',
    '[]',
    '{"processor":"one","with":"1","without":2}',
    '{"processor":"one","with":1}',
  ])('takes no measurement from a damaged file: %s', (content) => {
    writeFileSync(join(folder, 'one-dnn.json'), content);
    expect(readMeasurement(folder)).toBeNull();
  });
});
