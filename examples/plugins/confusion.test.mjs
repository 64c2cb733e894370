// @ts-check
import { test } from 'node:test';
import { reportInvariants, testImages, testModel, testPredictions } from 'ravelin/testing';
import { stages } from './confusion.mjs';

const predictions = await testPredictions(await testModel(), testImages(20));
for (const { name, check } of reportInvariants(stages[0], { predictions })) test(name, check);
