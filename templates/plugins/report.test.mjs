// @ts-check
import { test } from 'node:test';
import { reportInvariants, sampleInputs } from 'ravelin/testing';
import { stages } from './my-plugin.mjs';

const inputs = await sampleInputs(stages[0]);
for (const { name, check } of reportInvariants(stages[0], inputs)) test(name, check);
