import { useStore } from 'zustand';
import { answerKind, answersOf } from '../../main/contract/task.ts';
import { formatCount, formatFactor } from '../../main/words/numbers.ts';
import { type Action, useAction } from '../actions/action.ts';
import { redo, undo } from '../actions/history.ts';
import { importPlan } from '../actions/plan.ts';
import { isMac, showShortcut } from '../actions/shortcut.ts';
import { IconButton, type IconName } from '../components/button.tsx';
import { Select } from '../components/choices.tsx';
import { Definition } from '../components/definition.tsx';
import { focusedTask, selectedModel, usableTasks, useFacts } from '../engine/facts.ts';
import { memberOf, membersOf, taskPairs } from '../format/task-pairs.ts';
import { type ExpertCounts, keptAtFactor } from '../../main/contract/keep-from-factor.ts';
import { possibleKept, standardFactors } from '../plan/kept-counts.ts';
import { MethodSelect } from '../plan/method-select.tsx';
import { shownImport } from '../plan/plan-input.ts';
import { selectionStore } from '../state/selection-store.ts';
import './plan-header.css';

const NONE = '';

/** The model, task, method and factor that all panels use. */
export const PlanHeader = () => {
  const facts = useFacts();
  const { models, tasks, selection } = facts;
  const importing = useAction(importPlan);
  const imported = shownImport(facts);
  const info = selectedModel(facts)?.info ?? null;
  const { selectModel, focusTask } = selectionStore.getState();
  const focused = focusedTask(facts);
  const usable = usableTasks(tasks);
  // A task whose file broke while it was on screen is still the one on screen.
  const pairs = taskPairs(focused === null || usable.includes(focused) ? usable : [...usable, focused]);
  const pair = pairs.find((entry) => membersOf(entry).some((member) => member === focused));
  const answers = focused === null ? 'chosen' : answersOf(focused);
  const isTicked = selection.task === null || selection.tasks.includes(selection.task);
  const others = selection.tasks.filter((handle) => handle !== selection.task).length;
  return (
    <section className="plan-header" aria-label="What is on screen">
      <Select
        label="Model"
        value={selection.model ?? NONE}
        disabled={models.length === 0}
        options={models.map(({ handle, name }) => ({ value: String(handle), label: name }))}
        onChange={(chosen) => selectModel(models.find(({ handle }) => handle === chosen)?.handle ?? null)}
      />
      <span className="plan-header-task">
        <Select
          label="Task"
          value={pair?.task.handle ?? NONE}
          disabled={pairs.length === 0}
          options={pairs.map(({ task }) => ({ value: String(task.handle), label: task.title }))}
          onChange={(chosen) => {
            const found = pairs.find(({ task }) => task.handle === chosen);
            focusTask(found === undefined ? null : memberOf(found, answers).handle);
          }}
        />
        {pair !== undefined && pair.written !== null && (
          <select
            className="plan-header-answers"
            aria-label="Answers of the task on screen"
            value={answers}
            onChange={(event) => focusTask(memberOf(pair, answerKind.parse(event.target.value)).handle)}
          >
            {answerKind.options.map((kind) => (
              <option key={kind}>{kind}</option>
            ))}
          </select>
        )}
      </span>
      {others > 0 && (
        <span className={isTicked ? 'muted plan-header-more' : 'plan-header-more plan-header-unticked'}>
          <Definition of="ticked">
            {isTicked ? `+${formatCount(others)} ticked` : `not among ${formatCount(others)} ticked`}
          </Definition>
        </span>
      )}
      {imported === null ? (
        <MethodSelect canImport={importing.enabled} onFile={importing.perform} />
      ) : (
        <span className="plan-header-file ellipsis" title={imported.name}>
          <span className="muted">{imported.kind === 'plan' ? 'Plan' : 'Ranking'}</span> {imported.name}
        </span>
      )}
      {info !== null && imported?.kind !== 'plan' && <FactorSelect counts={info} />}
      <span className="plan-header-end">
        <StepButton action={undo} icon="undo" />
        <StepButton action={redo} icon="redo" />
      </span>
    </section>
  );
};

/** Every factor possible for a layer; powers of two first. */
const FactorSelect = ({ counts }: { readonly counts: ExpertCounts }) => {
  const isByHand = useStore(selectionStore, ({ plan }) => plan.budget === 'manual');
  const factor = useStore(selectionStore, (state) => state.factor);
  const kept = keptAtFactor(counts, factor);
  const standard = standardFactors(counts);
  const isStandard = (count: number): boolean => standard.some((entry) => keptAtFactor(counts, entry) === count);
  const option = (count: number, group: string) => ({
    value: String(counts.experts / count),
    label: formatFactor(counts.experts / count),
    group,
  });
  const between = possibleKept(counts).filter((count) => !isStandard(count));
  return (
    <span className="plan-header-factor">
      <Select
        label={<Definition of="factor">Factor</Definition>}
        value={String(counts.experts / kept)}
        options={[
          ...standard.map((entry) => option(keptAtFactor(counts, entry), 'Powers of two')),
          ...between.map((count) => option(count, 'Between')),
        ]}
        onChange={(chosen) => selectionStore.getState().chooseFactor(Number(chosen))}
      />
      <span className="muted number">
        {isByHand ? 'counts by hand' : `${formatCount(kept)} of ${formatCount(counts.experts)} kept`}
      </span>
    </span>
  );
};

const StepButton = ({ action, icon }: { readonly action: Action; readonly icon: IconName }) => {
  const { perform, enabled } = useAction(action);
  const keys = action.shortcut === undefined ? '' : ` (${showShortcut(action.shortcut, isMac)})`;
  return <IconButton icon={icon} label={`${action.label}${keys}`} disabled={!enabled} onClick={perform} />;
};
