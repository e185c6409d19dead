import { useState } from 'react';
import { useStore } from 'zustand';
import type { PathHandle } from '../../../main/contract/model.ts';
import type { TaskEntry } from '../../../main/contract/task.ts';
import { itemsForVerdictText } from '../../../main/evaluation/verdicts.ts';
import { calibrateTask } from '../../actions/open.ts';
import { Button, RequestButton } from '../../components/button.tsx';
import { Field, Segmented, Select } from '../../components/choices.tsx';
import { Definition } from '../../components/definition.tsx';
import { Dialog } from '../../components/dialog.tsx';
import { Problem } from '../../components/problem.tsx';
import { useQuery, useRequest } from '../../engine/engine-context.tsx';
import { useDebounced } from '../../engine/use-settled.ts';
import { calibrationStore } from '../../state/dialog-stores.ts';
import { chooseFile } from '../../state/file-choice.ts';
import { sweepStore } from '../../state/sweep-store.ts';
import {
  type CalibrationFields,
  cappedText,
  choiceOf,
  firstFields,
  splitReason,
  tasksToTakeFrom,
  trialText,
} from './calibration-input.ts';
import { useFacts } from '../../engine/facts.ts';
import './calibration-dialog.css';
import { TypedNumber, wholeFrom } from '../../components/number-input.tsx';

const isPercent = (value: number | null): boolean => value !== null && value > 0 && value < 100;

interface SplitFieldsProps {
  readonly percent: number;
  readonly seed: number;
  readonly onChange: (changed: { readonly percent?: number; readonly seed?: number }) => void;
}

const SplitFields = ({ percent, seed, onChange }: SplitFieldsProps) => (
  <div className="split-fields">
    <TypedNumber
      className="input-number"
      label="Share for calibration"
      data-autofocus
      min={1}
      max={99}
      step="any"
      value={percent}
      accepts={isPercent}
      onType={(typed) => onChange({ percent: typed })}
    >
      <span aria-hidden="true">%</span>
    </TypedNumber>
    <TypedNumber
      className="input-number"
      label="Seed"
      min={0}
      step={1}
      value={seed}
      accepts={wholeFrom(0)}
      onType={(typed) => onChange({ seed: typed })}
    />
  </div>
);

interface WritingFieldsProps {
  readonly until: string;
  readonly maxNewTokens: number;
  /** Why fewer tokens are offered than the task asks for; may be empty. */
  readonly note: string;
  readonly onChange: (changed: { readonly until?: string; readonly maxNewTokens?: number }) => void;
}

/** Where the answers that a model writes end. */
const WritingFields = ({ until, maxNewTokens, note, onChange }: WritingFieldsProps) => (
  <>
    <div className="split-fields">
      <Field label="Answers end at">
        {(id) => (
          <input
            id={id}
            className="input split-stop"
            value={until}
            spellCheck={false}
            title="Strings separated by “ | ”; \n is a line break"
            aria-invalid={until === ''}
            onChange={(event) => onChange({ until: event.target.value })}
          />
        )}
      </Field>
      <TypedNumber
        className="input-number"
        label="New tokens"
        min={1}
        step={1}
        value={maxNewTokens}
        accepts={wholeFrom(1)}
        onType={(typed) => onChange({ maxNewTokens: typed })}
      />
    </div>
    {note !== '' && <p className="muted">{note}</p>}
  </>
);

/** Delay before a typed choice is tried. */
const TRY_AFTER_MS = 150;

/** Chooses the source of calibration items for a task that has test items only. */
export const CalibrationDialog = () => {
  const handle = useStore(calibrationStore, (state) => state.task);
  const tasks = useQuery('tasks.list', {}).data ?? [];
  const task = tasks.find((known) => known.handle === handle);
  return task === undefined ? null : (
    <Dialog title={`Calibration items of ${task.title}`} onClose={() => calibrationStore.getState().show(null)}>
      <CalibrationForm key={task.handle} task={task} tasks={tasks} />
    </Dialog>
  );
};

const origins = [
  { value: 'split', label: 'Some of its own' },
  { value: 'file', label: 'A second file' },
  { value: 'task', label: 'Another task’s' },
] as const;

const CalibrationForm = ({ task, tasks }: { readonly task: TaskEntry; readonly tasks: readonly TaskEntry[] }) => {
  const facts = useFacts();
  const models = facts.models.filter(({ handle, info }) => handle === facts.selection.model && info !== null);
  const [fields, setFields] = useState<CalibrationFields>(() => firstFields(task, models));
  const change = (changed: Partial<CalibrationFields>): void => setFields((before) => ({ ...before, ...changed }));
  const delta = useStore(sweepStore, (state) => state.delta);
  const choice = choiceOf(fields);
  const settled = useDebounced(choice, TRY_AFTER_MS);
  // The trial shown is of the choice in the fields: until then the button must not change under a click.
  const isSettled = JSON.stringify(settled) === JSON.stringify(choice);
  const trial = useQuery('tasks.tryCalibration', settled === null ? null : { handle: task.handle, choice: settled });
  const { busy, start } = useRequest();
  const others = tasksToTakeFrom(task, tasks);
  const close = (): void => calibrationStore.getState().show(null);
  return (
    <form
      className="dialog-body calibration"
      onSubmit={(event) => {
        event.preventDefault();
        if (choice === null) return;
        start(async (engine) => {
          await calibrateTask(engine, task.handle, choice);
          close();
        });
      }}
    >
      <p>
        {task.calibrated === undefined && `${task.title} has test items only. `}
        Experts are ranked on <Definition of="items">calibration items</Definition>, which are never tested. Take them
        from:
      </p>
      <Segmented label="Source" value={fields.from} options={origins} onChange={(from) => change({ from })} />
      {fields.from === 'split' && (
        <>
          <SplitFields percent={fields.percent} seed={fields.seed} onChange={change} />
          <p className="muted">{splitReason(fields.percent)}</p>
        </>
      )}
      {fields.from === 'file' && <FileField file={fields.file} onChoose={(file) => change({ file })} />}
      {fields.from === 'task' &&
        (others.length === 0 ? (
          <p className="muted">No other task of this kind has calibration items.</p>
        ) : (
          <Select
            label="Task"
            value={fields.task ?? ''}
            options={[
              { value: '', label: 'Choose…', disabled: true },
              ...others.map(({ handle, title }) => ({ value: handle, label: title })),
            ]}
            onChange={(chosen) => change({ task: others.find(({ handle }) => handle === chosen)?.handle ?? null })}
          />
        ))}
      {fields.writing !== null && (
        <WritingFields
          {...fields.writing}
          note={task.calibrated === undefined ? cappedText(task, models) : ''}
          onChange={(changed) => change({ writing: { until: '', maxNewTokens: 1, ...fields.writing, ...changed } })}
        />
      )}
      <div className="stack calibration-outcome" aria-live="polite">
        {trial.error !== null && <Problem error={trial.error} />}
        {trial.data !== undefined && (
          <>
            <p>
              <strong>{trialText(trial.data)}</strong>
            </p>
            <p>{itemsForVerdictText(trial.data.test, delta, task.metric)}</p>
          </>
        )}
      </div>
      <footer className="calibration-foot">
        <Button look="quiet" onClick={close}>
          Not now
        </Button>
        <Button
          look="primary"
          type="submit"
          disabled={busy || choice === null || !isSettled || trial.error !== null || trial.data === undefined}
        >
          Use these items
        </Button>
      </footer>
    </form>
  );
};

interface FileFieldProps {
  readonly file: CalibrationFields['file'];
  readonly onChoose: (file: { readonly handle: PathHandle; readonly path: string }) => void;
}

const FileField = ({ file, onChoose }: FileFieldProps) => {
  const named = useQuery('paths.name', file === null ? null : { handle: file.handle });
  return (
    <div className="field">
      <RequestButton
        icon="file"
        ask={async ({ bridge }) => {
          const handle = await chooseFile(bridge, 'task');
          if (handle !== null) onChoose({ handle, path: (await bridge.call('paths.name', { handle })).path });
        }}
      >
        Choose file…
      </RequestButton>
      <span className="path">
        {file?.path ?? named.data?.path ?? 'A file of items in the same format as the test items.'}
      </span>
    </div>
  );
};
