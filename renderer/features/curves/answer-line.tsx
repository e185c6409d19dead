import { useMemo } from 'react';
import { useStore } from 'zustand';
import { TWIN_SUFFIX } from '../../../main/evaluation/choice-and-writing.ts';
import { bestThreshold, headlineThresholds } from '../../../main/evaluation/threshold.ts';
import { thresholdsAfterSelection } from '../../../main/evaluation/threshold-family.ts';
import { ONE_SIDED_ALPHA } from '../../../main/evaluation/verdicts.ts';
import { counted } from '../../../main/words/numbers.ts';
import { safetySentence } from '../../../main/words/safety.ts';
import { Definition } from '../../components/definition.tsx';
import { focusedTask, selectedModel, useFacts } from '../../engine/facts.ts';
import { curvesStore } from '../../state/view-stores.ts';
import { useSweep } from '../../sweep/shown-sweep.ts';

/**
 * How far the model on screen can be pruned for the task on screen, in one sentence: the thresholds that hold after the
 * choice among the methods shown.
 */
export const AnswerLine = () => {
  const facts = useFacts();
  const { document, model, delta } = useSweep();
  const hidden = useStore(curvesStore, (state) => state.hiddenMethods);
  const task = focusedTask(facts);
  const name = selectedModel(facts)?.name ?? '';
  const thresholds = useMemo(() => {
    if (document === undefined || model === null || task === null) return [];
    const { results, curtailed = [], notNeeded = [] } = document;
    const shown = (one: { readonly model: string; readonly method: string }): boolean =>
      one.model === model && !hidden.includes(one.method);
    const own = {
      results: results.filter(shown),
      curtailed: curtailed.filter(shown),
      notNeeded: notNeeded.filter(shown),
    };
    return headlineThresholds(thresholdsAfterSelection(own, delta, document.multiplicity?.alpha ?? ONE_SIDED_ALPHA));
  }, [document, model, task, delta, hidden]);
  // Before the sweep is read nothing is known, not even that nothing was measured.
  if (task === null || document === undefined) return null;
  const base = task.name.endsWith(TWIN_SUFFIX) ? task.name.slice(0, -TWIN_SUFFIX.length) : task.name;
  const bestOf = (named: string) => bestThreshold(thresholds.filter((one) => one.task === named));
  const [chosen, written] = [bestOf(base), bestOf(`${base}${TWIN_SUFFIX}`)];
  const methods = new Set(thresholds.map(({ method }) => method)).size;
  const title = facts.tasks.find((one) => one.name === base)?.title ?? task.title;
  return (
    <p className="answer-line" role="status" aria-label="The answer">
      <strong>
        {name}, {title}:
      </strong>{' '}
      {safetySentence(chosen, written)}
      {methods > 1 && (
        <small className="muted">
          {' '}
          <Definition of="afterSelection">best of {counted(methods, 'method')}</Definition>
        </small>
      )}
    </p>
  );
};
