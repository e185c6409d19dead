import { parseArgs } from 'node:util';
import { byReaders, byReproduce, measuredOf, newSource, shownWithoutChecksums } from '../main/reproduction/notice.ts';
import type { Edit } from '../main/reproduction/edits.ts';
import { smallRuns } from '../main/reproduction/small-runs.ts';
import { readCheckedSweep } from '../../main/runs/checked-sweep.ts';
import { seededRandom } from '../../main/statistics/random.ts';

/**
 * npx node tests/bench/edits.ts [--rounds 500] [--seed 1]
 *
 * Measures a small sweep and a small experiment twice. Then edits one random field of one file of the first run, again
 * and again, each time in a fresh copy, and checks three things: whether the comparison with the second run detects it
 * (as in `uncurl reproduce`), whether everything that displays a run detects it (report, figures, compare, window),
 * and, for results without checksums, whether any edited number is displayed. Prints the detected edits by file, and
 * every undetected edit; exits with 1 if there is one.
 */
const { values } = parseArgs({ options: { rounds: { type: 'string' }, seed: { type: 'string' } } });
const rounds = Number(values.rounds ?? 500);
const random = seededRandom(Number(values.seed ?? 1));
const FILES = ['results.json', 'outcomes.parquet', 'experiment.json'] as const;

const runs = await smallRuns();
const counts = new Map<string, number>();
const missed: string[] = [];
const count = (what: string): void => void counts.set(what, (counts.get(what) ?? 0) + 1);
try {
  const source = await newSource(runs);
  const shown = JSON.stringify(measuredOf(await readCheckedSweep(source, await source.runs.read(runs.sweep))));
  for (let round = 0; round < rounds; round += 1) {
    const file = FILES[round % FILES.length] ?? 'results.json';
    const edit: Edit = { file, at: random.integer(2 ** 30), how: random.integer(2 ** 30) };
    for (const [who, look] of [
      ['reproduce', byReproduce],
      ['readers', byReaders],
    ] as const) {
      const { path, as } = await look(runs, edit);
      count(`${file}, ${who}: ${as}${as === 'allowed' ? ` (${path})` : ''}`);
      if (as === 'missed') missed.push(`${who}: ${path} ${JSON.stringify(edit)}`);
    }
    if (file !== 'results.json') continue;
    const { path, measured } = await shownWithoutChecksums(runs, edit);
    const isRight = measured === 'results-damaged' || JSON.stringify(measured) === shown;
    count(`${file}, without checksums: ${isRight ? 'no edited number shown' : 'shown'}`);
    if (!isRight) missed.push(`shown: ${path} ${JSON.stringify(edit)}`);
  }
} finally {
  await runs.remove();
}
for (const [what, times] of [...counts].sort(([one], [other]) => one.localeCompare(other)))
  console.log(`${String(times).padStart(6)}  ${what}`);
console.log(`${String(rounds)} edits, seed ${values.seed ?? '1'}: ${String(missed.length)} missed`);
for (const one of missed) console.log(`missed  ${one}`);
process.exitCode = missed.length === 0 ? 0 : 1;
