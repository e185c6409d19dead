import { parentPort } from 'node:worker_threads';
import { serialiseError } from '../contract/errors.ts';
import { createOrderAnswers } from '../reading/answer-orders.ts';
import type { ReadingReport } from '../reading/questions.ts';

/**
 * Reads runs, and makes plans, in a separate thread, which can always be ended: a foreign run may take any amount of
 * time and memory, and a plan for many experts a minute. One order at a time.
 */

const answer = createOrderAnswers(new Map());

const obey = async (order: unknown): Promise<ReadingReport> => {
  try {
    return { is: 'answer', value: await answer(order) };
  } catch (error) {
    return { is: 'error', error: serialiseError(error) };
  }
};

if (parentPort === null) throw new Error('run-reader is started by the engine, not by hand');
const port = parentPort;
port.on('message', (message: unknown) => {
  void obey(message).then((report) => port.postMessage(report));
});
