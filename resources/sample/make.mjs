// Makes the sample sweep again: node resources/sample/make.mjs [WORKSPACE]
// An interrupted call continues if it is given the same workspace (README.md beside this file).
import { readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { packSample } from '../../main/sample/pack-sample.ts';
import { configOf, resources, sweepModels } from './sweep.mjs';

/** The bundled models, smallest first. */
const models = readdirSync(path.join(resources, 'models'))
  .filter((name) => name.startsWith('uncurl-'))
  .map((name) => ({ name, folder: path.join(resources, 'models', name) }))
  .sort((left, right) => configOf(left.folder).num_local_experts - configOf(right.folder).num_local_experts);

const { opened, run } = await sweepModels(
  models,
  path.resolve(process.argv[2] ?? path.join(tmpdir(), 'uncurl-sample')),
);
const sizeBytes = await packSample(opened, run, resources);
process.stderr.write(`resources/sample/run: ${(sizeBytes / 1e6).toFixed(1)} MB, from ${run}\n`);
