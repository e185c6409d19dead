import { calls } from '../contract/calls.ts';
import type { RunManifest } from '../contract/run.ts';
import { compareMethods, type MeasuredMethods } from '../evaluation/compare-methods.ts';
import { comparePoints, type ComparePoints } from '../evaluation/compare-points.ts';
import { readMeasuredMethods } from '../report/read-comparison.ts';
import { answer, type Answers } from './answer.ts';
import type { EngineContext } from './engine-context.ts';
import { currentDocument, sweepManifest } from './sweep-calls.ts';

/** Measured points of finished runs that are kept: one per model and factor that was lately looked at. */
const MAX_KEPT = 6;

/** Answers about a sweep's methods against each other. Neither reference nor delta asks for outcomes to be read again. */
export const sweepCompareCalls = (context: EngineContext): Pick<Answers, 'sweep.compare'> => {
  const kept = new Map<string, MeasuredMethods>();

  const measure = async (manifest: RunManifest, points: ComparePoints): Promise<MeasuredMethods> => {
    const key = JSON.stringify([manifest.id, manifest.finishedAt, points.model, points.factor]);
    const known = kept.get(key);
    if (known !== undefined) return known;
    await context.liveSweeps.get(manifest.id)?.write();
    const [measured] = await readMeasuredMethods(context.workspace, manifest.id, [points]);
    if (measured === undefined) throw new Error('points without an answer');
    if (manifest.state === 'done') kept.set(key, measured);
    for (const oldest of [...kept.keys()].slice(0, Math.max(0, kept.size - MAX_KEPT))) kept.delete(oldest);
    return measured;
  };

  return {
    'sweep.compare': answer(calls['sweep.compare'], async ({ run, model, factor, reference, delta }) => {
      const manifest = await sweepManifest(context, run);
      const document = await currentDocument(context, run, delta);
      return compareMethods(document, await measure(manifest, comparePoints(document, { model, factor })), reference);
    }),
  };
};
