// Recomputes every number of the recorded sweeps from their stored outcomes, without inference, after a change of the
// statistics: node resources/sample/summarise-anew.mjs
// Rewrites run/results.json.zst (and its checksum) from run/outcomes.parquet, and the interval ends and verdicts in
// trainings.json.gz from their counts. Prints the thresholds that moved.
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { constants, gunzipSync, gzipSync, zstdDecompressSync } from 'node:zlib';
import { pointNameKey, recordedSweepDocument, sweepDocument, UNPRUNED } from '../../main/contract/sweep.ts';
import { recordedTrainings } from '../../main/evaluation/size-trend/document.ts';
import { summarise } from '../../main/evaluation/summarise.ts';
import { withThresholds } from '../../main/evaluation/threshold-family.ts';
import { bracketText } from '../../main/words/verdicts.ts';
import { CHECKSUM_FILE, checksumList, readChecksums } from '../../main/files/checksums.ts';
import { readPointBlocks } from '../../main/runs/read-outcomes.ts';
import { recordedTrainingsFile } from '../../main/runs/run-source.ts';
import { RESULTS } from '../../main/runs/sweep-record.ts';
import { compressed } from '../../main/sample/pack-sample.ts';
import { COMPRESSED, sampleFolder } from '../../main/sample/sample-run.ts';
import { resources } from './sweep.mjs';

const folder = sampleFolder(resources);
const file = path.join(folder, `${RESULTS}${COMPRESSED}`);
const stored = zstdDecompressSync(readFileSync(file)).toString('utf8');
const before = recordedSweepDocument.parse(JSON.parse(stored));
const { delta } = JSON.parse(readFileSync(path.join(folder, 'manifest.json'), 'utf8')).spec;
const reading = { delta };

const outcomes = new Map();
for await (const block of await readPointBlocks(path.join(folder, 'outcomes.parquet')))
  outcomes.set(pointNameKey(block.point), block.outcomes);
const outcomesOf = (point) => {
  const found = outcomes.get(pointNameKey(point));
  if (found === undefined) throw new Error(`no outcomes of ${pointNameKey(point)}`);
  return found;
};
const results = before.results.map((result) => {
  const { metric, method } = result;
  const unpruned = outcomesOf({ ...result, method: UNPRUNED, seed: null, factor: 1 });
  return { ...result, ...summarise(metric, unpruned, method === UNPRUNED ? null : outcomesOf(result), reading) };
});
const after = withThresholds({ ...before, results }, reading);
const anew = `${JSON.stringify(sweepDocument.parse(after), null, 1)}\n`;
writeFileSync(file, await compressed(Buffer.from(anew)));
const checksums = new Map(await readChecksums(folder));
checksums.set(RESULTS, createHash('sha256').update(anew).digest('hex'));
writeFileSync(path.join(folder, CHECKSUM_FILE), checksumList(checksums));

const trainingsFile = recordedTrainingsFile(resources);
const trainings = recordedTrainings.parse(JSON.parse(gunzipSync(readFileSync(trainingsFile)).toString('utf8')));
const read = withThresholds({ run: '', results: trainings.results, thresholds: [], rule: '' }, reading);
const written = JSON.stringify(recordedTrainings.parse({ ...trainings, results: read.results }));
writeFileSync(trainingsFile, gzipSync(written, { level: constants.Z_BEST_COMPRESSION }));

const curveOf = ({ model, task, method, seed }) => [model, task, method, seed ?? 'all'].join('  ');
const known = new Map(before.thresholds.map((threshold) => [curveOf(threshold), bracketText(threshold)]));
const moved = after.thresholds.filter((threshold) => known.get(curveOf(threshold)) !== bracketText(threshold));
for (const threshold of moved)
  process.stdout.write(`${curveOf(threshold)}: ${known.get(curveOf(threshold))}, now ${bracketText(threshold)}\n`);
process.stdout.write(`${String(moved.length)} of ${String(after.thresholds.length)} thresholds moved\n`);
