#!/usr/bin/env node
/**
 * In the place of Python, where a thousand starts of PyTorch would take days: answers as uncurl_environment.py and
 * finetune.py do (files, lines, states and their hashes), and "trains" by a sum that depends on every step and on the
 * bytes of the model and of the state that it was given. Byte for byte the same in each run.
 */
import { Buffer } from 'node:buffer';
import { createHash } from 'node:crypto';
import { appendFileSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout } from 'node:timers/promises';

const STEPS = 30;
const STEP_MS = 20;
const environment = 'e'.repeat(64);
const versions = { python: '3.12.0', torch: '2.9.0', transformers: '5.24.0', environment };
const say = (event) => process.stdout.write(`${JSON.stringify(event)}\n`);
const hash = (bytes) => createHash('sha256').update(bytes).digest();

const [, , ...given] = process.argv;
if (given.at(-1)?.endsWith('uncurl_environment.py')) {
  say({ ...versions, safetensors: '0.8.0' });
  process.exit(0);
}
process.stdin.on('end', () => process.exit(3)).resume();
const job = JSON.parse(readFileSync(given[3], 'utf8'));
say({ event: 'start', steps: STEPS, device: 'cpu', versions });
const model = readFileSync(path.join(job.model, 'model.safetensors'));
let state = { done: 0, weights: hash(model).toString('hex'), losses: [] };
if (job.resume_file !== null) {
  state = JSON.parse(readFileSync(path.join(job.state, job.resume_file), 'utf8'));
  say({ event: 'resumed', done: state.done });
}
while (state.done < STEPS) {
  await setTimeout(STEP_MS);
  state.done += 1;
  state.weights = hash(`${state.weights} ${state.done}`).toString('hex');
  const loss = Number.parseInt(state.weights.slice(0, 8), 16) / 2 ** 32;
  const line = { done: state.done, steps: STEPS, stage: 'all', loss, total: loss, rate: 0.001 };
  state.losses.push(line);
  say({ event: 'step', ...line });
  const file = `state-${state.done}.pt`;
  const bytes = JSON.stringify(state);
  writeFileSync(path.join(job.state, `${file}.part`), bytes);
  renameSync(path.join(job.state, `${file}.part`), path.join(job.state, file));
  say({ event: 'saved', done: state.done, file, sha256: hash(bytes).toString('hex') });
}
// Weights of the same layout; the training is in the last bits of some.
const tuned = Buffer.from(model);
Buffer.from(state.weights, 'hex').forEach((byte, index) => (tuned[tuned.length - 4 * (index + 1)] = byte));
writeFileSync(path.join(job.out, 'model.safetensors'), tuned);
for (const line of state.losses) appendFileSync(path.join(job.out, 'losses.jsonl'), `${JSON.stringify(line)}\n`);
say({ event: 'done', changed: 1, environment });
process.exit(0);
