import { useStore } from 'zustand';
import { Segmented, Select } from '../../components/choices.tsx';
import { Menu } from '../../components/row-menu.tsx';
import { Problem } from '../../components/problem.tsx';
import { focusedTask, selectedModel, useFacts } from '../../engine/facts.ts';
import { onceFor } from '../../engine/once-for.ts';
import { type CurvesMode, curvesModes, curvesStore, modeTitle } from '../../state/view-stores.ts';
import { RuleChip, SweepSelect } from '../../sweep/sweep-controls.tsx';
import { useSweep } from '../../sweep/shown-sweep.ts';
import type { SweepDocument } from '../../../main/contract/sweep.ts';
import { isModelChartMeasured } from '../../../main/figures/model-charts.ts';
import { ChartsOfModel, TableOfModel } from './curves-of-tasks.tsx';
import { PlanAxis } from './plan-axis.tsx';
import { useMemo } from 'react';
import { TWIN_SUFFIX } from '../../../main/evaluation/choice-and-writing.ts';
import { bestThreshold, headlineThresholds } from '../../../main/evaluation/threshold.ts';
import { thresholdsAfterSelection } from '../../../main/evaluation/threshold-family.ts';
import { ONE_SIDED_ALPHA } from '../../../main/evaluation/verdicts.ts';
import { countedMethods } from '../../../main/words/methods.ts';
import { safetySentence } from '../../../main/words/verdicts.ts';
import { Definition } from '../../components/definition.tsx';
import '../../sweep/sweep.css';

/**
 * How far the model on screen can be pruned for the task on screen, in one sentence: the thresholds that hold after the
 * choice among the methods shown.
 */
const AnswerLine = () => {
  const facts = useFacts();
  const { document, model, delta } = useSweep();
  const hidden = useStore(curvesStore, (state) => state.hiddenMethods);
  const task = focusedTask(facts);
  const name = selectedModel(facts)?.name ?? '';
  const taskName = task?.name ?? '';
  const base = taskName.endsWith(TWIN_SUFFIX) ? taskName.slice(0, -TWIN_SUFFIX.length) : taskName;
  const twin = `${base}${TWIN_SUFFIX}`;
  const thresholds = useMemo(() => {
    if (document === undefined || model === null) return [];
    const { results, curtailed = [], notNeeded = [] } = document;
    const shown = (one: { readonly model: string; readonly task: string; readonly method: string }): boolean =>
      one.model === model && (one.task === base || one.task === twin) && !hidden.includes(one.method);
    const own = {
      results: results.filter(shown),
      curtailed: curtailed.filter(shown),
      notNeeded: notNeeded.filter(shown),
    };
    return headlineThresholds(thresholdsAfterSelection(own, delta, document.multiplicity?.alpha ?? ONE_SIDED_ALPHA));
  }, [document, model, base, twin, delta, hidden]);
  // Before the sweep is read nothing is known, not even that nothing was measured.
  if (task === null || document === undefined) return null;
  const bestOf = (named: string) => bestThreshold(thresholds.filter((threshold) => threshold.task === named));
  const [chosen, written] = [bestOf(base), bestOf(twin)];
  const methods = new Set(thresholds.map(({ method }) => method));
  const title = facts.tasks.find((entry) => entry.name === base)?.title ?? task.title;
  return (
    <p className="answer-line" role="status" aria-label="The answer">
      <strong>
        {name}, {title}:
      </strong>{' '}
      {safetySentence(chosen, written)}
      {methods.size > 1 && (
        <small className="muted">
          {' '}
          <Definition of="afterSelection">best of {countedMethods(methods)}</Definition>
        </small>
      )}
    </p>
  );
};

/** Modes that are always offered; the others where the sweep measured what they draw. */
const usual: readonly CurvesMode[] = ['difference', 'absolute', 'dropped', 'bytes', 'table'];

/** What a sweep measured of each model asked about; found once for each document. */
const modesOf = onceFor((_document: SweepDocument) => new Map<string, readonly CurvesMode[]>());

const measuredModes = (document: SweepDocument | undefined, model: string | null): readonly CurvesMode[] => {
  if (document === undefined || model === null) return [];
  const known = modesOf(document);
  const found =
    known.get(model) ??
    curvesModes.filter(
      (mode) => mode === 'difference' || mode === 'table' || isModelChartMeasured(mode, document, model),
    );
  known.set(model, found);
  return found;
};

/** The sweep on screen, its rule and its charts in one row, and the answer in one sentence. */
export const CurvesLead = () => {
  const mode = useStore(curvesStore, (state) => state.mode);
  const chooseMode = (chosen: CurvesMode): void => curvesStore.setState({ mode: chosen });
  const { manifest, model, document } = useSweep();
  const measured = measuredModes(document, model);
  if (manifest === null) return null;
  const offered = curvesModes.filter((entry) => usual.includes(entry) || entry === mode);
  const more = measured.filter((entry) => !offered.includes(entry));
  return (
    <div className="curves-lead">
      <div className="view-toolbar">
        <SweepSelect />
        <RuleChip />
        <div className="view-head-end">
          <span className="curves-modes">
            <Segmented
              label="Chart below the answer"
              value={mode}
              options={offered.map((value) => ({ value, label: modeTitle(value) }))}
              onChange={chooseMode}
            />
            {more.length > 0 && (
              <Menu
                label="More"
                icon="chart"
                items={more.map((value) => ({ label: modeTitle(value), onChoose: () => chooseMode(value) }))}
              />
            )}
          </span>
          {/* The same where there is no room for a button each. */}
          <span className="curves-modes-narrow">
            <Select
              label={<span className="visually-hidden">Chart below the answer</span>}
              value={mode}
              options={[...offered, ...more].map((value) => ({ value, label: modeTitle(value) }))}
              onChange={chooseMode}
            />
          </span>
        </div>
      </div>
      {model !== null && <AnswerLine />}
    </div>
  );
};

/**
 * The cost of pruning: the difference above the slider, or all tasks over factors or another number, or a table.
 */
export const CurvesSection = () => {
  const mode = useStore(curvesStore, (state) => state.mode);
  const { manifest, model, error } = useSweep();
  const selected = selectedModel(useFacts());
  return (
    <div className="curves-section">
      {manifest !== null && model === null && selected !== null && (
        <p className="muted">The sweep on screen did not measure {selected.name}.</p>
      )}
      {manifest !== null && manifest.error !== null && (
        <Problem
          error={{
            message: manifest.error,
            remedy: 'Resume the run from the list on the left: finished steps are on disk.',
          }}
        />
      )}
      {error !== null && <Problem error={error} />}
      {mode === 'difference' || manifest === null || model === null ? (
        <PlanAxis />
      ) : mode === 'table' ? (
        <TableOfModel />
      ) : (
        <ChartsOfModel chart={mode} />
      )}
    </div>
  );
};
