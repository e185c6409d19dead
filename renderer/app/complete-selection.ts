import { answersOf } from '../../main/contract/task.ts';
import { isUsable } from '../engine/facts.ts';
import type { Facts } from '../engine/facts.ts';
import { standardFactors } from '../plan/kept-counts.ts';
import { noSelection } from '../state/selection.ts';
import type { Selection } from '../state/selection.ts';

const fingerprintOf = ({ fingerprint }: { readonly fingerprint: string | null }): string | null => fingerprint;

type Completion = Partial<
  Pick<Selection, 'model' | 'task' | 'tasks' | 'layer' | 'expert' | 'method' | 'factor' | 'run'>
>;

/**
 * Fills in a default selection: of the usable models that a sweep has measured the one with the most experts, which
 * can be pruned furthest (else the first usable one), all bundled multiple-choice tasks (their generative twins have
 * the same items), the first task in focus, and the sample sweep if it is the only one. Drops selections that no longer
 * exist. Null if nothing changes.
 */
export const completeSelection = ({ connected, models, tasks, runs, methods, selection }: Facts): Completion | null => {
  if (!connected) return null;
  const change: { -readonly [K in keyof Completion]: Completion[K] } = {};
  if (models.length > 0 && !models.some((model) => model.handle === selection.model)) {
    const measured = new Set(
      runs.filter(({ kind }) => kind === 'sweep').flatMap((run) => run.models.map(fingerprintOf)),
    );
    const usable = models.filter(isUsable);
    const [largest] = usable
      .filter((known) => measured.has(fingerprintOf(known)))
      .sort((left, right) => right.info.experts - left.info.experts);
    const model = (largest ?? usable[0])?.handle ?? null;
    if (model !== selection.model) Object.assign(change, { model, layer: null, expert: null });
  }
  if (tasks.length > 0) {
    const ticked = selection.tasks.filter((handle) => tasks.some((task) => task.handle === handle));
    if (selection.task === null && selection.tasks.length === 0) {
      change.tasks = tasks
        .filter((task) => task.bundled && task.error === null && answersOf(task) === 'chosen')
        .map((task) => task.handle);
    } else if (ticked.length !== selection.tasks.length) {
      change.tasks = ticked;
    }
    if (!tasks.some((task) => task.handle === selection.task)) {
      const task = tasks.find((known) => known.error === null)?.handle ?? null;
      if (task !== selection.task) change.task = task;
    }
  }
  if (methods.length > 0 && !methods.some(({ name }) => name === selection.method)) change.method = noSelection.method;
  const sweeps = runs.filter(({ kind }) => kind === 'sweep');
  const [sample] = sweeps;
  if (selection.run === null && sweeps.length === 1 && sample?.sample === true) change.run = sample.id;
  const info = models.find((model) => model.handle === (change.model ?? selection.model))?.info;
  if (info !== undefined && info !== null) {
    const largest = info.experts / Math.max(1, info.topK);
    if (selection.factor > largest) change.factor = standardFactors(info).at(-1) ?? noSelection.factor;
    if (selection.layer !== null && (selection.layer >= info.moeLayers || (selection.expert ?? 0) >= info.experts)) {
      Object.assign(change, { layer: null, expert: null });
    }
  }
  return Object.keys(change).length === 0 ? null : change;
};
