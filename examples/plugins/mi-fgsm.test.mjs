// @ts-check
import { test } from 'node:test';
import { attackInvariants } from 'ravelin/testing';
import { stages } from './mi-fgsm.mjs';

for (const { name, check } of attackInvariants(stages[0])) test(name, check);
