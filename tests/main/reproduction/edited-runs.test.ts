import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WorkbenchError } from '../../../main/contract/errors.ts';
import { runManifest } from '../../../main/contract/run.ts';
import { runOf } from '../contract/run-of.ts';
import { recordedSweepDocument, type SweepResult } from '../../../main/contract/sweep.ts';
import { CHECKSUM_FILE } from '../../../main/files/checksums.ts';
import { compareManifests } from '../../../main/reproduction/compare-manifests.ts';
import { FieldLedger } from '../../../main/reproduction/field-ledger.ts';
import { isMatch, reproductionSentence } from '../../../main/reproduction/differences.ts';
import { readCheckedSweep } from '../../../main/runs/checked-sweep.ts';
import type { OutcomeRow } from '../../../main/runs/outcomes-parquet.ts';
import { PLANS, readPointIndex } from '../../../main/runs/sweep-record.ts';
import { causeWords } from '../../../main/words/reproduction.ts';
import { readProfileFile, writeProfileFile } from '../../../main/workspace/profile-file.ts';
import { OUTSIDE_SEAL } from '../../../main/workspace/sealed-files.ts';
import { requireUserKey } from '../../../main/workspace/user-key.ts';
import { TEST_LIMIT_MS } from '../../hang-limit.ts';
import { anyEdit, editOutcomes, everyEdit } from './edits.ts';
import {
  byReaders,
  byReproduce,
  headingOf as headingOfRun,
  measuredOf,
  newSource,
  reproduced,
  shownWithoutChecksums,
} from './notice.ts';
import { copyOfRun, type SmallRuns, smallRuns } from './small-runs.ts';

/** For more rounds: npx node tests/bench/edits.ts. */
const ROUNDS = 25;
const SEED = 19;

/** The steps that a sweep computed depend on what was on disk. */
const FACTS = ['facts.code', 'facts.computed', 'facts.reused'];

let runs: SmallRuns;
let shown: unknown;

beforeAll(async () => {
  runs = await smallRuns();
  const source = await newSource(runs);
  const document = await readCheckedSweep(source, await source.runs.read(runs.sweep));
  expect(document?.check).toEqual({ state: 'as-written', differing: [], changed: [], sentences: [] });
  shown = measuredOf(document);
}, TEST_LIMIT_MS);
afterAll(() => runs.remove(), TEST_LIMIT_MS);

const editResults = async (folder: string, change: (result: SweepResult) => SweepResult): Promise<void> => {
  const file = join(folder, 'results.json');
  const document = recordedSweepDocument.parse(JSON.parse(await readFile(file, 'utf8')));
  await writeFile(file, JSON.stringify({ ...document, results: document.results.map(change) }));
};

const pruned = (change: (result: SweepResult) => SweepResult) => (result: SweepResult) =>
  result.factor === 1 ? result : change(result);

describe('an untouched run', () => {
  it('matches its second run, except for fields that may differ', async () => {
    const found = await reproduced(runs, join(runs.workspace, 'runs', runs.sweep));
    expect(found.fields.changed).toEqual([]);
    expect(isMatch(found)).toBe(true);
    expect(found.fields.files).toEqual([
      'results.json',
      'profile.safetensors',
      'points.json',
      'plans.json',
      'outcomes.parquet',
    ]);
    // Everything that is not compared is named.
    const left = found.fields.allowed.map(({ file, field }) => `${file} ${field}`);
    expect(left.sort()).toEqual(
      [
        ...[
          'results.json run',
          ...FACTS.map((name) => `results.json ${name}`),
          'profile.safetensors model',
          'points.json points.step',
        ],
        ...['binding', 'lock-1', 'manifest', 'seal'].map((name) => `${name}.json file`),
        ...['checksums.sha256 file', 'log.jsonl file', 'open.uncurl-run file'],
      ].sort(),
    );
    expect(reproductionSentence(found)).toMatch(
      /^Every compared number matches: \d+ values over \d+ item outcomes, to the last/,
    );
  });
});

describe.each([
  ['differences of +0.5', pruned((result) => ({ ...result, difference: result.difference + 0.5 })), 'difference'],
  ['p-values of 1e-9', pruned((result) => (result.p === null ? result : { ...result, p: 1e-9 })), 'p'],
  [
    'one byte a model',
    (result: SweepResult) => (result.cost === undefined ? result : { ...result, cost: { ...result.cost, bytes: 1 } }),
    'cost.bytes',
  ],
] as const)('results.json with %s', (_, change, field) => {
  it('fails its reproduction, which reports the position', async () => {
    const folder = await copyOfRun(runs.workspace, runs.sweep, 'sweep-edited');
    await editResults(folder, change);
    const found = await reproduced(runs, folder);
    expect(isMatch(found)).toBe(false);
    expect(found.fields.changed.map(({ field: name }) => name)).toEqual([`results.${field}`]);
    // A copy has a manifest of its own.
    expect(found.fields.edited).toEqual(['manifest.json', 'results.json']);
    expect(reproductionSentence(found)).toContain(`fields differ (results.${field} `);
  });

  it('is never shown as measured, but reported as edited', async () => {
    const folder = await copyOfRun(runs.workspace, runs.sweep, 'sweep-edited');
    await editResults(folder, change);
    const source = await newSource(runs);
    const document = await readCheckedSweep(source, await source.runs.read('sweep-edited'));
    expect(measuredOf(document)).toEqual(shown);
    expect(document?.results.every(({ cost }) => cost === undefined)).toBe(true);
    expect(document?.check).toMatchObject({ state: 'differs', changed: ['manifest.json', 'results.json'] });
    expect(document?.check?.sentences.join(' ')).toMatch(/results\.json .*(edited|changed) after the run had ended/);
  });
});

describe('outcomes.parquet', () => {
  const shift = (logprobs: unknown): unknown =>
    Array.isArray(logprobs) ? logprobs.map((one) => Number(one) - 5) : logprobs;

  it('with log-probabilities shifted by 5 fails its reproduction, and rounding is reported as such', async () => {
    const folder = await copyOfRun(runs.workspace, runs.sweep, 'sweep-edited');
    await editOutcomes(join(folder, 'outcomes.parquet'), (rows) =>
      rows.map((row) => ({ ...row, logprobs: shift(row['logprobs']) })),
    );
    const found = await reproduced(runs, folder);
    expect(isMatch(found)).toBe(false);
    expect(found.flipped).toEqual([]);
    expect(found.fields.changed).toMatchObject([
      { file: 'outcomes.parquet', field: expect.stringMatching(/logprobs$/) },
    ]);

    const rounded = await copyOfRun(runs.workspace, runs.sweep, 'sweep-edited');
    await editOutcomes(join(rounded, 'outcomes.parquet'), (rows) =>
      rows.map((row) => ({
        ...row,
        logprobs: Array.isArray(row['logprobs']) ? row['logprobs'].map((one) => Number(one) + 1e-6) : row['logprobs'],
      })),
    );
    const close = await reproduced(runs, rounded);
    expect(isMatch(close)).toBe(true);
    expect(reproductionSentence(close)).toMatch(/scores differ by rounding, at most 0\.000001/);
    expect(close.fields.rounded).toMatchObject([
      { file: 'outcomes.parquet', field: expect.stringMatching(/logprobs$/) },
    ]);
  });

  it('with right and wrong swapped is judged again from the answers, and reported as edited', async () => {
    const folder = await copyOfRun(runs.workspace, runs.sweep, 'sweep-edited');
    await editOutcomes(join(folder, 'outcomes.parquet'), (rows) =>
      rows.map((row) => (typeof row['correct'] === 'boolean' ? { ...row, correct: !row['correct'] } : row)),
    );
    const found = await reproduced(runs, folder);
    expect(isMatch(found)).toBe(false);
    expect(found.fields.changed.map(({ field }) => field)).toEqual(['outcomes.correct']);

    const source = await newSource(runs);
    const manifest = await source.runs.read('sweep-edited');
    await expect(readCheckedSweep(source, manifest)).rejects.toMatchObject({ code: 'results-edited' });
    await rm(join(folder, CHECKSUM_FILE));
    const document = await readCheckedSweep(await newSource(runs), manifest);
    expect(document?.check).toMatchObject({ state: 'differs' });
    expect(document?.check?.differing).toMatchObject([{ file: 'outcomes.parquet', field: 'correct' }]);
    // Chosen answers follow from log-probabilities, written ones of an available task from its rule.
    expect(measuredOf(document)).toEqual(shown);
  });

  it('whose outcomes contradict those of the unpruned model is refused', async () => {
    const folder = await copyOfRun(runs.workspace, runs.sweep, 'sweep-edited');
    await rm(join(folder, CHECKSUM_FILE));
    await editOutcomes(join(folder, 'outcomes.parquet'), (rows) =>
      rows.filter((_, index) => index !== rows.length - 1),
    );
    const source = await newSource(runs);
    await expect(readCheckedSweep(source, await source.runs.read(basename(folder)))).rejects.toMatchObject({
      code: 'outcomes-contradict',
    });
  });
});

describe('a run whose profiles keep no tokens', () => {
  it('matches, and says that samples may differ', async () => {
    const folder = await copyOfRun(runs.workspace, runs.sweep, 'sweep-edited');
    await rm(join(folder, CHECKSUM_FILE));
    const file = join(folder, 'profile.safetensors');
    const profile = await readProfileFile(file);
    expect(profile.tasks.map(({ statistics }) => statistics.sample?.size ?? 0)).not.toContain(0);
    await rm(file);
    const tasks = profile.tasks.map(({ statistics: { sample: _sample, ...statistics }, ...task }) => ({
      ...task,
      statistics,
    }));
    await writeProfileFile(file, { ...profile, tasks });
    const found = await reproduced(runs, folder);
    expect(found.fields.changed).toEqual([]);
    expect(found.fields.allowed.map(({ field }) => field)).toContain('tasks.statistics.sample');
    expect(isMatch(found)).toBe(true);
  });
});

describe('a run whose profile counts a routed choice for another expert', () => {
  const task = 'few';
  /** As if a processor had decided a tie the other way: profile, one plan made from it, and an answer under the plan. */
  const reroutedRun = async (): Promise<string> => {
    const folder = await copyOfRun(runs.workspace, runs.sweep, 'sweep-edited');
    await rm(join(folder, CHECKSUM_FILE));
    const file = join(folder, 'profile.safetensors');
    const profile = await readProfileFile(file);
    const own = profile.tasks.find(({ name }) => name === task);
    if (own === undefined) throw new Error('no profile');
    const { counts, experts } = own.statistics;
    counts[experts + 2] = (counts[experts + 2] ?? 0) + 1;
    counts[experts + 5] = (counts[experts + 5] ?? 0) - 1;
    await rm(file);
    await writeProfileFile(file, profile);
    const points = await readPointIndex(folder);
    const point = points.find((one) => one.task === task && one.method === 'reap' && one.factor === 2);
    const plans = JSON.parse(await readFile(join(folder, PLANS), 'utf8')) as Record<string, { kept: number[][] }>;
    const plan = plans[point?.step ?? ''];
    if (plan === undefined) throw new Error('no plan');
    plan.kept[1] = [0, 1, 2, 3].map((expert) => expert + (plan.kept[1]?.includes(0) === true ? 1 : 0));
    await writeFile(join(folder, PLANS), JSON.stringify(plans));
    await shiftScores(folder, (row) => row['task'] === task && row['method'] === 'reap' && row['factor'] === 2);
    return folder;
  };
  const shiftScores = (folder: string, isShifted: (row: OutcomeRow) => boolean): Promise<void> =>
    editOutcomes(join(folder, 'outcomes.parquet'), (rows) =>
      rows.map((row) =>
        isShifted(row) && Array.isArray(row['logprobs'])
          ? { ...row, logprobs: row['logprobs'].map((one) => Number(one) - 5) }
          : row,
      ),
    );

  it('does not match, and says that every difference follows from that choice', async () => {
    const found = await reproduced(runs, await reroutedRun());
    expect(isMatch(found)).toBe(false);
    expect(found.rerouted).toMatchObject([{ task, model: 'uncurl-8', choices: 1, layer: 1, from: [2], to: [5] }]);
    expect(found.fields.changed.map(({ field }) => field)).toContain('outcomes.logprobs');
    expect(found.unexplained).toBe(0);
    expect(causeWords(found).join(' ')).toMatch(
      /items of few, 1 of [\d\u202f]+ routed choices of uncurl-8 went to another expert \(MoE layer 1: expert 5 instead of expert 2\)\..*Every difference is in these profiles/,
    );
  });

  it('counts differences under equal plans, or of other tasks, as having another cause', async () => {
    const folder = await reroutedRun();
    await shiftScores(folder, (row) => row['task'] === task && row['method'] === 'reap' && row['factor'] === 4);
    const found = await reproduced(runs, folder);
    const wrong = found.unexplained ?? 0;
    expect(wrong).toBeGreaterThan(0);
    expect(causeWords(found).at(-1)).toMatch(new RegExp(`^${wrong} differences are neither in these profiles`));
    await editResults(
      folder,
      pruned((result) => (result.task === task ? result : { ...result, p: 1e-9 })),
    );
    expect((await reproduced(runs, folder)).unexplained).toBeGreaterThan(wrong);
  });
});

describe('a run of a version that recorded no loops of texts', () => {
  it('matches, and the report names the field', async () => {
    const folder = await copyOfRun(runs.workspace, runs.sweep, 'sweep-edited');
    await editOutcomes(join(folder, 'outcomes.parquet'), (rows) =>
      rows.map((row) => (row['written'] === null ? row : { ...row, loop_token: -1, loop_character: null })),
    );
    const found = await reproduced(runs, folder);
    expect(isMatch(found)).toBe(true);
    expect(found.fields.allowed).toContainEqual(
      expect.objectContaining({ field: 'outcomes.loop', reason: expect.stringMatching(/did not record it/) }),
    );
  });
});

describe('any field of a run, edited', () => {
  it('is noticed by a reproduction, or is a field that may differ', async () => {
    const allowed = new Set<string>();
    await fc.assert(
      fc.asyncProperty(anyEdit('outcomes.parquet', 'experiment.json'), async (edit) => {
        const { path, as } = await byReproduce(runs, edit);
        expect(as, path).not.toBe('missed');
        if (as === 'allowed') allowed.add(path);
      }),
      { numRuns: ROUNDS, seed: SEED, endOnFailure: true },
    );
    for (const path of allowed) expect(['run', 'settings.treatments', ...FACTS]).toContain(path);
  });

  it('is noticed wherever the run is shown', async () => {
    await fc.assert(
      fc.asyncProperty(anyEdit('results.json', 'outcomes.parquet', 'experiment.json'), async (edit) => {
        const { path, as } = await byReaders(runs, edit);
        expect(as, path).toBe('noticed');
      }),
      { numRuns: ROUNDS, seed: SEED, endOnFailure: true },
    );
  });

  it('of results is never shown as measured, even if checksums were removed as well', async () => {
    await fc.assert(
      fc.asyncProperty(anyEdit('results.json'), async (edit) => {
        const { path, measured } = await shownWithoutChecksums(runs, edit);
        if (typeof measured === 'string') expect(measured).toBe('results-damaged');
        else expect(measured, path).toEqual(shown);
      }),
      { numRuns: ROUNDS, seed: SEED, endOnFailure: true },
    );
  });
});

describe('a finished run is one sealed document', () => {
  const headingOf = (run: string, state?: string): Promise<string | null> => headingOfRun(runs, run, state);

  /** Writes other contents for the time of a look. */
  const changed = async (file: string, contents: string | Uint8Array, look: () => Promise<void>): Promise<void> => {
    const before = await readFile(file);
    await writeFile(file, contents);
    try {
      await look();
    } finally {
      await writeFile(file, before);
    }
  };

  /** Other contents of a file: each kind of leaf of JSON, else bytes over the whole file. */
  const editsOf = async (
    file: string,
  ): Promise<readonly (readonly [name: string, contents: string | Uint8Array])[]> => {
    const bytes = await readFile(file);
    if (file.endsWith('.json'))
      return everyEdit(bytes.toString('utf8')).map(({ path, edited }) => [path, edited] as const);
    return Array.from({ length: 12 }, (_, index) => {
      const at = Math.floor((index * (bytes.length - 1)) / 11);
      const edited = Uint8Array.from(bytes);
      edited[at] = (edited[at] ?? 0) ^ 1;
      return [`byte ${String(at)}`, edited] as const;
    });
  };

  it('no leaf and no byte of it can change unseen, and what is outside is named', async () => {
    const outside = new Set<string>();
    let looked = 0;
    for (const run of [runs.sweep, runs.experiment]) {
      expect(await headingOf(run)).toBeNull();
      const folder = join(runs.workspace, 'runs', run);
      for (const entry of await readdir(folder, { withFileTypes: true })) {
        if (!entry.isFile()) continue;
        const file = join(folder, entry.name);
        for (const [name, contents] of await editsOf(file))
          await changed(file, contents, async () => {
            looked += 1;
            const heading = await headingOf(run);
            if (heading === null) outside.add(entry.name);
            else expect(heading, `${entry.name} ${name}`).toMatch(/^(?:Not measured here|refused): /);
          });
      }
      expect(await headingOf(run)).toBeNull();
    }
    expect(looked).toBeGreaterThan(150);
    expect([...outside].filter((name) => !/^lock-\d+\.json$/.test(name)).sort()).toEqual(['binding.json', 'log.jsonl']);
    for (const name of ['binding.json', 'log.jsonl']) expect(OUTSIDE_SEAL.get(name)).toBeDefined();
  });

  it('every field of a manifest is sealed, those that this run does not have as well', async () => {
    const file = join(runs.workspace, 'runs', runs.sweep, 'manifest.json');
    const manifest = JSON.parse(await readFile(file, 'utf8')) as object;
    for (const name of Object.keys(runManifest.shape).filter((one) => !(one in manifest)))
      await changed(file, JSON.stringify({ ...manifest, [name]: true }), async () => {
        expect(await headingOf(runs.sweep), name).toMatch(/^(?:Not measured here|refused): /);
      });
  });

  it('cannot be sealed again without the key, nor by another one, nor escape as unfinished', async () => {
    const folder = join(runs.workspace, 'runs', runs.sweep);
    const file = join(folder, 'manifest.json');
    const text = await readFile(file, 'utf8');
    const forged = text.replace('"delta": 0.03', '"delta": 0.3');
    expect(forged).not.toBe(text);
    const list = await readFile(join(folder, CHECKSUM_FILE), 'utf8');
    const sha256 = (content: string): string => createHash('sha256').update(content).digest('hex');
    await changed(file, forged, async () => {
      expect(await headingOf(runs.sweep)).toMatch(/manifest\.json was changed after the run had ended/);
      await changed(join(folder, CHECKSUM_FILE), list.replace(sha256(text), sha256(forged)), async () => {
        expect(await headingOf(runs.sweep)).toMatch(/does not belong to its seal/);
      });
      await changed(file, forged.replace('"state": "done"', '"state": "cancelled"'), async () => {
        expect(await headingOf(runs.sweep)).toMatch(/^Not measured here/);
      });
    });
    const other = await mkdtemp(join(tmpdir(), 'uncurl-state-'));
    await requireUserKey(other);
    expect(await headingOf(runs.sweep, other)).toMatch(/another user or machine sealed this run/);
    await rm(other, { recursive: true });
  });

  it('a reproduction compares or names every leaf of a manifest', async () => {
    const folder = join(runs.workspace, 'runs', runs.sweep);
    const text = await readFile(join(folder, 'manifest.json'), 'utf8');
    const original = runManifest.parse(JSON.parse(text));
    for (const { path, edited } of everyEdit(text)) {
      const parsed = runManifest.safeParse(JSON.parse(edited));
      if (!parsed.success) continue;
      const ledger = new FieldLedger();
      compareManifests(ledger, parsed.data, original);
      const { changed: differing, allowed } = ledger.found([]);
      const isNamed = allowed.some(({ field }) => field === path);
      expect([path, isNamed || differing.some(({ field }) => field === path)]).toEqual([path, true]);
      expect([path, isNamed]).toEqual([
        path,
        !/^(?:kind|title|state|(?:models|tasks)\.(?:name|hash|fingerprint))$/.test(path),
      ]);
    }
  });

  it('what transformers said of a model is named, whether the second run asked it or not', () => {
    const model = { name: 'm', path: '/m', fingerprint: 'f', sha256: 'c'.repeat(64) };
    const equal = { transformers: '5.24.0', tokens: 64, differing: 0, difference: 1e-6, tolerance: 1e-3 };
    const first = runOf({ models: [{ ...model, transformers: { ...equal, word: 'equal' as const } }] });
    for (const second of [model, { ...model, transformers: { ...equal, word: 'equal' as const, transformers: '6' } }]) {
      const ledger = new FieldLedger();
      compareManifests(ledger, first, runOf({ models: [second] }));
      const { changed: differing, allowed } = ledger.found([]);
      expect(differing).toEqual([]);
      expect(allowed.map(({ field }) => field)).toContainEqual(expect.stringMatching(/^models\.transformers/));
    }
  });

  it('a bundled run keeps the title of its record, with the word for what it is before it', () => {
    const titles = (id: string, title: string): readonly unknown[] => {
      const ledger = new FieldLedger();
      const again = runOf({ id: 'again', title: 'Sweep of 4 models' });
      compareManifests(ledger, runOf({ id, title }), again);
      return ledger.found([]).changed.filter(({ field }) => field === 'title');
    };
    expect(titles('sample', 'Sample: sweep of 4 models')).toEqual([]);
    expect(titles('sample', 'Sample: sweep of 5 models')).toHaveLength(1);
    expect(titles('sweep-mine', 'Sample: sweep of 4 models')).toHaveLength(1);
  });

  it('a reproduction compares or names every kind of field of its results', async () => {
    const folder = await copyOfRun(runs.workspace, runs.sweep, 'sweep-edited');
    const file = join(folder, 'results.json');
    for (const { path, edited } of everyEdit(await readFile(file, 'utf8')))
      await changed(file, edited, async () => {
        const found = await reproduced(runs, folder).catch((error: unknown) => {
          if (error instanceof WorkbenchError && error.code !== 'internal') return null;
          throw error;
        });
        if (found === null) return;
        const isNamed = found.fields.allowed.some(({ field }) => field === path);
        expect([path, !isMatch(found) || isNamed]).toEqual([path, true]);
      });
  });
});
