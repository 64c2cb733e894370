// @ts-check
import { test } from 'node:test';
import { defenseInvariants } from 'ravelin/testing';
import { stages } from './my-plugin.mjs';

// `derivative: 'exact'` compares pullBack with finite differences. Leave it out if there is no pullBack, or if it approximates the derivative.
for (const { name, check } of defenseInvariants(stages[0], { derivative: 'exact' })) test(name, check);
