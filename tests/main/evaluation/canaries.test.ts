import path from 'node:path';
import { expect, test } from 'vitest';
import { openCheckpoint } from '../../../main/checkpoint/open-checkpoint.ts';
import { canaryProbes } from '../../../main/evaluation/canary-probes.ts';
import {
  changedProbes,
  exposureOf,
  FEWEST_PROBES,
  partsByExposure,
  probesOf,
  requireCanaries,
} from '../../../main/evaluation/canaries.ts';
import { itemLosses } from '../../../main/evaluation/fit.ts';
import { encodePrompt } from '../../../main/inference/encode-item.ts';
import { readProbes } from '../../../main/jobs/fit-canaries.ts';
import { seededRandom } from '../../../main/statistics/random.ts';
import { loadTask } from '../../../main/tasks/load-task.ts';
import { openRunner, uncancelled } from '../inference/open-runner.ts';

const resources = path.resolve(import.meta.dirname, '../../../resources');

const own = (lines: readonly string[]) => ({ source: 'own' as const, name: 'lines.tsv', lines: [...lines] });
const numbered = Array.from(
  { length: FEWEST_PROBES },
  (_, index) => `${String(index)} and one is\t${String(index + 1)}`,
);

test('lines become probes: a text, or a context and its answer', () => {
  expect(probesOf([...numbered, '', ' '])).toHaveLength(FEWEST_PROBES);
  expect(probesOf(numbered)[1]).toEqual({ id: 'line 2', context: '1 and one is', answer: '2' });
  expect(probesOf([...numbered, 'a:\\nb:\tc']).at(-1)).toMatchObject({ context: 'a:\nb:', answer: 'c' });
  const codeOf = (lines: readonly string[]): unknown => {
    try {
      return requireCanaries(own(lines));
    } catch (error) {
      return error;
    }
  };
  const cases = [
    ['bad-probe', [...numbered, '\tan answer']],
    ['bad-probe', [...numbered, 'one\ttwo\tthree']],
    ['too-few-probes', numbered.slice(1)],
    ['mixed-probes', [...numbered, 'only a text']],
    ['empty-probe', [...numbered, 'a context\t']],
    ['duplicate-probes', [...numbered, numbered[3] ?? '']],
    ['canaries-too-long', [...numbered, `a context\t${'x'.repeat(2_001)}`]],
  ] as const;
  for (const [code, lines] of cases) expect(codeOf(lines)).toMatchObject({ code });
  expect(codeOf([...numbered, 'only a text'])).toMatchObject({
    message: `The canary of line ${String(FEWEST_PROBES + 1)} has no context before a tab, unlike the first one.`,
  });
});

test('of 55 canaries 11 are tested against 33: counts, exposures, and the middle loss of the controls', () => {
  const probes = Array.from({ length: 55 }, (_, index) => ({
    id: String(index),
    context: '',
    answer: `text ${String(index)}`,
    // The first ones are exposed most; the controls are numbers 22 to 54, and number 38 is in their middle.
    exposure: (100 - index) / 100,
    loss: index < 11 ? 2 : (100 - index) / 1_000,
  }));
  expect(changedProbes('own', probes)).toMatchObject({
    probes: 55,
    tested: 11,
    controls: 33,
    // The tested ones: all others lost less than 0.1 nats.
    losing: 11,
    controlLoss: 0.062,
    controlExposure: 0.78,
    testedExposure: 0.9,
  });
  expect(changedProbes('own', probes).changed.map(({ loss }) => loss)).toEqual(Array.from({ length: 11 }, () => 2));
});

test('exposure is the share of choices on experts that a plan removes, in models of one layer as in others', () => {
  // Expert 0 stays. Of a layer's four choices one is none, and two of the three others are on experts that go.
  const one = [0, -1, 3, 2];
  expect(exposureOf(one, 1, { kept: [[0, 1]] })).toBeCloseTo(2 / 3, 12);
  expect(
    exposureOf([...one, 1, 1, 1, 0], 2, {
      kept: [
        [0, 1],
        [1, 2],
      ],
    }),
  ).toBeCloseTo(3 / 7, 12);
  expect([exposureOf([], 0, { kept: [] }), exposureOf([-1, -1], 1, { kept: [[0]] })]).toEqual([0, 0]);
});

test('the probes of the workbench are all different, small, and only for models with a real vocabulary', async () => {
  const texts = canaryProbes.map(([context, answer]) => `${context}\t${answer}`);
  expect(new Set(texts).size).toBe(texts.length);
  expect(texts.length).toBeGreaterThan(300);
  expect(Buffer.byteLength(texts.join('\n'))).toBeLessThan(200_000);
  expect(canaryProbes.every(([context, answer]) => context !== '' && answer.trim() !== '')).toBe(true);
  const checkpoint = await openCheckpoint(path.join(resources, 'models/uncurl-8'));
  await expect(readProbes(checkpoint, { source: 'ours' })).rejects.toMatchObject({ code: 'small-vocabulary' });
  const { probes, leftOut } = await readProbes(checkpoint, own(numbered));
  expect([probes.length, leftOut]).toEqual([FEWEST_PROBES, 0]);
});
const SKILLS = ['add', 'bracket', 'capital', 'french', 'german', 'mood', 'plural', 'sort', 'spanish'];

/** Forty test items of each bundled task, by seed: what a model can do, with its routing and what it answers. */
const probesOfSkills = async (seed: number) => {
  const found = await Promise.all(
    SKILLS.map(async (skill) => {
      const { test: items } = await loadTask(path.join(resources, 'tasks', skill));
      const choices = items.flatMap((item) => ('choices' in item ? [item] : []));
      return seededRandom(seed)
        .shuffle(choices)
        .slice(0, 40)
        .map(({ context, choices: answers, answer }, index) => ({
          id: `${skill} ${String(index)}`,
          skill,
          context,
          answer: answers[answer] ?? '',
        }));
    }),
  );
  return found.flat();
};

test('a planted skill that is taken away is found, and nothing where nothing is pruned', async () => {
  const runner = await openRunner(path.join(resources, 'models/uncurl-64'));
  const { moeLayers, experts: all } = runner.checkpoint.info;
  const { tokenizer } = runner;
  if (tokenizer === null) throw new Error('a bundled model without a tokenizer');
  const rates: number[] = [];
  for (const [seed, skill] of ['add', 'mood', 'plural'].entries()) {
    const probes = await probesOfSkills(seed);
    const items = probes.map(({ id, context, answer }) => ({ id, context, choices: [answer], answer: 0 }));
    const routed = await runner.forward(
      probes.map(({ context, answer }) => encodePrompt(tokenizer, context + answer)),
      null,
      uncancelled,
    );
    // How often each expert of a layer is chosen in probes of the skill, and in others.
    const share = (layer: number, expert: number, isOwn: boolean): number => {
      let [chosen, choices] = [0, 0];
      for (const [index, { experts }] of routed.entries()) {
        if ((probes[index]?.skill === skill) !== isOwn) continue;
        const size = experts.length / moeLayers;
        const layerChoices = experts.subarray(layer * size, (layer + 1) * size);
        choices += size;
        chosen += layerChoices.filter((one) => one === expert).length;
      }
      return chosen / choices;
    };
    const numbers = Array.from({ length: all }, (_, expert) => expert);
    const kept = Array.from({ length: moeLayers }, (_, layer) => {
      const of = numbers.map((expert) => share(layer, expert, true) - 10 * share(layer, expert, false));
      const sorted = numbers.toSorted((one, other) => (of[other] ?? 0) - (of[one] ?? 0));
      return sorted.slice(4).sort((one, other) => one - other);
    });
    const measure = async (plan: { kept: number[][] }) => {
      const outcomes = await runner.evaluate(
        items,
        [
          { key: 'whole', plan: null },
          { key: 'plan', plan },
        ],
        uncancelled,
      );
      const losses = itemLosses(outcomes.get('whole') ?? [], outcomes.get('plan') ?? []);
      return probes.map((probe, index) => ({
        ...probe,
        loss: losses[index]?.nats ?? NaN,
        exposure: exposureOf(routed[index]?.experts ?? [], moeLayers, plan),
      }));
    };
    const pruned = await measure({ kept });
    const { changed } = changedProbes('own', pruned);
    const ofSkill = pruned.filter((probe) => probe.skill === skill && probe.loss >= 0.1).length;
    const found = changed.filter(({ id }) => id.startsWith(`${skill} `)).length;
    expect(ofSkill).toBeGreaterThan(20);
    rates.push(found / ofSkill);
    // Whatever else is named did change.
    expect(changed.every(({ loss }) => loss >= 0.1)).toBe(true);

    const whole = await measure({ kept: kept.map(() => numbers) });
    expect(changedProbes('own', whole)).toMatchObject({ tested: 0, changed: [] });
    // The same losses where exposure has nothing to do with them: every finding is false.
    const repeats = 200;
    const named = Array.from({ length: repeats }, (_, repeat) => {
      const exposures = seededRandom(repeat).shuffle(pruned.map(({ exposure }) => exposure));
      const shuffled = pruned.map((probe, index) => ({ ...probe, exposure: exposures[index] ?? 0 }));
      expect(partsByExposure(shuffled).tested.length).toBeGreaterThan(50);
      return changedProbes('own', shuffled).changed.length > 0;
    });
    const falsely = named.filter((any) => any).length / repeats;
    expect(falsely).toBeLessThan(0.1 + 3 * Math.sqrt((0.1 * 0.9) / repeats));
  }
  expect(Math.min(...rates)).toBeGreaterThan(0.9);
});
