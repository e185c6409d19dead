import { describe, expect, it } from 'vitest';
import { curveLabel, methodOfLabel } from '../../../main/contract/method.ts';
import { refitName } from '../../../main/contract/plan.ts';
import { sweepSettings } from '../../../main/contract/sweep.ts';
import { untrainedRouter } from '../../../main/contract/start-rules.ts';
import { curveNames } from '../../../main/jobs/sweep-stages.ts';
import { methodNames } from '../../../main/pruning/methods.ts';

const settings = (given: Readonly<Record<string, unknown>>) =>
  sweepSettings.parse({ methods: ['frequency', 'uncurl'], factors: [2], ...given });

describe('curves of recovered plans', () => {
  it('are one per refit, beside the plan as it is or instead of it', () => {
    expect(curveNames(settings({}))).toEqual(['frequency', 'uncurl']);
    expect(curveNames(settings({ recovery: 'both' }))).toEqual([
      'frequency',
      'frequency+recovery',
      'uncurl',
      'uncurl+recovery',
    ]);
    expect(
      curveNames(settings({ methods: ['reap'], recovery: 'both', refits: ['router', 'router+experts', 'router'] })),
    ).toEqual(['reap', 'reap+router', 'reap+router+experts']);
    expect(curveNames(settings({ methods: ['reap'], recovery: 'only', refits: ['router'] }))).toEqual(['reap+router']);
  });

  it('are named after their refits', () => {
    for (const method of methodNames) {
      expect(methodOfLabel(method)).toEqual({ method, isRecovered: false, refit: null });
      for (const refit of refitName.options)
        expect(methodOfLabel(curveLabel(method, refit))).toEqual({ method, isRecovered: true, refit });
    }
    expect(methodOfLabel('My plan.json+router')).toMatchObject({ method: null, refit: 'router' });
  });
});

describe('a router that starts at random', () => {
  const anew = { uncurl: { router: 'reinitialised' } };

  it('is measured only where every curve recovers it', () => {
    for (const refused of [
      {},
      { recovery: 'both', refits: ['router'] },
      { recovery: 'only' },
      { recovery: 'only', refits: ['router', 'experts'] },
    ]) {
      expect(untrainedRouter(settings({ options: anew, ...refused }))?.message).toContain(
        'uncurl starts with a random router',
      );
    }
    const recovered = { options: anew, recovery: 'only', refits: ['router', 'router+experts'] };
    expect(untrainedRouter(settings(recovered))).toBeUndefined();
    // The unpruned model at another type of weights has no router to recover.
    expect(untrainedRouter(settings({ ...recovered, weights: ['stored', 'q8_0'] }))).toBeUndefined();
    expect(untrainedRouter(settings({ recovery: 'both' }))).toBeUndefined();
  });
});
