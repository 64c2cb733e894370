// @ts-check
import { test } from 'node:test';
import { defenseInvariants } from 'ravelin/testing';
import { stages } from './resize-and-pad.mjs';

for (const { name, check } of defenseInvariants(stages[0], { derivative: 'exact' })) test(name, check);
