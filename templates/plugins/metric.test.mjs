// @ts-check
import { test } from 'node:test';
import { metricInvariants } from 'ravelin/testing';
import { stages } from './my-plugin.mjs';

for (const { name, check } of metricInvariants(stages[0])) test(name, check);
