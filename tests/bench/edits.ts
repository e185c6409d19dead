import { readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { parseArgs } from 'node:util';
import {
  byReaders,
  byReproduce,
  headingOf,
  measuredOf,
  newSource,
  shownWithoutChecksums,
} from '../main/reproduction/notice.ts';
import { type Edit, everyLeafEdit } from '../main/reproduction/edits.ts';
import { smallRuns } from '../main/reproduction/small-runs.ts';
import { readCheckedSweep } from '../../main/runs/checked-sweep.ts';
import { seededRandom } from '../../main/statistics/random.ts';

/**
 * npx node tests/bench/edits.ts [--rounds 500] [--seed 1] [--leaves]
 *
 * Measures a small sweep and a small experiment twice. Then edits one random field of one file of the first run, again
 * and again, each time in a fresh copy, and checks three things: whether the comparison with the second run detects it
 * (as in `uncurl reproduce`), whether everything that displays a run detects it (report, figures, compare, window),
 * and, for results without checksums, whether any edited number is displayed. Prints the detected edits by file, and
 * every undetected edit; exits with 1 if there is one.
 */
const { values } = parseArgs({
  options: { rounds: { type: 'string' }, seed: { type: 'string' }, leaves: { type: 'boolean', default: false } },
});
const rounds = Number(values.rounds ?? 500);
const random = seededRandom(Number(values.seed ?? 1));
const FILES = ['results.json', 'outcomes.parquet', 'experiment.json'] as const;

/** What the seal does not cover, since it changes after the end of a run or beside it. */
const OUTSIDE: readonly string[] = ['binding.json', 'log.jsonl', 'lock-N.json'];

const runs = await smallRuns();
const counts = new Map<string, number>();
const missed: string[] = [];
const count = (what: string): void => void counts.set(what, (counts.get(what) ?? 0) + 1);

/** Changes every leaf and byte of a run's files in turn. */
const everyChange = async (run: string): Promise<void> => {
  const folder = path.join(runs.workspace, 'runs', run);
  for (const { name } of (await readdir(folder, { withFileTypes: true })).filter((entry) => entry.isFile())) {
    const file = path.join(folder, name);
    const before = await readFile(file);
    for (const [what, contents] of changesOf(name, before)) {
      await writeFile(file, contents);
      const heading = await headingOf(runs, run);
      const kind = name.replace(/\d+/, 'N');
      const outside = OUTSIDE.includes(kind) ? ' (outside the seal)' : '';
      count(`${kind}${outside}: ${heading === null ? 'headed as measured here' : heading.slice(0, 17)}`);
      if (heading === null && outside === '') missed.push(`${run} ${name} ${what}`);
    }
    await writeFile(file, before);
    if ((await headingOf(runs, run)) !== null) throw new Error(`${name} was not restored`);
  }
};

const changesOf = function* (name: string, before: Buffer): Generator<readonly [string, string | Buffer]> {
  if (name.endsWith('.json'))
    for (const { path: leaf, edited } of everyLeafEdit(before.toString('utf8'))) yield [leaf, edited];
  else
    for (let at = 0; at < before.length; at += Math.max(1, Math.ceil(before.length / 4000))) {
      const edited = Buffer.from(before);
      edited[at] = (edited[at] ?? 0) ^ (1 << (at % 8));
      yield [`byte ${String(at)}`, edited];
    }
};

try {
  if (values.leaves) for (const run of [runs.sweep, runs.experiment]) await everyChange(run);
  const source = await newSource(runs);
  const shown = JSON.stringify(measuredOf(await readCheckedSweep(source, await source.runs.read(runs.sweep))));
  for (let round = 0; !values.leaves && round < rounds; round += 1) {
    const file = FILES[round % FILES.length] ?? 'results.json';
    const edit: Edit = { file, at: random.integer(2 ** 30), how: random.integer(2 ** 30) };
    for (const [who, look] of [
      ['reproduce', byReproduce],
      ['readers', byReaders],
    ] as const) {
      const { path: field, as } = await look(runs, edit);
      count(`${file}, ${who}: ${as}${as === 'allowed' ? ` (${field})` : ''}`);
      if (as === 'missed') missed.push(`${who}: ${field} ${JSON.stringify(edit)}`);
    }
    if (file !== 'results.json') continue;
    const { path: field, measured } = await shownWithoutChecksums(runs, edit);
    const isRight = measured === 'results-damaged' || JSON.stringify(measured) === shown;
    count(`${file}, without checksums: ${isRight ? 'no edited number shown' : 'shown'}`);
    if (!isRight) missed.push(`shown: ${field} ${JSON.stringify(edit)}`);
  }
} finally {
  await runs.remove();
}
for (const [what, times] of [...counts].sort(([one], [other]) => one.localeCompare(other)))
  console.log(`${String(times).padStart(6)}  ${what}`);
const changes = [...counts.values()].reduce((sum, each) => sum + each, 0);
console.log(
  `${String(values.leaves ? changes : rounds)} edits, seed ${values.seed ?? '1'}: ${String(missed.length)} missed`,
);
for (const one of missed) console.log(`missed  ${one}`);
process.exitCode = missed.length === 0 ? 0 : 1;
