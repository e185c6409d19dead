import { describe, expect, it } from 'vitest';
import { openCheckpoint } from '../../../main/checkpoint/open-checkpoint.ts';
import type { Plan } from '../../../main/contract/plan.ts';
import type { SweepResult } from '../../../main/contract/sweep.ts';
import type { TransformersCheck } from '../../../main/contract/transformers-check.ts';
import { modelCard, type CardContents } from '../../../main/export/model-card.ts';
import { checkpointFixture } from '../checkpoint/checkpoint-files.ts';
import { mergeEvenly } from './export-settings.ts';

const contents = async (plan: Plan, more: Partial<CardContents> = {}): Promise<CardContents> => {
  const checkpoint = await openCheckpoint(checkpointFixture('mixtral'));
  return {
    name: 'small',
    checkpoint,
    plan,
    verification: {
      ok: true,
      sequences: 7,
      tokens: 235,
      maxLogitDifference: 2.5e-7,
      tolerance: 1e-5,
      forms: [],
      sameExperts: true,
      sameTensors: true,
      mtp: null,
      problems: [],
    },
    format: 'hf',
    mtp: 'drop',
    warnings: [],
    weights: null,
    hasTokenizer: true,
    licence: [],
    facts: null,
    ...more,
  };
};

const point: Omit<SweepResult, 'task' | 'factor'> = {
  model: 'mixtral',
  method: 'reap',
  seed: null,
  kept: 4,
  n: 200,
  evaluated: 200,
  metric: 'acc',
  value: 0.75,
  acc: 0.75,
  accNorm: 0.7,
  perplexity: null,
  difference: -0.0125,
  low: -0.04,
  high: 0.015,
  lowOneSided: -0.035,
  highOneSided: 0.02,
  p: 0.4,
  lost: 5,
  gained: 3,
  truncated: 0,
};

describe('a model card', () => {
  it('says what was pruned and how, what is left and how it was verified', async () => {
    const plan: Plan = {
      kept: [
        [0, 2, 3, 6],
        [1, 3, 4, 5],
      ],
      method: 'reap',
      factor: 2,
      budget: 'uniform',
      seed: 3,
      tasks: ['plural', 'sums|mod'],
      options: { saliency: 'mean' },
      pins: [
        { layer: 0, expert: 2, keep: true },
        { layer: 1, expert: 7, keep: false },
      ],
    };
    const card = modelCard(await contents(plan, { licence: ['license: mit'] }));
    const { fingerprint } = await openCheckpoint(checkpointFixture('mixtral'));
    for (const fact of [
      /^---\nlicense: mit\nlibrary_name: transformers\n/,
      /\n# small\n/,
      new RegExp(`fingerprint \`${fingerprint}\``),
      /8 experts of each of its 2 MoE layers pruned to 4: pruning factor 2\. Each token still uses the top 2\./,
      /\| all \| 49,824 \| 31,136 \| 62\.5 % \|/,
      /\| in experts \| 36,864 \| 18,432 \| 50\.0 % \|/,
      /\| method \| reap \|/,
      /\| options \| \{"saliency":"mean"\} \|/,
      /\| seed \| 3 \|/,
      /\| tasks of the profile \| plural, sums\\\|mod \|/,
      /\| pins \| 0:2 stays, 1:7 goes \|/,
      /\| 0 \| 0, 2, 3, 6 \|\n\| 1 \| 1, 3, 4, 5 \|/,
      /on 7 seeded sequences \(235 tokens\) every token chose the same experts.*differ by at most 2\.5e-7 \(limit 1e-5/,
      /AutoTokenizer\.from_pretrained/,
    ])
      expect(card).toMatch(fact);
    const { verification } = await contents(plan);
    const unseen = modelCard(await contents(plan, { verification: { ...verification, sameExperts: null } }));
    expect(unseen).toMatch(/\(235 tokens\) float32 logits differ by at most/);
    expect(card).not.toMatch(/What pruning costs/);
    expect(card).not.toMatch(/undefined|NaN|\[object/);
  });

  it('says how many answers a referee gave otherwise, and ids of items are text', async () => {
    const { verification } = await contents({ kept: [] });
    const referee = {
      precision: 'bfloat16',
      seed: 0,
      answers: 40,
      atMost: 0.1127,
      flips: [{ point: 'add', item: '<b>7</b>', margins: [0.25, 0.5] as [number, number] }],
    };
    const kept = Array.from({ length: 2 }, () => [0, 1]);
    expect(modelCard(await contents({ kept }, { verification: { ...verification, referee } }))).toContain(
      'repeats the comparison.\n\nReferee: onnxruntime in float32 gave 40 answers of the export too, drawn at random ' +
        "(seed 0), and 1 of them differ from PyTorch's in bfloat16 (2.5 %; of all answers at most 11.3 %, exact " +
        'one-sided 95 % limit). add, item &lt;b&gt;7&lt;/b&gt; (margins 0.25 and 0.50).\n\nTransformers: not compared',
    );
  });

  it('says whether the export was compared with transformers', async () => {
    const { verification } = await contents({ kept: [] });
    const kept = Array.from({ length: 2 }, () => [0, 1]);
    const saying = async (transformers?: TransformersCheck) =>
      /^Transformers: .*$/m.exec(
        modelCard(await contents({ kept }, { verification: { ...verification, transformers } })),
      )?.[0];
    expect(await saying()).toBe(
      'Transformers: not compared with transformers (uncurl verify FOLDER --against MODEL --plan PLAN --referee ' +
        'compares it).',
    );
    expect(await saying({ word: 'not compared', why: 'it is not asked about an ONNX graph.' })).toBe(
      'Transformers: not compared with transformers: it is not asked about an ONNX graph.',
    );
    const equal = { transformers: '5.24.0', tokens: 64, differing: 0, difference: 2e-6, tolerance: 1e-3 };
    expect(await saying({ word: 'equal', ...equal })).toMatch(/^Transformers: equal to transformers 5\.24\.0 in 64/);
  });

  it('lists merged experts, the curve, and no tokenizer where there is none', async () => {
    const checkpoint = await openCheckpoint(checkpointFixture('mixtral'));
    const facts = {
      version: '1.2.3',
      leftOut: ['sweep-1 has results of this plan, which are not shown. Not measured here: it was copied.'],
      truncation: ['m on plural: truncation was measured.'],
      measured: [{ ...point, task: 'plural', factor: 2, verdict: 'worse' as const }],
      curve: [
        { ...point, task: 'plural', factor: 2 },
        { ...point, task: 'plural', factor: 8 / 3, kept: 3 },
      ],
    };
    const card = modelCard(await contents(mergeEvenly(checkpoint, 4, 'mean-row'), { hasTokenizer: false, facts }));
    for (const fact of [
      /merged into 4: pruning factor 2/,
      /\| router \| mean-row \|\n\| members aligned before averaging \| yes \|/,
      /\| 0 \| 0 \+ 4 \(aligned to 4\); 1 \+ 5 \(aligned to 5\);/,
      /Uncurl Workbench 1\.2\.3/,
      /## What pruning costs\n\nMeasured: plural unsafe \(\u22121\.3 points, n = 200\)\./,
      /n = 200\)\.\n\nm on plural: truncation was measured\.\n/,
      /sweep-1 has results of this plan, which are not shown\. Not measured here: it was copied\./,
      /\| plural \| reap \| 2\.67 \| 3 \| 200 \| acc \| 0\.7500 \| -0\.0125 \| -0\.0400 \| 0\.0150 \|/,
      /the original with its experts replaced by the merged ones/,
    ])
      expect(card).toMatch(fact);
    expect(card).not.toMatch(/AutoTokenizer/);
  });
});
