// @ts-check
import { test } from 'node:test';
import { defenseInvariants } from 'ravelin/testing';
import { stages } from './my-plugin.mjs';

// `exact` compares pullBack with finite differences: leave it out if pullBack only approximates the derivative.
for (const { name, check } of defenseInvariants(stages[0], { derivative: 'exact' })) test(name, check);
