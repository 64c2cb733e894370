// @ts-check
import { test } from 'node:test';
import { attackInvariants } from 'ravelin/testing';
import { stages } from './my-plugin.mjs';

// With the parameters of its example, on small images that the kit makes.
for (const { name, check } of attackInvariants(stages[0])) test(name, check);
